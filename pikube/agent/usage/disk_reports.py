"""Pure: what pods use of disks, in kubelet's words: parts of /stats/summary, kubelet_volume_stats_*.

Enter: where a pod's files are, what was measured there. Leave: parts of documents, families of metrics. Sources:
kubernetes k8s.io/kubelet pkg/apis/stats/v1alpha1/types.go, pkg/kubelet/metrics/collectors/volume_stats.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pikube.api.kinds.core_pod import Pod
from pikube.wire.prometheus import Family


@dataclass(frozen=True, slots=True)
class FsUse:
    """A file system, and what of it something uses; None is too much to count."""

    capacity_bytes: int
    available_bytes: int
    inodes: int
    inodes_free: int
    used_bytes: int | None
    inodes_used: int | None


@dataclass(frozen=True, slots=True)
class VolumePlace:
    """A volume: its claim, '' without; whether it `is_own`, a part of what the pod may use of the board's disk."""

    name: str
    path: str
    claim: str = ""
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class PodDisk:
    """Where a pod's files are: layers and logs by the names of its containers."""

    layers: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[VolumePlace, ...] = ()

    def paths(self) -> list[str]:
        return [*self.layers.values(), *self.logs.values(), *(volume.path for volume in self.volumes)]


def container_parts(disk: PodDisk, uses: Mapping[str, FsUse], name: str, time: str) -> dict[str, Any]:
    """`rootfs` and `logs` of a container."""
    places = (("rootfs", disk.layers.get(name, "")), ("logs", disk.logs.get(name, "")))
    return {part: _document(uses[path], time) for part, path in places if path in uses}


def pod_parts(disk: PodDisk, uses: Mapping[str, FsUse], namespace: str, time: str) -> dict[str, Any]:
    """`volume` and `ephemeral-storage`: layers, logs and volumes that are the pod's own."""
    parts: dict[str, Any] = {}
    volumes = []
    for volume in disk.volumes:
        if volume.path in uses:
            reference = {"pvcRef": {"name": volume.claim, "namespace": namespace}} if volume.claim else {}
            volumes.append({**_document(uses[volume.path], time), "name": volume.name, **reference})
    if volumes:
        parts["volume"] = volumes
    own = [*disk.layers.values(), *disk.logs.values(), *(v.path for v in disk.volumes if v.is_own)]
    measured = [uses[path] for path in own if path in uses]
    if measured:
        whole = FsUse(
            measured[0].capacity_bytes,
            measured[0].available_bytes,
            measured[0].inodes,
            measured[0].inodes_free,
            _sum([use.used_bytes for use in measured]),
            _sum([use.inodes_used for use in measured]),
        )
        parts["ephemeral-storage"] = _document(whole, time)
    return parts


def volume_families(pods: Iterable[tuple[Pod, PodDisk]], uses: Mapping[str, FsUse]) -> list[Family]:
    """Of volumes with a claim; one that several pods use is told once."""
    families = {
        attribute: Family(f"kubelet_volume_stats_{attribute}", "gauge", f"[ALPHA] {words} in the volume")
        for attribute, words in (
            ("available_bytes", "Number of available bytes"),
            ("capacity_bytes", "Capacity in bytes"),
            ("inodes", "Maximum number of inodes"),
            ("inodes_free", "Number of free inodes"),
            ("inodes_used", "Number of used inodes"),
            ("used_bytes", "Number of used bytes"),
        )
    }
    told: set[tuple[str, str]] = set()
    for pod, disk in pods:
        for volume in disk.volumes:
            key = (pod.metadata.namespace, volume.claim)
            if not volume.claim or key in told or volume.path not in uses:
                continue
            told.add(key)
            labels = {"namespace": key[0], "persistentvolumeclaim": volume.claim}
            for attribute, family in families.items():
                value = getattr(uses[volume.path], attribute)
                if value is not None:
                    family.add(value, labels)
    return list(families.values())


def _document(use: FsUse, time: str) -> dict[str, Any]:
    numbers = {
        "availableBytes": use.available_bytes,
        "capacityBytes": use.capacity_bytes,
        "usedBytes": use.used_bytes,
        "inodesFree": use.inodes_free,
        "inodes": use.inodes,
        "inodesUsed": use.inodes_used,
    }
    return {"time": time, **{name: number for name, number in numbers.items() if number is not None}}


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
