"""Declaration: apps/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_STR,
    Field,
    Int32,
    Int64,
    IntOrString,
    Names,
    RawObject,
    Struct,
    Time,
)
from pikube.api.kinds.core_pod import PodTemplateSpec
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class StatefulSetUpdateStrategy(Struct):
    type: Annotated[str, Field(1, enum=("RollingUpdate", "OnDelete"))] = ""
    rolling_update: Annotated[RollingUpdateStatefulSetStrategy | None, Field(2)] = None


class StatefulSetSpec(Struct):
    replicas: Annotated[Int32 | None, Field(1)] = None
    selector: Annotated[LabelSelector | None, Field(2, required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(3, required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    volume_claim_templates: Annotated[tuple[PersistentVolumeClaim, ...], Field(4)] = ()
    service_name: Annotated[str, Field(5)] = ALWAYS_STR
    pod_management_policy: Annotated[str, Field(6, enum=("OrderedReady", "Parallel"))] = ""
    update_strategy: Annotated[StatefulSetUpdateStrategy, Field(7)] = msgspec.field(default_factory=StatefulSetUpdateStrategy)
    revision_history_limit: Annotated[Int32 | None, Field(8)] = None
    min_ready_seconds: Annotated[Int32, Field(9)] = 0
    persistent_volume_claim_retention_policy: Annotated[StatefulSetPersistentVolumeClaimRetentionPolicy | None, Field(10)] = None
    ordinals: Annotated[StatefulSetOrdinals | None, Field(11)] = None


class StatefulSetStatus(Struct):
    observed_generation: Annotated[Int64, Field(1)] = 0
    replicas: Annotated[Int32, Field(2, required=True)] = ALWAYS_INT
    ready_replicas: Annotated[Int32, Field(3)] = 0
    current_replicas: Annotated[Int32, Field(4)] = 0
    updated_replicas: Annotated[Int32, Field(5)] = 0
    current_revision: Annotated[str, Field(6)] = ""
    update_revision: Annotated[str, Field(7)] = ""
    collision_count: Annotated[Int32 | None, Field(9)] = None
    conditions: Annotated[tuple[StatefulSetCondition, ...], Field(10, merge_key="type", list_type="map", list_keys=("type",))] = ()
    available_replicas: Annotated[Int32, Field(11)] = ALWAYS_INT


class StatefulSet(Object):
    names: ClassVar[Names] = Names("apps", "v1", "StatefulSet", "statefulsets", True, short=("sts",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "StatefulSet")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[StatefulSetSpec, Field(2)] = msgspec.field(default_factory=StatefulSetSpec)
    status: Annotated[StatefulSetStatus, Field(3)] = msgspec.field(default_factory=StatefulSetStatus)


class RollingUpdateStatefulSetStrategy(Struct):
    partition: Annotated[Int32 | None, Field(1)] = None
    max_unavailable: Annotated[IntOrString | None, Field(2)] = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(Struct):
    when_deleted: Annotated[str, Field(1)] = ""
    when_scaled: Annotated[str, Field(2)] = ""


class StatefulSetOrdinals(Struct):
    start: Annotated[Int32, Field(1)] = ALWAYS_INT


class StatefulSetCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""


class DeploymentStrategy(Struct):
    type: Annotated[str, Field(1, enum=("Recreate", "RollingUpdate"))] = ""
    rolling_update: Annotated[RollingUpdateDeployment | None, Field(2)] = None


class DeploymentSpec(Struct):
    replicas: Annotated[Int32 | None, Field(1)] = None
    selector: Annotated[LabelSelector | None, Field(2, required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(3, required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    strategy: Annotated[DeploymentStrategy, Field(4, retain_keys=True)] = msgspec.field(default_factory=DeploymentStrategy)
    min_ready_seconds: Annotated[Int32, Field(5)] = 0
    revision_history_limit: Annotated[Int32 | None, Field(6)] = None
    paused: Annotated[bool, Field(7)] = False
    progress_deadline_seconds: Annotated[Int32 | None, Field(9)] = None


class DeploymentStatus(Struct):
    observed_generation: Annotated[Int64, Field(1)] = 0
    replicas: Annotated[Int32, Field(2)] = 0
    updated_replicas: Annotated[Int32, Field(3)] = 0
    ready_replicas: Annotated[Int32, Field(7)] = 0
    available_replicas: Annotated[Int32, Field(4)] = 0
    unavailable_replicas: Annotated[Int32, Field(5)] = 0
    terminating_replicas: Annotated[Int32 | None, Field(9)] = None
    conditions: Annotated[tuple[DeploymentCondition, ...], Field(6, merge_key="type", list_type="map", list_keys=("type",))] = ()
    collision_count: Annotated[Int32 | None, Field(8)] = None


class Deployment(Object):
    names: ClassVar[Names] = Names("apps", "v1", "Deployment", "deployments", True, short=("deploy",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Deployment")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[DeploymentSpec, Field(2)] = msgspec.field(default_factory=DeploymentSpec)
    status: Annotated[DeploymentStatus, Field(3)] = msgspec.field(default_factory=DeploymentStatus)


class RollingUpdateDeployment(Struct):
    max_unavailable: Annotated[IntOrString | None, Field(1)] = None
    max_surge: Annotated[IntOrString | None, Field(2)] = None


class DeploymentCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_update_time: Annotated[Time, Field(6)] = ""
    last_transition_time: Annotated[Time, Field(7)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""


class DaemonSetUpdateStrategy(Struct):
    type: Annotated[str, Field(1, enum=("RollingUpdate", "OnDelete"))] = ""
    rolling_update: Annotated[RollingUpdateDaemonSet | None, Field(2)] = None


class RollingUpdateDaemonSet(Struct):
    max_unavailable: Annotated[IntOrString | None, Field(1)] = None
    max_surge: Annotated[IntOrString | None, Field(2)] = None


class DaemonSetSpec(Struct):
    selector: Annotated[LabelSelector | None, Field(1, required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(2, required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    update_strategy: Annotated[DaemonSetUpdateStrategy, Field(3)] = msgspec.field(default_factory=DaemonSetUpdateStrategy)
    min_ready_seconds: Annotated[Int32, Field(4)] = 0
    revision_history_limit: Annotated[Int32 | None, Field(6)] = None


class DaemonSetStatus(Struct):
    current_number_scheduled: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    number_misscheduled: Annotated[Int32, Field(2, required=True)] = ALWAYS_INT
    desired_number_scheduled: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    number_ready: Annotated[Int32, Field(4, required=True)] = ALWAYS_INT
    observed_generation: Annotated[Int64, Field(5)] = 0
    updated_number_scheduled: Annotated[Int32, Field(6)] = 0
    number_available: Annotated[Int32, Field(7)] = 0
    number_unavailable: Annotated[Int32, Field(8)] = 0
    collision_count: Annotated[Int32 | None, Field(9)] = None
    conditions: Annotated[tuple[DaemonSetCondition, ...], Field(10, merge_key="type", list_type="map", list_keys=("type",))] = ()


class DaemonSetCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""


class DaemonSet(Object):
    names: ClassVar[Names] = Names("apps", "v1", "DaemonSet", "daemonsets", True, short=("ds",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "DaemonSet")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[DaemonSetSpec, Field(2)] = msgspec.field(default_factory=DaemonSetSpec)
    status: Annotated[DaemonSetStatus, Field(3)] = msgspec.field(default_factory=DaemonSetStatus)


class ReplicaSetSpec(Struct):
    replicas: Annotated[Int32 | None, Field(1)] = None
    min_ready_seconds: Annotated[Int32, Field(4)] = 0
    selector: Annotated[LabelSelector | None, Field(2, required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(3)] = msgspec.field(default_factory=PodTemplateSpec)


class ReplicaSetStatus(Struct):
    replicas: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    fully_labeled_replicas: Annotated[Int32, Field(2)] = 0
    ready_replicas: Annotated[Int32, Field(4)] = 0
    available_replicas: Annotated[Int32, Field(5)] = 0
    terminating_replicas: Annotated[Int32 | None, Field(7)] = None
    observed_generation: Annotated[Int64, Field(3)] = 0
    conditions: Annotated[tuple[ReplicaSetCondition, ...], Field(6, merge_key="type", list_type="map", list_keys=("type",))] = ()


class ReplicaSet(Object):
    names: ClassVar[Names] = Names("apps", "v1", "ReplicaSet", "replicasets", True, short=("rs",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "ReplicaSet")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ReplicaSetSpec, Field(2)] = msgspec.field(default_factory=ReplicaSetSpec)
    status: Annotated[ReplicaSetStatus, Field(3)] = msgspec.field(default_factory=ReplicaSetStatus)


class ReplicaSetCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""


class ControllerRevision(Object):
    names: ClassVar[Names] = Names("apps", "v1", "ControllerRevision", "controllerrevisions", True)
    kind: str = msgspec.field(default_factory=lambda: "ControllerRevision")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    data: Annotated[RawObject, Field(2)] = None
    revision: Annotated[Int64, Field(3, required=True)] = ALWAYS_INT
