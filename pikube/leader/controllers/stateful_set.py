"""Pure: StatefulSets keep pods with names, storage and order of their own.

Enter: the StatefulSet, its pods, claims and revisions. Leave: pods and claims to make, pods to delete, revisions,
the status. Run by the controller loop. Source: kubernetes pkg/controller/statefulset/stateful_set_control.go.

OrderedReady does one thing at a time: make the lowest missing pod, wait for it; then scale down from the top;
then roll from the top. Parallel makes and deletes without waiting; updates roll one by one all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import structs

from pikube.api.errors import AlreadyExists, ApiError
from pikube.api.kinds.apps import ControllerRevision, StatefulSet, StatefulSetStatus
from pikube.api.kinds.core_pod import Pod, PodTemplateSpec
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.selector import LabelSelector, from_label_selector
from pikube.informer.actions import Action, Create, Delete, RecordEvent, Remember, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself, owner_of_kind
from pikube.leader.controllers.failed_pods import Failures
from pikube.leader.controllers.ownership import candidates, claim, orphans_index, wakes_owner
from pikube.leader.controllers.pods import ENDED, available_in, is_ready
from pikube.leader.controllers.revision_history import (
    DATA_HASH_LABEL,
    HASH_LABEL,
    History,
    clean_up,
    construct,
    name_of_revision,
)
from pikube.leader.controllers.rounding import resolve
from pikube.leader.controllers.stateful_pods import (
    claim_name,
    claim_update,
    first_ordinal,
    identity_update,
    new_claims,
    new_pod,
    ordinal_of,
    replicas_of,
    wanted_ordinals,
)

MAX_WAIT_S = 60.0  # a pod with storage of its own is waited for by others
Book = dict[ObjectKey, Failures]


@dataclass(frozen=True, slots=True)
class Parts:
    """Pods it controls or may adopt, claims of its ordinals, its revisions; what is remembered of failures, `at`
    their clock."""

    pods: tuple[Pod, ...]
    claims: tuple[PersistentVolumeClaim, ...] = ()
    revisions: tuple[ControllerRevision, ...] = ()
    failures: Failures = field(default_factory=Failures)
    at: float = 0.0


@dataclass(slots=True)
class Round:
    """One round's working values. `by_ordinal`: the live pods, wanted or condemned."""

    owner: StatefulSet
    by_ordinal: dict[int, Pod]
    claims: dict[str, PersistentVolumeClaim]
    history: History
    current: str  # name of the revision that pods below the partition have
    failures: Failures
    at: float
    now: float
    wait_s: float | None = None

    def wait(self, seconds: float) -> None:
        self.wait_s = seconds if self.wait_s is None else min(self.wait_s, seconds)

    @property
    def update(self) -> str:
        return name_of_revision(self.history.current)

    @property
    def is_ordered(self) -> bool:
        return self.owner.spec.pod_management_policy != "Parallel"

    def is_available(self, pod: Pod) -> bool:
        left_s = available_in(pod, self.owner.spec.min_ready_seconds, self.now)
        if left_s:
            self.wait(left_s)
        return left_s == 0 and pod.status.phase == "Running"

    def is_healthy(self, pod: Pod) -> bool:
        return self.is_available(pod) and not pod.metadata.deletion_timestamp


def selector_of(owner: StatefulSet) -> LabelSelector:
    return from_label_selector(owner.spec.selector)


def reconcile_with(book: Book) -> Callable[[StatefulSet, Parts, float], list[Action]]:
    """The reconcile function; `book` is where failures are remembered."""

    def reconcile(desired: StatefulSet, observed: Parts, now: float) -> list[Action]:
        return _reconcile(desired, observed, now, book)

    return reconcile


def _reconcile(desired: StatefulSet, observed: Parts, now: float, book: Book) -> list[Action]:
    """The next step, and the status."""
    members = [pod for pod in observed.pods if ordinal_of(desired, pod) is not None]
    mine, adoptions = claim(desired, members, selector_of(desired))
    history = construct(
        desired,
        desired.spec.template,
        observed.revisions,
        desired.status.collision_count,
        label=DATA_HASH_LABEL,
    )
    names = {name_of_revision(revision) for revision in (*history.old, history.current)}
    current = desired.status.current_revision
    it = Round(
        owner=desired,
        by_ordinal={o: pod for pod in mine if (o := ordinal_of(desired, pod)) is not None},
        claims={claim_.metadata.name: claim_ for claim_ in observed.claims},
        history=history,
        current=current if current in names else name_of_revision(history.current),
        failures=observed.failures.of(desired, observed.at, MAX_WAIT_S),
        at=observed.at,
        now=now,
    )
    status = _status(it)
    steps = [] if desired.metadata.deletion_timestamp else _steps(it)
    actions = [*adoptions, *history.actions]
    if it.failures != observed.failures:
        actions.append(Remember(book, it.failures))
    if status != desired.status:
        actions.append(Update(structs.replace(desired, status=status), "status"))
    actions += steps
    live = {it.current, it.update, *(p.metadata.labels.get(HASH_LABEL, "") for p in mine)}
    actions += clean_up(history, live, desired.spec.revision_history_limit, name_of_revision)
    if it.wait_s is not None:
        actions.append(RequeueAfter(it.wait_s))
    return actions


