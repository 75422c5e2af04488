"""Declaration: admissionregistration.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, Bytes, Field, Int32, Int64, Names, Struct
from pikube.api.kinds.meta import Condition, LabelSelector, Object, ObjectMeta


class ValidatingAdmissionPolicySpec(Struct):
    param_kind: Annotated[ParamKind | None, Field(1, atomic=True)] = None
    match_constraints: Annotated[MatchResources | None, Field(2, atomic=True)] = None
    validations: Annotated[tuple[Validation, ...], Field(3)] = ()
    failure_policy: Annotated[str | None, Field(4, enum=("Ignore", "Fail"))] = None
    audit_annotations: Annotated[tuple[AuditAnnotation, ...], Field(5)] = ()
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(6, merge_key="name", list_type="map", list_keys=("name",))] = ()
    variables: Annotated[tuple[Variable, ...], Field(7, merge_key="name", list_type="map", list_keys=("name",))] = ()


class ValidatingAdmissionPolicyStatus(Struct):
    observed_generation: Annotated[Int64, Field(1)] = 0
    type_checking: Annotated[TypeChecking | None, Field(2)] = None
    conditions: Annotated[tuple[Condition, ...], Field(3, list_type="map", list_keys=("type",))] = ()


class ValidatingAdmissionPolicy(Object):
    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "ValidatingAdmissionPolicy")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ValidatingAdmissionPolicySpec, Field(2)] = msgspec.field(default_factory=ValidatingAdmissionPolicySpec)
    status: Annotated[ValidatingAdmissionPolicyStatus, Field(3)] = msgspec.field(default_factory=ValidatingAdmissionPolicyStatus)


class TypeChecking(Struct):
    expression_warnings: Annotated[tuple[ExpressionWarning, ...], Field(1)] = ()


class ExpressionWarning(Struct):
    field_ref: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    warning: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class ParamKind(Struct):
    api_version: Annotated[str, Field(1)] = ""
    kind: Annotated[str, Field(2)] = ""


class Validation(Struct):
    expression: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    message: Annotated[str, Field(2)] = ""
    reason: Annotated[str | None, Field(3)] = None
    message_expression: Annotated[str, Field(4)] = ""


class Variable(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    expression: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class AuditAnnotation(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value_expression: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class ValidatingAdmissionPolicyBindingSpec(Struct):
    policy_name: Annotated[str, Field(1, required=True)] = ""
    param_ref: Annotated[ParamRef | None, Field(2, atomic=True)] = None
    match_resources: Annotated[MatchResources | None, Field(3, atomic=True)] = None
    validation_actions: Annotated[tuple[str, ...], Field(4, required=True, list_type="set", enum=("Deny", "Warn", "Audit"))] = ()


class ValidatingAdmissionPolicyBinding(Object):
    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "ValidatingAdmissionPolicyBinding")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ValidatingAdmissionPolicyBindingSpec, Field(2, required=True)] = msgspec.field(default_factory=ValidatingAdmissionPolicyBindingSpec)


class ParamRef(Struct):
    name: Annotated[str, Field(1)] = ""
    namespace: Annotated[str, Field(2)] = ""
    selector: Annotated[LabelSelector | None, Field(3, atomic=True)] = None
    parameter_not_found_action: Annotated[str | None, Field(4)] = None


class MatchResources(Struct):
    namespace_selector: Annotated[LabelSelector | None, Field(1, atomic=True)] = None
    object_selector: Annotated[LabelSelector | None, Field(2, atomic=True)] = None
    resource_rules: Annotated[tuple[NamedRuleWithOperations, ...], Field(3)] = ()
    exclude_resource_rules: Annotated[tuple[NamedRuleWithOperations, ...], Field(4)] = ()
    match_policy: Annotated[str | None, Field(7, enum=("Exact", "Equivalent"))] = None


class NamedRuleWithOperations(Struct):
    resource_names: Annotated[tuple[str, ...], Field(1)] = ()
    operations: Annotated[tuple[str, ...], Field((2, 1), enum=("*", "CREATE", "UPDATE", "DELETE", "CONNECT"))] = ()
    api_groups: Annotated[tuple[str, ...], Field((2, 2, 1))] = ()
    api_versions: Annotated[tuple[str, ...], Field((2, 2, 2))] = ()
    resources: Annotated[tuple[str, ...], Field((2, 2, 3))] = ()
    scope: Annotated[str | None, Field((2, 2, 4), enum=("Cluster", "Namespaced", "*"))] = None


class ValidatingWebhookConfiguration(Object):
    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "ValidatingWebhookConfiguration")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    webhooks: Annotated[tuple[ValidatingWebhook, ...], Field(2, merge_key="name", list_type="map", list_keys=("name",))] = ()


class MutatingWebhookConfiguration(Object):
    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "MutatingWebhookConfiguration")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    webhooks: Annotated[tuple[MutatingWebhook, ...], Field(2, merge_key="name", list_type="map", list_keys=("name",))] = ()


class WebhookClientConfig(Struct):
    url: Annotated[str | None, Field(3)] = None
    service: Annotated[ServiceReference | None, Field(1)] = None
    ca_bundle: Annotated[Bytes, Field(2)] = ""


class ValidatingWebhook(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    client_config: Annotated[WebhookClientConfig, Field(2, required=True)] = msgspec.field(default_factory=WebhookClientConfig)
    rules: Annotated[tuple[RuleWithOperations, ...], Field(3)] = ()
    failure_policy: Annotated[str | None, Field(4, enum=("Ignore", "Fail"))] = None
    match_policy: Annotated[str | None, Field(9, enum=("Exact", "Equivalent"))] = None
    namespace_selector: Annotated[LabelSelector | None, Field(5, atomic=True)] = None
    object_selector: Annotated[LabelSelector | None, Field(10, atomic=True)] = None
    side_effects: Annotated[str | None, Field(6, required=True, enum=("Unknown", "None", "Some", "NoneOnDryRun"))] = None
    timeout_seconds: Annotated[Int32 | None, Field(7)] = None
    admission_review_versions: Annotated[tuple[str, ...], Field(8, required=True)] = ALWAYS_LIST
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(11, merge_key="name", list_type="map", list_keys=("name",))] = ()


class MutatingWebhook(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    client_config: Annotated[WebhookClientConfig, Field(2, required=True)] = msgspec.field(default_factory=WebhookClientConfig)
    rules: Annotated[tuple[RuleWithOperations, ...], Field(3)] = ()
    failure_policy: Annotated[str | None, Field(4, enum=("Ignore", "Fail"))] = None
    match_policy: Annotated[str | None, Field(9, enum=("Exact", "Equivalent"))] = None
    namespace_selector: Annotated[LabelSelector | None, Field(5, atomic=True)] = None
    object_selector: Annotated[LabelSelector | None, Field(11, atomic=True)] = None
    side_effects: Annotated[str | None, Field(6, required=True, enum=("Unknown", "None", "Some", "NoneOnDryRun"))] = None
    timeout_seconds: Annotated[Int32 | None, Field(7)] = None
    admission_review_versions: Annotated[tuple[str, ...], Field(8, required=True)] = ALWAYS_LIST
    reinvocation_policy: Annotated[str | None, Field(10, enum=("Never", "IfNeeded"))] = None
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(12, merge_key="name", list_type="map", list_keys=("name",))] = ()


class MutatingAdmissionPolicySpec(Struct):
    param_kind: Annotated[ParamKind | None, Field(1, atomic=True)] = None
    match_constraints: Annotated[MatchResources | None, Field(2, atomic=True)] = None
    variables: Annotated[tuple[Variable, ...], Field(3)] = ()
    mutations: Annotated[tuple[Mutation, ...], Field(4)] = ()
    failure_policy: Annotated[str | None, Field(5, enum=("Ignore", "Fail"))] = None
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(6, merge_key="name", list_type="map", list_keys=("name",))] = ()
    reinvocation_policy: Annotated[str, Field(7, enum=("Never", "IfNeeded"))] = ""


class MutatingAdmissionPolicy(Struct):
    kind: str = msgspec.field(default_factory=lambda: "MutatingAdmissionPolicy")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[MutatingAdmissionPolicySpec, Field(2)] = msgspec.field(default_factory=MutatingAdmissionPolicySpec)


class Mutation(Struct):
    patch_type: Annotated[str, Field(2, required=True, enum=("ApplyConfiguration", "JSONPatch"))] = ALWAYS_STR
    apply_configuration: Annotated[ApplyConfiguration | None, Field(3)] = None
    json_patch: Annotated[JSONPatch | None, Field(4)] = None


class ApplyConfiguration(Struct):
    expression: Annotated[str, Field(1)] = ""


class JSONPatch(Struct):
    expression: Annotated[str, Field(1)] = ""


class MutatingAdmissionPolicyBindingSpec(Struct):
    policy_name: Annotated[str, Field(1)] = ""
    param_ref: Annotated[ParamRef | None, Field(2, atomic=True)] = None
    match_resources: Annotated[MatchResources | None, Field(3, atomic=True)] = None


class MutatingAdmissionPolicyBinding(Struct):
    kind: str = msgspec.field(default_factory=lambda: "MutatingAdmissionPolicyBinding")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[MutatingAdmissionPolicyBindingSpec, Field(2)] = msgspec.field(default_factory=MutatingAdmissionPolicyBindingSpec)


class RuleWithOperations(Struct):
    operations: Annotated[tuple[str, ...], Field(1, enum=("*", "CREATE", "UPDATE", "DELETE", "CONNECT"))] = ()
    api_groups: Annotated[tuple[str, ...], Field((2, 1))] = ()
    api_versions: Annotated[tuple[str, ...], Field((2, 2))] = ()
    resources: Annotated[tuple[str, ...], Field((2, 3))] = ()
    scope: Annotated[str | None, Field((2, 4), enum=("Cluster", "Namespaced", "*"))] = None


class ServiceReference(Struct):
    namespace: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    path: Annotated[str | None, Field(3)] = None
    port: Annotated[Int32 | None, Field(4)] = None


class MatchCondition(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    expression: Annotated[str, Field(2, required=True)] = ALWAYS_STR
