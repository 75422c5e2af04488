"""Declaration: Namespace, ConfigMap, Secret, ServiceAccount, Event, ReplicationController, quotas, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_LIST,
    ALWAYS_STR,
    MAP,
    Bytes,
    Field,
    Int32,
    Int64,
    MicroTime,
    Names,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.core_pod import PodTemplateSpec
from pikube.api.kinds.core_references import LocalObjectReference, ObjectReference, ScopeSelector
from pikube.api.kinds.meta import Object, ObjectMeta


class ReplicationControllerSpec(Struct):
    """What a ReplicationController is to do."""

    replicas: Annotated[Int32 | None, Field(1, "How many pods. 1 when absent.", default=1)] = None
    min_ready_seconds: Annotated[Int32, Field(4, "Seconds that a pod must be ready before it counts as available.", default=0)] = 0
    selector: Annotated[dict[str, str], Field(2, "Labels of its pods; those of the template when absent.", atomic=True)] = MAP
    template: Annotated[PodTemplateSpec | None, Field(3, "What its pods are like.")] = None


class ReplicationControllerStatus(Struct):
    """What is known of a ReplicationController."""

    replicas: Annotated[Int32, Field(1, "How many pods there are.", required=True)] = ALWAYS_INT
    fully_labeled_replicas: Annotated[Int32, Field(2, "How many have all labels of the template.")] = 0
    ready_replicas: Annotated[Int32, Field(4, "How many are ready.")] = 0
    available_replicas: Annotated[Int32, Field(5, "How many have been ready for minReadySeconds.")] = 0
    observed_generation: Annotated[Int64, Field(3, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    conditions: Annotated[tuple[ReplicationControllerCondition, ...], Field(6, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class ReplicationControllerCondition(Struct):
    """One thing that is known of a ReplicationController's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""


class ReplicationController(Object):
    """Keeps a number of pods running. ReplicaSet and Deployment are its successors."""

    names: ClassVar[Names] = Names("", "v1", "ReplicationController", "replicationcontrollers", True, short=("rc",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "ReplicationController")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ReplicationControllerSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ReplicationControllerSpec)
    status: Annotated[ReplicationControllerStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ReplicationControllerStatus)


