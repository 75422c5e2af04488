"""Pure: what to do next for one pod: `(pod, observed, memory, now) -> actions`.

Enter: the pod as wanted, what the runtime has of it, what the worker remembers (back-offs, probes). Leave:
actions in the order to perform them. Called by the pod worker after every change and by its timer.
Source of the rules: kubernetes kuberuntime_manager.go:computePodActions, KEP-753 (sidecars).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pikube.agent.pods.resizing import Sizes, differing, needs_restart, resizable
from pikube.agent.pods.restarts import end_code, may_ever_restart, should_restart
from pikube.agent.runtime.contract import Container, Sandbox
from pikube.api.kinds.core_pod import Pod

FIRST_BACKOFF_S = 10.0  # kubelet MaxContainerBackOff and its base
MAX_BACKOFF_S = 300.0
EVICTED = "Evicted"  # the reason of a pod that the board cannot carry any more
RESET_AFTER_S = 600.0  # a container that ran this long begins anew


@dataclass(frozen=True, slots=True)
class Observed:
    """What the runtime has: the sandbox if any, and each container's attempts, oldest first."""

    sandbox: Sandbox | None = None
    containers: Mapping[str, Sequence[Container]] = field(default_factory=dict)

    def newest(self, name: str) -> Container | None:
        attempts = self.containers.get(name)
        return attempts[-1] if attempts else None


@dataclass(frozen=True, slots=True)
class Memory:
    """What only the worker knows: consecutive crashes by container, when a failed start may be tried again, which
    containers probes found started or want killed (with the words of the event), when the pod began, graces that
    a probe declares for itself."""

    crashes: Mapping[str, int] = field(default_factory=dict)
    retry_at: Mapping[str, float] = field(default_factory=dict)
    started: frozenset[str] = frozenset()
    unhealthy: Mapping[str, str] = field(default_factory=dict)
    began_at: float = 0.0
    graces_s: Mapping[str, int] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)  # the last that was seen, also of what is gone
    hooking: frozenset[str] = frozenset()  # whose postStart hook is not over
    sizes: Sizes = field(default_factory=dict)  # what running containers have, by id
    may_resize: bool = True


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    pass


@dataclass(frozen=True, slots=True)
class RemoveSandbox:
    """Away with the sandbox and everything in it; `why` says it in the log."""

    why: str


@dataclass(frozen=True, slots=True)
class StopSandbox:
    """The pod is over: its address is given back, its containers stay for their logs."""


@dataclass(frozen=True, slots=True)
class StartContainer:
    name: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StopContainer:
    """A running container must end: because its pod ends, or because it is unhealthy."""

    name: str
    id: str
    grace_s: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """An old attempt that nobody asks for any more."""

    id: str


