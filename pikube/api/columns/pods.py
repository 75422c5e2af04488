"""Pure: the table of pods, the one that is looked at most (printers.go:printPod)."""

from __future__ import annotations

from functools import reduce
from typing import Any

import msgspec

from pikube.api.columns.column import AGE, NAME, NONE, Column, Columns, Slim, age, wide
from pikube.api.kinds.base import Struct
from pikube.api.kinds.core_container import ContainerStatus
from pikube.api.kinds.core_pod import PodCondition, PodIP, PodReadinessGate
from pikube.api.times import parse_time

LOST = "NodeLost"


class SlimContainer(Struct):
    name: str = ""
    restart_policy: str | None = None


class SlimMeta(Struct):
    name: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str = ""


class SlimSpec(Struct):
    init_containers: tuple[SlimContainer, ...] = ()
    containers: tuple[SlimContainer, ...] = ()
    node_name: str = ""
    readiness_gates: tuple[PodReadinessGate, ...] = ()
    scheduling_gates: tuple[SlimContainer, ...] = ()


class SlimStatus(Struct):
    phase: str = ""
    reason: str = ""
    conditions: tuple[PodCondition, ...] = ()
    pod_ip: str = msgspec.field(name="podIP", default="")
    pod_ips: tuple[PodIP, ...] = msgspec.field(name="podIPs", default=())
    nominated_node_name: str = ""
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class SlimPod(Struct):
    """What a row needs of a Pod, beside its metadata: a third of the time of decoding all of it."""

    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    spec: SlimSpec = msgspec.field(default_factory=SlimSpec)
    status: SlimStatus = msgspec.field(default_factory=SlimStatus)


def pod_row(pod: Any, now: float) -> list[Any]:
    """The cells of a pod."""
    return pod_cells(pod, pod.metadata, now)


def pod_cells(pod: Any, meta: Any, now: float) -> list[Any]:
    """The same of a SlimPod, whose metadata were decoded by themselves."""
    status, spec = pod.status, pod.spec
    sidecars: set[str] = set()
    if spec.init_containers:
        sidecars = {c.name for c in spec.init_containers if c.restart_policy == "Always"}
    words, ready, restarts, last_restart_at = _read_state(pod, meta.deletion_timestamp, sidecars)
    restart_text = str(restarts)
    if restarts and last_restart_at:
        restart_text = f"{restarts} ({age(last_restart_at, now)} ago)"
    return [
        meta.name,
        f"{ready}/{len(spec.containers) + len(sidecars)}",
        words,
        restart_text,
        age(meta.creation_timestamp, now),
        status.pod_ip or (status.pod_ips[0].ip if status.pod_ips else "") or NONE,
        spec.node_name or NONE,
        status.nominated_node_name or NONE,
        _gates_text(pod) if spec.readiness_gates else NONE,
    ]


def _read_state(pod: Any, deleted_at: str, sidecars: set[str]) -> tuple[str, int, int, str]:
    """(STATUS, ready containers, restarts, time of the last restart)."""
    status = pod.status
    words = status.reason or status.phase
    for condition in status.conditions:
        if condition.reason == "SchedulingGated" and condition.type == "PodScheduled":
            words = "SchedulingGated"
    ready = restarts = 0
    restarted_at = initializing = ""
    if status.init_container_statuses:
        initializing, ready, restarts, restarted_at = _read_init(pod, sidecars)
    if initializing:
        words = initializing
    if not initializing or _is_initialized(status):
        if status.init_container_statuses:
            restarts, restarted_at = _lasting_restarts(status, sidecars)
        has_running = False
        for container in reversed(status.container_statuses):
            restarts += container.restart_count
            if container.restart_count:
                restarted_at = _latest(restarted_at, container)
            if container.ready and container.state.running is not None:
                has_running = True
                ready += 1
            else:
                words = _container_words(container) or words
        if words == "Completed" and has_running:
            is_ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions)
            words = "Running" if is_ready else "NotReady"
    if deleted_at:
        if status.reason == LOST:
            words = "Unknown"
        elif status.phase not in ("Succeeded", "Failed"):
            words = "Terminating"
    return words, ready, restarts, restarted_at


def _read_init(pod: Any, sidecars: set[str]) -> tuple[str, int, int, str]:
    """(STATUS or "", ready sidecars, restarts, time of the last restart), up to the first that still works."""
    ready = restarts = 0
    restarted_at = ""
    for index, container in enumerate(pod.status.init_container_statuses):
        restarts += container.restart_count
        restarted_at = _latest(restarted_at, container)
        state = container.state
        if state.terminated is not None and state.terminated.exit_code == 0:
            continue
        if container.name in sidecars and container.started:
            ready += container.ready
            continue
        words = _init_words(container, index, len(pod.spec.init_containers))
        return words, ready, restarts, restarted_at
    return "", ready, restarts, restarted_at


def _lasting_restarts(status: Any, sidecars: set[str]) -> tuple[int, str]:
    """Of sidecars only: the others' are history once the pod is initialized."""
    lasting = [c for c in status.init_container_statuses if c.name in sidecars]
    return sum(c.restart_count for c in lasting), reduce(_latest, lasting, "")


def _init_words(container: ContainerStatus, index: int, total: int) -> str:
    state = container.state
    if state.terminated is not None:
        if state.terminated.reason:
            return f"Init:{state.terminated.reason}"
        if state.terminated.signal:
            return f"Init:Signal:{state.terminated.signal}"
        return f"Init:ExitCode:{state.terminated.exit_code}"
    if state.waiting is not None and state.waiting.reason not in ("", "PodInitializing"):
        return f"Init:{state.waiting.reason}"
    return f"Init:{index}/{total}"


def _container_words(container: ContainerStatus) -> str:
    state = container.state
    if state.waiting is not None and state.waiting.reason:
        return state.waiting.reason
    if state.terminated is not None:
        if state.terminated.reason:
            return state.terminated.reason
        if state.terminated.signal:
            return f"Signal:{state.terminated.signal}"
        return f"ExitCode:{state.terminated.exit_code}"
    return ""


def _is_initialized(status: Any) -> bool:
    return any(c.type == "Initialized" and c.status == "True" for c in status.conditions)


def _latest(so_far: str, container: ContainerStatus) -> str:
    last = container.last_state.terminated
    if last is None or not last.finished_at:
        return so_far
    if not so_far or parse_time(last.finished_at) > parse_time(so_far):
        return last.finished_at
    return so_far


def _gates_text(pod: Any) -> str:
    gates = pod.spec.readiness_gates
    true = {c.type for c in pod.status.conditions if c.status == "True"}
    met = sum(gate.condition_type in true for gate in gates)
    return f"{met}/{len(gates)}"


POD_COLUMNS = Columns(
    (
        NAME,
        Column("Ready", description="Containers that are ready, of all."),
        Column("Status", description="What the pod is doing, in one word."),
        Column("Restarts", description="How often its containers were restarted."),
        AGE,
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ),
    pod_row,
    slim=Slim(SlimPod, SlimMeta, pod_cells),
)
