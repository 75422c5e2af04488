"""Declaration: autoscaling/v2.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_LIST,
    ALWAYS_STR,
    Field,
    Int32,
    Int64,
    Names,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class CrossVersionObjectReference(Struct):
    """An object, by kind and name."""

    kind: Annotated[str, Field(1, "The object's kind.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, "The object's name.", required=True)] = ALWAYS_STR
    api_version: Annotated[str, Field(3, "The API group and version that this object is written in.")] = ""


class HorizontalPodAutoscalerSpec(Struct):
    """What is scaled, between which bounds, by which metrics."""

    scale_target_ref: Annotated[CrossVersionObjectReference, Field(1, "What is scaled.", required=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    min_replicas: Annotated[Int32 | None, Field(2, "The least number of pods. 1 when absent.")] = None
    max_replicas: Annotated[Int32, Field(3, "The greatest number of pods.", required=True)] = ALWAYS_INT
    metrics: Annotated[tuple[MetricSpec, ...], Field(4, "What decides; the metric that asks for most wins. CPU at 80 % when empty.")] = ()
    behavior: Annotated[HorizontalPodAutoscalerBehavior | None, Field(5, "How fast it may scale.")] = None


class HorizontalPodAutoscalerStatus(Struct):
    """What is known of an autoscaler."""

    observed_generation: Annotated[Int64 | None, Field(1, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = None
    last_scale_time: Annotated[Time, Field(2, "When it last changed the number.")] = ""
    current_replicas: Annotated[Int32, Field(3, "How many pods there are.")] = 0
    desired_replicas: Annotated[Int32, Field(4, "How many it wants.", required=True)] = ALWAYS_INT
    current_metrics: Annotated[tuple[MetricStatus, ...], Field(5, "The metrics as last read.")] = ALWAYS_LIST
    conditions: Annotated[tuple[HorizontalPodAutoscalerCondition, ...], Field(6, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class HorizontalPodAutoscaler(Object):
    """Changes a number of pods with the load on them."""

    names: ClassVar[Names] = Names("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, short=("hpa",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "HorizontalPodAutoscaler")
    api_version: str = msgspec.field(default_factory=lambda: "autoscaling/v2")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[HorizontalPodAutoscalerSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    status: Annotated[HorizontalPodAutoscalerStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=HorizontalPodAutoscalerStatus)


class MetricSpec(Struct):
    """One metric and what to aim for."""

    type: Annotated[str, Field(1, "Resource, ContainerResource, Pods, Object or External.", required=True)] = ALWAYS_STR
    object: Annotated[ObjectMetricSource | None, Field(2, "A metric of an object.")] = None
    pods: Annotated[PodsMetricSource | None, Field(3, "A metric of each pod.")] = None
    resource: Annotated[ResourceMetricSource | None, Field(4, "CPU or memory of the pods.")] = None
    container_resource: Annotated[ContainerResourceMetricSource | None, Field(7, "CPU or memory of one container of the pods.")] = None
    external: Annotated[ExternalMetricSource | None, Field(5, "A metric from outside the cluster.")] = None


class HorizontalPodAutoscalerBehavior(Struct):
    """How fast it may scale."""

    scale_up: Annotated[HPAScalingRules | None, Field(1, "Upwards.")] = None
    scale_down: Annotated[HPAScalingRules | None, Field(2, "Downwards.")] = None


class HPAScalingRules(Struct):
    """How fast it may scale in one direction."""

    stabilization_window_seconds: Annotated[Int32 | None, Field(3, "Seconds over which the most careful of the past wishes counts.")] = None
    select_policy: Annotated[str | None, Field(1, "Max (the default), Min, or Disabled for not at all.")] = None
    policies: Annotated[tuple[HPAScalingPolicy, ...], Field(2, "How much may change in how long.")] = ()
    tolerance: Annotated[Quantity | None, Field(4, "How far a metric may be off before anything is done.")] = None


class HPAScalingPolicy(Struct):
    """How much may change in how long."""

    type: Annotated[str, Field(1, "Pods or Percent.", required=True)] = ALWAYS_STR
    value: Annotated[Int32, Field(2, "How many pods or which percentage.", required=True)] = ALWAYS_INT
    period_seconds: Annotated[Int32, Field(3, "In how many seconds.", required=True)] = ALWAYS_INT


class MetricTarget(Struct):
    """What to aim for."""

    type: Annotated[str, Field(1, "Utilization, Value or AverageValue.", required=True)] = ALWAYS_STR
    value: Annotated[Quantity | None, Field(2, "The value.")] = None
    average_value: Annotated[Quantity | None, Field(3, "The average over the pods.")] = None
    average_utilization: Annotated[Int32 | None, Field(4, "The percentage of the requests.")] = None


class MetricIdentifier(Struct):
    """A metric."""

    name: Annotated[str, Field(1, "Its name.", required=True)] = ALWAYS_STR
    selector: Annotated[LabelSelector | None, Field(2, "Selects among its series.", atomic=True)] = None


class ObjectMetricSource(Struct):
    """A metric of an object."""

    described_object: Annotated[CrossVersionObjectReference, Field(1, "The object.", required=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    target: Annotated[MetricTarget, Field(2, "What to aim for.", required=True)] = msgspec.field(default_factory=MetricTarget)
    metric: Annotated[MetricIdentifier, Field(3, "The metric.", required=True)] = msgspec.field(default_factory=MetricIdentifier)


class PodsMetricSource(Struct):
    """A metric of each pod."""

    metric: Annotated[MetricIdentifier, Field(1, "The metric.", required=True)] = msgspec.field(default_factory=MetricIdentifier)
    target: Annotated[MetricTarget, Field(2, "What to aim for.", required=True)] = msgspec.field(default_factory=MetricTarget)


class ResourceMetricSource(Struct):
    """CPU or memory of the pods."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    target: Annotated[MetricTarget, Field(2, "What to aim for.", required=True)] = msgspec.field(default_factory=MetricTarget)


