"""Shell: makes the volumes of a pod on disk and says where to mount them.

Files from the API are written into a folder of their own and swapped in by one rename of `..data`, so
that a container sees the old set or the new one, never a mixture (kubernetes
pkg/volume/util/atomic_writer.go). Secrets and tokens go to a tmpfs: they are not written to the card.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pikube.agent.pods.environment import expand
from pikube.agent.pods.volume_files import Files, VolumeProblem
from pikube.agent.runtime.contract import Mount
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_volume import Volume
from pikube.api.quantity import parse

DATA = "..data"
TMPFS_MODE = "0755"
PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}


class PodVolumes:
    """The volumes of one pod under `directory` (DATA-DIR/pods/UID)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, volume: Volume) -> Path:
        """Where a volume of ours is."""
        return self.directory / "volumes" / volume.name

    def make(self, pod: Pod, volume: Volume, files: Files | None, group: int | None) -> str:
        """Make or refresh one volume; the host path to mount. Raises VolumeProblem."""
        if volume.host_path is not None:
            return _host_path(volume)
        try:
            place = self.path(volume)
            place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if files is not None:
                is_secret = volume.secret is not None or volume.projected is not None
                if is_secret:
                    _mount_tmpfs(place, 0)
                write_files(place, files)
            elif volume.empty_dir is not None:
                self._empty_dir(place, volume)
            else:
                raise VolumeProblem(f"volume {volume.name}: this kind of volume is not supported by pikube")
            if group is not None and volume.empty_dir is not None:
                os.chown(place, -1, group)
                place.chmod(place.stat().st_mode | 0o2070)
        except OSError as error:
            raise VolumeProblem(f"volume {volume.name}: {error.strerror or error}") from error
        return str(place)

    def _empty_dir(self, place: Path, volume: Volume) -> None:
        assert volume.empty_dir is not None
        if volume.empty_dir.medium == "Memory":
            limit = volume.empty_dir.size_limit
            _mount_tmpfs(place, parse(limit).nano // 10**9 if limit is not None else 0)
        else:
            place.mkdir(exist_ok=True)
        place.chmod(0o777)

    def remove(self) -> None:
        """Everything of the pod, mounts first. Raises OSError."""
        volumes = self.directory / "volumes"
        if volumes.is_dir():
            for place in volumes.iterdir():
                if os.path.ismount(place):
                    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def mounts_of(
    container: Any, places: Mapping[str, str], environment: Mapping[str, str], hosts: str
) -> list[Mount]:
    """The mounts of a container: its volumes, /etc/hosts, the termination log. Raises VolumeProblem."""
    mounts: list[Mount] = []
    targets = set()
    for mount in container.volume_mounts:
        source = places.get(mount.name)
        if source is None:
            raise VolumeProblem(f"volume {mount.name} is not there")
        sub_path = expand(mount.sub_path_expr, environment) if mount.sub_path_expr else mount.sub_path
        if sub_path:
            source = _sub_path(source, sub_path)
        target = mount.mount_path if mount.mount_path.startswith("/") else f"/{mount.mount_path}"
        propagation = PROPAGATION.get(mount.mount_propagation or "", "rprivate")
        mounts.append(Mount(source, target, bool(mount.read_only), propagation))
        targets.add(target)
    if hosts and "/etc/hosts" not in targets:
        mounts.append(Mount(hosts, "/etc/hosts"))
    return mounts


def write_files(place: Path, files: Files) -> bool:
    """Make `place` hold exactly `files`; whether anything changed."""
    place.mkdir(mode=0o755, exist_ok=True)
    current = place / DATA
    if current.is_dir() and _read_files(current) == files:
        return False
    number = 1 + max((int(p.name[2:]) for p in place.glob("..[0-9]*")), default=0)
    fresh = place / f"..{number}"
    for name, (content, mode) in files.items():
        path = fresh / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    fresh.mkdir(mode=0o755, exist_ok=True)
    draft = place / "..data_tmp"
    draft.unlink(missing_ok=True)
    draft.symlink_to(fresh.name)
    draft.replace(current)
    _link_visible(place, {name.partition("/")[0] for name in files})
    for old in place.glob("..[0-9]*"):
        if old != fresh:
            shutil.rmtree(old, ignore_errors=True)
    return True


def _link_visible(place: Path, names: set[str]) -> None:
    for path in place.iterdir():
        if not path.name.startswith("..") and path.name not in names:
            path.unlink()
    for name in names:
        link = place / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")


def _read_files(data: Path) -> Files:
    root = data.resolve()
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in root.rglob("*")
        if path.is_file()
    }


def _mount_tmpfs(place: Path, size_bytes: int) -> None:
    place.mkdir(mode=0o755, exist_ok=True)
    if os.path.ismount(place):
        return
    options = f"mode={TMPFS_MODE}" + (f",size={size_bytes}" if size_bytes else "")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        raise VolumeProblem(f"a tmpfs cannot be mounted: {done.stderr.decode('utf-8', 'replace').strip()}")


def _sub_path(source: str, sub_path: str) -> str:
    """A path below a volume that does not lead out of it; made as a directory when it is not there."""
    root = Path(source).resolve()
    path = (root / sub_path).resolve()
    if not path.is_relative_to(root):
        raise VolumeProblem(f'subPath "{sub_path}" leads out of its volume')
    if not path.exists():
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    return str(path)


_HOST_TYPES = {
    "Directory": (Path.is_dir, "is not a directory"),
    "File": (Path.is_file, "is not a file"),
    "Socket": (Path.is_socket, "is not a socket"),
    "CharDevice": (Path.is_char_device, "is not a character device"),
    "BlockDevice": (Path.is_block_device, "is not a block device"),
}


def _host_path(volume: Volume) -> str:
    assert volume.host_path is not None
    path, kind = Path(volume.host_path.path), volume.host_path.type or ""
    try:
        if kind == "DirectoryOrCreate":
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif kind == "FileOrCreate" and not path.exists():
            path.touch(mode=0o644)
        elif kind == "" and not path.exists():
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise VolumeProblem(f"hostPath {path}: {error.strerror}") from error
    check = _HOST_TYPES.get(kind)
    if check is not None and not check[0](path):
        raise VolumeProblem(f"hostPath type check failed: {path} {check[1]}")
    return str(path)
