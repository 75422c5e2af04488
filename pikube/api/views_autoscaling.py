"""Pure: HorizontalPodAutoscalers in autoscaling/v1, which knows one metric: what it has no fields for travels in
annotations.

Enter: stored v2 JSON, decoded v1 objects. Leave: the other version. Called through KindInfo.view. Source: kubernetes
pkg/apis/autoscaling/v1/conversion.go and annotations.go. The annotations' JSON is that of v1's flat metric sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from pikube.api.defaulting.workloads import default_autoscaler
from pikube.api.kinds import autoscaling as v1
from pikube.api.kinds import autoscaling_v2 as v2

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CARRIED = (METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR)

encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(v2.HorizontalPodAutoscaler)


class Autoscalers:
    """v1 over v2."""

    def shown(self, value: bytes) -> bytes:
        return encode(to_v1(_decoder.decode(value)))

    def stored(self, obj: v1.HorizontalPodAutoscaler) -> v2.HorizontalPodAutoscaler:
        return to_v2(obj)


AUTOSCALERS = Autoscalers()


def _is_cpu(metric: Any) -> bool:
    """The one metric that v1 has a field for."""
    source = metric.resource
    if metric.type != "Resource" or source is None or source.name != "cpu":
        return False
    target = source.target if isinstance(source, v2.ResourceMetricSource) else source.current
    return target.average_utilization is not None


def to_v1(obj: v2.HorizontalPodAutoscaler) -> v1.HorizontalPodAutoscaler:
    """With annotations for the rest."""
    spec, status = obj.spec, obj.status
    carried: dict[str, Any] = {}
    others = [metric for metric in spec.metrics if not _is_cpu(metric)]
    if others:
        carried[METRICS] = [_flat_spec(metric) for metric in others]
    if status.current_metrics:
        carried[CURRENT_METRICS] = [_flat_status(metric) for metric in status.current_metrics]
    if status.conditions:
        carried[CONDITIONS] = status.conditions
    if spec.behavior is not None:
        carried[BEHAVIOR] = spec.behavior
    annotations = {**obj.metadata.annotations, **{name: encode(v).decode() for name, v in carried.items()}}
    cpu = next((m.resource for m in spec.metrics if _is_cpu(m)), None)
    seen = next((m.resource for m in status.current_metrics if _is_cpu(m)), None)
    return v1.HorizontalPodAutoscaler(
        metadata=structs.replace(obj.metadata, annotations=annotations),
        spec=v1.HorizontalPodAutoscalerSpec(
            scale_target_ref=_reference(v1, spec.scale_target_ref),
            min_replicas=spec.min_replicas,
            max_replicas=spec.max_replicas,
            target_cpu_utilization_percentage=cpu.target.average_utilization if cpu else None,
        ),
        status=v1.HorizontalPodAutoscalerStatus(
            observed_generation=status.observed_generation,
            last_scale_time=status.last_scale_time,
            current_replicas=status.current_replicas,
            desired_replicas=status.desired_replicas,
            current_cpu_utilization_percentage=seen.current.average_utilization if seen else None,
        ),
    )


def to_v2(obj: v1.HorizontalPodAutoscaler) -> v2.HorizontalPodAutoscaler:
    """With what the annotations carry; ones that cannot be read stay annotations."""
    annotations = dict(obj.metadata.annotations)
    metrics = _taken(annotations, METRICS, tuple[v2.MetricSpec, ...], _deep_spec, ())
    current = _taken(annotations, CURRENT_METRICS, tuple[v2.MetricStatus, ...], _deep_status, ())
    conditions = _taken(annotations, CONDITIONS, tuple[v2.HorizontalPodAutoscalerCondition, ...], _itself, ())
    behavior = _taken(annotations, BEHAVIOR, v2.HorizontalPodAutoscalerBehavior, _itself, None)
    percent = obj.spec.target_cpu_utilization_percentage
    if percent is not None:
        target = v2.MetricTarget(type="Utilization", average_utilization=percent)
        source = v2.ResourceMetricSource(name="cpu", target=target)
        metrics = (*metrics, v2.MetricSpec(type="Resource", resource=source))
    made = v2.HorizontalPodAutoscaler(
        metadata=structs.replace(obj.metadata, annotations=annotations),
        spec=v2.HorizontalPodAutoscalerSpec(
            scale_target_ref=_reference(v2, obj.spec.scale_target_ref),
            min_replicas=obj.spec.min_replicas,
            max_replicas=obj.spec.max_replicas,
            metrics=metrics,
            behavior=behavior,
        ),
        status=v2.HorizontalPodAutoscalerStatus(
            observed_generation=obj.status.observed_generation,
            last_scale_time=obj.status.last_scale_time,
            current_replicas=obj.status.current_replicas,
            desired_replicas=obj.status.desired_replicas,
            current_metrics=current,
            conditions=conditions,
        ),
    )
    default_autoscaler(made)
    return made


def _reference(module: Any, ref: Any) -> Any:
    return module.CrossVersionObjectReference(kind=ref.kind, name=ref.name, api_version=ref.api_version)


def _itself(document: Any) -> Any:
    return document


def _taken(annotations: dict[str, str], name: str, type_: Any, deep: Any, missing: Any) -> Any:
    """What an annotation carries, which is no annotation any more then."""
    text = annotations.get(name)
    if text is None:
        return missing
    try:
        document = msgspec.json.decode(text.encode())
        if isinstance(document, list):
            document = [deep(entry) for entry in document]
        found = msgspec.convert(document, type_)
    except (msgspec.MsgspecError, KeyError, AttributeError, TypeError):
        return missing
    del annotations[name]
    return found


# v1's names of a source's and a status' parts, by the type of the metric
_FIELDS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _flat_spec(metric: v2.MetricSpec) -> dict[str, Any]:
    document = msgspec.to_builtins(metric)
    field = _FIELDS.get(metric.type, "")
    source = document.get(field)
    if source is None:
        return document  # type: ignore[no-any-return]
    target = source.get("target", {})
    flat = _named(metric.type, source)
    if metric.type == "Object":
        flat["target"] = source.get("describedObject", {})
        flat |= _present(targetValue=target.get("value", "0"), averageValue=target.get("averageValue"))
    else:
        flat |= _present(
            targetValue=target.get("value"),
            targetAverageValue=target.get("averageValue"),
            targetAverageUtilization=target.get("averageUtilization"),
        )
    return {"type": metric.type, field: flat}


def _flat_status(metric: v2.MetricStatus) -> dict[str, Any]:
    document = msgspec.to_builtins(metric)
    field = _FIELDS.get(metric.type, "")
    source = document.get(field)
    if source is None:
        return document  # type: ignore[no-any-return]
    current = source.get("current", {})
    flat = _named(metric.type, source)
    if metric.type == "Object":
        flat["target"] = source.get("describedObject", {})
        flat |= _present(currentValue=current.get("value", "0"), averageValue=current.get("averageValue"))
    else:
        flat |= _present(
            currentValue=current.get("value"),
            currentAverageValue=current.get("averageValue"),
            currentAverageUtilization=current.get("averageUtilization"),
        )
    return {"type": metric.type, field: flat}


def _named(type_: str, source: Mapping[str, Any]) -> dict[str, Any]:
    if type_ in ("Resource", "ContainerResource"):
        return _present(name=source.get("name"), container=source.get("container"))
    metric = source.get("metric", {})
    selector = "metricSelector" if type_ == "External" else "selector"
    return _present(**{"metricName": metric.get("name"), selector: metric.get("selector")})


def _deep_spec(flat: dict[str, Any]) -> dict[str, Any]:
    type_ = flat["type"]
    source = flat[_FIELDS[type_]]
    if type_ == "Object":
        average, value = source.get("averageValue"), source.get("targetValue")
        value = None if average is not None else value
    else:
        average, value = source.get("targetAverageValue"), source.get("targetValue")
    utilization = source.get("targetAverageUtilization")
    kind = "Utilization" if utilization is not None else "AverageValue" if average is not None else "Value"
    target = _present(type=kind, value=value, averageValue=average, averageUtilization=utilization)
    return {"type": type_, _FIELDS[type_]: {**_unnamed(type_, source), "target": target}}


def _deep_status(flat: dict[str, Any]) -> dict[str, Any]:
    type_ = flat["type"]
    if not type_:
        return {"type": ""}  # a metric that gave nothing
    source = flat[_FIELDS[type_]]
    average = source.get("averageValue" if type_ == "Object" else "currentAverageValue")
    current = _present(
        value=source.get("currentValue"),
        averageValue=average,
        averageUtilization=source.get("currentAverageUtilization"),
    )
    return {"type": type_, _FIELDS[type_]: {**_unnamed(type_, source), "current": current}}


def _unnamed(type_: str, source: Mapping[str, Any]) -> dict[str, Any]:
    if type_ in ("Resource", "ContainerResource"):
        return _present(name=source["name"], container=source.get("container"))
    selector = source.get("metricSelector" if type_ == "External" else "selector")
    found: dict[str, Any] = {"metric": _present(name=source["metricName"], selector=selector)}
    if type_ == "Object":
        found["describedObject"] = source["target"]
    return found


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