def _steps(it: Round) -> list[Action]:
    actions: list[Action] = []
    for ordinal in wanted_ordinals(it.owner):
        done, may_go_on = _process(it, ordinal)
        actions += done
        if not may_go_on and it.is_ordered:
            return actions
    condemned = sorted(set(it.by_ordinal) - set(wanted_ordinals(it.owner)), reverse=True)
    if condemned:
        removed, is_waiting = _scale_down(it, condemned)
        actions += removed
        if it.is_ordered and (removed or is_waiting):
            return actions
    if not any(isinstance(action, Create | Delete) for action in actions):
        actions += _roll(it)
    return actions


def _process(it: Round, ordinal: int) -> tuple[list[Action], bool]:
    """Actions for one wanted ordinal, and whether the next one may be looked at."""
    pod = it.by_ordinal.get(ordinal)
    claims = _claim_actions(it, ordinal, None)
    if pod is None:
        return [*claims, _create(it, ordinal)], False
    if pod.metadata.deletion_timestamp:
        return claims, False
    if pod.status.phase in ENDED:
        return _recreate(it, pod), False
    return [*claims, *identity_update(it.owner, pod, ordinal)], it.is_healthy(pod)


def _recreate(it: Round, pod: Pod) -> list[Action]:
    """Take away who has ended; one that failed again stays for longer each time."""
    has_failed, name = pod.status.phase == "Failed", pod.metadata.name
    if has_failed:
        left_s = it.failures.left_s(name, it.at)
        if left_s > 0:
            it.wait(left_s)
            return []
        it.failures = it.failures.and_one_of(name, it.at, MAX_WAIT_S)
    word, kind = ("Failed", "Warning") if has_failed else ("Terminated", "Normal")
    words = f"StatefulSet {key_of(it.owner)} is recreating {word} Pod {name}"
    return [RecordEvent(it.owner, kind, f"Recreating{word}Pod", words), _delete(it, pod)]


def _scale_down(it: Round, condemned: Sequence[int]) -> tuple[list[Action], bool]:
    """Take away from the top; in order, only while all the others are well. (actions, whether it waits)"""
    actions: list[Action] = []
    unhealthy = [o for o in sorted(it.by_ordinal) if not it.is_healthy(it.by_ordinal[o])]
    for ordinal in condemned:
        pod = it.by_ordinal[ordinal]
        if pod.metadata.deletion_timestamp:
            if it.is_ordered:
                return actions, True
            continue
        if it.is_ordered and not it.is_healthy(pod) and unhealthy[0] != ordinal:
            return actions, True
        actions += [*_claim_actions(it, ordinal, pod), _delete(it, pod)]
        if it.is_ordered:
            return actions, True
    return actions, False


def _roll(it: Round) -> list[Action]:
    """Delete old pods from the top, at most maxUnavailable at a time, down to the partition."""
    strategy = it.owner.spec.update_strategy
    if strategy.type == "OnDelete":
        return []
    rolling = strategy.rolling_update
    budget = 1
    if rolling is not None and rolling.max_unavailable is not None:
        budget = max(1, resolve(rolling.max_unavailable, replicas_of(it.owner), up=False))
    lowest = first_ordinal(it.owner) + _partition(it.owner)
    actions: list[Action] = []
    for ordinal in reversed(wanted_ordinals(it.owner)):
        pod = it.by_ordinal.get(ordinal)
        if ordinal < lowest or pod is None:
            break
        is_old = pod.metadata.labels.get(HASH_LABEL) != it.update
        if is_old and not pod.metadata.deletion_timestamp:
            actions.append(_delete(it, pod))
            budget -= 1
        elif not it.is_healthy(pod):
            budget -= 1
        if budget <= 0:
            break
    return actions


def _partition(owner: StatefulSet) -> int:
    rolling = owner.spec.update_strategy.rolling_update
    return rolling.partition or 0 if rolling is not None else 0


def _create(it: Round, ordinal: int) -> Create:
    """From the new template, or below the partition from the one before."""
    template, revision = it.owner.spec.template, it.update
    is_below = ordinal < first_ordinal(it.owner) + _partition(it.owner)
    if is_below and it.owner.spec.update_strategy.type != "OnDelete":
        before = next((r for r in it.history.old if name_of_revision(r) == it.current), None)
        if before is not None:
            template, revision = _template_of(before), it.current
    pod = new_pod(it.owner, template, ordinal, revision)
    words = f"create Pod {{name}} in StatefulSet {it.owner.metadata.name} successful"
    return Create(pod, RecordEvent(it.owner, "Normal", "SuccessfulCreate", words))


def _template_of(revision: ControllerRevision) -> PodTemplateSpec:
    document = {key: value for key, value in revision.data["spec"]["template"].items() if key != "$patch"}
    return msgspec.convert(document, PodTemplateSpec)


