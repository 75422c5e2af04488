"""Pure: how fast a wished number of replicas may become true: windows, policies, limits, and the memory of both.

Enter: the wish, the rules, the History. Leave: an allowed number with upstream's reason, a new History. Called by the
autoscaler. Source: kubernetes pkg/controller/podautoscaler/horizontal.go. Instants are monotonic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from pikube.api.kinds.autoscaling_v2 import HorizontalPodAutoscalerBehavior, HPAScalingRules

DOWNSCALE_WINDOW_S = 300  # --horizontal-pod-autoscaler-downscale-stabilization
SCALE_UP_FACTOR, SCALE_UP_MINIMUM = 2, 4  # without a behavior: at most double, or four
MANY = 2**31 - 1


class Noted(NamedTuple):
    """A number of replicas at an instant: a recommendation, or by how many was scaled."""

    at: float
    replicas: int


@dataclass(frozen=True, slots=True)
class History:
    """What an autoscaler remembers; like upstream's, in memory only."""

    recommendations: tuple[Noted, ...] = ()
    ups: tuple[Noted, ...] = ()
    downs: tuple[Noted, ...] = ()


class Allowed(NamedTuple):
    """The number that may be set, and the conditions AbleToScale and ScalingLimited: (reason, message)."""

    replicas: int
    able: tuple[str, str]
    limited: tuple[str, str]
    is_limited: bool
    history: History


READY = ("ReadyForNewScale", "recommended size matches current size")
UP_STABILIZED = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
DOWN_STABILIZED = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


def begin(history: History, current: int, at: float) -> History:
    """The first thing remembered is the number that was found."""
    if history.recommendations:
        return history
    return replace(history, recommendations=(Noted(at, current),))


def allow(
    behavior: HorizontalPodAutoscalerBehavior | None,
    history: History,
    current: int,
    wanted: int,
    least: int,
    most: int,
    at: float,
) -> Allowed:
    """What may be set now of the wanted number."""
    if behavior is None or behavior.scale_up is None or behavior.scale_down is None:
        stable = max(
            [wanted, *(n.replicas for n in history.recommendations if n.at >= at - DOWNSCALE_WINDOW_S)]
        )
        able = READY if stable == wanted else DOWN_STABILIZED
        replicas, why = _plain_limits(current, stable, least, most)
        kept = _note(history.recommendations, wanted, at, DOWNSCALE_WINDOW_S)
    else:
        up_s = window_s(behavior.scale_up, 0)
        down_s = window_s(behavior.scale_down, DOWNSCALE_WINDOW_S)
        recent = history.recommendations
        lowest = min([wanted, *(n.replicas for n in recent if n.at > at - up_s)])
        highest = max([wanted, *(n.replicas for n in recent if n.at > at - down_s)])
        stable = min(max(current, lowest), highest)
        able = READY if stable == wanted else UP_STABILIZED if wanted >= current else DOWN_STABILIZED
        replicas, why = _limits_by_rules(behavior, history, current, stable, least, most, at)
        kept = _note(recent, wanted, at, max(up_s, down_s))
    return Allowed(replicas, able, why, replicas != stable, replace(history, recommendations=kept))


def remember_scaling(
    behavior: HorizontalPodAutoscalerBehavior | None, history: History, before: int, after: int, at: float
) -> History:
    """With the change, as far as a policy will ask for it."""
    if behavior is None or behavior.scale_up is None or behavior.scale_down is None:
        return history
    if after > before:
        return replace(history, ups=_note(history.ups, after - before, at, _longest(behavior.scale_up)))
    return replace(history, downs=_note(history.downs, before - after, at, _longest(behavior.scale_down)))


def window_s(rules: HPAScalingRules, usual: int) -> int:
    return usual if rules.stabilization_window_seconds is None else rules.stabilization_window_seconds


def _note(notes: tuple[Noted, ...], replicas: int, at: float, kept_s: float) -> tuple[Noted, ...]:
    return (*(note for note in notes if note.at >= at - kept_s), Noted(at, replicas))


def _longest(rules: HPAScalingRules) -> int:
    return max((policy.period_seconds for policy in rules.policies), default=0)


def _plain_limits(current: int, wanted: int, least: int, most: int) -> tuple[int, tuple[str, str]]:
    fastest = max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM)
    highest, why = (fastest, UP_LIMIT) if most > fastest else (most, TOO_MANY)
    if wanted < least:
        return least, TOO_FEW
    if wanted > highest:
        return highest, why
    return wanted, WITHIN


def _limits_by_rules(
    behavior: HorizontalPodAutoscalerBehavior,
    history: History,
    current: int,
    wanted: int,
    least: int,
    most: int,
    at: float,
) -> tuple[int, tuple[str, str]]:
    assert behavior.scale_up is not None and behavior.scale_down is not None
    if wanted > current:
        limit = max(current, _up_limit(behavior.scale_up, history, current, at))
        highest, why = (limit, UP_LIMIT) if most > limit else (most, TOO_MANY)
        if wanted > highest:
            return highest, why
    elif wanted < current:
        limit = min(current, _down_limit(behavior.scale_down, history, current, at))
        lowest, why = (limit, DOWN_LIMIT) if least < limit else (least, TOO_FEW)
        if wanted < lowest:
            return lowest, why
    return wanted, WITHIN


def _up_limit(rules: HPAScalingRules, history: History, current: int, at: float) -> int:
    if rules.select_policy == "Disabled":
        return current
    proposals = []
    for policy in rules.policies:
        start = current - _changed(history.ups, policy.period_seconds, at)
        start += _changed(history.downs, policy.period_seconds, at)
        if policy.type == "Pods":
            proposals.append(start + policy.value)
        else:  # rounded up, or a small set would never grow
            proposals.append(math.ceil(start * (1 + policy.value / 100)))
    return (min if rules.select_policy == "Min" else max)(proposals, default=current)


def _down_limit(rules: HPAScalingRules, history: History, current: int, at: float) -> int:
    if rules.select_policy == "Disabled":
        return current
    proposals = []
    for policy in rules.policies:
        start = current + _changed(history.downs, policy.period_seconds, at)
        start -= _changed(history.ups, policy.period_seconds, at)
        if policy.type == "Pods":
            proposals.append(start - policy.value)
        else:
            proposals.append(int(start * (1 - policy.value / 100)))
    # going down, Min means the smallest change, which leaves the most
    return (max if rules.select_policy == "Min" else min)(proposals, default=current)


def _changed(notes: tuple[Noted, ...], period_s: int, at: float) -> int:
    return sum(note.replicas for note in notes if note.at > at - period_s)
