"""Pure: HorizontalPodAutoscalers: sizes that follow the load.

Enter: the autoscaler, its target's scale, the pods, what they use, what is remembered. Leave: a patch of the target's
scale, status, events, and what to remember. Called by autoscaler_controller, every SYNC_S. Source: kubernetes
pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from pikube.api.errors import ApiError
from pikube.api.kinds.autoscaling_v2 import (
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerStatus,
    MetricStatus,
)
from pikube.api.kinds.core_pod import Pod
from pikube.api.selector import LabelSelector
from pikube.api.times import render_time
from pikube.informer.actions import Action, PatchObject, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.leader.controllers.autoscaler_behavior import History, allow, begin, remember_scaling
from pikube.leader.controllers.autoscaler_metrics import Computed, compute
from pikube.leader.controllers.autoscaler_replicas import Uses
from pikube.leader.controllers.conditions import with_condition

SYNC_S = 15.0  # --horizontal-pod-autoscaler-sync-period
NO_SCALE = "the HPA controller was unable to get the target's current scale: "


@dataclass(frozen=True, slots=True)
class Scale:
    """The target's scale subresource. `path` is where the target keeps the wanted number."""

    cls: type[Any]
    key: ObjectKey
    replicas: int
    selector: LabelSelector
    path: tuple[str, ...] = ("spec", "replicas")


