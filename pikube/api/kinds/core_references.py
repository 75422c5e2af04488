"""Declaration: small structs by which core/v1 objects point at one another, and selectors of nodes.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated

from pikube.api.kinds.base import ALWAYS_INT, ALWAYS_LIST, ALWAYS_STR, Field, Int32, Int64, Quantity, Struct


class TypedObjectReference(Struct):
    api_group: Annotated[str | None, Field(1)] = None
    kind: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    namespace: Annotated[str | None, Field(4)] = None


class SecretReference(Struct):
    name: Annotated[str, Field(1)] = ""
    namespace: Annotated[str, Field(2)] = ""


class ObjectFieldSelector(Struct):
    api_version: Annotated[str, Field(1)] = ""
    field_path: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class ResourceFieldSelector(Struct):
    container_name: Annotated[str, Field(1)] = ""
    resource: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    divisor: Annotated[Quantity, Field(3)] = ""


class ConfigMapKeySelector(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    key: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    optional: Annotated[bool | None, Field(3)] = None


class SecretKeySelector(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    key: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    optional: Annotated[bool | None, Field(3)] = None


class NodeSelector(Struct):
    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(1, required=True)] = ALWAYS_LIST


class NodeSelectorTerm(Struct):
    match_expressions: Annotated[tuple[NodeSelectorRequirement, ...], Field(1)] = ()
    match_fields: Annotated[tuple[NodeSelectorRequirement, ...], Field(2)] = ()


class NodeSelectorRequirement(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    operator: Annotated[str, Field(2, required=True, enum=("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3)] = ()


class TopologySelectorTerm(Struct):
    match_label_expressions: Annotated[tuple[TopologySelectorLabelRequirement, ...], Field(1)] = ()


class TopologySelectorLabelRequirement(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(2, required=True)] = ALWAYS_LIST


class Toleration(Struct):
    key: Annotated[str, Field(1)] = ""
    operator: Annotated[str, Field(2, enum=("Exists", "Equal", "Lt", "Gt"))] = ""
    value: Annotated[str, Field(3)] = ""
    effect: Annotated[str, Field(4, enum=("NoSchedule", "PreferNoSchedule", "NoExecute"))] = ""
    toleration_seconds: Annotated[Int64 | None, Field(5)] = None


class ObjectReference(Struct):
    kind: Annotated[str, Field(1)] = ""
    namespace: Annotated[str, Field(2)] = ""
    name: Annotated[str, Field(3)] = ""
    uid: Annotated[str, Field(4)] = ""
    api_version: Annotated[str, Field(5)] = ""
    resource_version: Annotated[str, Field(6)] = ""
    field_path: Annotated[str, Field(7)] = ""


class LocalObjectReference(Struct):
    name: Annotated[str, Field(1, default="")] = ""


class TypedLocalObjectReference(Struct):
    api_group: Annotated[str | None, Field(1)] = None
    kind: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class ScopeSelector(Struct):
    match_expressions: Annotated[tuple[ScopedResourceSelectorRequirement, ...], Field(1)] = ()


class ScopedResourceSelectorRequirement(Struct):
    scope_name: Annotated[str, Field(1, required=True, enum=("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"))] = ALWAYS_STR
    operator: Annotated[str, Field(2, required=True, enum=("In", "NotIn", "Exists", "DoesNotExist"))] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3)] = ()


class PortStatus(Struct):
    port: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(2, required=True, enum=("TCP", "UDP", "SCTP"))] = ALWAYS_STR
    error: Annotated[str | None, Field(3)] = None
