"""Shell: makes the volumes of a pod on disk and says where to mount them.

Secrets and tokens go to a tmpfs: they are not written to the card with the pod's files. What comes from the
API is mounted read-only, as kubelet does, and swapped as a whole (pikube.agent.pods.atomic_files).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pikube.agent.pods.atomic_files import write_files
from pikube.agent.pods.environment import expand
from pikube.agent.pods.host_paths import claim_directory, give_to_group, host_path, local_path
from pikube.agent.pods.mounting import mount_nfs, mount_tmpfs, unmount_below
from pikube.agent.pods.volume_files import Files, VolumeProblem
from pikube.agent.runtime.contract import Mount
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

    def path(self, volume: Volume) -> Path:
        """Where a volume of ours is."""
        return self.directory / "volumes" / volume.name

    def make(self, pod: Pod, volume: Volume, bound: PersistentVolume | None, files: Files | None) -> Place:
        """Make or refresh one volume; `bound` is the persistent volume behind it, if any. Raises VolumeProblem."""
        security = pod.spec.security_context
        group = security.fs_group if security else None
        try:
            if bound is not None and (bound.spec.local is not None or bound.spec.host_path is not None):
                return _on_the_board(bound, volume, group)
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
                self._empty_dir(place, volume, group)
                return Place(str(place))
        except OSError as error:
            raise VolumeProblem(f"volume {volume.name}: {error.strerror or error}") from error
        raise VolumeProblem(f"volume {volume.name} is of a kind that pikube cannot mount: {_kind_of(volume)}")

    def _empty_dir(self, place: Path, volume: Volume, group: int | None) -> None:
        assert volume.empty_dir is not None
        medium, limit = volume.empty_dir.medium, volume.empty_dir.size_limit
        if medium == "Memory":
            mount_tmpfs(place, parse(limit).nano // 10**9 if limit is not None else 0)
        elif medium:
            raise VolumeProblem(f'emptyDir medium "{medium}" is not there on this board')
        else:
            place.mkdir(exist_ok=True)
        if place.stat().st_mode & 0o777 != 0o777:
            place.chmod(0o777)
        if group is not None:
            give_to_group(place, group)

    def remove(self) -> None:
        """Everything of the pod, mounts first. Raises OSError."""
        if self.directory.is_dir():
            unmount_below(self.directory)
            shutil.rmtree(self.directory, ignore_errors=True)


def _on_the_board(bound: PersistentVolume, volume: Volume, group: int | None) -> Place:
    """A claim's volume that is a directory of this board."""
    claim = volume.persistent_volume_claim
    is_read_only = bool(claim and claim.read_only)
    if bound.spec.local is not None:
        path = local_path(bound)
        if group is not None and not is_read_only:
            give_to_group(Path(path), group)
        return Place(path, is_read_only)
    source = bound.spec.host_path
    assert source is not None
    if bound.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER:
        claim_directory(source.path, group)
    return Place(host_path(source), is_read_only)


def _kind_of(volume: Volume) -> str:
    """The name of the source that is set, as users write it."""
    names = type(volume).__struct_fields__
    words = zip(names, type(volume).__struct_encode_fields__, strict=True)
    return next(
        (shown for name, shown in words if name != "name" and getattr(volume, name) is not None), "none"
    )


def mounts_of(
    container: Any, places: Mapping[str, Place], environment: Mapping[str, str], hosts: str
) -> list[Mount]:
    """The mounts of a container: its volumes, /etc/hosts. Raises VolumeProblem."""
    mounts: list[Mount] = []
    targets = set()
    for mount in container.volume_mounts:
        place = places.get(mount.name)
        if place is None:
            raise VolumeProblem(f"volume {mount.name} is not there")
        source = place.path
        target = mount.mount_path if mount.mount_path.startswith("/") else f"/{mount.mount_path}"
        sub_path = expand(mount.sub_path_expr, environment) if mount.sub_path_expr else mount.sub_path
        if place.is_image:
            if sub_path:
                raise VolumeProblem(f"volume {mount.name} is an image: subPath is not possible with Podman 4")
            mounts.append(Mount(source, target, is_read_only=True, is_image=True))
            targets.add(target)
            continue
        if sub_path:
            source = _sub_path(source, sub_path, place.is_read_only)
        propagation = PROPAGATION.get(mount.mount_propagation or "", "rprivate")
        mounts.append(Mount(source, target, bool(mount.read_only) or place.is_read_only, propagation))
        targets.add(target)
    if hosts and "/etc/hosts" not in targets:
        mounts.append(Mount(hosts, "/etc/hosts"))
    return mounts


def _sub_path(source: str, sub_path: str, is_read_only: bool) -> str:
    """A path below a volume that does not lead out of it; made as a directory when it is not there."""
    root = Path(source).resolve()
    path = (root / sub_path).resolve()
    if not path.is_relative_to(root):
        raise VolumeProblem(
            f'failed to prepare subPath for volumeMount: subPath "{sub_path}" leads out of its volume'
        )
    if not path.exists() and not is_read_only:
        try:
            path.mkdir(mode=0o777, parents=True)
            path.chmod(root.stat().st_mode & 0o7777)
        except OSError as error:
            raise VolumeProblem(f"failed to create subPath directory: {sub_path}: {error.strerror}") from None
    return str(path)
