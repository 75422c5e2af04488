"""Shell: makes the volumes of a pod on disk and says where to mount them.

Secrets and tokens go to a tmpfs: they are not written to the card with the pod's files. What comes from the
API is mounted read-only, as kubelet does, and swapped as a whole (pikube.agent.pods.atomic_files).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pikube.agent.pods.atomic_files import write_files
from pikube.agent.pods.environment import expand, unknown_names
from pikube.agent.pods.host_paths import (
    claim_directory,
    give_all_to_group,
    give_to_group,
    host_path,
    local_path,
)
from pikube.agent.pods.log_places import remove_logs
from pikube.agent.pods.mounting import mount_nfs, mount_tmpfs, unmount_below
from pikube.agent.pods.references import claim_name
from pikube.agent.pods.sub_paths import bind_sub_path
from pikube.agent.pods.volume_files import Files, VolumeProblem
from pikube.agent.runtime.contract import Mount
from pikube.agent.usage.disk_reports import VolumePlace
from pikube.api.kinds.base import Quantity
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume
from pikube.api.kinds.core_volume import Volume
from pikube.api.local_volumes import PROVISIONED_BY, PROVISIONER
from pikube.api.quantity import parse

PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a volume is on the board; of an image its id."""

    path: str
    is_read_only: bool = False
    is_image: bool = False


class PodVolumes:
    """The volumes of one pod under `directory` (DATA-DIR/pods/UID)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._given: set[str] = (
            set()
        )  # paths that have been made the group's: once a pod, as they may be large

    def path(self, volume: Volume) -> Path:
        """Where a volume of ours is."""
        return self.directory / "volumes" / volume.name

    def make(self, pod: Pod, volume: Volume, bound: PersistentVolume | None, files: Files | None) -> Place:
        """Make or refresh one volume; `bound` is the persistent volume behind it, if any. Raises VolumeProblem."""
        security = pod.spec.security_context
        group = security.fs_group if security else None
        try:
            if bound is not None and (bound.spec.local is not None or bound.spec.host_path is not None):
                return self._on_the_board(pod, bound, volume)
            if volume.host_path is not None:
                return Place(host_path(volume.host_path))
            place = self.path(volume)
            place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if files is not None:
                if volume.secret is not None or volume.projected is not None:
                    mount_tmpfs(place, 0)
                write_files(place, files, group)
                return Place(str(place), is_read_only=True)
            if volume.nfs is not None:
                mount_nfs(place, volume.nfs, bound.spec.mount_options if bound is not None else ())
                return Place(str(place), is_read_only=volume.nfs.read_only)
            if volume.empty_dir is not None:
                self._empty_dir(place, pod, volume, group)
                return Place(str(place))
        except OSError as error:
            raise VolumeProblem(f"volume {volume.name}: {error.strerror or error}") from error
        raise VolumeProblem(f"volume {volume.name} is of a kind that pikube cannot mount: {_kind_of(volume)}")

    def _empty_dir(self, place: Path, pod: Pod, volume: Volume, group: int | None) -> None:
        assert volume.empty_dir is not None
        medium, limit = volume.empty_dir.medium, volume.empty_dir.size_limit
        if medium == "Memory":
            sizes = [size for size in (_bytes(limit), memory_of(pod)) if size]
            mount_tmpfs(place, min(sizes, default=0))
        elif medium:
            raise VolumeProblem(f'emptyDir medium "{medium}" is not there on this board')
        else:
            place.mkdir(exist_ok=True)
        if place.stat().st_mode & 0o777 != 0o777:
            place.chmod(0o777)
        if group is not None:
            give_to_group(place, group)

    def measured(self, pod: Pod, places: Mapping[str, Place]) -> tuple[VolumePlace, ...]:
        """Those of which kubelet says what they use: all but images and the board's own directories."""
        found = []
        for volume in pod.spec.volumes:
            claim = claim_name(pod, volume)
            if volume.image is not None or (volume.host_path is not None and not claim):
                continue
            place = places.get(volume.name)
            if place is None and claim:
                continue
            in_memory = volume.empty_dir is not None and volume.empty_dir.medium == "Memory"
            is_own = not (claim or in_memory or volume.secret or volume.projected or volume.nfs)
            path = place.path if place is not None else str(self.path(volume))
            found.append(VolumePlace(volume.name, path, claim, is_own))
        return tuple(found)

    def end(self) -> None:
        """Nobody uses them any more: mounts end, and what was the pod's own is gone (kubelet's volume manager does so
        when a pod is over; its logs stay until it is deleted). Raises OSError."""
        for place in (self.directory / "volume-subpaths", self.directory / "volumes"):
            if place.is_dir():
                unmount_below(place)
                shutil.rmtree(place, ignore_errors=True)

    def remove(self) -> None:
        """Everything of the pod, mounts first. Raises OSError."""
        if self.directory.is_dir():
            unmount_below(self.directory)
            remove_logs(self.directory)
            shutil.rmtree(self.directory, ignore_errors=True)

    def _on_the_board(self, pod: Pod, bound: PersistentVolume, volume: Volume) -> Place:
        """A claim's volume that is a directory of this board."""
        claim = volume.persistent_volume_claim
        is_read_only = bool(claim and claim.read_only)
        if bound.spec.local is not None:
            place = Place(local_path(bound), is_read_only)
            is_ours = not is_read_only
        else:
            assert bound.spec.host_path is not None
            is_ours = bound.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER
            if is_ours:
                claim_directory(bound.spec.host_path.path)
            place = Place(host_path(bound.spec.host_path), is_read_only)
        security = pod.spec.security_context
        if (
            is_ours
            and security is not None
            and security.fs_group is not None
            and place.path not in self._given
        ):
            if os.path.isdir(place.path):
                give_all_to_group(Path(place.path), security.fs_group, security.fs_group_change_policy)
            self._given.add(place.path)
        return place


