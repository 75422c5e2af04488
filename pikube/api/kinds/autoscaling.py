"""Declaration: autoscaling/v1 (Scale and the first HorizontalPodAutoscaler).

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, ALWAYS_STR, Field, Int32, Int64, Names, Quantity, Struct, Time
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class CrossVersionObjectReference(Struct):
    """An object, by kind and name."""

    kind: Annotated[str, Field(1, "The object's kind.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, "The object's name.", required=True)] = ALWAYS_STR
    api_version: Annotated[str, Field(3, "The API group and version that this object is written in.")] = ""


class HorizontalPodAutoscalerSpec(Struct):
    """What is scaled, between which bounds, by CPU."""

    scale_target_ref: Annotated[CrossVersionObjectReference, Field(1, "What is scaled.", required=True, atomic=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    min_replicas: Annotated[Int32 | None, Field(2, "The least number of pods. 1 when absent.")] = None
    max_replicas: Annotated[Int32, Field(3, "The greatest number of pods.", required=True)] = ALWAYS_INT
    target_cpu_utilization_percentage: Annotated[Int32 | None, Field(4, "CPU use to aim for, as a percentage of what the pods request. 80 when absent.")] = msgspec.field(name="targetCPUUtilizationPercentage", default=None)


class HorizontalPodAutoscalerStatus(Struct):
    """What is known of an autoscaler."""

    observed_generation: Annotated[Int64 | None, Field(1, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = None
    last_scale_time: Annotated[Time, Field(2, "When it last changed the number.")] = ""
    current_replicas: Annotated[Int32, Field(3, "How many pods there are.", required=True)] = ALWAYS_INT
    desired_replicas: Annotated[Int32, Field(4, "How many it wants.", required=True)] = ALWAYS_INT
    current_cpu_utilization_percentage: Annotated[Int32 | None, Field(5, "CPU use now, as a percentage of what the pods request.")] = msgspec.field(name="currentCPUUtilizationPercentage", default=None)


class HorizontalPodAutoscaler(Object):
    """Changes a number of pods with the load on them."""

    names: ClassVar[Names] = Names("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, short=("hpa",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "HorizontalPodAutoscaler")
    api_version: str = msgspec.field(default_factory=lambda: "autoscaling/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[HorizontalPodAutoscalerSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    status: Annotated[HorizontalPodAutoscalerStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=HorizontalPodAutoscalerStatus)


class ScaleSpec(Struct):
    """How many pods are wanted."""

    replicas: Annotated[Int32, Field(1, "The number.", default=0)] = 0


class ScaleStatus(Struct):
    """How many pods there are."""

    replicas: Annotated[Int32, Field(1, "The number.", required=True)] = ALWAYS_INT
    selector: Annotated[str, Field(2, "The pods' selector, as text.")] = ""


class Scale(Object):
    """The number of pods of something that can be scaled."""

    names: ClassVar[Names] = Names("autoscaling", "v1", "Scale", "scales", True)
    kind: str = msgspec.field(default_factory=lambda: "Scale")
    api_version: str = msgspec.field(default_factory=lambda: "autoscaling/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ScaleSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ScaleSpec)
    status: Annotated[ScaleStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ScaleStatus)


class ObjectMetricSource(Struct):
    """A metric of an object."""

    target: Annotated[CrossVersionObjectReference, Field(1, "The object.", required=True, atomic=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    metric_name: Annotated[str, Field(2, "The metric.", required=True)] = ALWAYS_STR
    target_value: Annotated[Quantity, Field(3, "The value to aim for.", required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(4, "Selects among the metric's series.", atomic=True)] = None
    average_value: Annotated[Quantity | None, Field(5, "The value for each pod to aim for.")] = None


class PodsMetricSource(Struct):
    """A metric of each pod."""

    metric_name: Annotated[str, Field(1, "The metric.", required=True)] = ALWAYS_STR
    target_average_value: Annotated[Quantity, Field(2, "The average to aim for.", required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(3, "Selects among the metric's series.", atomic=True)] = None


class ResourceMetricSource(Struct):
    """CPU or memory of the pods."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    target_average_utilization: Annotated[Int32 | None, Field(2, "Use to aim for, as a percentage of the requests.")] = None
    target_average_value: Annotated[Quantity | None, Field(3, "The average to aim for.")] = None


class ContainerResourceMetricSource(Struct):
    """CPU or memory of one container of the pods."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    target_average_utilization: Annotated[Int32 | None, Field(2, "Use to aim for, as a percentage of the requests.")] = None
    target_average_value: Annotated[Quantity | None, Field(3, "The average to aim for.")] = None
    container: Annotated[str, Field(5, "The container.", required=True)] = ALWAYS_STR


class ExternalMetricSource(Struct):
    """A metric from outside the cluster."""

    metric_name: Annotated[str, Field(1, "The metric.", required=True)] = ALWAYS_STR
    metric_selector: Annotated[LabelSelector | None, Field(2, "Selects among the metric's series.", atomic=True)] = None
    target_value: Annotated[Quantity | None, Field(3, "The value to aim for.")] = None
    target_average_value: Annotated[Quantity | None, Field(4, "The value for each pod to aim for.")] = None


class ObjectMetricStatus(Struct):
    """A metric of an object, now."""

    target: Annotated[CrossVersionObjectReference, Field(1, "The object.", required=True, atomic=True)] = msgspec.field(default_factory=CrossVersionObjectReference)
    metric_name: Annotated[str, Field(2, "The metric.", required=True)] = ALWAYS_STR
    current_value: Annotated[Quantity, Field(3, "The value.", required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(4, "Selects among the metric's series.", atomic=True)] = None
    average_value: Annotated[Quantity | None, Field(5, "The value for each pod.")] = None


class PodsMetricStatus(Struct):
    """A metric of each pod, now."""

    metric_name: Annotated[str, Field(1, "The metric.", required=True)] = ALWAYS_STR
    current_average_value: Annotated[Quantity, Field(2, "The average.", required=True)] = msgspec.field(default_factory=lambda: "0")
    selector: Annotated[LabelSelector | None, Field(3, "Selects among the metric's series.", atomic=True)] = None


class ResourceMetricStatus(Struct):
    """CPU or memory of the pods, now."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    current_average_utilization: Annotated[Int32 | None, Field(2, "Use as a percentage of the requests.")] = None
    current_average_value: Annotated[Quantity, Field(3, "The average.", required=True)] = msgspec.field(default_factory=lambda: "0")


class ContainerResourceMetricStatus(Struct):
    """CPU or memory of one container of the pods, now."""

    name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    current_average_utilization: Annotated[Int32 | None, Field(2, "Use as a percentage of the requests.")] = None
    current_average_value: Annotated[Quantity, Field(3, "The average.", required=True)] = msgspec.field(default_factory=lambda: "0")
    container: Annotated[str, Field(4, "The container.", required=True)] = ALWAYS_STR


class ExternalMetricStatus(Struct):
    """A metric from outside the cluster, now."""

    metric_name: Annotated[str, Field(1, "The metric.", required=True)] = ALWAYS_STR
    metric_selector: Annotated[LabelSelector | None, Field(2, "Selects among the metric's series.", atomic=True)] = None
    current_value: Annotated[Quantity, Field(3, "The value.", required=True)] = msgspec.field(default_factory=lambda: "0")
    current_average_value: Annotated[Quantity | None, Field(4, "The value for each pod.")] = None
