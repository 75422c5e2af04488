"""Pure: DaemonSets keep one pod on every node that they want.

Enter: the DaemonSet, its pods and revisions, all nodes. Leave: pods to make and delete, revisions, the status.
Run by the controller loop. Source: kubernetes pkg/controller/daemon/{daemon_controller.go,update.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from pikube.api.errors import AlreadyExists, ApiError
from pikube.api.kinds.apps import ControllerRevision, DaemonSet, DaemonSetStatus
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import Object
from pikube.api.selector import LabelSelector, from_label_selector
from pikube.informer.actions import Action, Create, Delete, RecordEvent, Remember, RequeueAfter, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself, owner_of_kind
from pikube.leader.controllers.daemon_nodes import Verdict, daemon_pod, target_node, verdict
from pikube.leader.controllers.failed_pods import Failures
from pikube.leader.controllers.ownership import candidates, claim, orphans_index, wakes_owner
from pikube.leader.controllers.pods import ENDED, available_in, is_ready
from pikube.leader.controllers.revision_history import (
    HASH_LABEL,
    History,
    clean_up,
    construct,
    hash_of_revision,
)
from pikube.leader.controllers.rounding import resolve

_FAILED = "failed", "FailedDaemonPod", "Warning"
_SUCCEEDED = "succeeded", "SucceededDaemonPod", "Normal"
Book = dict[ObjectKey, Failures]
BURST = 250  # kubernetes daemon_controller.go:BurstReplicas


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Pods it controls or may adopt, its revisions, every node; what is remembered of failures, `at` their clock."""

    pods: tuple[Pod, ...]
    nodes: tuple[Node, ...]
    revisions: tuple[ControllerRevision, ...] = ()
    failures: Failures = field(default_factory=Failures)
    at: float = 0.0


@dataclass(slots=True)
class Plan:
    """One round's working values. `delete`: pods by name, with the event that explains it, if any."""

    daemon_set: DaemonSet
    verdicts: dict[str, Verdict]
    on_node: dict[str, list[Pod]]
    history: History
    failures: Failures
    at: float
    now: float
    create: list[str]
    delete: dict[str, Pod]
    events: list[Action]
    wait_s: float | None = None

    def wait(self, seconds: float) -> None:
        self.wait_s = seconds if self.wait_s is None else min(self.wait_s, seconds)

    def is_available(self, pod: Pod) -> bool:
        left_s = available_in(pod, self.daemon_set.spec.min_ready_seconds, self.now)
        if left_s:
            self.wait(left_s)
        return left_s == 0 and not pod.metadata.deletion_timestamp

    def is_updated(self, pod: Pod) -> bool:
        return pod.metadata.labels.get(HASH_LABEL) == self.history.hash


def selector_of(daemon_set: DaemonSet) -> LabelSelector:
    return from_label_selector(daemon_set.spec.selector)


def reconcile_with(book: Book) -> Callable[[DaemonSet, Surroundings, float], list[Action]]:
    """The reconcile function; `book` is where failures are remembered."""

    def reconcile(desired: DaemonSet, observed: Surroundings, now: float) -> list[Action]:
        return _reconcile(desired, observed, now, book)

    return reconcile


def _reconcile(desired: DaemonSet, observed: Surroundings, now: float, book: Book) -> list[Action]:
    """Pods where they are missing, none where they are not wanted, the old ones replaced step by step."""
    if desired.metadata.deletion_timestamp:
        return []
    plan, mine, claims = _plan(desired, observed, now)
    noted: list[Action] = []
    if plan.failures != observed.failures:
        noted.append(Remember(book, plan.failures))
    return [*claims, *plan.history.actions, *noted, *_writes(plan, mine)]


def _plan(desired: DaemonSet, observed: Surroundings, now: float) -> tuple[Plan, Sequence[Pod], list[Action]]:
    """What is to be done; the set's own pods, and how they become its own."""
    mine, claims = claim(desired, observed.pods, selector_of(desired))
    history = construct(desired, desired.spec.template, observed.revisions, desired.status.collision_count)
    plan = Plan(
        daemon_set=desired,
        verdicts={n.metadata.name: verdict(desired, n) for n in sorted(observed.nodes, key=key_of)},
        on_node=_by_node(mine),
        history=history,
        failures=observed.failures.of(desired, observed.at),
        at=observed.at,
        now=now,
        create=[],
        delete={},
        events=[],
    )
    _manage(plan)
    if not plan.create and not plan.delete and desired.spec.update_strategy.type != "OnDelete":
        _roll(plan)
    return plan, mine, claims