def memory_of(pod: Pod) -> int:
    """What the containers of a pod may use together, bytes; 0 without limit. A tmpfs counts as theirs (kubernetes
    emptydir/empty_dir.go:calculateEmptyDirMemorySize)."""
    limits = [_bytes(container.resources.limits.get("memory")) for container in pod.spec.containers]
    return sum(limits) if all(limits) else 0


def _bytes(amount: Quantity | None) -> int:
    return parse(amount).nano // 10**9 if amount is not None else 0


def _kind_of(volume: Volume) -> str:
    """The name of the source that is set, as users write it."""
    names = type(volume).__struct_fields__
    words = zip(names, type(volume).__struct_encode_fields__, strict=True)
    return next(
        (shown for name, shown in words if name != "name" and getattr(volume, name) is not None), "none"
    )


def mounts_of(
    container: Any, places: Mapping[str, Place], environment: Mapping[str, str], hosts: str, sub_paths: Path
) -> list[Mount]:
    """The mounts of a container: its volumes, /etc/hosts; parts of volumes are bound below `sub_paths`. Raises
    VolumeProblem."""
    mounts: list[Mount] = []
    targets = set()
    for number, mount in enumerate(container.volume_mounts):
        place = places.get(mount.name)
        if place is None:
            raise VolumeProblem(f"volume {mount.name} is not there")
        _refuse_recursive(mount)
        source = place.path
        target = mount.mount_path if mount.mount_path.startswith("/") else f"/{mount.mount_path}"
        sub_path = _expanded(mount.sub_path_expr, environment) if mount.sub_path_expr else mount.sub_path
        if place.is_image:
            if sub_path:
                raise VolumeProblem(f"volume {mount.name} is an image: subPath is not possible with Podman 4")
            mounts.append(Mount(source, target, is_read_only=True, is_image=True))
            targets.add(target)
            continue
        if sub_path:
            here = sub_paths / mount.name / container.name / str(number)
            source = bind_sub_path(source, sub_path, here, may_make=not place.is_read_only)
        propagation = PROPAGATION.get(mount.mount_propagation or "", "rprivate")
        mounts.append(Mount(source, target, bool(mount.read_only) or place.is_read_only, propagation))
        targets.add(target)
    if hosts and "/etc/hosts" not in targets:
        mounts.append(Mount(hosts, "/etc/hosts"))
    return mounts


def _refuse_recursive(mount: Any) -> None:
    """That what is mounted below is read-only, too, is more than Podman promises (kubelet_pods.go:
    resolveRecursiveReadOnly)."""
    if mount.recursive_read_only == "Enabled":
        words = f'volume "{mount.name}" requested recursive read-only mode, but it is not supported by the runtime'
        raise VolumeProblem(f"failed to resolve recursive read-only mode: {words}")


def _expanded(expression: str, environment: Mapping[str, str]) -> str:
    """A subPathExpr by the container's variables; one that is unknown is no name of a directory (kubernetes
    container/helpers.go:ExpandContainerVolumeMounts)."""
    missing = unknown_names(expression, environment)
    if missing:
        words = ", ".join(f'missing value for "{name}"' for name in missing)
        raise VolumeProblem(f'failed to expand subPath expression "{expression}": {words}')
    return expand(expression, environment)