class ServiceAccount(Object):
    """An identity for programs, such as pods."""

    names: ClassVar[Names] = Names("", "v1", "ServiceAccount", "serviceaccounts", True, short=("sa",))
    kind: str = msgspec.field(default_factory=lambda: "ServiceAccount")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    secrets: Annotated[tuple[ObjectReference, ...], Field(2, "Secrets that its pods may use.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    image_pull_secrets: Annotated[tuple[LocalObjectReference, ...], Field(3, "Secrets for registries that its pods get.")] = ()
    automount_service_account_token: Annotated[bool | None, Field(4, "Whether pods get its token mounted, unless they say otherwise.")] = None


class NamespaceSpec(Struct):
    """What a namespace is to be."""

    finalizers: Annotated[tuple[str, ...], Field(1, "Who must still clean up before it is gone.")] = ()


class NamespaceStatus(Struct):
    """What is known of a namespace."""

    phase: Annotated[str, Field(1, "Active or Terminating.", enum=("Active", "Terminating"))] = ""
    conditions: Annotated[tuple[NamespaceCondition, ...], Field(2, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class NamespaceCondition(Struct):
    """One thing that is known of a namespace's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(4, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(5, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(6, "A sentence that says why, for people.")] = ""


class Namespace(Object):
    """A scope for names: objects of different namespaces may have the same name."""

    names: ClassVar[Names] = Names("", "v1", "Namespace", "namespaces", False, short=("ns",))
    kind: str = msgspec.field(default_factory=lambda: "Namespace")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[NamespaceSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=NamespaceSpec)
    status: Annotated[NamespaceStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=NamespaceStatus)


class EventSource(Struct):
    """Who reported an event."""

    component: Annotated[str, Field(1, "The program.")] = ""
    host: Annotated[str, Field(2, "The node.")] = ""


class Event(Object):
    """Something that happened to an object. Events are kept for a short time."""

    names: ClassVar[Names] = Names("", "v1", "Event", "events", True, short=("ev",))
    kind: str = msgspec.field(default_factory=lambda: "Event")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.", required=True)] = msgspec.field(default_factory=ObjectMeta)
    involved_object: Annotated[ObjectReference, Field(2, "The object that it happened to.", required=True, atomic=True)] = msgspec.field(default_factory=ObjectReference)
    reason: Annotated[str, Field(3, "What happened, in one word.")] = ""
    message: Annotated[str, Field(4, "What happened, in a sentence.")] = ""
    source: Annotated[EventSource, Field(5, "Who reported it.")] = msgspec.field(default_factory=EventSource)
    first_timestamp: Annotated[Time, Field(6, "When it happened first.")] = ""
    last_timestamp: Annotated[Time, Field(7, "When it happened last.")] = ""
    count: Annotated[Int32, Field(8, "How often.")] = 0
    type: Annotated[str, Field(9, "Normal or Warning.")] = ""
    event_time: Annotated[MicroTime, Field(10, "When it happened, to the microsecond.")] = ""
    series: Annotated[EventSeries | None, Field(11, "How it goes on, when it happens again and again.")] = None
    action: Annotated[str, Field(12, "What was done or failed.")] = ""
    related: Annotated[ObjectReference | None, Field(13, "Another object that matters.", atomic=True)] = None
    reporting_component: Annotated[str, Field(14, "The controller that reported it.")] = ALWAYS_STR
    reporting_instance: Annotated[str, Field(15, "Which instance of the controller.")] = ALWAYS_STR


class EventSeries(Struct):
    """An event that goes on."""

    count: Annotated[Int32, Field(1, "How often it happened.")] = 0
    last_observed_time: Annotated[MicroTime, Field(2, "When it was last seen.")] = ""


class LimitRangeItem(Struct):
    """Limits for one sort of thing."""

    type: Annotated[str, Field(1, "Container, Pod or PersistentVolumeClaim.", required=True)] = ALWAYS_STR
    max: Annotated[dict[str, Quantity], Field(2, "The most that may be asked for.")] = MAP
    min: Annotated[dict[str, Quantity], Field(3, "The least that must be asked for.")] = MAP
    default: Annotated[dict[str, Quantity], Field(4, "The limits of those that state none.")] = MAP
    default_request: Annotated[dict[str, Quantity], Field(5, "The requests of those that state none.")] = MAP
    max_limit_request_ratio: Annotated[dict[str, Quantity], Field(6, "How many times its request a limit may be.")] = MAP


class LimitRangeSpec(Struct):
    """The limits."""

    limits: Annotated[tuple[LimitRangeItem, ...], Field(1, "One entry a sort of thing.", required=True)] = ALWAYS_LIST


class LimitRange(Object):
    """Limits and defaults for single pods, containers and claims of a namespace."""

    names: ClassVar[Names] = Names("", "v1", "LimitRange", "limitranges", True, short=("limits",))
    kind: str = msgspec.field(default_factory=lambda: "LimitRange")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[LimitRangeSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=LimitRangeSpec)


class ResourceQuotaSpec(Struct):
    """How much a namespace may use."""

    hard: Annotated[dict[str, Quantity], Field(1, "The limit of each resource.")] = MAP
    scopes: Annotated[tuple[str, ...], Field(2, "Count only what matches all these scopes.", enum=("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"))] = ()
    scope_selector: Annotated[ScopeSelector | None, Field(3, "Count only what matches these conditions on scopes.", atomic=True)] = None


class ResourceQuotaStatus(Struct):
    """How much is used."""

    hard: Annotated[dict[str, Quantity], Field(1, "The limits in force.")] = MAP
    used: Annotated[dict[str, Quantity], Field(2, "What is used of each.")] = MAP


class ResourceQuota(Object):
    """Limits what all objects of a namespace together may use."""

    names: ClassVar[Names] = Names("", "v1", "ResourceQuota", "resourcequotas", True, short=("quota",))
    kind: str = msgspec.field(default_factory=lambda: "ResourceQuota")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ResourceQuotaSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ResourceQuotaSpec)
    status: Annotated[ResourceQuotaStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ResourceQuotaStatus)


class Secret(Object):
    """Small confidential data, such as passwords and keys."""

    names: ClassVar[Names] = Names("", "v1", "Secret", "secrets", True)
    kind: str = msgspec.field(default_factory=lambda: "Secret")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    immutable: Annotated[bool | None, Field(5, "Refuse changes of the data for good.")] = None
    data: Annotated[dict[str, Bytes], Field(2, "The data, in base64.")] = MAP
    string_data: Annotated[dict[str, str], Field(4, "Data as plain text, for writing only: it is put into data.")] = MAP
    type: Annotated[str, Field(3, "What the data is, for example kubernetes.io/tls; Opaque when empty.")] = ""


class ConfigMap(Object):
    """Configuration as keys and values, for pods to read."""

    names: ClassVar[Names] = Names("", "v1", "ConfigMap", "configmaps", True, short=("cm",))
    kind: str = msgspec.field(default_factory=lambda: "ConfigMap")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    immutable: Annotated[bool | None, Field(4, "Refuse changes of the data for good.")] = None
    data: Annotated[dict[str, str], Field(2, "Texts by key.")] = MAP
    binary_data: Annotated[dict[str, Bytes], Field(3, "Bytes by key, in base64.")] = MAP


class ComponentCondition(Struct):
    """Whether a part of the control plane is healthy."""

    type: Annotated[str, Field(1, "Healthy.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    message: Annotated[str, Field(3, "More about it.")] = ""
    error: Annotated[str, Field(4, "The error.")] = ""


class ComponentStatus(Object):
    """The health of a part of the control plane. Deprecated."""

    names: ClassVar[Names] = Names("", "v1", "ComponentStatus", "componentstatuses", False, short=("cs",))
    kind: str = msgspec.field(default_factory=lambda: "ComponentStatus")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    conditions: Annotated[tuple[ComponentCondition, ...], Field(2, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()
