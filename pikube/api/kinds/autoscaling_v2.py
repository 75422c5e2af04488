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
    kind: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    api_version: Annotated[str, Field(3)] = ""


class HorizontalPodAutoscalerSpec(Struct):
    scale_target_ref: Annotated[CrossVersionObjectReference, Field(1, required=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    min_replicas: Annotated[Int32 | None, Field(2)] = None
    max_replicas: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    metrics: Annotated[tuple[MetricSpec, ...], Field(4)] = ()
    behavior: Annotated[HorizontalPodAutoscalerBehavior | None, Field(5)] = None


class HorizontalPodAutoscalerStatus(Struct):
    observed_generation: Annotated[Int64 | None, Field(1)] = None
    last_scale_time: Annotated[Time, Field(2)] = ""
    current_replicas: Annotated[Int32, Field(3)] = 0
    desired_replicas: Annotated[Int32, Field(4, required=True)] = ALWAYS_INT
    current_metrics: Annotated[tuple[MetricStatus, ...], Field(5)] = ALWAYS_LIST
    conditions: Annotated[tuple[HorizontalPodAutoscalerCondition, ...], Field(6, merge_key="type", list_type="map", list_keys=("type",))] = ()


class HorizontalPodAutoscaler(Object):
    names: ClassVar[Names] = Names("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, short=("hpa",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "HorizontalPodAutoscaler")
    api_version: str = msgspec.field(default_factory=lambda: "autoscaling/v2")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[HorizontalPodAutoscalerSpec, Field(2, required=True)] = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    status: Annotated[HorizontalPodAutoscalerStatus, Field(3)] = msgspec.field(default_factory=HorizontalPodAutoscalerStatus)


class MetricSpec(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    object: Annotated[ObjectMetricSource | None, Field(2)] = None
    pods: Annotated[PodsMetricSource | None, Field(3)] = None
    resource: Annotated[ResourceMetricSource | None, Field(4)] = None
    container_resource: Annotated[ContainerResourceMetricSource | None, Field(7)] = None
    external: Annotated[ExternalMetricSource | None, Field(5)] = None


class HorizontalPodAutoscalerBehavior(Struct):
    scale_up: Annotated[HPAScalingRules | None, Field(1)] = None
    scale_down: Annotated[HPAScalingRules | None, Field(2)] = None


class HPAScalingRules(Struct):
    stabilization_window_seconds: Annotated[Int32 | None, Field(3)] = None
    select_policy: Annotated[str | None, Field(1)] = None
    policies: Annotated[tuple[HPAScalingPolicy, ...], Field(2)] = ()
    tolerance: Annotated[Quantity | None, Field(4)] = None


class HPAScalingPolicy(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value: Annotated[Int32, Field(2, required=True)] = ALWAYS_INT
    period_seconds: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT


class MetricTarget(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value: Annotated[Quantity | None, Field(2)] = None
    average_value: Annotated[Quantity | None, Field(3)] = None
    average_utilization: Annotated[Int32 | None, Field(4)] = None


class MetricIdentifier(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    selector: Annotated[LabelSelector | None, Field(2, atomic=True)] = None


class ObjectMetricSource(Struct):
    described_object: Annotated[CrossVersionObjectReference, Field(1, required=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    target: Annotated[MetricTarget, Field(2, required=True)] = msgspec.field(default_factory=MetricTarget)
    metric: Annotated[MetricIdentifier, Field(3, required=True)] = msgspec.field(default_factory=MetricIdentifier)


class PodsMetricSource(Struct):
    metric: Annotated[MetricIdentifier, Field(1, required=True)] = msgspec.field(default_factory=MetricIdentifier)
    target: Annotated[MetricTarget, Field(2, required=True)] = msgspec.field(default_factory=MetricTarget)


class ResourceMetricSource(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    target: Annotated[MetricTarget, Field(2, required=True)] = msgspec.field(default_factory=MetricTarget)


class ContainerResourceMetricSource(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    target: Annotated[MetricTarget, Field(2, required=True)] = msgspec.field(default_factory=MetricTarget)
    container: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class ExternalMetricSource(Struct):
    metric: Annotated[MetricIdentifier, Field(1, required=True)] = msgspec.field(default_factory=MetricIdentifier)
    target: Annotated[MetricTarget, Field(2, required=True)] = msgspec.field(default_factory=MetricTarget)


class HorizontalPodAutoscalerCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    message: Annotated[str, Field(5)] = ""


class MetricStatus(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    object: Annotated[ObjectMetricStatus | None, Field(2)] = None
    pods: Annotated[PodsMetricStatus | None, Field(3)] = None
    resource: Annotated[ResourceMetricStatus | None, Field(4)] = None
    container_resource: Annotated[ContainerResourceMetricStatus | None, Field(7)] = None
    external: Annotated[ExternalMetricStatus | None, Field(5)] = None


class MetricValueStatus(Struct):
    value: Annotated[Quantity | None, Field(1)] = None
    average_value: Annotated[Quantity | None, Field(2)] = None
    average_utilization: Annotated[Int32 | None, Field(3)] = None


class ObjectMetricStatus(Struct):
    metric: Annotated[MetricIdentifier, Field(1, required=True)] = msgspec.field(default_factory=MetricIdentifier)
    current: Annotated[MetricValueStatus, Field(2, required=True)] = msgspec.field(default_factory=MetricValueStatus)
    described_object: Annotated[CrossVersionObjectReference, Field(3, required=True)] = msgspec.field(default_factory=CrossVersionObjectReference)


class PodsMetricStatus(Struct):
    metric: Annotated[MetricIdentifier, Field(1, required=True)] = msgspec.field(default_factory=MetricIdentifier)
    current: Annotated[MetricValueStatus, Field(2, required=True)] = msgspec.field(default_factory=MetricValueStatus)


class ResourceMetricStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    current: Annotated[MetricValueStatus, Field(2, required=True)] = msgspec.field(default_factory=MetricValueStatus)


class ContainerResourceMetricStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    current: Annotated[MetricValueStatus, Field(2, required=True)] = msgspec.field(default_factory=MetricValueStatus)
    container: Annotated[str, Field(3, required=True)] = ALWAYS_STR


class ExternalMetricStatus(Struct):
    metric: Annotated[MetricIdentifier, Field(1, required=True)] = msgspec.field(default_factory=MetricIdentifier)
    current: Annotated[MetricValueStatus, Field(2, required=True)] = msgspec.field(default_factory=MetricValueStatus)
