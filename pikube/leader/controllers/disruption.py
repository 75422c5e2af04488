"""Pure: what a PodDisruptionBudget allows: how many of its pods may be taken away on purpose now.

Enter: the budget, its pods, and how large the sets are that own them. Leaves: the budget's status. Run by the
controller loop; the eviction subresource counts down what is written here. Source: kubernetes
pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from pikube.api.kinds.apps import Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import Condition, Object, OwnerReference
from pikube.api.kinds.policy import PodDisruptionBudget, PodDisruptionBudgetStatus
from pikube.api.selector import LabelSelector, from_label_selector
from pikube.api.times import render_time, seconds_since
from pikube.informer.actions import Action, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch, itself
from pikube.leader.controllers.conditions import with_condition
from pikube.leader.controllers.custom_scale import CustomScale, FindScale, NoScale
from pikube.leader.controllers.ownership import controller_of
from pikube.leader.controllers.pods import is_ready
from pikube.leader.controllers.rounding import resolve

ALLOWED = "DisruptionAllowed"
DELETION_TIMEOUT_S = 120.0  # kubernetes disruption.go:DeletionTimeout
SCALABLE: dict[tuple[str, str], type[Any]] = {
    ("apps", "Deployment"): Deployment,
    ("apps", "ReplicaSet"): ReplicaSet,
    ("apps", "StatefulSet"): StatefulSet,
    ("", "ReplicationController"): ReplicationController,
}
"""By group and kind, the built-in ones"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The pods that the selector chooses. `scales`: for the uid of each controller of one of them the uid and the
    wanted number of the set that is scaled; `strangers`: words for the controllers that have no scale."""

    pods: tuple[Pod, ...]
    scales: tuple[tuple[str, str, int], ...] = ()
    strangers: tuple[str, ...] = ()


def reconcile(desired: PodDisruptionBudget, observed: Guarded, now: float) -> list[Action]:
    """Count, compare, and tell."""
    actions: list[Action] = []
    pods = sorted(observed.pods, key=key_of)
    if not pods:
        actions.append(RecordEvent(desired, "Normal", "NoPods", "No matching pods found"))
    expected, wanted, problem = _expectation(desired, observed, pods)
    if problem:
        words = f"Failed to calculate the number of expected pods: {problem}"
        actions.append(RecordEvent(desired, "Warning", "CalculateExpectedPodCountFailed", words))
        return actions + _write(desired, _failed(desired, problem, now))
    actions += _warn_of_unmanaged(desired, pods)
    disrupted, recheck_s, late = _disrupted(desired, pods, now)
    actions += late
    healthy = sum(_is_healthy(pod, disrupted) for pod in pods)
    allowed = max(0, healthy - wanted) if expected > 0 else 0
    status = structs.replace(
        desired.status,
        observed_generation=desired.metadata.generation,
        disrupted_pods=disrupted,
        disruptions_allowed=allowed,
        current_healthy=healthy,
        desired_healthy=wanted,
        expected_pods=expected,
    )
    actions += _write(desired, _with(desired, status, allowed, now))
    if recheck_s is not None:
        actions.append(RequeueAfter(recheck_s))
    return actions


def _expectation(budget: PodDisruptionBudget, observed: Guarded, pods: Sequence[Pod]) -> tuple[int, int, str]:
    """(pods that there ought to be, healthy ones that there must be, why neither is known)."""
    spec = budget.spec
    by_number = spec.max_unavailable is None and isinstance(spec.min_available, int)
    if spec.max_unavailable is None and spec.min_available is None:
        return len(pods), 0, ""
    if by_number:
        return len(pods), int(spec.min_available or 0), ""
    if observed.strangers:
        return 0, 0, min(observed.strangers)
    expected = sum({uid: count for _, uid, count in observed.scales}.values())
    if spec.max_unavailable is not None:
        return expected, max(0, expected - resolve(spec.max_unavailable, expected, up=True)), ""
    return expected, resolve(spec.min_available, expected, up=True), ""


def _warn_of_unmanaged(budget: PodDisruptionBudget, pods: Sequence[Pod]) -> list[Action]:
    if isinstance(budget.spec.min_available, int) or all(controller_of(pod) for pod in pods):
        return []
    words = (
        f"Pods selected by this PodDisruptionBudget (selector: {selector_of(budget)}) were found to be unmanaged. "
        "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. "
        'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )
    return [RecordEvent(budget, "Warning", "UnmanagedPods", words)]


def _disrupted(
    budget: PodDisruptionBudget, pods: Sequence[Pod], now: float
) -> tuple[dict[str, str], float | None, list[Action]]:
    """Pods whose eviction was allowed and that are not yet going; after two minutes they count again."""
    kept: dict[str, str] = {}
    waits: list[float] = []
    events: list[Action] = []
    for pod in pods:
        since = budget.status.disrupted_pods.get(pod.metadata.name)
        if since is None or pod.metadata.deletion_timestamp:
            continue
        passed_s = seconds_since(since, now)
        if passed_s is None or passed_s >= DELETION_TIMEOUT_S or passed_s < -DELETION_TIMEOUT_S:
            key = key_of(budget)
            words = f"Pod was expected by PDB {key} to be deleted but it wasn't"
            events.append(RecordEvent(pod, "Warning", "NotDeleted", words))
            continue
        kept[pod.metadata.name] = since
        waits.append(DELETION_TIMEOUT_S - max(0.0, passed_s))
    return kept, min(waits, default=None), events


def _is_healthy(pod: Pod, disrupted: dict[str, str]) -> bool:
    return not pod.metadata.deletion_timestamp and pod.metadata.name not in disrupted and is_ready(pod)


def _with(
    budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus, allowed: int, now: float
) -> PodDisruptionBudgetStatus:
    value, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    return _say(budget, status, value, reason, "", now)


def _failed(budget: PodDisruptionBudget, problem: str, now: float) -> PodDisruptionBudgetStatus:
    """Nothing is allowed while the numbers are not known."""
    status = structs.replace(
        budget.status, disruptions_allowed=0, observed_generation=budget.metadata.generation
    )
    return _say(budget, status, "False", "SyncFailed", problem, now)


def _say(
    budget: PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
    value: str,
    reason: str,
    message: str,
    now: float,
) -> PodDisruptionBudgetStatus:
    condition = Condition(
        type=ALLOWED,
        status=value,
        observed_generation=budget.metadata.generation,
        last_transition_time=render_time(now),
        reason=reason,
        message=message,
    )
    return structs.replace(status, conditions=with_condition(status.conditions, condition))


def _write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus) -> list[Action]:
    return [] if status == budget.status else [Update(structs.replace(budget, status=status), "status")]


def selector_of(budget: PodDisruptionBudget) -> LabelSelector:
    """An empty selector chooses every pod of the namespace, none chooses no pod (policy/v1)."""
    return from_label_selector(budget.spec.selector)


class _Observing:
    def __init__(self, find_scale: FindScale) -> None:
        self._find_scale = find_scale

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[PodDisruptionBudget, Guarded] | None:
        budget = lister.cache(PodDisruptionBudget).get(key)
        if budget is None:
            return None
        selector = selector_of(budget)
        pods = tuple(
            p for p in lister.cache(Pod).in_namespace(key.namespace) if selector.matches(p.metadata.labels)
        )
        scales: dict[str, tuple[str, str, int]] = {}
        strangers: dict[str, str] = {}
        for pod in pods:
            ref = controller_of(pod)
            if ref is None or ref.uid in scales or ref.uid in strangers:
                continue
            scale = self._scale(lister, pod, ref)
            if isinstance(scale, str):
                strangers[ref.uid] = scale
            else:
                scales[ref.uid] = ref.uid, *scale
        return budget, Guarded(pods, tuple(sorted(scales.values())), tuple(sorted({*strangers.values()})))

    def _scale(self, lister: Lister, pod: Pod, ref: OwnerReference) -> tuple[str, int] | str:
        """(uid, wanted number) of the set that is scaled, or why it has none."""
        group = ref.api_version.rpartition("/")[0]
        key = ObjectKey(pod.metadata.namespace, ref.name)
        nobody = f'found no controllers for pod "{pod.metadata.name}"'
        if (group, ref.kind) in SCALABLE:
            scaled = _scaled_set(lister, SCALABLE[group, ref.kind], key, ref.uid)
            if scaled is None:
                return nobody
            wanted = getattr(scaled, "spec").replicas  # noqa: B009
            return scaled.metadata.uid, 1 if wanted is None else wanted
        found = self._find_scale(group, ref.kind, key)
        if isinstance(found, CustomScale):
            return (found.uid, found.replicas) if found.uid == ref.uid else nobody
        match found.why:
            case NoScale.NO_KIND:
                return f'no matches for kind "{ref.kind}" in version "{ref.api_version}"'
            case NoScale.NO_SUBRESOURCE:
                return f"{found.resource} does not implement the scale subresource"
        return nobody


def _scaled_set(lister: Lister, cls: type[Any], key: ObjectKey, uid: str) -> Object | None:
    """The set that a user scales: a ReplicaSet's Deployment, else the controller itself."""
    found: Object | None = lister.cache(cls).get(key)
    if found is None or found.metadata.uid != uid:
        return None
    ref = controller_of(found)
    if ref is None or ref.kind != "Deployment":
        return found
    return _scaled_set(lister, Deployment, ObjectKey(key.namespace, ref.name), ref.uid)


