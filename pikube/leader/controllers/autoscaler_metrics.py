"""Pure: each metric of an autoscaler: the replicas that it asks for, what its status shows, or why it gives nothing.

Enter: the metrics of the spec, the pods, their use. Leave: one Computed a metric. Called by the autoscaler. Source:
kubernetes pkg/controller/podautoscaler/horizontal.go:computeReplicasForMetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pikube.api.kinds.autoscaling_v2 import (
    ContainerResourceMetricStatus,
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricStatus,
    MetricTarget,
    MetricValueStatus,
    ResourceMetricStatus,
)
from pikube.api.kinds.core_pod import Pod
from pikube.api.quantity import from_nano, parse
from pikube.api.selector import from_label_selector
from pikube.leader.controllers.autoscaler_replicas import (
    NANO_PER_MILLI,
    TOLERANCE,
    MetricProblem,
    Proposal,
    Tolerance,
    Uses,
    Wish,
    propose,
)

NO_CUSTOM = (
    "unable to fetch metrics from custom metrics API: "
    "no custom metrics API (custom.metrics.k8s.io) registered"
)
NO_EXTERNAL = (
    "unable to fetch metrics from external metrics API: "
    "no external metrics API (external.metrics.k8s.io) registered"
)


@dataclass(frozen=True, slots=True)
class Computed:
    """Either replicas with the metric's name and status, or the reason and words of a problem."""

    replicas: int = 0
    name: str = ""
    status: MetricStatus | None = None
    reason: str = ""
    problem: str = ""


def tolerance_of(autoscaler: HorizontalPodAutoscaler) -> Tolerance:
    """By direction, if the behavior says so."""
    behavior = autoscaler.spec.behavior

    def share(rules: object) -> float:
        tolerance = getattr(rules, "tolerance", None)
        return TOLERANCE if tolerance is None else parse(tolerance).nano / 10**9

    if behavior is None:
        return Tolerance()
    return Tolerance(down=share(behavior.scale_down), up=share(behavior.scale_up))


def compute(
    autoscaler: HorizontalPodAutoscaler,
    metric: MetricSpec,
    current: int,
    pods: Sequence[Pod],
    uses: Uses,
    now: float,
) -> Computed:
    """One metric."""
    if metric.type == "Resource" and metric.resource is not None:
        source = metric.resource
        try:
            proposal = _propose(autoscaler, source.name, "", source.target, current, pods, uses, now)
        except MetricProblem as problem:
            return Computed(reason="FailedGetResourceMetric", problem=str(problem))
        status = MetricStatus(
            type="Resource", resource=ResourceMetricStatus(name=source.name, current=_value(proposal))
        )
        return Computed(proposal.replicas, _name(f"{source.name} resource", proposal), status)
    if metric.type == "ContainerResource" and metric.container_resource is not None:
        inner = metric.container_resource
        try:
            proposal = _propose(
                autoscaler, inner.name, inner.container, inner.target, current, pods, uses, now
            )
        except MetricProblem as problem:
            return Computed(reason="FailedGetContainerResourceMetric", problem=str(problem))
        shown = ContainerResourceMetricStatus(
            name=inner.name, container=inner.container, current=_value(proposal)
        )
        status = MetricStatus(type="ContainerResource", container_resource=shown)
        return Computed(proposal.replicas, _name(f"{inner.name} container resource", proposal), status)
    return _not_served(autoscaler, metric)


def _propose(
    autoscaler: HorizontalPodAutoscaler,
    resource: str,
    container: str,
    target: MetricTarget,
    current: int,
    pods: Sequence[Pod],
    uses: Uses,
    now: float,
) -> Proposal:
    if target.average_value is not None:
        wish = Wish(
            resource, container, average_milli=max(1, parse(target.average_value).nano // NANO_PER_MILLI)
        )
    elif target.average_utilization is not None:
        wish = Wish(resource, container, utilization=target.average_utilization)
    else:
        raise MetricProblem(
            "invalid resource metric source: neither an average utilization target nor an average value "
            "(usage) target was set"
        )
    try:
        return propose(wish, current, pods, uses, tolerance_of(autoscaler), now)
    except MetricProblem as problem:
        what = "usage" if wish.utilization is None else "utilization"
        raise MetricProblem(f"failed to get {resource} {what}: {problem}") from None


def _value(proposal: Proposal) -> MetricValueStatus:
    average = from_nano(proposal.average_milli * NANO_PER_MILLI)
    return MetricValueStatus(average_value=average, average_utilization=proposal.utilization)


def _name(what: str, proposal: Proposal) -> str:
    return what if proposal.utilization is None else f"{what} utilization (percentage of request)"


def _not_served(autoscaler: HorizontalPodAutoscaler, metric: MetricSpec) -> Computed:
    """Metrics that only an adapter could serve (custom.metrics.k8s.io, external.metrics.k8s.io)."""
    namespace = autoscaler.metadata.namespace
    if metric.type == "Object" and metric.object is not None:
        about = metric.object.described_object
        name = metric.object.metric.name
        words = f"unable to get metric {name}: {about.kind} on {namespace} {about.name}/{NO_CUSTOM}"
        return Computed(reason="FailedGetObjectMetric", problem=words)
    if metric.type == "Pods" and metric.pods is not None:
        words = f"unable to get metric {metric.pods.metric.name}: {NO_CUSTOM}"
        return Computed(reason="FailedGetPodsMetric", problem=words)
    if metric.type == "External" and metric.external is not None:
        wanted = metric.external.metric
        selector = str(from_label_selector(wanted.selector)) if wanted.selector is not None else "nil"
        words = f"unable to get external metric {namespace}/{wanted.name}/{selector}: {NO_EXTERNAL}"
        return Computed(reason="FailedGetExternalMetric", problem=words)
    return Computed(reason="InvalidMetricSourceType", problem=f'unknown metric source type "{metric.type}"')
