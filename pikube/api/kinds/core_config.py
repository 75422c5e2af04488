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
    replicas: Annotated[Int32 | None, Field(1, default=1)] = None
    min_ready_seconds: Annotated[Int32, Field(4, default=0)] = 0
    selector: Annotated[dict[str, str], Field(2, atomic=True)] = MAP
    template: Annotated[PodTemplateSpec | None, Field(3)] = None


class ReplicationControllerStatus(Struct):
    replicas: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    fully_labeled_replicas: Annotated[Int32, Field(2)] = 0
    ready_replicas: Annotated[Int32, Field(4)] = 0
    available_replicas: Annotated[Int32, Field(5)] = 0
    observed_generation: Annotated[Int64, Field(3)] = 0
    conditions: Annotated[tuple[ReplicationControllerCondition, ...], Field(6, merge_key="type", list_type="map", list_keys=("type",))] = ()


class ReplicationControllerCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""


class ReplicationController(Object):
    names: ClassVar[Names] = Names("", "v1", "ReplicationController", "replicationcontrollers", True, short=("rc",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "ReplicationController")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ReplicationControllerSpec, Field(2)] = msgspec.field(default_factory=ReplicationControllerSpec)
    status: Annotated[ReplicationControllerStatus, Field(3)] = msgspec.field(default_factory=ReplicationControllerStatus)


class ServiceAccount(Object):
    names: ClassVar[Names] = Names("", "v1", "ServiceAccount", "serviceaccounts", True, short=("sa",))
    kind: str = msgspec.field(default_factory=lambda: "ServiceAccount")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    secrets: Annotated[tuple[ObjectReference, ...], Field(2, merge_key="name", list_type="map", list_keys=("name",))] = ()
    image_pull_secrets: Annotated[tuple[LocalObjectReference, ...], Field(3)] = ()
    automount_service_account_token: Annotated[bool | None, Field(4)] = None


class NamespaceSpec(Struct):
    finalizers: Annotated[tuple[str, ...], Field(1)] = ()


class NamespaceStatus(Struct):
    phase: Annotated[str, Field(1, enum=("Active", "Terminating"))] = ""
    conditions: Annotated[tuple[NamespaceCondition, ...], Field(2, merge_key="type", list_type="map", list_keys=("type",))] = ()


class NamespaceCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(4)] = ""
    reason: Annotated[str, Field(5)] = ""
    message: Annotated[str, Field(6)] = ""


class Namespace(Object):
    names: ClassVar[Names] = Names("", "v1", "Namespace", "namespaces", False, short=("ns",))
    kind: str = msgspec.field(default_factory=lambda: "Namespace")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[NamespaceSpec, Field(2)] = msgspec.field(default_factory=NamespaceSpec)
    status: Annotated[NamespaceStatus, Field(3)] = msgspec.field(default_factory=NamespaceStatus)


class EventSource(Struct):
    component: Annotated[str, Field(1)] = ""
    host: Annotated[str, Field(2)] = ""


class Event(Object):
    names: ClassVar[Names] = Names("", "v1", "Event", "events", True, short=("ev",))
    kind: str = msgspec.field(default_factory=lambda: "Event")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, required=True)] = msgspec.field(default_factory=ObjectMeta)
    involved_object: Annotated[ObjectReference, Field(2, required=True, atomic=True)] = msgspec.field(default_factory=ObjectReference)
    reason: Annotated[str, Field(3)] = ""
    message: Annotated[str, Field(4)] = ""
    source: Annotated[EventSource, Field(5)] = msgspec.field(default_factory=EventSource)
    first_timestamp: Annotated[Time, Field(6)] = ""
    last_timestamp: Annotated[Time, Field(7)] = ""
    count: Annotated[Int32, Field(8)] = 0
    type: Annotated[str, Field(9)] = ""
    event_time: Annotated[MicroTime, Field(10)] = ""
    series: Annotated[EventSeries | None, Field(11)] = None
    action: Annotated[str, Field(12)] = ""
    related: Annotated[ObjectReference | None, Field(13, atomic=True)] = None
    reporting_component: Annotated[str, Field(14)] = ALWAYS_STR
    reporting_instance: Annotated[str, Field(15)] = ALWAYS_STR


class EventSeries(Struct):
    count: Annotated[Int32, Field(1)] = 0
    last_observed_time: Annotated[MicroTime, Field(2)] = ""


class LimitRangeItem(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    max: Annotated[dict[str, Quantity], Field(2)] = MAP
    min: Annotated[dict[str, Quantity], Field(3)] = MAP
    default: Annotated[dict[str, Quantity], Field(4)] = MAP
    default_request: Annotated[dict[str, Quantity], Field(5)] = MAP
    max_limit_request_ratio: Annotated[dict[str, Quantity], Field(6)] = MAP


class LimitRangeSpec(Struct):
    limits: Annotated[tuple[LimitRangeItem, ...], Field(1, required=True)] = ALWAYS_LIST


class LimitRange(Object):
    names: ClassVar[Names] = Names("", "v1", "LimitRange", "limitranges", True, short=("limits",))
    kind: str = msgspec.field(default_factory=lambda: "LimitRange")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[LimitRangeSpec, Field(2)] = msgspec.field(default_factory=LimitRangeSpec)


class ResourceQuotaSpec(Struct):
    hard: Annotated[dict[str, Quantity], Field(1)] = MAP
    scopes: Annotated[tuple[str, ...], Field(2, enum=("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"))] = ()
    scope_selector: Annotated[ScopeSelector | None, Field(3, atomic=True)] = None


class ResourceQuotaStatus(Struct):
    hard: Annotated[dict[str, Quantity], Field(1)] = MAP
    used: Annotated[dict[str, Quantity], Field(2)] = MAP


class ResourceQuota(Object):
    names: ClassVar[Names] = Names("", "v1", "ResourceQuota", "resourcequotas", True, short=("quota",))
    kind: str = msgspec.field(default_factory=lambda: "ResourceQuota")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ResourceQuotaSpec, Field(2)] = msgspec.field(default_factory=ResourceQuotaSpec)
    status: Annotated[ResourceQuotaStatus, Field(3)] = msgspec.field(default_factory=ResourceQuotaStatus)


class Secret(Object):
    names: ClassVar[Names] = Names("", "v1", "Secret", "secrets", True)
    kind: str = msgspec.field(default_factory=lambda: "Secret")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    immutable: Annotated[bool | None, Field(5)] = None
    data: Annotated[dict[str, Bytes], Field(2)] = MAP
    string_data: Annotated[dict[str, str], Field(4)] = MAP
    type: Annotated[str, Field(3)] = ""


class ConfigMap(Object):
    names: ClassVar[Names] = Names("", "v1", "ConfigMap", "configmaps", True, short=("cm",))
    kind: str = msgspec.field(default_factory=lambda: "ConfigMap")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    immutable: Annotated[bool | None, Field(4)] = None
    data: Annotated[dict[str, str], Field(2)] = MAP
    binary_data: Annotated[dict[str, Bytes], Field(3)] = MAP


class ComponentCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    message: Annotated[str, Field(3)] = ""
    error: Annotated[str, Field(4)] = ""


class ComponentStatus(Object):
    names: ClassVar[Names] = Names("", "v1", "ComponentStatus", "componentstatuses", False, short=("cs",))
    kind: str = msgspec.field(default_factory=lambda: "ComponentStatus")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    conditions: Annotated[tuple[ComponentCondition, ...], Field(2, merge_key="type", list_type="map", list_keys=("type",))] = ()
