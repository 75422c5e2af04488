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
from pikube.api.validation.bounds import container_resource_causes
from pikube.api.validation.causes import (
    by_rule,
    forbidden,
    invalid,
    not_negative,
    not_supported,
    required,
)
from pikube.api.views_autoscaling import to_v2

SOURCES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "container_resource",
    "External": "external",
}
IN_ORDER = ("object", "external", "pods", "resource", "container_resource")
"""In which upstream looks for them."""
FIELDS = {name: name for name in SOURCES.values()} | {"container_resource": "containerResource"}
MAX_PERIOD_S = 1800
MAX_WINDOW_S = 3600
SELECTS = ("Max", "Min", "Disabled")
POLICIES = ("Percent", "Pods")


def autoscaler_causes(obj: HorizontalPodAutoscaler, least: int = 1) -> list[Cause]:
    """`least` is how few replicas may be asked for."""
    spec = obj.spec
    causes = _size_causes(spec, least)
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


def autoscaler_update_causes(new: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler) -> list[Cause]:
    """One that may go down to none may stay so."""
    return [] if new.spec == old.spec else autoscaler_causes(new, 0 if old.spec.min_replicas == 0 else 1)


def autoscaler_status_causes(new: Any, old: Any) -> list[Cause]:
    """Of both versions."""
    return [
        *not_negative("status.currentReplicas", new.status.current_replicas),
        *not_negative("status.desiredReplicas", new.status.desired_replicas),
    ]


def autoscaler_v1_causes(obj: AutoscalerV1) -> list[Cause]:
    """Looked at as what it is stored as: the target of the processor is a metric there."""
    return autoscaler_causes(to_v2(obj))


def autoscaler_v1_update_causes(new: AutoscalerV1, old: AutoscalerV1) -> list[Cause]:
    return autoscaler_update_causes(to_v2(new), to_v2(old))


def _size_causes(spec: Any, least: int) -> list[Cause]:
    causes = []
    if spec.min_replicas is not None and spec.min_replicas < least:
        words = f"must be greater than or equal to {least}"
        causes.append(invalid("spec.minReplicas", spec.min_replicas, words))
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
    """Exactly the source that the type names, and a target that suits it. What is there first is looked at, whatever
    the type (validateMetricSpec)."""
    causes: list[Cause] = []
    unknown = not_supported(f"{path}.type", metric.type, SOURCES)
    if not metric.type:
        causes.append(required(f"{path}.type", "must specify a metric source type"))
    if metric.type not in SOURCES:
        causes.append(unknown)
    given = [field for field in IN_ORDER if getattr(metric, field) is not None]
    for field in given[:1]:
        causes += _source_causes(field, getattr(metric, field), f"{path}.{FIELDS[field]}")
    wanted = SOURCES.get(metric.type, "")
    if not wanted:
        causes.append(unknown)
    elif wanted not in given:
        words = "must populate information for the given metric source"
        causes.append(required(f"{path}.{FIELDS[wanted]}", words))
    if len(given) != 1:
        words = "must populate the given metric source only"
        causes += [forbidden(f"{path}.{FIELDS[field]}", words) for field in given if field != wanted]
    return causes


def _source_causes(field: str, source: Any, where: str) -> list[Cause]:
    if field == "resource":
        causes = [] if source.name else [required(f"{where}.name", "must specify a resource name")]
        return causes + _resource_target_causes(source.target, f"{where}.target")
    if field == "container_resource":
        return [
            *_container_causes(source, where),
            *_resource_target_causes(source.target, f"{where}.target"),
        ]
    causes = []
    if field == "object":
        described: CrossVersionObjectReference = source.described_object
        causes += reference_causes(described, f"{where}.describedObject")
    causes += _identifier_causes(source.metric, f"{where}.metric")
    causes += _target_causes(source.target, f"{where}.target")
    return causes + _amount_causes(field, source.target, f"{where}.target")


def _amount_causes(field: str, target: MetricTarget, where: str) -> list[Cause]:
    """Which of a target's values must be there."""
    average, here = target.average_value, f"{where}.averageValue"
    if field == "pods":
        return [] if average is not None else [required(here, "must specify a positive target averageValue")]
    has_none = target.value is None and average is None
    if field == "object":
        return [required(here, "must set either a target value or averageValue")] if has_none else []
    if has_none:
        return [required(here, "must set either a target value for metric or a per-pod target")]
    if target.value is not None and average is not None:
        words = "may not set both a target value for metric and a per-pod target"
        return [forbidden(f"{where}.value", words)]
    return []


def _container_causes(source: Any, where: str) -> list[Cause]:
    causes = (
        container_resource_causes(source.name, f"{where}.name")
        if source.name
        else [required(f"{where}.name", "must specify a resource name")]
    )
    if not source.container:
        return [*causes, required(f"{where}.container", "must specify a container")]
    return causes + by_rule(f"{where}.container", source.container, names.dns1123_label)


def _identifier_causes(metric: MetricIdentifier, path: str) -> list[Cause]:
    if not metric.name:
        return [required(f"{path}.name", "must specify a metric name")]
    return by_rule(f"{path}.name", metric.name, names.path_segment_name)


def _target_causes(target: MetricTarget, path: str) -> list[Cause]:
    causes = []
    if not target.type:
        causes.append(required(f"{path}.type", "must specify a metric target type"))
    if target.type not in ("Utilization", "Value", "AverageValue"):
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
    if target.average_utilization is not None and target.average_value is not None:
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
