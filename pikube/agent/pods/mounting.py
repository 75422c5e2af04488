"""Shell: kernel mounts of volumes: tmpfs for secrets and memory, NFS shares; and their end.

A share's mount has a deadline: a server that is away must not hold up a pod's other volumes for ever. For the same
reason nothing here looks at a place that may be a share's: the kernel's table says what is mounted.
Source: kubernetes pkg/volume/nfs/nfs.go, pkg/volume/emptydir/empty_dir.go.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pikube.agent.pods.volume_files import VolumeProblem
from pikube.api.kinds.core_volume import NFSVolumeSource

NFS_S = 60.0
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8  # umount2(2)
MS_BIND, MS_REC = 4096, 16384  # mount(2)

_libc = ctypes.CDLL(None, use_errno=True)


def mount_tmpfs(place: Path, size_bytes: int) -> None:
    """A file system in memory, of at most `size_bytes` (0: the kernel's default)."""
    if is_mounted(place):
        return
    place.mkdir(mode=0o755, exist_ok=True)
    options = "mode=0755" + (f",size={size_bytes}" if size_bytes else "")
    if _libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, options.encode()):
        raise VolumeProblem(f"mount failed: {os.strerror(ctypes.get_errno())} (tmpfs, {options})")


def bind_mount(descriptor: int, place: Path) -> None:
    """What is open as `descriptor`, a file or a directory, at `place`, instead of what was bound there before. Raises
    OSError, VolumeProblem."""
    place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    if is_mounted(place):
        _libc.umount2(os.fsencode(place), MNT_DETACH | UMOUNT_NOFOLLOW)
    if os.path.isdir(f"/proc/self/fd/{descriptor}"):
        if place.is_file():
            place.unlink()
        place.mkdir(mode=0o750, exist_ok=True)
    else:
        if place.is_dir():
            place.rmdir()
        place.touch(mode=0o640)
    source = f"/proc/self/fd/{descriptor}".encode()
    if _libc.mount(source, os.fsencode(place), None, MS_BIND | MS_REC, None):
        raise VolumeProblem(f"mount failed: {os.strerror(ctypes.get_errno())} (bind, {place.name})")


def mount_nfs(
    place: Path, source: NFSVolumeSource, options: Sequence[str], *, deadline_s: float = NFS_S
) -> None:
    """An NFS share at `place`, if it is not there yet."""
    if is_mounted(place):
        return
    place.mkdir(mode=0o750, exist_ok=True)
    if shutil.which("mount.nfs") is None and not Path("/sbin/mount.nfs").exists():
        raise VolumeProblem(
            "this board cannot mount NFS: mount.nfs is missing; install it with: apt install nfs-common"
        )
    server = f"[{source.server}]" if ":" in source.server else source.server
    words = ["mount", "-t", "nfs"]
    if source.read_only or options:
        words += ["-o", ",".join([*options, *(["ro"] if source.read_only else [])])]
    _mount([*words, f"{server}:{source.path}", str(place)], deadline_s)


def _mount(command: list[str], deadline_s: float) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=deadline_s)
    except subprocess.TimeoutExpired:
        raise VolumeProblem(f"mount timed out after {deadline_s:.0f}s: {' '.join(command)}") from None
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.returncode}"
        raise VolumeProblem(f"mount failed: {words} (command: {' '.join(command)})")


def unmount_below(directory: Path) -> None:
    """Unmount everything mounted below `directory`, the deepest first. Raises OSError if something stays: what is
    mounted there belongs to others and must not be deleted with the pod."""
    for place in sorted(mounts_below(directory), key=len, reverse=True):
        _libc.umount2(os.fsencode(place), MNT_DETACH | UMOUNT_NOFOLLOW)  # asks no server anything
    left = mounts_below(directory)
    if left:
        raise OSError(16, f"{left[0]} is still mounted")


def is_mounted(place: Path, table: str = "/proc/self/mounts") -> bool:
    """Whether something is mounted at a place, without touching it."""
    return str(place.parent.resolve() / place.name) in mounts_below(place.parent, table)


def mounts_below(directory: Path, table: str = "/proc/self/mounts") -> list[str]:
    """The mount points under a directory, by the kernel's table (which writes blanks as \\040)."""
    prefix = f"{Path(directory).resolve()}/"  # the table knows no symbolic links
    with open(table, encoding="utf-8", errors="surrogateescape") as lines:
        places = [line.split(" ", 2)[1] for line in lines]
    plain = [place.encode().decode("unicode_escape") if "\\" in place else place for place in places]
    return [place for place in plain if place.startswith(prefix)]