@dataclass(frozen=True, slots=True)
class Observed:
    """`scale` is None for a target that is not there, and `problem` says why. `at` is monotonic.
    `waits_s`: the next look is due in so many seconds."""

    scale: Scale | None
    problem: str
    pods: tuple[Pod, ...] = ()
    uses: Uses = field(default_factory=dict)
    rivals: tuple[str, ...] = ()
    history: History = field(default_factory=History)
    at: float = 0.0
    waits_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and what to remember once it is done."""

    actions: list[Action]
    history: History


class _Writing:
    """The status as it grows."""

    def __init__(self, autoscaler: HorizontalPodAutoscaler, now: float) -> None:
        self.autoscaler = autoscaler
        self.conditions = tuple(autoscaler.status.conditions)
        self._now = now

    def set(self, type_: str, status: bool, reason: str, message: str) -> None:
        condition = HorizontalPodAutoscalerCondition(
            type=type_, status="True" if status else "False", reason=reason, message=message,
            last_transition_time=render_time(self._now),
        )  # fmt: skip
        self.conditions = with_condition(self.conditions, condition)

    def status(self, **changes: Any) -> list[Action]:
        """The Update that is needed, if any."""
        old = self.autoscaler.status
        new: HorizontalPodAutoscalerStatus = structs.replace(old, conditions=self.conditions, **changes)
        return [] if new == old else [Update(structs.replace(self.autoscaler, status=new), "status")]

    def event(self, type_: str, reason: str, message: str) -> RecordEvent:
        return RecordEvent(self.autoscaler, type_, reason, message)


def decide(desired: HorizontalPodAutoscaler, observed: Observed, now: float) -> Decision:
    """One look."""
    writing = _Writing(desired, now)
    again = RequeueAfter(SYNC_S)
    scale = observed.scale
    if scale is None:
        writing.set("AbleToScale", False, "FailedGetScale", NO_SCALE + observed.problem)
        event = writing.event("Warning", "FailedGetScale", observed.problem)
        return Decision([event, *writing.status(), again], observed.history)
    writing.set(
        "AbleToScale", True, "SucceededGetScale",
        "the HPA controller was able to get the target's current scale",
    )  # fmt: skip
    current, least = scale.replicas, _least(desired)
    history = begin(observed.history, current, observed.at)
    if current == 0 and least != 0:
        words = "scaling is disabled since the replica count of the target is zero"
        writing.set("ScalingActive", False, "ScalingDisabled", words)
        status = writing.status(current_replicas=0, desired_replicas=0, current_metrics=())
        return Decision([*status, again], history)
    if current > desired.spec.max_replicas:
        why = "Current number of replicas above Spec.MaxReplicas"
        actions = _rescale(writing, scale, desired.spec.max_replicas, why, now, ())
        return _scaled(desired, [*actions, again], history, current, desired.spec.max_replicas, observed.at)
    if current < least:
        why = "Current number of replicas below Spec.MinReplicas"
        actions = _rescale(writing, scale, least, why, now, ())
        return _scaled(desired, [*actions, again], history, current, least, observed.at)
    return _by_metrics(desired, observed, scale, writing, history, now)


def _by_metrics(
    desired: HorizontalPodAutoscaler,
    observed: Observed,
    scale: Scale,
    writing: _Writing,
    history: History,
    now: float,
) -> Decision:
    current = scale.replicas
    again = RequeueAfter(SYNC_S)
    problem = _selector_problem(scale, observed)
    computed: list[Computed] = []
    if not problem.reason:
        pods = sorted(observed.pods, key=key_of)
        computed = [
            compute(desired, metric, current, pods, observed.uses, now) for metric in desired.spec.metrics
        ]
    failed = [one for one in computed if one.reason] or ([problem] if problem.reason else [])
    good = [one for one in computed if not one.reason]
    best = max(good, key=lambda one: one.replicas, default=None)
    shown = tuple(one.status or MetricStatus() for one in computed)  # in the order of the spec, as upstream
    said: list[Action] = [
        writing.event("Warning", one.reason, one.problem) for one in failed if one is not problem
    ]
    words = _failure_words(failed, len(computed), problem)
    if best is None or (failed and best.replicas < current):  # nobody shrinks on half of the truth
        first = failed[0] if failed else Computed(reason="InvalidMetricSourceType", problem="no metrics")
        prefix = "" if first is problem else "the HPA was unable to compute the replica count: "
        writing.set("ScalingActive", False, first.reason, prefix + first.problem)
        said += [writing.event("Warning", first.reason, first.problem)] if first is problem else []
        said.append(writing.event("Warning", "FailedComputeMetricsReplicas", words))
        status = writing.status(current_replicas=current, current_metrics=shown)
        return Decision([*said, *status, again], history)
    found = f"the HPA was able to successfully calculate a replica count from {best.name}"
    writing.set("ScalingActive", True, "ValidMetricFound", found)
    allowed = allow(
        desired.spec.behavior, history, current, best.replicas, _least(desired), desired.spec.max_replicas,
        observed.at,
    )  # fmt: skip
    writing.set("AbleToScale", True, *allowed.able)
    writing.set("ScalingLimited", allowed.is_limited, *allowed.limited)
    if allowed.replicas == current:
        status = writing.status(current_replicas=current, desired_replicas=current, current_metrics=shown)
        return Decision([*said, *status, again], allowed.history)
    why = f"{best.name} above target" if best.replicas > current else "All metrics below target"
    actions = _rescale(writing, scale, allowed.replicas, why, now, shown)
    return _scaled(desired, [*said, *actions, again], allowed.history, current, allowed.replicas, observed.at)


def _selector_problem(scale: Scale, observed: Observed) -> Computed:
    if scale.selector.empty:
        words = "the HPA target's scale is missing a selector"
        return Computed(reason="InvalidSelector", problem=words)
    if observed.rivals:
        names = " ".join(sorted(observed.rivals))
        words = f"pods by selector {scale.selector} are controlled by multiple HPAs: [{names}]"
        return Computed(reason="AmbiguousSelector", problem=words)
    return Computed()


def _failure_words(failed: list[Computed], count: int, problem: Computed) -> str:
    if not failed:
        return "no metrics"
    if failed[0] is problem:
        return problem.problem
    return f"invalid metrics ({len(failed)} invalid out of {count}), first error is: {failed[0].problem}"


def _least(autoscaler: HorizontalPodAutoscaler) -> int:
    return 1 if autoscaler.spec.min_replicas is None else autoscaler.spec.min_replicas


def _rescale(
    writing: _Writing, scale: Scale, wanted: int, why: str, now: float, shown: tuple[Any, ...]
) -> list[Action]:
    """The patch, then what is said of it: a patch that fails ends the round, and on_failure speaks."""
    patch = PatchObject(scale.cls, scale.key, _nested(scale.path, wanted), subresource="scale")
    words = f"the HPA controller was able to update the target scale to {wanted}"
    writing.set("AbleToScale", True, "SucceededRescale", words)
    status = writing.status(
        current_replicas=scale.replicas, desired_replicas=wanted, current_metrics=shown,
        last_scale_time=render_time(now),
    )  # fmt: skip
    said = writing.event("Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
    return [patch, said, *status]


def _nested(path: tuple[str, ...], value: int) -> dict[str, Any]:
    """The merge patch that sets one member."""
    patch: Any = value
    for name in reversed(path):
        patch = {name: patch}
    return patch  # type: ignore[no-any-return]


def _scaled(
    desired: HorizontalPodAutoscaler,
    actions: list[Action],
    history: History,
    before: int,
    after: int,
    at: float,
) -> Decision:
    return Decision(actions, remember_scaling(desired.spec.behavior, history, before, after, at))


def failed_rescale(
    desired: HorizontalPodAutoscaler, observed: Observed, action: PatchObject, error: ApiError, now: float
) -> list[Action]:
    """The condition and event of a scale that was refused."""
    writing = _Writing(desired, now)
    words = f"the HPA controller was unable to update the target scale: {error.message}"
    writing.set("AbleToScale", False, "FailedUpdateScale", words)
    wanted: Any = action.patch
    while isinstance(wanted, dict):
        (wanted,) = wanted.values()
    text = f"New size: {wanted}; reason: ; error: {error.message}"
    current = observed.scale.replicas if observed.scale is not None else 0
    return [writing.event("Warning", "FailedRescale", text), *writing.status(current_replicas=current)]
