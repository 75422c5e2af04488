"""Declaration: small structs by which core/v1 objects point at one another, and selectors of nodes.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated

from pikube.api.kinds.base import ALWAYS_INT, ALWAYS_LIST, ALWAYS_STR, Field, Int32, Int64, Quantity, Struct


class TypedObjectReference(Struct):
    """Another object, by kind and name."""

    api_group: Annotated[str | None, Field(1, "The API group of the kind; empty for core.")] = None
    kind: Annotated[str, Field(2, "The object's kind.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, "The object's name.", required=True)] = ALWAYS_STR
    namespace: Annotated[str | None, Field(4, "The object's namespace; one's own when empty.")] = None


class SecretReference(Struct):
    """A Secret by name and namespace."""

    name: Annotated[str, Field(1, "The Secret's name.")] = ""
    namespace: Annotated[str, Field(2, "The Secret's namespace.")] = ""


class ObjectFieldSelector(Struct):
    """A field of the pod itself."""

    api_version: Annotated[str, Field(1, "The API version that the path is written in; v1 when empty.")] = ""
    field_path: Annotated[str, Field(2, "The field, for example metadata.name, metadata.labels['app'], status.podIP or spec.nodeName.", required=True)] = ALWAYS_STR


class ResourceFieldSelector(Struct):
    """A request or limit of a container."""

    container_name: Annotated[str, Field(1, "The container; needed for volumes, one's own for environment variables.")] = ""
    resource: Annotated[str, Field(2, "For example limits.cpu or requests.memory.", required=True)] = ALWAYS_STR
    divisor: Annotated[Quantity, Field(3, "The unit to give it in, for example 1Mi. 1 when absent; parts are rounded up.")] = ""


class ConfigMapKeySelector(Struct):
    """A key of a ConfigMap in the pod's namespace."""

    name: Annotated[str, Field((1, 1), "The ConfigMap's name.", default="")] = ""
    key: Annotated[str, Field(2, "The key whose value is taken.", required=True)] = ALWAYS_STR
    optional: Annotated[bool | None, Field(3, "Go on without when the ConfigMap or the key is not there.")] = None


class SecretKeySelector(Struct):
    """A key of a Secret in the pod's namespace."""

    name: Annotated[str, Field((1, 1), "The Secret's name.", default="")] = ""
    key: Annotated[str, Field(2, "The key whose value is taken.", required=True)] = ALWAYS_STR
    optional: Annotated[bool | None, Field(3, "Go on without when the Secret or the key is not there.")] = None


class NodeSelector(Struct):
    """Selects nodes that match at least one of the terms."""

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(1, "The alternatives.", required=True)] = ALWAYS_LIST


class NodeSelectorTerm(Struct):
    """Matches a node for which all its conditions hold. An empty term matches none."""

    match_expressions: Annotated[tuple[NodeSelectorRequirement, ...], Field(1, "Conditions on the node's labels.")] = ()
    match_fields: Annotated[tuple[NodeSelectorRequirement, ...], Field(2, "Conditions on the node's fields; metadata.name is known.")] = ()


class NodeSelectorRequirement(Struct):
    """A condition on a label or field of a node."""

    key: Annotated[str, Field(1, "The label's key or the field.", required=True)] = ALWAYS_STR
    operator: Annotated[str, Field(2, "In, NotIn, Exists, DoesNotExist, Gt or Lt.", required=True, enum=("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3, "The values; a single whole number for Gt and Lt.")] = ()


class TopologySelectorTerm(Struct):
    """Limits where volumes of a class may be made."""

    match_label_expressions: Annotated[tuple[TopologySelectorLabelRequirement, ...], Field(1, "Conditions on labels of nodes.")] = ()


class TopologySelectorLabelRequirement(Struct):
    """Values that a node's label may have."""

    key: Annotated[str, Field(1, "The label's key.", required=True)] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(2, "The values, one of which must be the label's.", required=True)] = ALWAYS_LIST


class Toleration(Struct):
    """Lets a pod onto nodes that have a matching taint."""

    key: Annotated[str, Field(1, "The taint's key; empty with Exists means every taint.")] = ""
    operator: Annotated[str, Field(2, "Equal (the default) or Exists.", enum=("Exists", "Equal", "Lt", "Gt"))] = ""
    value: Annotated[str, Field(3, "The taint's value, for Equal.")] = ""
    effect: Annotated[str, Field(4, "The taint's effect: NoSchedule, PreferNoSchedule or NoExecute; empty means all.", enum=("NoSchedule", "PreferNoSchedule", "NoExecute"))] = ""
    toleration_seconds: Annotated[Int64 | None, Field(5, "For NoExecute: how long the pod stays on a node that gets the taint. Without it, for ever.")] = None


class ObjectReference(Struct):
    """Names an object, or a part of it."""

    kind: Annotated[str, Field(1, "The object's kind.")] = ""
    namespace: Annotated[str, Field(2, "The object's namespace.")] = ""
    name: Annotated[str, Field(3, "The object's name.")] = ""
    uid: Annotated[str, Field(4, "The object's uid.")] = ""
    api_version: Annotated[str, Field(5, "The object's API version.")] = ""
    resource_version: Annotated[str, Field(6, "The object's resourceVersion.")] = ""
    field_path: Annotated[str, Field(7, "A part of the object, for example spec.containers{web}.")] = ""


class LocalObjectReference(Struct):
    """An object of a known kind in the same namespace."""

    name: Annotated[str, Field(1, "The object's name.", default="")] = ""


class TypedLocalObjectReference(Struct):
    """An object in the same namespace, by kind and name."""

    api_group: Annotated[str | None, Field(1, "The API group of the kind; empty for core.")] = None
    kind: Annotated[str, Field(2, "The object's kind.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, "The object's name.", required=True)] = ALWAYS_STR


class ScopeSelector(Struct):
    """Selects the objects that a quota counts; all conditions must hold."""

    match_expressions: Annotated[tuple[ScopedResourceSelectorRequirement, ...], Field(1, "Conditions on scopes.")] = ()


class ScopedResourceSelectorRequirement(Struct):
    """A condition on one scope."""

    scope_name: Annotated[str, Field(1, "The scope, for example PriorityClass or Terminating.", required=True, enum=("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"))] = ALWAYS_STR
    operator: Annotated[str, Field(2, "In, NotIn, Exists or DoesNotExist.", required=True, enum=("In", "NotIn", "Exists", "DoesNotExist"))] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3, "The values for In and NotIn.")] = ()


class PortStatus(Struct):
    """How one port of a load balancer fares."""

    port: Annotated[Int32, Field(1, "The port's number.", required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(2, "TCP, UDP or SCTP.", required=True, enum=("TCP", "UDP", "SCTP"))] = ALWAYS_STR
    error: Annotated[str | None, Field(3, "Why the port does not work, in CamelCase.")] = None
