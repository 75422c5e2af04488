"""Pure: which of its own limits on local storage a pod exceeds, in kubelet's words.

Enter: a pod, bytes by emptyDir volume and by container. Leaves: the message of its eviction. Source: kubernetes
eviction_manager.go:localStorageEviction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pikube.api.kinds.core_pod import Pod
from pikube.api.quantity import parse

STORAGE = "ephemeral-storage"


def limited_volumes(pod: Pod) -> dict[str, int]:
    """The limits of emptyDir volumes on disk, by name; those in memory are limited by the kernel."""
    return {
        volume.name: _whole(volume.empty_dir.size_limit)
        for volume in pod.spec.volumes
        if volume.empty_dir is not None
        and volume.empty_dir.size_limit is not None
        and volume.empty_dir.medium != "Memory"
    }


def limited_containers(pod: Pod) -> dict[str, int]:
    """The limits of containers, by name."""
    return {
        container.name: _whole(container.resources.limits[STORAGE])
        for container in (*pod.spec.init_containers, *pod.spec.containers)
        if STORAGE in container.resources.limits
    }


def has_limits(pod: Pod) -> bool:
    """Whether anything must be measured."""
    return bool(limited_volumes(pod) or limited_containers(pod))


def exceeded(pod: Pod, volumes: Mapping[str, int], containers: Mapping[str, int]) -> str:
    """Why the pod must go, '' if it keeps its limits. Bytes of all its emptyDirs, and of containers (layer and
    logs)."""
    for name, limit in limited_volumes(pod).items():
        if volumes.get(name, 0) > limit:
            shown = next(v.empty_dir.size_limit for v in pod.spec.volumes if v.name == name and v.empty_dir)
            return f'Usage of EmptyDir volume "{name}" exceeds the limit "{shown}". '
    limits = limited_containers(pod)
    if limits and set(limits) >= {c.name for c in pod.spec.containers}:
        total, used = sum(limits.values()), sum(containers.values()) + sum(volumes.values())
        if used > total:
            return (
                f"Pod ephemeral local storage usage exceeds the total limit of containers {_shown(total)}. "
            )
    for name, limit in limits.items():
        if containers.get(name, 0) > limit:
            return f'Container {name} exceeded its local ephemeral storage limit "{_shown(limit)}". '
    return ""


def _whole(amount: Any) -> int:
    return parse(amount).nano // 10**9


def _shown(number: int) -> str:
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if number and number % size == 0:
            return f"{number // size}{unit}"
    return str(number)
