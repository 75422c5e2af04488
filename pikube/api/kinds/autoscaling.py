"""Declaration: autoscaling/v1 (Scale and the first HorizontalPodAutoscaler).

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, ALWAYS_STR, Field, Int32, Int64, Names, Quantity, Struct, Time
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class CrossVersionObjectReference(Struct):
    kind: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    api_version: Annotated[str, Field(3)] = ""


class HorizontalPodAutoscalerSpec(Struct):
    scale_target_ref: Annotated[CrossVersionObjectReference, Field(1, required=True, atomic=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    min_replicas: Annotated[Int32 | None, Field(2)] = None
    max_replicas: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    target_cpu_utilization_percentage: Annotated[Int32 | None, Field(4)] = msgspec.field(name="targetCPUUtilizationPercentage", default=None)


class HorizontalPodAutoscalerStatus(Struct):
    observed_generation: Annotated[Int64 | None, Field(1)] = None
    last_scale_time: Annotated[Time, Field(2)] = ""
    current_replicas: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    desired_replicas: Annotated[Int32, Field(4, required=True)] = ALWAYS_INT
    current_cpu_utilization_percentage: Annotated[Int32 | None, Field(5)] = msgspec.field(name="currentCPUUtilizationPercentage", default=None)


class HorizontalPodAutoscaler(Object):
    names: ClassVar[Names] = Names("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, short=("hpa",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "HorizontalPodAutoscaler")
    api_version: str = msgspec.field(default_factory=lambda: "autoscaling/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[HorizontalPodAutoscalerSpec, Field(2, required=True)] = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    status: Annotated[HorizontalPodAutoscalerStatus, Field(3)] = msgspec.field(default_factory=HorizontalPodAutoscalerStatus)


class ScaleSpec(Struct):
    replicas: Annotated[Int32, Field(1, default=0)] = 0


class ScaleStatus(Struct):
    replicas: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    selector: Annotated[str, Field(2)] = ""


class Scale(Object):
    names: ClassVar[Names] = Names("autoscaling", "v1", "Scale", "scales", True)
    kind: str = msgspec.field(default_factory=lambda: "Scale")
    api_version: str = msgspec.field(default_factory=lambda: "autoscaling/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ScaleSpec, Field(2)] = msgspec.field(default_factory=ScaleSpec)
    status: Annotated[ScaleStatus, Field(3)] = msgspec.field(default_factory=ScaleStatus)


class ObjectMetricSource(Struct):
    target: Annotated[CrossVersionObjectReference, Field(1, required=True, atomic=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    metric_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    target_value: Annotated[Quantity, Field(3, required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(4, atomic=True)] = None
    average_value: Annotated[Quantity | None, Field(5)] = None


class PodsMetricSource(Struct):
    metric_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    target_average_value: Annotated[Quantity, Field(2, required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(3, atomic=True)] = None


class ResourceMetricSource(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    target_average_utilization: Annotated[Int32 | None, Field(2)] = None
    target_average_value: Annotated[Quantity | None, Field(3)] = None


class ContainerResourceMetricSource(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    target_average_utilization: Annotated[Int32 | None, Field(2)] = None
    target_average_value: Annotated[Quantity | None, Field(3)] = None
    container: Annotated[str, Field(5, required=True)] = ALWAYS_STR


class ExternalMetricSource(Struct):
    metric_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    metric_selector: Annotated[LabelSelector | None, Field(2, atomic=True)] = None
    target_value: Annotated[Quantity | None, Field(3)] = None
    target_average_value: Annotated[Quantity | None, Field(4)] = None


class ObjectMetricStatus(Struct):
    target: Annotated[CrossVersionObjectReference, Field(1, required=True, atomic=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    metric_name: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    current_value: Annotated[Quantity, Field(3, required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(4, atomic=True)] = None
    average_value: Annotated[Quantity | None, Field(5)] = None


class PodsMetricStatus(Struct):
    metric_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    current_average_value: Annotated[Quantity, Field(2, required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(3, atomic=True)] = None


class ResourceMetricStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    current_average_utilization: Annotated[Int32 | None, Field(2)] = None
    current_average_value: Annotated[Quantity, Field(3, required=True)] = msgspec.field(default_factory=lambda: "0")


class ContainerResourceMetricStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    current_average_utilization: Annotated[Int32 | None, Field(2)] = None
    current_average_value: Annotated[Quantity, Field(3, required=True)] = msgspec.field(default_factory=lambda: "0")
    container: Annotated[str, Field(4, required=True)] = ALWAYS_STR


class ExternalMetricStatus(Struct):
    metric_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    metric_selector: Annotated[LabelSelector | None, Field(2, atomic=True)] = None
    current_value: Annotated[Quantity, Field(3, required=True)] = msgspec.field(default_factory=lambda: "0")
    current_average_value: Annotated[Quantity | None, Field(4)] = None
