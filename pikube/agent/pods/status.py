"""Pure: the status of a pod from what the runtime has of it.

Enter: the pod, what was observed, what the worker remembers, the status before. Leaves: a PodStatus; times
of conditions move only when the condition does. Source: kubernetes kubelet_pods.go:generateAPIPodStatus,
status/generate.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from pikube.agent.pods.decision import Memory, Observed, backoff_s, is_initialized, is_over, is_sidecar
from pikube.agent.pods.restarts import end_code, is_restarted
from pikube.agent.runtime.contract import Container
from pikube.api.defaulting.pods import qos_class
from pikube.api.kinds.core_container import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    ContainerUser,
    VolumeMountStatus,
)
from pikube.api.kinds.core_pod import HostIP, Pod, PodCondition, PodIP, PodStatus
from pikube.api.times import render_time

CONTAINER_URL = "podman://"
OVER = ("Succeeded", "Failed")
POD_MESSAGE_BYTES = 12 * 1024  # of all its containers' last words (status_manager.go:normalizeStatus)
LOST_INIT = (
    "Unable to get init container status from container runtime and pod has been initialized, "
    "treat it as exited normally"
)
RESIZES = ("PodResizePending", "PodResizeInProgress")  # there while it lasts


@dataclass(frozen=True, slots=True)
class Report:
    """What the status says beside the containers: addresses, why containers wait, which are ready, image ids."""

    pod_ip: str = ""
    host_ip: str = ""
    waiting: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name → (reason, message)
    ready: frozenset[str] = frozenset()
    images: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # id → (name, reference with digest)
    messages: Mapping[str, str] = field(default_factory=dict)  # container id → termination message
    users: Mapping[str, ContainerUser | None] = field(
        default_factory=dict
    )  # container id → of its first process
    failure: tuple[str, str] = ("", "")  # why the pod failed as a whole: (reason, message)
    has_failed: bool = False
    is_ending: bool = False  # the pod is deleted, and nothing of it will run again
    disruption: str = ""  # the failure is the board's, not the pod's: what the condition says
    resize: tuple[str, str, str] | None = (
        None  # a condition of a change of its resources: (type, reason, message)
    )


def pod_status(pod: Pod, observed: Observed, memory: Memory, report: Report, now: float) -> PodStatus:
    """The whole status."""
    init_done = is_initialized(pod, observed, memory.started)
    inits = tuple(
        _container_status(pod, c, observed, memory, report, now, is_init=True, init_done=init_done)
        for c in pod.spec.init_containers
    )
    mains = tuple(
        _container_status(pod, c, observed, memory, report, now, is_init=False, init_done=init_done)
        for c in pod.spec.containers
    )
    ephemeral = tuple(
        _container_status(pod, c, observed, memory, report, now, is_init=False, init_done=True)
        for c in pod.spec.ephemeral_containers
    )
    count = len(inits) + len(mains) + len(ephemeral)
    for told in (*inits, *mains, *ephemeral):
        _shorten(told, POD_MESSAGE_BYTES // max(1, count))
    old = pod.status
    is_over_already = old.phase in OVER  # for good: nothing changes a phase any more
    coming = old.phase if is_over_already else _phase(pod, observed, report, mains)
    phase, reason, message = coming, *report.failure
    if is_over_already:
        reason, message = old.reason, old.message
    elif coming in OVER and _is_any_running(observed):
        # who waits for the end of a pod may take that nothing of it runs (status_manager.go:mergePodStatus)
        phase, reason, message = old.phase or "Pending", old.reason, old.message
    status = PodStatus(
        observed_generation=pod.metadata.generation,
        phase=phase,
        reason=reason,
        message=message,
        host_ip=report.host_ip,
        host_ips=(HostIP(ip=report.host_ip),) if report.host_ip else (),
        pod_ip=report.pod_ip,
        pod_ips=(PodIP(ip=report.pod_ip),) if report.pod_ip else (),
        start_time=old.start_time or render_time(memory.began_at or now),
        init_container_statuses=inits,
        container_statuses=mains,
        ephemeral_container_statuses=ephemeral,
        qos_class=old.qos_class or qos_class(pod.spec),
        nominated_node_name=old.nominated_node_name,
    )
    has_begun = any(c.state.running is not None or c.state.terminated is not None for c in mains)
    # the runtime has forgotten what was removed (status/generate.go:GeneratePodInitializedCondition)
    status.conditions = _conditions(pod, status, coming, init_done or has_begun, now, report)
    return status


def refused_status(pod: Pod, reason: str, message: str) -> PodStatus:
    """The status of a pod that this board does not run at all (kubelet.go:rejectPod): nothing of its containers."""
    return PodStatus(
        observed_generation=pod.metadata.generation,
        phase="Failed",
        reason=reason,
        message=message,
        start_time=pod.status.start_time,
        conditions=pod.status.conditions,
        qos_class=pod.status.qos_class or qos_class(pod.spec),
    )


def _shorten(status: ContainerStatus, most_bytes: int) -> None:
    """Each container of a pod has an equal share of the room for last words."""
    for state in (status.state, status.last_state):
        if state.terminated is not None and len(state.terminated.message.encode()) > most_bytes:
            cut = state.terminated.message.encode()[:most_bytes].decode("utf-8", "ignore")
            state.terminated = structs.replace(state.terminated, message=cut)


def _is_any_running(observed: Observed) -> bool:
    return any(c.state == "running" for attempts in observed.containers.values() for c in attempts)


def _phase(pod: Pod, observed: Observed, report: Report, statuses: Sequence[ContainerStatus]) -> str:
    """Pending until every container has run once, whatever the others do (kubelet_pods.go:getPhase)."""
    if report.has_failed:
        return "Failed"
    mains = [observed.newest(c.name) for c in pod.spec.containers]
    if is_over(pod, observed):
        codes = [end_code(pod, c, n) for c, n in zip(pod.spec.containers, mains, strict=True)]
        has_failed = _init_failed(pod, observed) or any(code != 0 for code in codes)
        return "Failed" if has_failed else "Succeeded"
    never_ran = [s for s in statuses if s.state.waiting is not None and s.last_state.terminated is None]
    if report.is_ending and not never_ran and not _is_any_running(observed):
        return "Succeeded" if all(n is not None and n.exit_code == 0 for n in mains) else "Failed"
    return "Pending" if never_ran else "Running"


def _init_failed(pod: Pod, observed: Observed) -> bool:
    return any(
        (n := observed.newest(c.name)) is not None and n.state == "exited" and n.exit_code != 0
        for c in pod.spec.init_containers
        if not is_sidecar(c)
    )


def _container_status(
    pod: Pod,
    container: Any,
    observed: Observed,
    memory: Memory,
    report: Report,
    now: float,
    *,
    is_init: bool,
    init_done: bool,
) -> ContainerStatus:
    name = container.name
    attempts = list(observed.containers.get(name, ()))
    if name in memory.hooking and attempts[-1:] and attempts[-1].state == "running" and not report.has_failed:
        attempts.pop()  # it runs for others once its postStart hook is over (kuberuntime_manager.go waits for that)
    newest = attempts[-1] if attempts else None
    waits = report.waiting.get(name)
    before = attempts[-2] if len(attempts) > 1 else None
    known = _known(pod, name)
    last_state = ContainerState(terminated=_terminated(before, report, known)) if before else ContainerState()
    image_name, image_ref = report.images.get(newest.image_id, ("", "")) if newest else ("", "")
    status = ContainerStatus(
        name=name,
        last_state=last_state,
        restart_count=newest.attempt if newest else 0,
        image=image_name or container.image,
        image_id=image_ref,
        container_id=CONTAINER_URL + newest.id if newest else "",
        started=False,
        volume_mounts=_volume_mounts(container),
        user=report.users.get(newest.id) if newest else None,
    )
    if (
        newest is None
        and known is not None
        and (known.container_id or init_done)  # one that never began has nothing to be lost
        and (report.has_failed or pod.status.phase in OVER)
    ):
        return _lost(known)
    if newest is None and is_init and init_done and not is_sidecar(container):
        return _done(known, status)
    if newest is None and known is not None and known.container_id:
        if container in pod.spec.ephemeral_containers:
            return _lost(known)
        if container in pod.spec.containers and end_code(pod, container, None) is not None:
            return known
    if newest is None or newest.state == "created":
        is_visitor = container in pod.spec.ephemeral_containers
        default = (
            "PodInitializing" if pod.spec.init_containers and not is_visitor else "ContainerCreating"
        )  # (kubelet_pods.go:generateAPIPodStatus)
        if known is not None and known.container_id:  # the runtime has lost it: the count goes on
            status.restart_count, status.container_id = known.restart_count, known.container_id
            status.last_state = (
                _lost(known).state if known.state.terminated or known.state.running else known.last_state
            )
        reason, message = waits or (default, "")
        status.state = ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))
        return status
    if newest.state == "running":
        status.state = ContainerState(
            running=ContainerStateRunning(started_at=render_time(newest.started_at))
        )
        has_startup = getattr(container, "startup_probe", None) is not None
        status.started = name in memory.started or not has_startup
        status.ready = name in report.ready
        in_force = memory.sizes.get(newest.id)
        if in_force is not None and (in_force.limits or in_force.requests):
            status.resources, status.allocated_resources = in_force, in_force.requests
        return status
    terminated = _terminated(newest, report, known)
    will_restart = not is_over(pod, observed) and is_restarted(pod, container, newest.exit_code)
    if waits is not None:
        status.state = ContainerState(waiting=ContainerStateWaiting(reason=waits[0], message=waits[1]))
        status.last_state = ContainerState(terminated=terminated)
    elif will_restart and newest.never_ran:
        words = newest.error
        status.state = ContainerState(
            waiting=ContainerStateWaiting(reason="RunContainerError", message=words)
        )
        status.last_state = ContainerState(terminated=terminated)
    elif will_restart and newest.finished_at + backoff_s(memory.crashes.get(name, 0)) > now:
        delay = _go_duration(backoff_s(memory.crashes.get(name, 0)))
        meta = pod.metadata
        words = (
            f"back-off {delay} restarting failed container={name} "
            f"pod={meta.name}_{meta.namespace}({meta.uid})"
        )
        status.state = ContainerState(waiting=ContainerStateWaiting(reason="CrashLoopBackOff", message=words))
        status.last_state = ContainerState(terminated=terminated)
    else:
        status.state = ContainerState(terminated=terminated)
    status.ready = is_init and newest.exit_code == 0 and not is_sidecar(container)
    return status


def _volume_mounts(container: Any) -> tuple[VolumeMountStatus, ...]:
    """Nothing that is mounted below a read-only one becomes read-only by it."""
    return tuple(
        VolumeMountStatus(
            name=mount.name,
            mount_path=mount.mount_path,
            read_only=bool(mount.read_only),
            recursive_read_only="Disabled" if mount.read_only else None,
        )
        for mount in container.volume_mounts
    )


def _known(pod: Pod, name: str) -> ContainerStatus | None:
    """What the status says of a container so far."""
    old = pod.status
    every = (*old.init_container_statuses, *old.container_statuses, *old.ephemeral_container_statuses)
    return next((status for status in every if status.name == name), None)


def _done(known: ContainerStatus | None, status: ContainerStatus) -> ContainerStatus:
    """An init container that the runtime has forgotten since it did its part (kubelet_pods.go)."""
    if known is not None and known.state.terminated is not None:
        return known
    completed = ContainerStateTerminated(exit_code=0, reason="Completed", message=LOST_INIT)
    return structs.replace(status, state=ContainerState(terminated=completed), ready=True)


def _lost(known: ContainerStatus) -> ContainerStatus:
    """A container of a pod that is over, which the runtime has forgotten (kubelet_pods.go)."""
    if known.state.terminated is not None:
        return known
    words = "The container could not be located when the pod was terminated"
    lost = ContainerStateTerminated(
        exit_code=137, reason="ContainerStatusUnknown", message=words, container_id=known.container_id
    )
    return structs.replace(known, state=ContainerState(terminated=lost), ready=False, started=False)


def _terminated(
    container: Container, report: Report, known: ContainerStatus | None = None
) -> ContainerStateTerminated:
    before = [s.terminated for s in (known.state, known.last_state) if s.terminated] if known else []
    was_killed = any(t.container_id.endswith(container.id) and t.reason == "OOMKilled" for t in before)
    if container.was_oom_killed or was_killed:  # the kernel's count is gone when pikube restarts
        reason = "OOMKilled"
    elif container.never_ran:
        reason = "ContainerCannotRun"
    else:
        reason = "Completed" if container.exit_code == 0 else "Error"
    return ContainerStateTerminated(
        exit_code=container.exit_code,
        reason=reason,
        message=report.messages.get(container.id, "") or container.error,
        started_at=render_time(container.started_at) if container.started_at else "",
        finished_at=render_time(container.finished_at) if container.finished_at else "",
        container_id=CONTAINER_URL + container.id,
    )


def _go_duration(seconds: float) -> str:
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _gate_words(gate: str, condition: PodCondition | None) -> str:
    """Why a readiness gate keeps a pod from being ready (status/generate.go:GeneratePodReadyCondition)."""
    if condition is None:
        return f'corresponding condition of pod readiness gate "{gate}" does not exist.'
    return f'the status of pod readiness gate "{gate}" is not "True", but {condition.status}'


def _conditions(
    pod: Pod, status: PodStatus, phase: str, init_done: bool, now: float, report: Report
) -> tuple[PodCondition, ...]:
    """PodReadyToStartContainers, Initialized, Ready, ContainersReady, PodScheduled, DisruptionTarget of a pod that
    the board ends, and those of others. `phase` may be ahead of the status: a pod that ends is not ready."""
    resize = report.resize
    is_done = phase in OVER
    not_ready = [c.name for c in status.container_statuses if not c.ready]
    sidecars = {c.name for c in pod.spec.init_containers if is_sidecar(c)}
    not_ready += [c.name for c in status.init_container_statuses if c.name in sidecars and not c.ready]
    not_init = [c.name for c in status.init_container_statuses if not c.ready]
    words = f"containers with unready status: [{' '.join(not_ready)}]"
    incomplete = f"containers with incomplete status: [{' '.join(not_init)}]"
    wanted: list[PodCondition] = []

    def add(type_: str, is_true: bool, reason: str = "", message: str = "") -> None:
        wanted.append(
            PodCondition(
                type=type_,
                observed_generation=pod.metadata.generation,
                status="True" if is_true else "False",
                reason="" if is_true and reason != "PodCompleted" else reason,
                message="" if is_true else message,
            )
        )

    add("PodReadyToStartContainers", bool(status.pod_ip) and status.phase not in OVER)
    if init_done or phase == "Succeeded":
        add("Initialized", True, "PodCompleted" if phase == "Succeeded" else "")
    else:
        add("Initialized", False, "ContainersNotInitialized", incomplete)
    others = {c.type: c for c in pod.status.conditions}
    unmet = [
        g.condition_type
        for g in pod.spec.readiness_gates
        if g.condition_type not in others or others[g.condition_type].status != "True"
    ]
    if is_done:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        add("Ready", False, reason)
        add("ContainersReady", False, reason)
    else:
        if not not_ready and unmet:
            gates = [_gate_words(g, others.get(g)) for g in unmet]
            add("Ready", False, "ReadinessGatesNotReady", ", ".join(gates))
        else:
            add("Ready", not not_ready, "ContainersNotReady", words)
        add("ContainersReady", not not_ready, "ContainersNotReady", words)
    add("PodScheduled", True)
    if report.disruption:
        add("DisruptionTarget", True)
        wanted[-1].reason, wanted[-1].message = "TerminationByKubelet", report.disruption
    mine = {*(c.type for c in wanted), *RESIZES}
    if resize is not None and not is_done:
        type_, reason, message = resize
        wanted.append(PodCondition(
            type=type_, status="True", reason=reason, message=message,
            observed_generation=pod.metadata.generation,
        ))  # fmt: skip
    for condition in wanted:
        old = others.get(condition.type)
        same = old is not None and old.status == condition.status
        condition.last_transition_time = (
            old.last_transition_time
            if same and old is not None and old.last_transition_time
            else render_time(now)
        )
    return (*wanted, *(c for c in pod.status.conditions if c.type not in mine))
