"""Declaration: apiextensions.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_BOOL,
    ALWAYS_LIST,
    ALWAYS_STR,
    MAP,
    Bytes,
    Field,
    Int32,
    Int64,
    Names,
    RawObject,
    Struct,
    Time,
)
from pikube.api.kinds.meta import Object, ObjectMeta, Status


class CustomResourceDefinitionNames(Struct):
    plural: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    singular: Annotated[str, Field(2)] = ""
    short_names: Annotated[tuple[str, ...], Field(3)] = ()
    kind: Annotated[str, Field(4, required=True)] = ALWAYS_STR
    list_kind: Annotated[str, Field(5)] = ""
    categories: Annotated[tuple[str, ...], Field(6)] = ()


class CustomResourceDefinitionSpec(Struct):
    group: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    names: Annotated[CustomResourceDefinitionNames, Field(3, required=True)] = msgspec.field(default_factory=CustomResourceDefinitionNames)
    scope: Annotated[str, Field(4, required=True)] = ALWAYS_STR
    versions: Annotated[tuple[CustomResourceDefinitionVersion, ...], Field(7, required=True)] = ALWAYS_LIST
    conversion: Annotated[CustomResourceConversion | None, Field(9)] = None
    preserve_unknown_fields: Annotated[bool, Field(10)] = False


class CustomResourceConversion(Struct):
    strategy: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    webhook: Annotated[WebhookConversion | None, Field(2)] = None


class WebhookConversion(Struct):
    client_config: Annotated[WebhookClientConfig | None, Field(2)] = None
    conversion_review_versions: Annotated[tuple[str, ...], Field(3, required=True)] = ALWAYS_LIST


class WebhookClientConfig(Struct):
    url: Annotated[str | None, Field(3)] = None
    service: Annotated[ServiceReference | None, Field(1)] = None
    ca_bundle: Annotated[Bytes, Field(2)] = ""


class ServiceReference(Struct):
    namespace: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    path: Annotated[str | None, Field(3)] = None
    port: Annotated[Int32 | None, Field(4)] = None


class CustomResourceDefinitionVersion(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    served: Annotated[bool, Field(2, required=True)] = ALWAYS_BOOL
    storage: Annotated[bool, Field(3, required=True)] = ALWAYS_BOOL
    deprecated: Annotated[bool, Field(7)] = False
    deprecation_warning: Annotated[str | None, Field(8)] = None
    schema: Annotated[CustomResourceValidation | None, Field(4)] = None
    subresources: Annotated[CustomResourceSubresources | None, Field(5)] = None
    additional_printer_columns: Annotated[tuple[CustomResourceColumnDefinition, ...], Field(6)] = ()
    selectable_fields: Annotated[tuple[SelectableField, ...], Field(9)] = ()


class SelectableField(Struct):
    json_path: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class CustomResourceColumnDefinition(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    type: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    format: Annotated[str, Field(3)] = ""
    description: Annotated[str, Field(4)] = ""
    priority: Annotated[Int32, Field(5)] = 0
    json_path: Annotated[str, Field(6, required=True)] = ALWAYS_STR


class CustomResourceDefinitionCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""
    observed_generation: Annotated[Int64, Field(6)] = 0


class CustomResourceDefinitionStatus(Struct):
    conditions: Annotated[tuple[CustomResourceDefinitionCondition, ...], Field(1, list_type="map", list_keys=("type",))] = ALWAYS_LIST
    accepted_names: Annotated[CustomResourceDefinitionNames, Field(2)] = msgspec.field(default_factory=CustomResourceDefinitionNames)
    stored_versions: Annotated[tuple[str, ...], Field(3)] = ALWAYS_LIST
    observed_generation: Annotated[Int64, Field(4)] = 0


class CustomResourceDefinition(Object):
    names: ClassVar[Names] = Names("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False, short=("crd", "crds"), categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "CustomResourceDefinition")
    api_version: str = msgspec.field(default_factory=lambda: "apiextensions.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CustomResourceDefinitionSpec, Field(2, required=True)] = msgspec.field(default_factory=CustomResourceDefinitionSpec)
    status: Annotated[CustomResourceDefinitionStatus, Field(3)] = msgspec.field(default_factory=CustomResourceDefinitionStatus)


class CustomResourceValidation(Struct):
    open_apiv3_schema: Annotated[JSONSchemaProps | None, Field(1)] = msgspec.field(name="openAPIV3Schema", default=None)


class CustomResourceSubresources(Struct):
    status: Annotated[CustomResourceSubresourceStatus | None, Field(1)] = None
    scale: Annotated[CustomResourceSubresourceScale | None, Field(2)] = None


class CustomResourceSubresourceStatus(Struct):
    pass


class CustomResourceSubresourceScale(Struct):
    spec_replicas_path: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status_replicas_path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    label_selector_path: Annotated[str | None, Field(3)] = None


class ConversionReview(Struct):
    kind: str = msgspec.field(default_factory=lambda: "ConversionReview")
    api_version: str = msgspec.field(default_factory=lambda: "apiextensions.k8s.io/v1")
    request: Annotated[ConversionRequest | None, Field(1)] = None
    response: Annotated[ConversionResponse | None, Field(2)] = None


class ConversionRequest(Struct):
    uid: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    desired_api_version: Annotated[str, Field(2, required=True)] = msgspec.field(name="desiredAPIVersion", default_factory=str)
    objects: Annotated[tuple[RawObject, ...], Field(3, required=True)] = ALWAYS_LIST


class ConversionResponse(Struct):
    uid: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    converted_objects: Annotated[tuple[RawObject, ...], Field(2, required=True)] = ALWAYS_LIST
    result: Annotated[Status, Field(3, required=True)] = msgspec.field(default_factory=Status)


class JSONSchemaProps(Struct):
    id: Annotated[str, Field(1)] = ""
    schema: Annotated[str, Field(2)] = msgspec.field(name="$schema", default="")
    ref: Annotated[str | None, Field(3)] = msgspec.field(name="$ref", default=None)
    description: Annotated[str, Field(4)] = ""
    type: Annotated[str, Field(5)] = ""
    format: Annotated[str, Field(6)] = ""
    title: Annotated[str, Field(7)] = ""
    default: Annotated[RawObject, Field(8)] = None
    maximum: Annotated[float | None, Field(9)] = None
    exclusive_maximum: Annotated[bool, Field(10)] = False
    minimum: Annotated[float | None, Field(11)] = None
    exclusive_minimum: Annotated[bool, Field(12)] = False
    max_length: Annotated[Int64 | None, Field(13)] = None
    min_length: Annotated[Int64 | None, Field(14)] = None
    pattern: Annotated[str, Field(15)] = ""
    max_items: Annotated[Int64 | None, Field(16)] = None
    min_items: Annotated[Int64 | None, Field(17)] = None
    unique_items: Annotated[bool, Field(18)] = False
    multiple_of: Annotated[float | None, Field(19)] = None
    enum: Annotated[tuple[RawObject, ...], Field(20)] = ()
    max_properties: Annotated[Int64 | None, Field(21)] = None
    min_properties: Annotated[Int64 | None, Field(22)] = None
    required: Annotated[tuple[str, ...], Field(23)] = ()
    items: Annotated[RawObject, Field(24)] = None
    all_of: Annotated[tuple[JSONSchemaProps, ...], Field(25)] = ()
    one_of: Annotated[tuple[JSONSchemaProps, ...], Field(26)] = ()
    any_of: Annotated[tuple[JSONSchemaProps, ...], Field(27)] = ()
    not_: Annotated[JSONSchemaProps | None, Field(28)] = msgspec.field(name="not", default=None)
    properties: Annotated[dict[str, JSONSchemaProps], Field(29)] = MAP
    additional_properties: Annotated[RawObject, Field(30)] = None
    pattern_properties: Annotated[dict[str, JSONSchemaProps], Field(31)] = MAP
    dependencies: Annotated[dict[str, RawObject], Field(32)] = MAP
    additional_items: Annotated[RawObject, Field(33)] = None
    definitions: Annotated[dict[str, JSONSchemaProps], Field(34)] = MAP
    external_docs: Annotated[ExternalDocumentation | None, Field(35)] = None
    example: Annotated[RawObject, Field(36)] = None
    nullable: Annotated[bool, Field(37)] = False
    x_kubernetes_preserve_unknown_fields: Annotated[bool | None, Field(38)] = msgspec.field(name="x-kubernetes-preserve-unknown-fields", default=None)
    x_kubernetes_embedded_resource: Annotated[bool, Field(39)] = msgspec.field(name="x-kubernetes-embedded-resource", default=False)
    x_kubernetes_int_or_string: Annotated[bool, Field(40)] = msgspec.field(name="x-kubernetes-int-or-string", default=False)
    x_kubernetes_list_map_keys: Annotated[tuple[str, ...], Field(41)] = msgspec.field(name="x-kubernetes-list-map-keys", default=())
    x_kubernetes_list_type: Annotated[str | None, Field(42)] = msgspec.field(name="x-kubernetes-list-type", default=None)
    x_kubernetes_map_type: Annotated[str | None, Field(43)] = msgspec.field(name="x-kubernetes-map-type", default=None)
    x_kubernetes_validations: Annotated[tuple[ValidationRule, ...], Field(44, merge_key="rule", list_type="map", list_keys=("rule",), wrapped=True)] = msgspec.field(name="x-kubernetes-validations", default=())


class ValidationRule(Struct):
    rule: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    message: Annotated[str, Field(2)] = ""
    message_expression: Annotated[str, Field(3)] = ""
    reason: Annotated[str | None, Field(4, enum=("FieldValueRequired", "FieldValueDuplicate", "FieldValueInvalid", "FieldValueForbidden"))] = None
    field_path: Annotated[str, Field(5)] = ""
    optional_old_self: Annotated[bool | None, Field(6)] = None


class ExternalDocumentation(Struct):
    description: Annotated[str, Field(1)] = ""
    url: Annotated[str, Field(2)] = ""