def _budgets_of(lister: Lister, pod: Pod) -> list[ObjectKey]:
    """Watch keys of a pod: the budgets that choose it."""
    budgets = lister.cache(PodDisruptionBudget).in_namespace(pod.metadata.namespace)
    return [key_of(b) for b in budgets if selector_of(b).matches(pod.metadata.labels)]


def _budgets_beside(lister: Lister, obj: Object) -> list[ObjectKey]:
    """Watch keys of a set: the budgets of its namespace."""
    return [key_of(b) for b in lister.cache(PodDisruptionBudget).in_namespace(obj.metadata.namespace)]


def _grow(cls: type[Object]) -> tuple[Sequence[Watch], Sequence[Index]]:
    """A custom kind that may be scaled: its budgets follow at once."""
    return (Watch(cls, _budgets_beside),), ()


def disruption_controller(find_scale: FindScale) -> Controller[PodDisruptionBudget, Guarded]:
    """With the scales of custom resources."""
    return Controller(
        name="controllermanager",  # upstream's component of these events
        watches=(
            Watch(PodDisruptionBudget, itself),
            Watch(Pod, _budgets_of),
            *(Watch(cls, _budgets_beside) for cls in SCALABLE.values()),
        ),
        observe=_Observing(find_scale).observe,
        reconcile=reconcile,
        grow=_grow,
        workers=1,
    )
