"""Pure: what a HorizontalPodAutoscaler must fulfil.

Enter: a defaulted object of autoscaling/v2. Leave: causes. Source: kubernetes pkg/apis/autoscaling/validation/
validation.go.
"""

from __future__ import annotations

from typing import Any

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.autoscaling import HorizontalPodAutoscaler as AutoscalerV1
from pikube.api.kinds.autoscaling_v2 import (
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    HPAScalingRules,
    MetricIdentifier,
    MetricSpec,
    MetricTarget,
)
from pikube.api.quantity import parse
from pikube.api.validation.causes import by_rule, forbidden, invalid, not_supported, required

SOURCES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "container_resource",
    "External": "external",
}
FIELDS = {name: name for name in SOURCES.values()} | {"container_resource": "containerResource"}
MAX_PERIOD_S = 1800
MAX_WINDOW_S = 3600
SELECTS = ("Max", "Min", "Disabled")
POLICIES = ("Percent", "Pods")


def autoscaler_causes(obj: HorizontalPodAutoscaler) -> list[Cause]:
    spec = obj.spec
    causes = _size_causes(spec)
    causes += reference_causes(spec.scale_target_ref, "spec.scaleTargetRef")
    for index, metric in enumerate(spec.metrics):
        causes += metric_causes(metric, f"spec.metrics[{index}]")
    if spec.min_replicas == 0 and not any(m.type in ("Object", "External") for m in spec.metrics):
        words = "must specify at least one Object or External metric to support scaling to zero replicas"
        causes.append(forbidden("spec.metrics", words))
    if spec.behavior is not None:
        causes += rules_causes(spec.behavior.scale_up, "spec.behavior.scaleUp")
        causes += rules_causes(spec.behavior.scale_down, "spec.behavior.scaleDown")
    return causes


def autoscaler_v1_causes(obj: AutoscalerV1) -> list[Cause]:
    spec = obj.spec
    causes = _size_causes(spec) + reference_causes(spec.scale_target_ref, "spec.scaleTargetRef")
    percent = spec.target_cpu_utilization_percentage
    if percent is not None and percent < 1:
        causes.append(invalid("spec.targetCPUUtilizationPercentage", percent, "must be greater than 0"))
    return causes


def _size_causes(spec: Any) -> list[Cause]:
    causes = []
    if spec.min_replicas is not None and spec.min_replicas < 1:
        causes.append(invalid("spec.minReplicas", spec.min_replicas, "must be greater than or equal to 1"))
    if spec.max_replicas < 1:
        causes.append(invalid("spec.maxReplicas", spec.max_replicas, "must be greater than 0"))
    if spec.min_replicas is not None and spec.max_replicas < spec.min_replicas:
        words = "must be greater than or equal to `minReplicas`"
        causes.append(invalid("spec.maxReplicas", spec.max_replicas, words))
    return causes


