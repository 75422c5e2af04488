"""Pure: how many replicas a resource metric asks for.

Enter: the target's pods, what their containers use, the wish. Leaves: a Proposal, or MetricProblem in upstream's
words. Called by the autoscaler. Source: kubernetes pkg/controller/podautoscaler/replica_calculator.go.

Values are thousandths (millicores, thousandths of bytes), as upstream counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pikube.api.kinds.core_pod import Pod
from pikube.api.quantity import parse
from pikube.api.times import parse_time
from pikube.leader.metrics.summary import Use

MILLI = 1000
NANO_PER_MILLI = 10**6
TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance
CPU_INITIALIZATION_S = 300.0  # --horizontal-pod-autoscaler-cpu-initialization-period
INITIAL_READINESS_S = 30.0  # --horizontal-pod-autoscaler-initial-readiness-delay

Uses = Mapping[str, Mapping[str, Use]]
"""Pod name → container → use; pods that were not measured are absent."""


class MetricProblem(Exception):
    """Why a metric gives no number of replicas."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the target is near enough, as a share of it."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Wish:
    """One resource metric: of one container or ('') of all; either a percentage of the requests or an average."""

    resource: str
    container: str = ""
    utilization: int | None = None
    average_milli: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """Replicas, and what is used now: percent of the requests (if that is the wish) and a pod's average."""

    replicas: int
    utilization: int | None
    average_milli: int


@dataclass(frozen=True, slots=True)
class Metric:
    """What one pod uses."""

    milli: int
    at: float = 0.0
    window_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Groups:
    """Pods by what their measurements are worth."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def propose(
    wish: Wish, current: int, pods: Sequence[Pod], uses: Uses, tolerance: Tolerance, now: float
) -> Proposal:
    """The replicas that would bring the metric to its target. Raises MetricProblem."""
    metrics = pod_metrics(wish, uses)
    if not pods:
        raise MetricProblem("no pods returned by selector while calculating replica count")
    groups = group_pods(pods, metrics, wish.resource, now)
    metrics = {
        name: metric
        for name, metric in metrics.items()
        if name not in groups.ignored and name not in groups.unready
    }
    requests = requests_of(pods, wish) if wish.utilization is not None else {}
    if not metrics:
        raise MetricProblem("did not receive metrics for targeted pods (pods might be unready)")
    ratio, utilization, average = usage_ratio(wish, metrics, requests)
    counts_unready = bool(groups.unready) and ratio > 1.0
    if not counts_unready and not groups.missing:
        wanted = current if tolerance.holds(ratio) else math.ceil(ratio * groups.ready)
        return Proposal(wanted, utilization, average)
    for name in groups.missing:
        if ratio < 1.0:  # going down, what is not known is taken to be busy
            metrics[name] = Metric(_busy(wish, requests.get(name, 0)))
        elif ratio > 1.0 or wish.utilization is None:  # going up, to be idle
            metrics[name] = Metric(0)
    if counts_unready:
        metrics |= {name: Metric(0) for name in groups.unready}
    new_ratio, _, _ = usage_ratio(wish, metrics, requests)
    turns = (ratio < 1.0 < new_ratio) or (new_ratio < 1.0 < ratio)
    wanted = math.ceil(new_ratio * len(metrics))
    misleads = (new_ratio < 1.0 and wanted > current) or (new_ratio > 1.0 and wanted < current)
    if tolerance.holds(new_ratio) or turns or misleads:
        wanted = current
    return Proposal(wanted, utilization, average)


def _busy(wish: Wish, request: int) -> int:
    if wish.utilization is None:
        return wish.average_milli
    return request * max(100, wish.utilization) // 100


def pod_metrics(wish: Wish, uses: Uses) -> dict[str, Metric]:
    """Each measured pod's use of the resource. Raises MetricProblem when there is none."""
    if not uses:
        raise MetricProblem(
            f"unable to get metrics for resource {wish.resource}: no metrics returned from resource metrics API"
        )
    found = {}
    for name, containers in uses.items():
        chosen = [use for container, use in containers.items() if wish.container in ("", container)]
        values = [_milli(use, wish.resource) for use in chosen]
        if not chosen:
            raise MetricProblem(
                f"unable to get metrics for resource {wish.resource}: failed to get container metrics: container "
                f"{wish.container} not present in metrics for pod {name}"
            )
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found[name] = Metric(
                sum(known), min(use.at for use in chosen), max(use.window_s for use in chosen)
            )
    return found


def _milli(use: Use, resource: str) -> int | None:
    if resource == "cpu":
        return None if use.cpu_nanocores is None else -(-use.cpu_nanocores // NANO_PER_MILLI)
    if resource == "memory":
        return None if use.memory_bytes is None else use.memory_bytes * MILLI
    return None


def group_pods(pods: Sequence[Pod], metrics: Mapping[str, Metric], resource: str, now: float) -> Groups:
    """Who is going or failed is ignored; who is pending, or too young for his CPU to mean anything, is unready."""
    ready = 0
    unready, missing, ignored = set(), set(), set()
    for pod in pods:
        name = pod.metadata.name
        if pod.metadata.deletion_timestamp or pod.status.phase == "Failed":
            ignored.add(name)
        elif pod.status.phase == "Pending":
            unready.add(name)
        elif name not in metrics:
            missing.add(name)
        elif resource == "cpu" and not _is_telling(pod, metrics[name], now):
            unready.add(name)
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _is_telling(pod: Pod, metric: Metric, now: float) -> bool:
    condition = next((c for c in pod.status.conditions if c.type == "Ready"), None)
    if condition is None or not pod.status.start_time:
        return False
    is_unready = condition.status == "False"
    started = parse_time(pod.status.start_time)
    changed = parse_time(condition.last_transition_time) if condition.last_transition_time else started
    if started + CPU_INITIALIZATION_S > now:
        return not is_unready and metric.at >= changed + metric.window_s
    return not (is_unready and started + INITIAL_READINESS_S > changed)


def requests_of(pods: Sequence[Pod], wish: Wish) -> dict[str, int]:
    """Each pod's request in thousandths. Raises MetricProblem when a container asks for none."""
    found = {}
    for pod in pods:
        sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
        total = 0
        for container in (*pod.spec.containers, *sidecars):
            if wish.container not in ("", container.name):
                continue
            amount = container.resources.requests.get(wish.resource)
            if amount is None:
                raise MetricProblem(
                    f"missing request for {wish.resource} in container {container.name} of Pod {pod.metadata.name}"
                )
            total += -(-parse(amount).nano // NANO_PER_MILLI)
        found[pod.metadata.name] = total
    return found


def usage_ratio(
    wish: Wish, metrics: Mapping[str, Metric], requests: Mapping[str, int]
) -> tuple[float, int | None, int]:
    """(use over target, percent of the requests, a pod's average). Raises MetricProblem."""
    if wish.utilization is None:
        average = sum(metric.milli for metric in metrics.values()) // len(metrics)
        return average / wish.average_milli, None, average
    counted = {name: metric for name, metric in metrics.items() if name in requests}
    total = sum(metric.milli for metric in counted.values())
    requested = sum(requests[name] for name in counted)
    if not requested:
        raise MetricProblem("no metrics returned matched known pods")
    utilization = total * 100 // requested
    return utilization / wish.utilization, utilization, total // len(counted)
