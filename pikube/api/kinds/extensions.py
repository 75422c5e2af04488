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
    Number,
    RawObject,
    Struct,
    Time,
)
from pikube.api.kinds.meta import Object, ObjectMeta, Status


class CustomResourceDefinitionNames(Struct):
    """What a kind is called."""

    plural: Annotated[str, Field(1, "The plural, as in URLs.", required=True)] = ALWAYS_STR
    singular: Annotated[str, Field(2, "The singular.")] = ""
    short_names: Annotated[tuple[str, ...], Field(3, "Short names for kubectl.")] = ()
    kind: Annotated[str, Field(4, "The kind, in CamelCase.", required=True)] = ALWAYS_STR
    list_kind: Annotated[str, Field(5, "The kind of its lists.")] = ""
    categories: Annotated[tuple[str, ...], Field(6, "Groups of resources it is listed with, for example all.")] = ()


class CustomResourceDefinitionSpec(Struct):
    """What a kind is."""

    group: Annotated[str, Field(1, "Its API group.", required=True)] = ALWAYS_STR
    names: Annotated[CustomResourceDefinitionNames, Field(3, "What it is called.", required=True)] = msgspec.field(default_factory=CustomResourceDefinitionNames)
    scope: Annotated[str, Field(4, "Namespaced or Cluster.", required=True)] = ALWAYS_STR
    versions: Annotated[tuple[CustomResourceDefinitionVersion, ...], Field(7, "Its versions.", required=True)] = ALWAYS_LIST
    conversion: Annotated[CustomResourceConversion | None, Field(9, "How objects are converted between versions.")] = None
    preserve_unknown_fields: Annotated[bool, Field(10, "Must be false.")] = False


class CustomResourceConversion(Struct):
    """How objects are converted between versions."""

    strategy: Annotated[str, Field(1, "None, which changes the apiVersion alone, or Webhook.", required=True)] = ALWAYS_STR
    webhook: Annotated[WebhookConversion | None, Field(2, "The webhook that converts.")] = None


class WebhookConversion(Struct):
    """A webhook that converts."""

    client_config: Annotated[WebhookClientConfig | None, Field(2, "How it is reached.")] = None
    conversion_review_versions: Annotated[tuple[str, ...], Field(3, "The versions of ConversionReview that it understands.", required=True)] = ALWAYS_LIST


class WebhookClientConfig(Struct):
    """How a webhook is reached."""

    url: Annotated[str | None, Field(3, "Its URL, in place of a Service.")] = None
    service: Annotated[ServiceReference | None, Field(1, "Its Service.")] = None
    ca_bundle: Annotated[Bytes, Field(2, "The certificates to trust, in PEM and base64.")] = ""