def reference_causes(ref: Any, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for field, value in (("kind", ref.kind), ("name", ref.name)):
        if not value:
            causes.append(required(f"{path}.{field}"))
        else:
            causes += by_rule(f"{path}.{field}", value, names.path_segment_name)
    return causes


def metric_causes(metric: MetricSpec, path: str) -> list[Cause]:
    """Exactly the source that the type names, and a target that suits it."""
    if not metric.type:
        return [required(f"{path}.type", "must specify a metric source type")]
    if metric.type not in SOURCES:
        return [not_supported(f"{path}.type", metric.type, SOURCES)]
    wanted = SOURCES[metric.type]
    causes: list[Cause] = []
    for field in SOURCES.values():
        if field != wanted and getattr(metric, field) is not None:
            words = "must populate the given metric source only"
            causes.append(forbidden(f"{path}.{FIELDS[field]}", words))
    source: Any = getattr(metric, wanted)
    where = f"{path}.{FIELDS[wanted]}"
    if source is None:
        words = "must populate information for the given metric source"
        return [*causes, required(where, words)]
    if metric.type in ("Resource", "ContainerResource"):
        if not source.name:
            causes.append(required(f"{where}.name", "must specify a resource name"))
        if metric.type == "ContainerResource" and not source.container:
            causes.append(required(f"{where}.container", "must specify a container"))
        return causes + _resource_target_causes(source.target, f"{where}.target")
    if metric.type == "Object":
        described: CrossVersionObjectReference = source.described_object
        causes += reference_causes(described, f"{where}.describedObject")
    causes += _identifier_causes(source.metric, f"{where}.metric")
    causes += _target_causes(source.target, f"{where}.target")
    target = source.target
    if metric.type == "Pods" and (target.average_value is None or parse(target.average_value).nano <= 0):
        words = "must specify a positive target averageValue"
        causes.append(required(f"{where}.target.averageValue", words))
    elif metric.type != "Pods" and target.value is None and target.average_value is None:
        words = "must set either a target value or averageValue"
        causes.append(required(f"{where}.target.averageValue", words))
    return causes


def _identifier_causes(metric: MetricIdentifier, path: str) -> list[Cause]:
    if not metric.name:
        return [required(f"{path}.name", "must specify a metric name")]
    return by_rule(f"{path}.name", metric.name, names.path_segment_name)


def _target_causes(target: MetricTarget, path: str) -> list[Cause]:
    causes = []
    if not target.type:
        causes.append(required(f"{path}.type", "must specify a metric target type"))
    elif target.type not in ("Utilization", "Value", "AverageValue"):
        words = "must be either Utilization, Value, or AverageValue"
        causes.append(invalid(f"{path}.type", target.type, words))
    if target.value is not None and parse(target.value).nano <= 0:
        causes.append(invalid(f"{path}.value", target.value, "must be positive"))
    if target.average_value is not None and parse(target.average_value).nano <= 0:
        causes.append(invalid(f"{path}.averageValue", target.average_value, "must be positive"))
    if target.average_utilization is not None and target.average_utilization < 1:
        causes.append(
            invalid(f"{path}.averageUtilization", target.average_utilization, "must be greater than 0")
        )
    return causes


def _resource_target_causes(target: MetricTarget, path: str) -> list[Cause]:
    causes = _target_causes(target, path)
    if target.average_utilization is None and target.average_value is None:
        words = "must set either a target raw value or a target utilization"
        causes.append(required(f"{path}.averageUtilization", words))
    elif target.average_utilization is not None and target.average_value is not None:
        words = "may not set both a target raw value and a target utilization"
        causes.append(forbidden(f"{path}.averageValue", words))
    return causes


def rules_causes(rules: HPAScalingRules | None, path: str) -> list[Cause]:
    if rules is None:
        return []
    causes = []
    window = rules.stabilization_window_seconds
    if window is not None and window < 0:
        words = "must be greater than or equal to zero"
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, words))
    elif window is not None and window > MAX_WINDOW_S:
        words = f"must be less than or equal to {MAX_WINDOW_S}"
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, words))
    if rules.select_policy is not None and rules.select_policy not in SELECTS:
        causes.append(not_supported(f"{path}.selectPolicy", rules.select_policy, SELECTS))
    if not rules.policies:
        causes.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules.policies):
        where = f"{path}.policies[{index}]"
        if policy.type not in POLICIES:
            causes.append(not_supported(f"{where}.type", policy.type, POLICIES))
        if policy.value <= 0:
            causes.append(invalid(f"{where}.value", policy.value, "must be greater than zero"))
        if policy.period_seconds <= 0:
            causes.append(
                invalid(f"{where}.periodSeconds", policy.period_seconds, "must be greater than zero")
            )
        elif policy.period_seconds > MAX_PERIOD_S:
            words = f"must be less than or equal to {MAX_PERIOD_S}"
            causes.append(invalid(f"{where}.periodSeconds", policy.period_seconds, words))
    if rules.tolerance is not None and parse(rules.tolerance).nano < 0:
        words = "must be greater than or equal to 0"
        causes.append(invalid(f"{path}.tolerance", rules.tolerance, words))
    return causes