def _delete(it: Round, pod: Pod) -> Delete:
    words = f"delete Pod {{name}} in StatefulSet {it.owner.metadata.name} successful"
    said = RecordEvent(it.owner, "Normal", "SuccessfulDelete", words)
    return Delete(Pod, key_of(pod), pod.metadata.uid, said=said)


def _claim_actions(it: Round, ordinal: int, condemned: Pod | None) -> list[Action]:
    """Make missing claims, and bring the owners of the others in line with the retention policy."""
    actions: list[Action] = []
    for wanted in new_claims(it.owner, ordinal):
        known = it.claims.get(wanted.metadata.name)
        if known is not None:
            actions += claim_update(it.owner, known, ordinal, condemned)
        elif condemned is None:
            words = (
                f"create Claim {{name}} Pod {it.owner.metadata.name}-{ordinal} "
                f"in StatefulSet {it.owner.metadata.name} success"
            )
            actions.append(Create(wanted, RecordEvent(it.owner, "Normal", "SuccessfulCreate", words)))
    return actions


def _status(it: Round) -> StatefulSetStatus:
    wanted = set(wanted_ordinals(it.owner))
    live = [p for p in it.by_ordinal.values() if p.status.phase not in ENDED]
    stays = [p for p in live if not p.metadata.deletion_timestamp]
    running = [p for p in live if p.status.phase == "Running"]
    current = sum(p.metadata.labels.get(HASH_LABEL) == it.current for p in stays)
    updated = sum(p.metadata.labels.get(HASH_LABEL) == it.update for p in stays)
    ready = sum(map(is_ready, running))
    status = structs.replace(
        it.owner.status,
        observed_generation=it.owner.metadata.generation,
        replicas=len(live),
        ready_replicas=ready,
        available_replicas=sum(map(it.is_available, running)),
        current_replicas=current,
        updated_replicas=updated,
        current_revision=it.current,
        update_revision=it.update,
        collision_count=it.owner.status.collision_count or 0,  # always said (kubernetes updateStatefulSet)
    )
    is_rolling = it.owner.spec.update_strategy.type != "OnDelete"
    is_whole = set(it.by_ordinal) == wanted and updated == ready == len(live) == replicas_of(it.owner)
    if is_rolling and is_whole:
        status.current_revision, status.current_replicas = it.update, updated
    return status


def on_failure(
    desired: StatefulSet, observed: Parts, action: Action, error: ApiError, now: float
) -> list[Action]:
    """A revision whose name is another's gets another hash; a pod or claim that is refused is told."""
    if not isinstance(action, Create):
        return []
    if isinstance(action.obj, ControllerRevision):
        if not isinstance(error, AlreadyExists):
            return []
        count = (desired.status.collision_count or 0) + 1
        status = structs.replace(desired.status, collision_count=count)
        return [Update(structs.replace(desired, status=status), "status")]
    kind = "Claim" if isinstance(action.obj, PersistentVolumeClaim) else "Pod"
    words = (
        f"create {kind} {action.obj.metadata.name} in StatefulSet {desired.metadata.name} "
        f"failed error: {error.message}"
    )
    return [RecordEvent(desired, "Warning", "FailedCreate", words)]


class _Observing:
    def __init__(self, book: Book, monotonic: Callable[[], float]) -> None:
        self._book = book
        self._monotonic = monotonic

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[StatefulSet, Parts] | None:
        """The set, its pods, the claims of all ordinals that it has or wants."""
        owner = lister.cache(StatefulSet).get(key)
        if owner is None:
            self._book.pop(key, None)
            return None
        pods = candidates(lister, Pod, owner, selector_of(owner))
        ordinals = {
            *wanted_ordinals(owner),
            *(o for pod in pods if (o := ordinal_of(owner, pod)) is not None),
        }
        cache = lister.cache(PersistentVolumeClaim)
        names = [claim_name(owner, t, o) for t in owner.spec.volume_claim_templates for o in sorted(ordinals)]
        found = [cache.get(ObjectKey(key.namespace, name)) for name in names]
        revisions = lister.cache(ControllerRevision).owned_by(owner.metadata.uid)
        claims = tuple(c for c in found if c is not None)
        failures = self._book.get(key, Failures())
        return owner, Parts(pods, claims, tuple(revisions), failures, self._monotonic())


def stateful_set_controller(monotonic: Callable[[], float]) -> Controller[StatefulSet, Parts]:
    """`monotonic` is Trio's clock, by which failed pods wait."""
    book: Book = {}
    return Controller(
        name="statefulset-controller",
        watches=(
            Watch(StatefulSet, itself),
            Watch(Pod, wakes_owner(StatefulSet, "StatefulSet", selector_of)),
            Watch(ControllerRevision, owner_of_kind("StatefulSet")),
        ),
        indexes=(orphans_index(Pod),),
        observe=_Observing(book, monotonic).observe,
        reconcile=reconcile_with(book),
        on_failure=on_failure,
    )
