"""Pure: pods whose containers get other requests and limits while they run (KEP-1287).

Enter: the pod as wanted, what is in force, the board's other pods. Leave: which containers differ, why they wait.
Called by the decision and by the pod's worker. Sources: kubernetes pkg/kubelet/allocation/allocation_manager.go,
kuberuntime_manager.go:computePodResizeAction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pikube.api.kinds.core_container import ResourceRequirements
from pikube.api.kinds.core_pod import Pod
from pikube.api.quantity import parse

RESIZABLE = ("cpu", "memory")
MILLI, NANO = 10**6, 10**9

Sizes: TypeAlias = Mapping[str, ResourceRequirements]
"""What containers run with, by their ids."""


def resizable(pod: Pod) -> tuple[Any, ...]:
    """The declarations of containers that run for as long as the pod."""
    sidecars = (c for c in pod.spec.init_containers if c.restart_policy == "Always")
    return (*pod.spec.containers, *sidecars)


def differing(declared: Any, in_force: ResourceRequirements) -> list[str]:
    """Which of cpu and memory a container is to have another amount of."""
    wanted = declared.resources
    return [
        name
        for name in RESIZABLE
        if _nano(wanted.limits.get(name)) != _nano(in_force.limits.get(name))
        or _nano(wanted.requests.get(name)) != _nano(in_force.requests.get(name))
    ]


def needs_restart(pod: Pod, declared: Any, names: Iterable[str]) -> bool:
    """Whether one of those changes takes effect by a restart only, because its resizePolicy says so."""
    policies = {policy.resource_name: policy.restart_policy for policy in declared.resize_policy}
    may_restart = pod.spec.restart_policy != "Never"
    return may_restart and any(policies.get(name) == "RestartContainer" for name in names)


def resize_problem(pod: Pod, others: Iterable[Pod], allocatable: Mapping[str, Any]) -> tuple[str, str] | None:
    """(reason, message) of the condition PodResizePending; None if the board has room."""
    used = [other for other in others if other.metadata.uid != pod.metadata.uid]
    for name, unit in (("cpu", MILLI), ("memory", NANO)):
        if allocatable.get(name) is None:
            continue
        wanted, capacity = _requested(pod, name), parse(allocatable[name]).nano
        if wanted > capacity:
            words = f"{name}, requested: {wanted // unit}, capacity: {capacity // unit}"
            return "Infeasible", f"Node didn't have enough capacity: {words}"
        taken = sum(_requested(other, name) for other in used)
        if wanted + taken > capacity:
            words = (
                f"{name}, requested: {wanted // unit}, used: {taken // unit}, capacity: {capacity // unit}"
            )
            return "Deferred", f"Node didn't have enough resource: {words}"
    return None


def _requested(pod: Pod, name: str) -> int:
    if pod.status.phase in ("Succeeded", "Failed"):
        return 0
    return sum(_nano(container.resources.requests.get(name)) for container in resizable(pod))


def _nano(amount: Any) -> int:
    return parse(amount).nano if amount is not None else 0
