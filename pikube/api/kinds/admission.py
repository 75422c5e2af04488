"""Declaration: admissionregistration.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, Bytes, Field, Int32, Int64, Names, Struct
from pikube.api.kinds.meta import Condition, LabelSelector, Object, ObjectMeta


class ValidatingAdmissionPolicySpec(Struct):
    """What a policy checks."""

    param_kind: Annotated[ParamKind | None, Field(1, "The kind of the objects that hold its parameters.", atomic=True)] = None
    match_constraints: Annotated[MatchResources | None, Field(2, "The requests that it is about.", atomic=True)] = None
    validations: Annotated[tuple[Validation, ...], Field(3, "The checks.")] = ()
    failure_policy: Annotated[str | None, Field(4, "When a check cannot be done: Fail (the default) or Ignore.", enum=("Ignore", "Fail"))] = None
    audit_annotations: Annotated[tuple[AuditAnnotation, ...], Field(5, "Facts for the audit log.")] = ()
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(6, "Further conditions on requests, in CEL.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    variables: Annotated[tuple[Variable, ...], Field(7, "Values to use in the expressions.", merge_key="name", list_type="map", list_keys=("name",))] = ()


class ValidatingAdmissionPolicyStatus(Struct):
    """What is known of a policy."""

    observed_generation: Annotated[Int64, Field(1, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    type_checking: Annotated[TypeChecking | None, Field(2, "What looks wrong in its expressions.")] = None
    conditions: Annotated[tuple[Condition, ...], Field(3, "What is known of the object's state, one entry a type.", list_type="map", list_keys=("type",))] = ()


class ValidatingAdmissionPolicy(Object):
    """Checks requests by expressions in CEL."""

    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "ValidatingAdmissionPolicy")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ValidatingAdmissionPolicySpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ValidatingAdmissionPolicySpec)
    status: Annotated[ValidatingAdmissionPolicyStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ValidatingAdmissionPolicyStatus)


class TypeChecking(Struct):
    """What looks wrong in expressions."""

    expression_warnings: Annotated[tuple[ExpressionWarning, ...], Field(1, "One entry an expression.")] = ()


class ExpressionWarning(Struct):
    """What looks wrong in an expression."""

    field_ref: Annotated[str, Field(2, "Where the expression is.", required=True)] = ALWAYS_STR
    warning: Annotated[str, Field(3, "What looks wrong.", required=True)] = ALWAYS_STR


class ParamKind(Struct):
    """The kind of the objects that hold parameters."""

    api_version: Annotated[str, Field(1, "The API group and version that this object is written in.")] = ""
    kind: Annotated[str, Field(2, "The kind.")] = ""


class Validation(Struct):
    """A check."""

    expression: Annotated[str, Field(1, "The expression in CEL; true means accepted.", required=True)] = ALWAYS_STR
    message: Annotated[str, Field(2, "What to say when it is refused.")] = ""
    reason: Annotated[str | None, Field(3, "The reason when it is refused, in one word.")] = None
    message_expression: Annotated[str, Field(4, "An expression that makes the message.")] = ""


class Variable(Struct):
    """A value to use in expressions."""

    name: Annotated[str, Field(1, "Its name; used as variables.NAME.", required=True)] = ALWAYS_STR
    expression: Annotated[str, Field(2, "The expression that makes it.", required=True)] = ALWAYS_STR


class AuditAnnotation(Struct):
    """A fact for the audit log."""

    key: Annotated[str, Field(1, "Its key.", required=True)] = ALWAYS_STR
    value_expression: Annotated[str, Field(2, "The expression that makes its value.", required=True)] = ALWAYS_STR


class ValidatingAdmissionPolicyBindingSpec(Struct):
    """Where a policy is in force."""

    policy_name: Annotated[str, Field(1, "The policy.", required=True)] = ""
    param_ref: Annotated[ParamRef | None, Field(2, "The object with the parameters.", atomic=True)] = None
    match_resources: Annotated[MatchResources | None, Field(3, "The requests that it is about here.", atomic=True)] = None
    validation_actions: Annotated[tuple[str, ...], Field(4, "Deny, Warn or Audit.", required=True, list_type="set", enum=("Deny", "Warn", "Audit"))] = ()


class ValidatingAdmissionPolicyBinding(Object):
    """Puts a policy in force."""

    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "ValidatingAdmissionPolicyBinding")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ValidatingAdmissionPolicyBindingSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=ValidatingAdmissionPolicyBindingSpec)


class ParamRef(Struct):
    """The object with the parameters."""

    name: Annotated[str, Field(1, "Its name.")] = ""
    namespace: Annotated[str, Field(2, "Its namespace.")] = ""
    selector: Annotated[LabelSelector | None, Field(3, "Selects objects by label, in place of a name.", atomic=True)] = None
    parameter_not_found_action: Annotated[str | None, Field(4, "When there is none: Allow or Deny.")] = None


class MatchResources(Struct):
    """The requests that a policy is about."""

    namespace_selector: Annotated[LabelSelector | None, Field(1, "Only in namespaces with these labels.", atomic=True)] = None
    object_selector: Annotated[LabelSelector | None, Field(2, "Only objects with these labels.", atomic=True)] = None
    resource_rules: Annotated[tuple[NamedRuleWithOperations, ...], Field(3, "The resources and operations.")] = ()
    exclude_resource_rules: Annotated[tuple[NamedRuleWithOperations, ...], Field(4, "Resources and operations that are not meant.")] = ()
    match_policy: Annotated[str | None, Field(7, "Exact, or Equivalent (the default) to mean other versions too.", enum=("Exact", "Equivalent"))] = None


class NamedRuleWithOperations(Struct):
    """Resources and operations."""

    resource_names: Annotated[tuple[str, ...], Field(1, "Only objects of these names.")] = ()
    operations: Annotated[tuple[str, ...], Field((2, 1), "CREATE, UPDATE, DELETE, CONNECT; * means all.", enum=("*", "CREATE", "UPDATE", "DELETE", "CONNECT"))] = ()
    api_groups: Annotated[tuple[str, ...], Field((2, 2, 1), "The API groups; * means all.")] = ()
    api_versions: Annotated[tuple[str, ...], Field((2, 2, 2), "The API versions; * means all.")] = ()
    resources: Annotated[tuple[str, ...], Field((2, 2, 3), "The resources; * means all.")] = ()
    scope: Annotated[str | None, Field((2, 2, 4), "Cluster, Namespaced or * (the default).", enum=("Cluster", "Namespaced", "*"))] = None


class ValidatingWebhookConfiguration(Object):
    """Webhooks that may refuse requests."""

    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "ValidatingWebhookConfiguration")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    webhooks: Annotated[tuple[ValidatingWebhook, ...], Field(2, "The webhooks.", merge_key="name", list_type="map", list_keys=("name",))] = ()


class MutatingWebhookConfiguration(Object):
    """Webhooks that may change requests."""

    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "MutatingWebhookConfiguration")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    webhooks: Annotated[tuple[MutatingWebhook, ...], Field(2, "The webhooks.", merge_key="name", list_type="map", list_keys=("name",))] = ()


class WebhookClientConfig(Struct):
    """How a webhook is reached."""

    url: Annotated[str | None, Field(3, "Its URL, in place of a Service.")] = None
    service: Annotated[ServiceReference | None, Field(1, "Its Service.")] = None
    ca_bundle: Annotated[Bytes, Field(2, "The certificates to trust, in PEM and base64.")] = ""


class ValidatingWebhook(Struct):
    """A webhook that may refuse requests."""

    name: Annotated[str, Field(1, "Its name, a DNS name.", required=True)] = ALWAYS_STR
    client_config: Annotated[WebhookClientConfig, Field(2, "How it is reached.", required=True)] = msgspec.field(default_factory=WebhookClientConfig)
    rules: Annotated[tuple[RuleWithOperations, ...], Field(3, "The resources and operations that it is asked about.")] = ()
    failure_policy: Annotated[str | None, Field(4, "When it cannot be asked: Fail (the default) or Ignore.", enum=("Ignore", "Fail"))] = None
    match_policy: Annotated[str | None, Field(9, "Exact, or Equivalent (the default) to mean other versions too.", enum=("Exact", "Equivalent"))] = None
    namespace_selector: Annotated[LabelSelector | None, Field(5, "Only in namespaces with these labels.", atomic=True)] = None
    object_selector: Annotated[LabelSelector | None, Field(10, "Only objects with these labels.", atomic=True)] = None
    side_effects: Annotated[str | None, Field(6, "None or NoneOnDryRun.", required=True, enum=("Unknown", "None", "Some", "NoneOnDryRun"))] = None
    timeout_seconds: Annotated[Int32 | None, Field(7, "How long it may take. 10 when absent.")] = None
    admission_review_versions: Annotated[tuple[str, ...], Field(8, "The versions of AdmissionReview that it understands.", required=True)] = ALWAYS_LIST
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(11, "Further conditions on requests, in CEL.", merge_key="name", list_type="map", list_keys=("name",))] = ()


class MutatingWebhook(Struct):
    """A webhook that may change requests."""

    name: Annotated[str, Field(1, "Its name, a DNS name.", required=True)] = ALWAYS_STR
    client_config: Annotated[WebhookClientConfig, Field(2, "How it is reached.", required=True)] = msgspec.field(default_factory=WebhookClientConfig)
    rules: Annotated[tuple[RuleWithOperations, ...], Field(3, "The resources and operations that it is asked about.")] = ()
    failure_policy: Annotated[str | None, Field(4, "When it cannot be asked: Fail (the default) or Ignore.", enum=("Ignore", "Fail"))] = None
    match_policy: Annotated[str | None, Field(9, "Exact, or Equivalent (the default) to mean other versions too.", enum=("Exact", "Equivalent"))] = None
    namespace_selector: Annotated[LabelSelector | None, Field(5, "Only in namespaces with these labels.", atomic=True)] = None
    object_selector: Annotated[LabelSelector | None, Field(11, "Only objects with these labels.", atomic=True)] = None
    side_effects: Annotated[str | None, Field(6, "None or NoneOnDryRun.", required=True, enum=("Unknown", "None", "Some", "NoneOnDryRun"))] = None
    timeout_seconds: Annotated[Int32 | None, Field(7, "How long it may take. 10 when absent.")] = None
    admission_review_versions: Annotated[tuple[str, ...], Field(8, "The versions of AdmissionReview that it understands.", required=True)] = ALWAYS_LIST
    reinvocation_policy: Annotated[str | None, Field(10, "Never (the default), or IfNeeded to be asked again when others changed the object.", enum=("Never", "IfNeeded"))] = None
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(12, "Further conditions on requests, in CEL.", merge_key="name", list_type="map", list_keys=("name",))] = ()


class MutatingAdmissionPolicySpec(Struct):
    """What a policy changes."""

    param_kind: Annotated[ParamKind | None, Field(1, "The kind of the objects that hold its parameters.", atomic=True)] = None
    match_constraints: Annotated[MatchResources | None, Field(2, "The requests that it is about.", atomic=True)] = None
    variables: Annotated[tuple[Variable, ...], Field(3, "Values to use in the expressions.")] = ()
    mutations: Annotated[tuple[Mutation, ...], Field(4, "The changes.")] = ()
    failure_policy: Annotated[str | None, Field(5, "When a check cannot be done: Fail (the default) or Ignore.", enum=("Ignore", "Fail"))] = None
    match_conditions: Annotated[tuple[MatchCondition, ...], Field(6, "Further conditions on requests, in CEL.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    reinvocation_policy: Annotated[str, Field(7, "Never (the default), or IfNeeded to be applied again when others changed the object.", enum=("Never", "IfNeeded"))] = ""


class MutatingAdmissionPolicy(Object):
    """Changes requests by expressions in CEL."""

    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "MutatingAdmissionPolicy")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[MutatingAdmissionPolicySpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=MutatingAdmissionPolicySpec)


class Mutation(Struct):
    """A change."""

    patch_type: Annotated[str, Field(2, "ApplyConfiguration or JSONPatch.", required=True, enum=("ApplyConfiguration", "JSONPatch"))] = ALWAYS_STR
    apply_configuration: Annotated[ApplyConfiguration | None, Field(3, "The change as an apply.")] = None
    json_patch: Annotated[JSONPatch | None, Field(4, "The change as a JSON patch.")] = None


class ApplyConfiguration(Struct):
    """A change as an apply."""

    expression: Annotated[str, Field(1, "The expression in CEL that makes it.")] = ""


class JSONPatch(Struct):
    """A change as a JSON patch."""

    expression: Annotated[str, Field(1, "The expression in CEL that makes it.")] = ""


class MutatingAdmissionPolicyBindingSpec(Struct):
    """Where a policy is in force."""

    policy_name: Annotated[str, Field(1, "The policy.")] = ""
    param_ref: Annotated[ParamRef | None, Field(2, "The object with the parameters.", atomic=True)] = None
    match_resources: Annotated[MatchResources | None, Field(3, "The requests that it is about here.", atomic=True)] = None


class MutatingAdmissionPolicyBinding(Object):
    """Puts a policy in force."""

    names: ClassVar[Names] = Names("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "MutatingAdmissionPolicyBinding")
    api_version: str = msgspec.field(default_factory=lambda: "admissionregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[MutatingAdmissionPolicyBindingSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=MutatingAdmissionPolicyBindingSpec)


class RuleWithOperations(Struct):
    """Resources and operations."""

    operations: Annotated[tuple[str, ...], Field(1, "CREATE, UPDATE, DELETE, CONNECT; * means all.", enum=("*", "CREATE", "UPDATE", "DELETE", "CONNECT"))] = ()
    api_groups: Annotated[tuple[str, ...], Field((2, 1), "The API groups; * means all.")] = ()
    api_versions: Annotated[tuple[str, ...], Field((2, 2), "The API versions; * means all.")] = ()
    resources: Annotated[tuple[str, ...], Field((2, 3), "The resources; * means all.")] = ()
    scope: Annotated[str | None, Field((2, 4), "Cluster, Namespaced or * (the default).", enum=("Cluster", "Namespaced", "*"))] = None


class ServiceReference(Struct):
    """A Service that is called."""

    namespace: Annotated[str, Field(1, "Its namespace.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, "Its name.", required=True)] = ALWAYS_STR
    path: Annotated[str | None, Field(3, "The path to call.")] = None
    port: Annotated[Int32 | None, Field(4, "Its port. 443 when absent.")] = None


class MatchCondition(Struct):
    """A condition on requests."""

    name: Annotated[str, Field(1, "Its name.", required=True)] = ALWAYS_STR
    expression: Annotated[str, Field(2, "The expression in CEL; true means that the request is meant.", required=True)] = ALWAYS_STR