@dataclass(frozen=True, slots=True)
class ResizeContainer:
    """A running container gets what it declares now."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class LookAgainAt:
    """Nothing will change before this time, as far as we know."""

    at: float


@dataclass(frozen=True, slots=True)
class Fail:
    """The pod has failed as a whole: status reason and message."""

    reason: str
    message: str


Action: TypeAlias = (
    CreateSandbox
    | RemoveSandbox
    | StopSandbox
    | StartContainer
    | StopContainer
    | RemoveContainer
    | ResizeContainer
    | LookAgainAt
    | Fail
)


def is_sidecar(container: Any) -> bool:
    """An init container that stays."""
    return bool(getattr(container, "restart_policy", None) == "Always")


def backoff_s(crashes: int) -> float:
    """How long after its `crashes`-th end in a row a container waits: not at all after the first, then 10 s,
    doubling, at most 5 minutes (client-go flowcontrol/backoff.go: the first restart only makes the entry)."""
    if crashes <= 1:
        return 0.0
    return float(min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(crashes - 2, 10)))


def decide(pod: Pod, observed: Observed, memory: Memory, now: float) -> list[Action]:
    """The next steps of a pod that is wanted. A pod that is being deleted is `decide_end`'s."""
    if pod.status.phase in ("Succeeded", "Failed"):
        return _wind_down(pod, observed)
    deadline = pod.spec.active_deadline_seconds
    actions: list[Action] = []
    if deadline is not None and memory.began_at:
        if now >= memory.began_at + deadline:
            fail = Fail("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
            return [fail, *_stop_all(pod, observed, pod.spec.termination_grace_period_seconds or 0)]
        actions.append(LookAgainAt(memory.began_at + deadline))
    if is_over(pod, observed):
        return _wind_down(pod, observed)
    if not may_ever_restart(pod) and _has_lost_sandbox(pod, observed, memory):
        return [Fail("", "")]  # what ran once is not run again
    if observed.sandbox is None:
        return [*actions, CreateSandbox()]
    if not observed.sandbox.is_running:
        return [RemoveSandbox("its network namespace has ended"), CreateSandbox()]
    actions += _kill_unhealthy(pod, observed, memory)
    for visitor in pod.spec.ephemeral_containers:
        if observed.newest(visitor.name) is None and _first_attempt(pod, visitor.name, memory) == 0:
            actions += _container_actions(pod, visitor, observed, memory, now)
    pending, is_initialized = _init_actions(pod, observed, memory, now)
    actions += pending
    if is_initialized:
        for container in pod.spec.containers:
            if end_code(pod, container, observed.newest(container.name)) is not None:
                continue
            steps = _container_actions(pod, container, observed, memory, now)
            actions += steps
            if _holds_back(container, steps, memory):
                break
    return [*actions, *_resizes(pod, observed, memory), *_forget_old(observed)]


def _resizes(pod: Pod, observed: Observed, memory: Memory) -> list[Action]:
    """In place, or by a restart."""
    actions: list[Action] = []
    for container in resizable(pod) if memory.may_resize else ():
        newest = observed.newest(container.name)
        if newest is None or newest.state != "running" or newest.id not in memory.sizes:
            continue
        names = differing(container, memory.sizes[newest.id])
        if names and needs_restart(pod, container, names):
            grace_s = pod.spec.termination_grace_period_seconds
            why = f"Container {container.name} resize requires restart"
            actions.append(StopContainer(container.name, newest.id, 30 if grace_s is None else grace_s, why))
        elif names:
            actions.append(ResizeContainer(container.name, newest.id))
    return actions


def _holds_back(container: Any, steps: Sequence[Action], memory: Memory) -> bool:
    """Whether the containers behind it wait for its postStart hook: service meshes start their proxy so before all
    others (kuberuntime_manager.go starts one container after the other, its hook included)."""
    has_hook = container.lifecycle is not None and container.lifecycle.post_start is not None
    is_started_now = any(isinstance(step, StartContainer) for step in steps)
    return container.name in memory.hooking or (has_hook and is_started_now)


def _has_lost_sandbox(pod: Pod, observed: Observed, memory: Memory) -> bool:
    """Whether containers have run whose sandbox is gone: the board was rebooted, or somebody removed it."""
    if observed.sandbox is not None and observed.sandbox.is_running:
        return False
    return any(
        observed.newest(c.name) is not None or _first_attempt(pod, c.name, memory)
        for c in pod.spec.containers
    )


def _wind_down(pod: Pod, observed: Observed) -> list[Action]:
    """A pod that is over starts nothing more; what still runs ends, then the sandbox gives its address back."""
    if observed.sandbox is None:
        return []
    running = _stop_all(pod, observed, pod.spec.termination_grace_period_seconds or 0)
    if running:
        return running
    if (
        pod.status.reason == EVICTED
    ):  # for want of room: its containers' layers go, too (pod_container_deletor.go)
        return [RemoveSandbox("the pod was evicted")]
    return [StopSandbox()] if observed.sandbox.is_running else []


def decide_end(pod: Pod, observed: Observed, grace_s: int) -> list[Action]:
    """The next steps of a pod that must go: stop what runs (containers before sidecars), then remove the sandbox."""
    running = _stop_all(pod, observed, grace_s)
    if running:
        return running
    return [RemoveSandbox("the pod has ended")] if observed.sandbox is not None else []


def is_over(pod: Pod, observed: Observed) -> bool:
    """Whether every container has ended for good: nothing is to be started ever again."""
    if not pod.spec.containers:
        return False
    for container in pod.spec.init_containers:
        newest = observed.newest(container.name)
        has_failed = newest is not None and newest.state == "exited" and newest.exit_code != 0
        if has_failed and not is_sidecar(container):
            assert newest is not None
            if not should_restart(pod, container, newest.exit_code):
                return True
    return all(end_code(pod, c, observed.newest(c.name)) is not None for c in pod.spec.containers)


def is_initialized(pod: Pod, observed: Observed, started: frozenset[str]) -> bool:
    """Whether all init containers have succeeded and all sidecars have started; also true once an app container
    has ever been made, because the runtime may have forgotten the init containers since."""
    if any(observed.newest(container.name) is not None for container in pod.spec.containers):
        return True
    for container in pod.spec.init_containers:
        newest = observed.newest(container.name)
        if newest is None:
            return False
        if is_sidecar(container):
            if newest.state != "running" or (container.startup_probe and container.name not in started):
                return False
        elif newest.state != "exited" or newest.exit_code != 0:
            return False
    return True


def _init_actions(pod: Pod, observed: Observed, memory: Memory, now: float) -> tuple[list[Action], bool]:
    """Start the first init container that has not done its part; keep sidecars running. What comes behind one that
    has begun: a sidecar that ends meanwhile holds nobody up (kuberuntime_container.go:computeInitContainerActions
    looks from the last to the first)."""
    inits = pod.spec.init_containers
    has_begun = any(observed.newest(container.name) is not None for container in pod.spec.containers)
    furthest = max((at for at, c in enumerate(inits) if observed.newest(c.name) is not None), default=-1)
    actions: list[Action] = []
    for at, container in enumerate(inits):
        newest = observed.newest(container.name)
        is_behind = has_begun or at < furthest
        if is_sidecar(container):
            actions += _container_actions(pod, container, observed, memory, now, always=True)
            is_up = newest is not None and newest.state == "running" and container.name not in memory.hooking
            if container.startup_probe is not None:
                is_up = is_up and container.name in memory.started
            if not is_up and not is_behind:
                return actions, False
            continue
        if is_behind or (newest is not None and newest.state == "exited" and newest.exit_code == 0):
            continue
        if newest is None or newest.state != "running":
            actions += _container_actions(pod, container, observed, memory, now)
        return actions, False
    return actions, True


def _container_actions(
    pod: Pod,
    container: Any,
    observed: Observed,
    memory: Memory,
    now: float,
    *,
    always: bool = False,
) -> list[Action]:
    newest = observed.newest(container.name)
    attempt = _first_attempt(pod, container.name, memory)
    if newest is not None:
        if newest.state == "running":
            return []
        if newest.state == "created":  # a start that was cut off: this attempt never ran
            return [RemoveContainer(newest.id), StartContainer(container.name, newest.attempt)]
        if not always and not should_restart(pod, container, newest.exit_code):
            return []
        attempt = newest.attempt + 1
    ready_at = memory.retry_at.get(container.name, 0.0)
    if newest is not None:
        ready_at = max(ready_at, newest.finished_at + backoff_s(memory.crashes.get(container.name, 0)))
        # a clock that jumped back must not hold a container back for longer than a back-off lasts
        ready_at = min(ready_at, now + MAX_BACKOFF_S)
    if now < ready_at:
        return [LookAgainAt(ready_at)]
    return [StartContainer(container.name, attempt)]


def _first_attempt(pod: Pod, name: str, memory: Memory) -> int:
    """0, or one more than was seen or is in the status, when the runtime has lost a container that once was there."""
    status = pod.status
    every = (
        *status.init_container_statuses,
        *status.container_statuses,
        *status.ephemeral_container_statuses,
    )
    for known in every:
        if known.name == name and known.container_id:
            return max(known.restart_count, memory.attempts.get(name, 0)) + 1
    return memory.attempts.get(name, -1) + 1


def _kill_unhealthy(pod: Pod, observed: Observed, memory: Memory) -> list[Action]:
    actions: list[Action] = []
    for name, why in memory.unhealthy.items():
        newest = observed.newest(name)
        if newest is not None and newest.state == "running":
            of_pod = pod.spec.termination_grace_period_seconds
            grace_s = memory.graces_s.get(name, 30 if of_pod is None else of_pod)
            actions.append(StopContainer(name, newest.id, grace_s, why))
    return actions


def _stop_all(pod: Pod, observed: Observed, grace_s: int) -> list[Action]:
    """App containers first; sidecars in reverse order once none of them runs."""
    sidecars = [c.name for c in pod.spec.init_containers if is_sidecar(c)]
    first = [
        StopContainer(name, attempts[-1].id, grace_s)
        for name, attempts in observed.containers.items()
        if attempts and attempts[-1].state == "running" and name not in sidecars
    ]
    return [*first] or _stop_sidecars(pod, observed, grace_s)


def _stop_sidecars(pod: Pod, observed: Observed, grace_s: int | None = None) -> list[Action]:
    if grace_s is None:
        grace_s = pod.spec.termination_grace_period_seconds or 0
    for container in reversed(pod.spec.init_containers):
        newest = observed.newest(container.name)
        if is_sidecar(container) and newest is not None and newest.state == "running":
            return [StopContainer(container.name, newest.id, grace_s)]
    return []


def _forget_old(observed: Observed) -> list[Action]:
    """Keep the newest attempt and the one before it, whose logs `--previous` shows."""
    return [
        RemoveContainer(container.id)
        for attempts in observed.containers.values()
        for container in attempts[:-2]
    ]
