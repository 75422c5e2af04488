"""Shell: directories and files of the board itself as volumes: hostPath with its types, local volumes, and the
directories that pikube makes for claims.

Raises VolumeProblem in kubernetes' words (pkg/volume/hostpath/host_path.go, pkg/volume/local/local.go).
"""

from __future__ import annotations

import os
from pathlib import Path

from pikube.agent.pods.volume_files import VolumeProblem
from pikube.api.kinds.core_storage import PersistentVolume
from pikube.api.kinds.core_volume import HostPathVolumeSource

ANYBODY = (
    0o777  # a claim's directory is for whatever user the pod runs as; the board keeps others out above it
)
FOR_GROUP = 0o2070
CHECKS = {
    "Directory": (Path.is_dir, "is not a directory"),
    "DirectoryOrCreate": (Path.is_dir, "is not a directory"),
    "File": (Path.is_file, "is not a file"),
    "FileOrCreate": (Path.is_file, "is not a file"),
    "Socket": (Path.is_socket, "is not a socket file"),
    "CharDevice": (Path.is_char_device, "is not a character device"),
    "BlockDevice": (Path.is_block_device, "is not a block device"),
}


def host_path(source: HostPathVolumeSource) -> str:
    """The path, made if its type says so. A path without type that is not there becomes a directory, as container
    runtimes do it."""
    path, kind = Path(source.path), source.type or ""
    try:
        if not os.path.lexists(path):
            if kind in ("", "DirectoryOrCreate"):
                path.mkdir(mode=0o755, parents=True)
            elif kind == "FileOrCreate":
                path.touch(mode=0o644)
    except OSError as error:
        raise VolumeProblem(f"hostPath {path} cannot be made: {error.strerror}") from error
    check = CHECKS.get(kind)
    if check is not None and not check[0](path):
        raise VolumeProblem(f"hostPath type check failed: {path} {check[1]}")
    return str(path)


def local_path(volume: PersistentVolume) -> str:
    """A local volume's path, which a person has prepared: a disk that is not plugged in must not become a
    directory on the card."""
    assert volume.spec.local is not None
    path = volume.spec.local.path
    if not os.path.exists(path):
        raise VolumeProblem(f'path "{path}" does not exist')
    return path


def claim_directory(path: str) -> None:
    """Make the directory that a claim got, for any user."""
    place = Path(path)
    if not place.is_dir():
        place.mkdir(mode=0o755, parents=True)
        place.chmod(ANYBODY)


def give_to_group(place: Path, group: int) -> None:
    """fsGroup: what is made below belongs to the group, too."""
    if not _is_of_group(place, group):
        os.chown(place, -1, group)
        place.chmod(place.stat().st_mode | FOR_GROUP)


def give_all_to_group(place: Path, group: int, policy: str | None) -> None:
    """fsGroup of a volume that others have written to: everything in it becomes the group's, unless the policy is
    OnRootMismatch and its root is (pkg/volume/volume_linux.go:SetVolumeOwnership)."""
    if policy == "OnRootMismatch" and _is_of_group(place, group):
        return
    for directory, _, files in os.walk(place, topdown=False):
        for name in files:
            path = os.path.join(directory, name)
            os.lchown(path, -1, group)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode | 0o060)
        give_to_group(Path(directory), group)  # the root comes last: whoever was interrupted begins anew


def _is_of_group(place: Path, group: int) -> bool:
    status = place.stat()
    return status.st_gid == group and status.st_mode & FOR_GROUP == FOR_GROUP
