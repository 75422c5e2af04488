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
    """How pods get a new template."""

    type: Annotated[str, Field(1, "RollingUpdate (the default) or OnDelete.", enum=("RollingUpdate", "OnDelete"))] = ""
    rolling_update: Annotated[RollingUpdateStatefulSetStrategy | None, Field(2, "Details of RollingUpdate.")] = None


class StatefulSetSpec(Struct):
    """What a StatefulSet is to do."""

    replicas: Annotated[Int32 | None, Field(1, "How many pods. 1 when absent.")] = None
    selector: Annotated[LabelSelector | None, Field(2, "Selects its pods; it must match the template and cannot change.", required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(3, "What its pods are like. Each is called by the set's name and its number.", required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    volume_claim_templates: Annotated[tuple[PersistentVolumeClaim, ...], Field(4, "Claims that each pod gets for its own and keeps when it is made again.")] = ()
    service_name: Annotated[str, Field(5, "The headless Service that gives the pods their DNS names.")] = ALWAYS_STR
    pod_management_policy: Annotated[str, Field(6, "OrderedReady (the default) makes one pod after the other, Parallel all at once.", enum=("OrderedReady", "Parallel"))] = ""
    update_strategy: Annotated[StatefulSetUpdateStrategy, Field(7, "How pods get a new template.")] = msgspec.field(default_factory=StatefulSetUpdateStrategy)
    revision_history_limit: Annotated[Int32 | None, Field(8, "How many old revisions are kept. 10 when absent.")] = None
    min_ready_seconds: Annotated[Int32, Field(9, "Seconds that a pod must be ready before it counts as available.")] = 0
    persistent_volume_claim_retention_policy: Annotated[StatefulSetPersistentVolumeClaimRetentionPolicy | None, Field(10, "What becomes of the claims when pods or the set go.")] = None
    ordinals: Annotated[StatefulSetOrdinals | None, Field(11, "How pods are numbered.")] = None


class StatefulSetStatus(Struct):
    """What is known of a StatefulSet."""

    observed_generation: Annotated[Int64, Field(1, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    replicas: Annotated[Int32, Field(2, "How many pods there are.", required=True)] = ALWAYS_INT
    ready_replicas: Annotated[Int32, Field(3, "How many are ready.")] = 0
    current_replicas: Annotated[Int32, Field(4, "How many are of the current revision.")] = 0
    updated_replicas: Annotated[Int32, Field(5, "How many are of the update revision.")] = 0
    current_revision: Annotated[str, Field(6, "The revision of pods that are not updated yet.")] = ""
    update_revision: Annotated[str, Field(7, "The revision that pods are updated to.")] = ""
    collision_count: Annotated[Int32 | None, Field(9, "How often a revision's name was taken.")] = None
    conditions: Annotated[tuple[StatefulSetCondition, ...], Field(10, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()
    available_replicas: Annotated[Int32, Field(11, "How many have been ready for minReadySeconds.")] = ALWAYS_INT


class StatefulSet(Object):
    """Pods with stable names, stable storage and an order."""

    names: ClassVar[Names] = Names("apps", "v1", "StatefulSet", "statefulsets", True, short=("sts",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "StatefulSet")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[StatefulSetSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=StatefulSetSpec)
    status: Annotated[StatefulSetStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=StatefulSetStatus)


class RollingUpdateStatefulSetStrategy(Struct):
    """Details of a rolling update."""

    partition: Annotated[Int32 | None, Field(1, "Pods with a lower number keep the old template.")] = None
    max_unavailable: Annotated[IntOrString | None, Field(2, "How many pods may be away at once, as number or percentage. 1 when absent.")] = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(Struct):
    """What becomes of claims."""

    when_deleted: Annotated[str, Field(1, "When the set is deleted: Retain (the default) or Delete.")] = ""
    when_scaled: Annotated[str, Field(2, "When the set is scaled down: Retain (the default) or Delete.")] = ""


class StatefulSetOrdinals(Struct):
    """How pods are numbered."""

    start: Annotated[Int32, Field(1, "The first number. 0 when absent.")] = ALWAYS_INT


class StatefulSetCondition(Struct):
    """One thing that is known of a StatefulSet's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""


class DeploymentStrategy(Struct):
    """How old pods are replaced by new ones."""

    type: Annotated[str, Field(1, "RollingUpdate (the default) or Recreate.", enum=("Recreate", "RollingUpdate"))] = ""
    rolling_update: Annotated[RollingUpdateDeployment | None, Field(2, "Details of RollingUpdate.")] = None


class DeploymentSpec(Struct):
    """What a Deployment is to do."""

    replicas: Annotated[Int32 | None, Field(1, "How many pods. 1 when absent.")] = None
    selector: Annotated[LabelSelector | None, Field(2, "Selects its pods; it must match the template and cannot change.", required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(3, "What its pods are like.", required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    strategy: Annotated[DeploymentStrategy, Field(4, "How old pods are replaced by new ones.", retain_keys=True)] = msgspec.field(default_factory=DeploymentStrategy)
    min_ready_seconds: Annotated[Int32, Field(5, "Seconds that a pod must be ready before it counts as available.")] = 0
    revision_history_limit: Annotated[Int32 | None, Field(6, "How many old ReplicaSets are kept for going back. 10 when absent.")] = None
    paused: Annotated[bool, Field(7, "Do not act on changes of the template.")] = False
    progress_deadline_seconds: Annotated[Int32 | None, Field(9, "Seconds without progress after which a rollout counts as failed. 600 when absent.")] = None


class DeploymentStatus(Struct):
    """What is known of a Deployment."""

    observed_generation: Annotated[Int64, Field(1, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    replicas: Annotated[Int32, Field(2, "How many pods there are.")] = 0
    updated_replicas: Annotated[Int32, Field(3, "How many have the newest template.")] = 0
    ready_replicas: Annotated[Int32, Field(7, "How many are ready.")] = 0
    available_replicas: Annotated[Int32, Field(4, "How many have been ready for minReadySeconds.")] = 0
    unavailable_replicas: Annotated[Int32, Field(5, "How many are still missing.")] = 0
    terminating_replicas: Annotated[Int32 | None, Field(9, "How many are on their way out.")] = None
    conditions: Annotated[tuple[DeploymentCondition, ...], Field(6, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()
    collision_count: Annotated[Int32 | None, Field(8, "How often the name of a ReplicaSet was taken.")] = None


class Deployment(Object):
    """Keeps a number of equal pods running and rolls out new versions of them."""

    names: ClassVar[Names] = Names("apps", "v1", "Deployment", "deployments", True, short=("deploy",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Deployment")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[DeploymentSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=DeploymentSpec)
    status: Annotated[DeploymentStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=DeploymentStatus)


class RollingUpdateDeployment(Struct):
    """Details of a rolling update."""

    max_unavailable: Annotated[IntOrString | None, Field(1, "How many pods may be missing, as number or percentage. 25% when absent.")] = None
    max_surge: Annotated[IntOrString | None, Field(2, "How many pods there may be above the wanted number, as number or percentage. 25% when absent.")] = None


class DeploymentCondition(Struct):
    """One thing that is known of a Deployment's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_update_time: Annotated[Time, Field(6, "When the condition was last written.")] = ""
    last_transition_time: Annotated[Time, Field(7, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""


class DaemonSetUpdateStrategy(Struct):
    """How pods get a new template."""

    type: Annotated[str, Field(1, "RollingUpdate (the default) or OnDelete.", enum=("RollingUpdate", "OnDelete"))] = ""
    rolling_update: Annotated[RollingUpdateDaemonSet | None, Field(2, "Details of RollingUpdate.")] = None


class RollingUpdateDaemonSet(Struct):
    """Details of a rolling update."""

    max_unavailable: Annotated[IntOrString | None, Field(1, "On how many nodes the pod may be missing, as number or percentage. 1 when absent.")] = None
    max_surge: Annotated[IntOrString | None, Field(2, "On how many nodes the new pod may run beside the old one, as number or percentage. 0 when absent.")] = None


class DaemonSetSpec(Struct):
    """What a DaemonSet is to do."""

    selector: Annotated[LabelSelector | None, Field(1, "Selects its pods; it must match the template and cannot change.", required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(2, "What its pods are like; its node selector and affinity choose the nodes.", required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    update_strategy: Annotated[DaemonSetUpdateStrategy, Field(3, "How pods get a new template.")] = msgspec.field(default_factory=DaemonSetUpdateStrategy)
    min_ready_seconds: Annotated[Int32, Field(4, "Seconds that a pod must be ready before it counts as available.")] = 0
    revision_history_limit: Annotated[Int32 | None, Field(6, "How many old revisions are kept. 10 when absent.")] = None


class DaemonSetStatus(Struct):
    """What is known of a DaemonSet."""

    current_number_scheduled: Annotated[Int32, Field(1, "Nodes that should run the pod and do.", required=True)] = ALWAYS_INT
    number_misscheduled: Annotated[Int32, Field(2, "Nodes that run the pod and should not.", required=True)] = ALWAYS_INT
    desired_number_scheduled: Annotated[Int32, Field(3, "Nodes that should run the pod.", required=True)] = ALWAYS_INT
    number_ready: Annotated[Int32, Field(4, "Nodes where the pod is ready.", required=True)] = ALWAYS_INT
    observed_generation: Annotated[Int64, Field(5, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    updated_number_scheduled: Annotated[Int32, Field(6, "Nodes whose pod has the newest template.")] = 0
    number_available: Annotated[Int32, Field(7, "Nodes where the pod has been ready for minReadySeconds.")] = 0
    number_unavailable: Annotated[Int32, Field(8, "Nodes where it is missing or not available.")] = 0
    collision_count: Annotated[Int32 | None, Field(9, "How often a revision's name was taken.")] = None
    conditions: Annotated[tuple[DaemonSetCondition, ...], Field(10, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class DaemonSetCondition(Struct):
    """One thing that is known of a DaemonSet's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""


class DaemonSet(Object):
    """Runs one pod on every node, or on those that it selects."""

    names: ClassVar[Names] = Names("apps", "v1", "DaemonSet", "daemonsets", True, short=("ds",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "DaemonSet")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[DaemonSetSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=DaemonSetSpec)
    status: Annotated[DaemonSetStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=DaemonSetStatus)


class ReplicaSetSpec(Struct):
    """What a ReplicaSet is to do."""

    replicas: Annotated[Int32 | None, Field(1, "How many pods. 1 when absent.")] = None
    min_ready_seconds: Annotated[Int32, Field(4, "Seconds that a pod must be ready before it counts as available.")] = 0
    selector: Annotated[LabelSelector | None, Field(2, "Selects its pods; it must match the template and cannot change.", required=True, atomic=True)] = None
    template: Annotated[PodTemplateSpec, Field(3, "What its pods are like.")] = msgspec.field(default_factory=PodTemplateSpec)


class ReplicaSetStatus(Struct):
    """What is known of a ReplicaSet."""

    replicas: Annotated[Int32, Field(1, "How many pods there are.", required=True)] = ALWAYS_INT
    fully_labeled_replicas: Annotated[Int32, Field(2, "How many have all labels of the template.")] = 0
    ready_replicas: Annotated[Int32, Field(4, "How many are ready.")] = 0
    available_replicas: Annotated[Int32, Field(5, "How many have been ready for minReadySeconds.")] = 0
    terminating_replicas: Annotated[Int32 | None, Field(7, "How many are on their way out.")] = None
    observed_generation: Annotated[Int64, Field(3, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    conditions: Annotated[tuple[ReplicaSetCondition, ...], Field(6, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class ReplicaSet(Object):
    """Keeps a number of equal pods running. Deployments make them; one rarely does by hand."""

    names: ClassVar[Names] = Names("apps", "v1", "ReplicaSet", "replicasets", True, short=("rs",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "ReplicaSet")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ReplicaSetSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ReplicaSetSpec)
    status: Annotated[ReplicaSetStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ReplicaSetStatus)


class ReplicaSetCondition(Struct):
    """One thing that is known of a ReplicaSet's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""


class ControllerRevision(Object):
    """A former template of a DaemonSet or StatefulSet, to go back to."""

    names: ClassVar[Names] = Names("apps", "v1", "ControllerRevision", "controllerrevisions", True)
    kind: str = msgspec.field(default_factory=lambda: "ControllerRevision")
    api_version: str = msgspec.field(default_factory=lambda: "apps/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    data: Annotated[RawObject, Field(2, "The template.")] = None
    revision: Annotated[Int64, Field(3, "Its number; the newest has the highest.", required=True)] = ALWAYS_INT