def _by_node(pods: Sequence[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in sorted(pods, key=lambda p: (p.metadata.creation_timestamp, p.metadata.name)):
        found.setdefault(target_node(pod), []).append(pod)
    return found


def _manage(plan: Plan) -> None:
    for name, wanted in plan.verdicts.items():
        pods = plan.on_node.get(name, [])
        if not pods:
            if wanted.should_run:
                plan.create.append(name)
        elif not wanted.may_stay:
            for pod in pods:
                _delete(plan, pod)
        else:
            _keep_one(plan, name, pods)
    for name, pods in plan.on_node.items():
        if name not in plan.verdicts:  # pods on the node itself are the pod collector's
            for pod in pods:
                if not pod.spec.node_name:
                    _delete(plan, pod)


def _keep_one(plan: Plan, name: str, pods: Sequence[Pod]) -> None:
    """Ended pods are taken away so that new ones come; of several that run, the oldest stays. During a surge an
    old and a new one run side by side."""
    running = []
    for pod in pods:
        if pod.metadata.deletion_timestamp:
            continue
        if pod.status.phase in ENDED:
            _replace_ended(plan, pod, name)
        else:
            running.append(pod)
    is_surging = bool(_max_surge(plan))
    kinds = [[p for p in running if plan.is_updated(p) is flag] for flag in (True, False)]
    for group in kinds if is_surging else [running]:
        group.sort(key=lambda p: (not is_ready(p), p.metadata.creation_timestamp, p.metadata.name))
        for pod in group[1:]:
            _delete(plan, pod)


def _replace_ended(plan: Plan, pod: Pod, node: str) -> None:
    """One that failed again stays for longer each time, so that a pod that cannot live does not keep a node busy."""
    has_failed = pod.status.phase == "Failed"
    if has_failed:
        left_s = plan.failures.left_s(node, plan.at)
        if left_s > 0:
            plan.wait(left_s)
            return
        plan.failures = plan.failures.and_one_of(node, plan.at)
    word, reason, kind = _FAILED if has_failed else _SUCCEEDED
    words = f"Found {word} daemon pod {key_of(pod)} on node {node}, will try to delete it"
    plan.events.append(RecordEvent(plan.daemon_set, kind, reason, words))
    _delete(plan, pod)


def _delete(plan: Plan, pod: Pod) -> None:
    if not pod.metadata.deletion_timestamp:
        plan.delete[pod.metadata.name] = pod


def _desired(plan: Plan) -> int:
    return sum(wanted.should_run for wanted in plan.verdicts.values())


def _max_surge(plan: Plan) -> int:
    rolling = plan.daemon_set.spec.update_strategy.rolling_update
    is_rolling = plan.daemon_set.spec.update_strategy.type != "OnDelete"
    return resolve(rolling.max_surge, _desired(plan), up=True) if rolling and is_rolling else 0


def _roll(plan: Plan) -> None:
    rolling = plan.daemon_set.spec.update_strategy.rolling_update
    surge = _max_surge(plan)
    if surge:
        _roll_with_surge(plan, surge)
    else:
        limit = resolve(rolling.max_unavailable, _desired(plan), up=True) if rolling else 1
        _roll_in_place(plan, max(1, limit))


def _roll_in_place(plan: Plan, max_unavailable: int) -> None:
    """Delete old pods: unavailable ones at once, available ones as far as maxUnavailable allows."""
    unavailable = 0
    at_once: list[Pod] = []
    candidates_: list[Pod] = []
    for name, wanted in plan.verdicts.items():
        if not wanted.should_run:
            continue
        live = [p for p in plan.on_node.get(name, ()) if p.status.phase not in ENDED]
        old = [p for p in live if not plan.is_updated(p)]
        if any(map(plan.is_available, live)):
            candidates_ += [p for p in old if plan.is_available(p)]
            continue
        unavailable += 1
        at_once += old
    room = max(0, max_unavailable - unavailable)
    for pod in (*at_once, *candidates_[:room]):
        _delete(plan, pod)


def _roll_with_surge(plan: Plan, surge: int) -> None:
    """Make a new pod beside the old one, and delete the old one when the new one is available."""
    used = 0
    at_once: list[str] = []
    candidates_: list[str] = []
    for name, wanted in plan.verdicts.items():
        live = [p for p in plan.on_node.get(name, ()) if p.status.phase not in ENDED]
        new = [p for p in live if plan.is_updated(p) and not p.metadata.deletion_timestamp]
        old = [p for p in live if not plan.is_updated(p)]
        if not old or not wanted.should_run:
            continue
        if new:
            if any(map(plan.is_available, new)):
                for pod in old:
                    _delete(plan, pod)
            else:
                used += 1
        elif any(map(plan.is_available, old)):
            candidates_.append(name)
        else:
            at_once.append(name)
    plan.create += at_once + candidates_[: max(0, surge - used)]


def _writes(plan: Plan, mine: Sequence[Pod]) -> list[Action]:
    desired = plan.daemon_set
    actions = list(plan.events)
    made = RecordEvent(desired, "Normal", "SuccessfulCreate", "Created pod: {name}")
    gone = RecordEvent(desired, "Normal", "SuccessfulDelete", "Deleted pod: {name}")
    template = desired.spec.template
    actions += [
        Create(daemon_pod(desired, template, node, plan.history.hash), made) for node in plan.create[:BURST]
    ]
    actions += [
        Delete(Pod, key_of(pod), pod.metadata.uid, said=gone)
        for _, pod in sorted(plan.delete.items())[:BURST]
    ]
    live = {p.metadata.labels.get(HASH_LABEL, "") for p in mine}
    actions += clean_up(plan.history, live, desired.spec.revision_history_limit, hash_of_revision)
    actions += _status_write(plan)
    if plan.wait_s is not None:
        actions.append(RequeueAfter(plan.wait_s))
    return actions


def _status_write(plan: Plan) -> list[Action]:
    status = _status(plan)
    if status == plan.daemon_set.status:
        return []
    return [Update(structs.replace(plan.daemon_set, status=status), "status")]


def _status(plan: Plan) -> DaemonSetStatus:
    current = ready = available = updated = misscheduled = 0
    for name, wanted in plan.verdicts.items():
        pods = [p for p in plan.on_node.get(name, ()) if p.metadata.name not in plan.delete]
        if not pods:
            continue
        if not wanted.should_run:
            misscheduled += 1
            continue
        current += 1
        ready += any(map(is_ready, pods))
        available += any(map(plan.is_available, pods))
        updated += any(plan.is_updated(p) and not p.metadata.deletion_timestamp for p in pods)
    wanted_count = _desired(plan)
    return structs.replace(
        plan.daemon_set.status,
        observed_generation=plan.daemon_set.metadata.generation,
        desired_number_scheduled=wanted_count,
        current_number_scheduled=current,
        number_misscheduled=misscheduled,
        number_ready=ready,
        number_available=available,
        number_unavailable=wanted_count - available,
        updated_number_scheduled=updated,
    )


def on_failure(
    desired: DaemonSet, observed: Surroundings, action: Action, error: ApiError, now: float
) -> list[Action]:
    """A revision whose name is another's gets another hash; a pod that is refused is told in an event, and the status
    says what is there all the same."""
    if not isinstance(action, Create):
        return []
    if isinstance(action.obj, ControllerRevision):
        if not isinstance(error, AlreadyExists):
            return []
        count = (desired.status.collision_count or 0) + 1
        status = structs.replace(desired.status, collision_count=count)
        return [Update(structs.replace(desired, status=status), "status")]
    plan, _, _ = _plan(desired, observed, now)
    said = RecordEvent(desired, "Warning", "FailedCreate", f"Error creating: {error.message}")
    return [said, *_status_write(plan)]


class _Observing:
    def __init__(self, book: Book, monotonic: Callable[[], float]) -> None:
        self._book = book
        self._monotonic = monotonic

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[DaemonSet, Surroundings] | None:
        daemon_set = lister.cache(DaemonSet).get(key)
        if daemon_set is None:
            self._book.pop(key, None)
            return None
        return daemon_set, Surroundings(
            candidates(lister, Pod, daemon_set, selector_of(daemon_set)),
            tuple(lister.cache(Node)),
            tuple(lister.cache(ControllerRevision).owned_by(daemon_set.metadata.uid)),
            self._book.get(key, Failures()),
            self._monotonic(),
        )


def every_daemon_set(lister: Lister, node: Object) -> list[ObjectKey]:
    """Watch keys: a node that comes, goes or changes concerns all."""
    return [key_of(daemon_set) for daemon_set in lister.cache(DaemonSet)]


def daemon_set_controller(monotonic: Callable[[], float]) -> Controller[DaemonSet, Surroundings]:
    """`monotonic` is Trio's clock, by which failed pods wait."""
    book: Book = {}
    return Controller(
        name="daemonset-controller",
        watches=(
            Watch(DaemonSet, itself),
            Watch(Node, every_daemon_set),
            Watch(Pod, wakes_owner(DaemonSet, "DaemonSet", selector_of)),
            Watch(ControllerRevision, owner_of_kind("DaemonSet")),
        ),
        indexes=(orphans_index(Pod),),
        observe=_Observing(book, monotonic).observe,
        reconcile=reconcile_with(book),
        on_failure=on_failure,
    )