class ContainerResourceMetricSource(Struct):
    """CPU or memory of one container of the pods."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    target: Annotated[MetricTarget, Field(2, "What to aim for.", required=True)] = msgspec.field(default_factory=MetricTarget)
    container: Annotated[str, Field(3, "The container.", required=True)] = ALWAYS_STR


class ExternalMetricSource(Struct):
    """A metric from outside the cluster."""

    metric: Annotated[MetricIdentifier, Field(1, "The metric.", required=True)] = msgspec.field(default_factory=MetricIdentifier)
    target: Annotated[MetricTarget, Field(2, "What to aim for.", required=True)] = msgspec.field(default_factory=MetricTarget)


class HorizontalPodAutoscalerCondition(Struct):
    """One thing that is known of an autoscaler's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(4, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(5, "A sentence that says why, for people.")] = ""


class MetricStatus(Struct):
    """One metric, now."""

    type: Annotated[str, Field(1, "Resource, ContainerResource, Pods, Object or External.", required=True)] = ALWAYS_STR
    object: Annotated[ObjectMetricStatus | None, Field(2, "A metric of an object.")] = None
    pods: Annotated[PodsMetricStatus | None, Field(3, "A metric of each pod.")] = None
    resource: Annotated[ResourceMetricStatus | None, Field(4, "CPU or memory of the pods.")] = None
    container_resource: Annotated[ContainerResourceMetricStatus | None, Field(7, "CPU or memory of one container of the pods.")] = None
    external: Annotated[ExternalMetricStatus | None, Field(5, "A metric from outside the cluster.")] = None


class MetricValueStatus(Struct):
    """The value of a metric."""

    value: Annotated[Quantity | None, Field(1, "The value.")] = None
    average_value: Annotated[Quantity | None, Field(2, "The average over the pods.")] = None
    average_utilization: Annotated[Int32 | None, Field(3, "The percentage of the requests.")] = None


class ObjectMetricStatus(Struct):
    """A metric of an object, now."""

    metric: Annotated[MetricIdentifier, Field(1, "The metric.", required=True)] = msgspec.field(default_factory=MetricIdentifier)
    current: Annotated[MetricValueStatus, Field(2, "The value.", required=True)] = msgspec.field(default_factory=MetricValueStatus)
    described_object: Annotated[CrossVersionObjectReference, Field(3, "The object.", required=True)] = msgspec.field(default_factory=CrossVersionObjectReference)


class PodsMetricStatus(Struct):
    """A metric of each pod, now."""

    metric: Annotated[MetricIdentifier, Field(1, "The metric.", required=True)] = msgspec.field(default_factory=MetricIdentifier)
    current: Annotated[MetricValueStatus, Field(2, "The value.", required=True)] = msgspec.field(default_factory=MetricValueStatus)


class ResourceMetricStatus(Struct):
    """CPU or memory of the pods, now."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    current: Annotated[MetricValueStatus, Field(2, "The value.", required=True)] = msgspec.field(default_factory=MetricValueStatus)


class ContainerResourceMetricStatus(Struct):
    """CPU or memory of one container of the pods, now."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    current: Annotated[MetricValueStatus, Field(2, "The value.", required=True)] = msgspec.field(default_factory=MetricValueStatus)
    container: Annotated[str, Field(3, "The container.", required=True)] = ALWAYS_STR


class ExternalMetricStatus(Struct):
    """A metric from outside the cluster, now."""

    metric: Annotated[MetricIdentifier, Field(1, "The metric.", required=True)] = msgspec.field(default_factory=MetricIdentifier)
    current: Annotated[MetricValueStatus, Field(2, "The value.", required=True)] = msgspec.field(default_factory=MetricValueStatus)