class ServiceReference(Struct):
    """A Service that is called."""

    namespace: Annotated[str, Field(1, "Its namespace.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, "Its name.", required=True)] = ALWAYS_STR
    path: Annotated[str | None, Field(3, "The path to call.")] = None
    port: Annotated[Int32 | None, Field(4, "Its port. 443 when absent.")] = None


class CustomResourceDefinitionVersion(Struct):
    """A version of a kind."""

    name: Annotated[str, Field(1, "The version, for example v1alpha1.", required=True)] = ALWAYS_STR
    served: Annotated[bool, Field(2, "Whether it is served.", required=True)] = ALWAYS_BOOL
    storage: Annotated[bool, Field(3, "Whether objects are stored in it; exactly one is.", required=True)] = ALWAYS_BOOL
    deprecated: Annotated[bool, Field(7, "Whether clients are warned.")] = False
    deprecation_warning: Annotated[str | None, Field(8, "The warning's text.")] = None
    schema: Annotated[CustomResourceValidation | None, Field(4, "What objects look like.")] = None
    subresources: Annotated[CustomResourceSubresources | None, Field(5, "Its subresources.")] = None
    additional_printer_columns: Annotated[tuple[CustomResourceColumnDefinition, ...], Field(6, "Columns that kubectl get shows.")] = ()
    selectable_fields: Annotated[tuple[SelectableField, ...], Field(9, "Fields that can be selected by.")] = ()


class SelectableField(Struct):
    """A field that can be selected by."""

    json_path: Annotated[str, Field(1, "Its path, for example .spec.color.", required=True)] = ALWAYS_STR


class CustomResourceColumnDefinition(Struct):
    """A column that kubectl get shows."""

    name: Annotated[str, Field(1, "The heading.", required=True)] = ALWAYS_STR
    type: Annotated[str, Field(2, "integer, number, string, boolean or date.", required=True)] = ALWAYS_STR
    format: Annotated[str, Field(3, "The format, for example int64.")] = ""
    description: Annotated[str, Field(4, "What it shows.")] = ""
    priority: Annotated[Int32, Field(5, "0 to show it always, more for -o wide only.")] = 0
    json_path: Annotated[str, Field(6, "The path of the value, for example .spec.replicas.", required=True)] = ALWAYS_STR


class CustomResourceDefinitionCondition(Struct):
    """One thing that is known of a definition's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""
    observed_generation: Annotated[Int64, Field(6, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0


class CustomResourceDefinitionStatus(Struct):
    """What is known of a definition."""

    conditions: Annotated[tuple[CustomResourceDefinitionCondition, ...], Field(1, "What is known of the object's state, one entry a type.", list_type="map", list_keys=("type",))] = ALWAYS_LIST
    accepted_names: Annotated[CustomResourceDefinitionNames, Field(2, "The names in use.")] = msgspec.field(default_factory=CustomResourceDefinitionNames)
    stored_versions: Annotated[tuple[str, ...], Field(3, "Versions that objects may be stored in.")] = ALWAYS_LIST
    observed_generation: Annotated[Int64, Field(4, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0


class CustomResourceDefinition(Object):
    """Defines a kind of one's own."""

    names: ClassVar[Names] = Names("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False, short=("crd", "crds"), categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "CustomResourceDefinition")
    api_version: str = msgspec.field(default_factory=lambda: "apiextensions.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CustomResourceDefinitionSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=CustomResourceDefinitionSpec)
    status: Annotated[CustomResourceDefinitionStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=CustomResourceDefinitionStatus)


class CustomResourceValidation(Struct):
    """What objects look like."""

    open_apiv3_schema: Annotated[JSONSchemaProps | None, Field(1, "The schema.")] = msgspec.field(name="openAPIV3Schema", default=None)


class CustomResourceSubresources(Struct):
    """The subresources of a kind."""

    status: Annotated[CustomResourceSubresourceStatus | None, Field(1, "Have /status, with users writing the rest only.")] = None
    scale: Annotated[CustomResourceSubresourceScale | None, Field(2, "Have /scale.")] = None


class CustomResourceSubresourceStatus(Struct):
    """Have /status."""



class CustomResourceSubresourceScale(Struct):
    """Have /scale."""

    spec_replicas_path: Annotated[str, Field(1, "The path of the wanted number.", required=True)] = ALWAYS_STR
    status_replicas_path: Annotated[str, Field(2, "The path of the present number.", required=True)] = ALWAYS_STR
    label_selector_path: Annotated[str | None, Field(3, "The path of the selector, as text.")] = None


class ConversionReview(Struct):
    """Asks a webhook to convert objects."""

    kind: str = msgspec.field(default_factory=lambda: "ConversionReview")
    api_version: str = msgspec.field(default_factory=lambda: "apiextensions.k8s.io/v1")
    request: Annotated[ConversionRequest | None, Field(1, "What is asked.")] = None
    response: Annotated[ConversionResponse | None, Field(2, "The answer.")] = None


class ConversionRequest(Struct):
    """What is to be converted."""

    uid: Annotated[str, Field(1, "Identifies the request.", required=True)] = ALWAYS_STR
    desired_api_version: Annotated[str, Field(2, "The version wanted.", required=True)] = msgspec.field(name="desiredAPIVersion", default_factory=str)
    objects: Annotated[tuple[RawObject, ...], Field(3, "The objects.", required=True)] = ALWAYS_LIST


class ConversionResponse(Struct):
    """The converted objects."""

    uid: Annotated[str, Field(1, "The request's identifier.", required=True)] = ALWAYS_STR
    converted_objects: Annotated[tuple[RawObject, ...], Field(2, "The objects.", required=True)] = ALWAYS_LIST
    result: Annotated[Status, Field(3, "Whether it worked.", required=True)] = msgspec.field(default_factory=Status)


class JSONSchemaProps(Struct):
    """A JSON schema, within the limits of structural schemas."""

    id: Annotated[str, Field(1, "The schema's identifier.")] = ""
    schema: Annotated[str, Field(2, "The dialect.")] = msgspec.field(name="$schema", default="")
    ref: Annotated[str | None, Field(3, "Not allowed.")] = msgspec.field(name="$ref", default=None)
    description: Annotated[str, Field(4, "What it is.")] = ""
    type: Annotated[str, Field(5, "object, array, string, integer, number or boolean.")] = ""
    format: Annotated[str, Field(6, "The format, for example date-time.")] = ""
    title: Annotated[str, Field(7, "A title.")] = ""
    default: Annotated[RawObject, Field(8, "The value of those that give none.")] = None
    maximum: Annotated[Number | None, Field(9, "The greatest number.")] = None
    exclusive_maximum: Annotated[bool, Field(10, "Whether the greatest is not allowed itself.")] = False
    minimum: Annotated[Number | None, Field(11, "The least number.")] = None
    exclusive_minimum: Annotated[bool, Field(12, "Whether the least is not allowed itself.")] = False
    max_length: Annotated[Int64 | None, Field(13, "The greatest length of a text.")] = None
    min_length: Annotated[Int64 | None, Field(14, "The least length of a text.")] = None
    pattern: Annotated[str, Field(15, "A regular expression that a text must match.")] = ""
    max_items: Annotated[Int64 | None, Field(16, "The greatest number of items.")] = None
    min_items: Annotated[Int64 | None, Field(17, "The least number of items.")] = None
    unique_items: Annotated[bool, Field(18, "Must be false.")] = False
    multiple_of: Annotated[Number | None, Field(19, "What a number must be a multiple of.")] = None
    enum: Annotated[tuple[RawObject, ...], Field(20, "The values allowed.")] = ()
    max_properties: Annotated[Int64 | None, Field(21, "The greatest number of properties.")] = None
    min_properties: Annotated[Int64 | None, Field(22, "The least number of properties.")] = None
    required: Annotated[tuple[str, ...], Field(23, "Properties that must be there.")] = ()
    items: Annotated[RawObject, Field(24, "The schema of items.", either="list")] = None
    all_of: Annotated[tuple[JSONSchemaProps, ...], Field(25, "Schemas that must all hold.")] = ()
    one_of: Annotated[tuple[JSONSchemaProps, ...], Field(26, "Schemas of which exactly one must hold.")] = ()
    any_of: Annotated[tuple[JSONSchemaProps, ...], Field(27, "Schemas of which one must hold.")] = ()
    not_: Annotated[JSONSchemaProps | None, Field(28, "A schema that must not hold.")] = msgspec.field(name="not", default=None)
    properties: Annotated[dict[str, JSONSchemaProps], Field(29, "The schemas of properties.")] = MAP
    additional_properties: Annotated[RawObject, Field(30, "The schema of all other properties.", either="bool")] = None
    pattern_properties: Annotated[dict[str, JSONSchemaProps], Field(31, "Not allowed.")] = MAP
    dependencies: Annotated[dict[str, RawObject], Field(32, "Not allowed.", either="strings")] = MAP
    additional_items: Annotated[RawObject, Field(33, "Not allowed.", either="bool")] = None
    definitions: Annotated[dict[str, JSONSchemaProps], Field(34, "Not allowed.")] = MAP
    external_docs: Annotated[ExternalDocumentation | None, Field(35, "More to read.")] = None
    example: Annotated[RawObject, Field(36, "An example.")] = None
    nullable: Annotated[bool, Field(37, "Whether null is allowed.")] = False
    x_kubernetes_preserve_unknown_fields: Annotated[bool | None, Field(38, "Keep fields that the schema does not know.")] = msgspec.field(name="x-kubernetes-preserve-unknown-fields", default=None)
    x_kubernetes_embedded_resource: Annotated[bool, Field(39, "It is a whole object with kind, apiVersion and metadata.")] = msgspec.field(name="x-kubernetes-embedded-resource", default=False)
    x_kubernetes_int_or_string: Annotated[bool, Field(40, "It is a number or a text.")] = msgspec.field(name="x-kubernetes-int-or-string", default=False)
    x_kubernetes_list_map_keys: Annotated[tuple[str, ...], Field(41, "The keys that identify items of a list of type map.")] = msgspec.field(name="x-kubernetes-list-map-keys", default=())
    x_kubernetes_list_type: Annotated[str | None, Field(42, "How lists are merged: atomic, set or map.")] = msgspec.field(name="x-kubernetes-list-type", default=None)
    x_kubernetes_map_type: Annotated[str | None, Field(43, "How maps are merged: granular or atomic.")] = msgspec.field(name="x-kubernetes-map-type", default=None)
    x_kubernetes_validations: Annotated[tuple[ValidationRule, ...], Field(44, "Rules in CEL.", merge_key="rule", list_type="map", list_keys=("rule",))] = msgspec.field(name="x-kubernetes-validations", default=())


class ValidationRule(Struct):
    """A rule in CEL."""

    rule: Annotated[str, Field(1, "The expression; true means valid. self is the value.", required=True)] = ALWAYS_STR
    message: Annotated[str, Field(2, "What to say when it is broken.")] = ""
    message_expression: Annotated[str, Field(3, "An expression that makes the message.")] = ""
    reason: Annotated[str | None, Field(4, "The reason, in one word.", enum=("FieldValueRequired", "FieldValueDuplicate", "FieldValueInvalid", "FieldValueForbidden"))] = None
    field_path: Annotated[str, Field(5, "The field to name.")] = ""
    optional_old_self: Annotated[bool | None, Field(6, "Whether the rule is checked without an old value too.")] = None


class ExternalDocumentation(Struct):
    """More to read."""

    description: Annotated[str, Field(1, "What it is.")] = ""
    url: Annotated[str, Field(2, "Where it is.")] = ""
