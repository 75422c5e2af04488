"""Shell: a path below a volume, as a mount of its own that leads nowhere else.

What a container may write to it may also replace by a symbolic link, between our look at a path and the runtime's: so
the path is opened step by step without following any link, and what was opened is bound to a place of the pod's
directory. Enter: a volume's root, a path in it. Leave: the place. Source: kubernetes pkg/volume/util/subpath/
subpath_linux.go (CVE-2017-1002101).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pikube.agent.pods.mounting import bind_mount
from pikube.agent.pods.volume_files import VolumeProblem

MAX_BYTES = 1024 * 1024


def bind_sub_path(source: str, sub_path: str, place: Path, *, may_make: bool) -> str:
    """Bind `sub_path` of the volume at `source` to `place`; made as a directory when it is not there. Raises
    VolumeProblem."""
    try:
        root = Path(os.path.realpath(source))
        path = Path(os.path.realpath(root / sub_path))  # pathlib's resolve would raise for links in a circle
        if not path.is_relative_to(root):
            words = f'failed to prepare subPath for volumeMount: subPath "{sub_path}" leads out of its volume'
            raise VolumeProblem(words)
        with _opened(root, path.relative_to(root).parts, may_make=may_make) as descriptor:
            bind_mount(descriptor, place)
    except OSError as error:
        raise VolumeProblem(f"failed to prepare subPath {sub_path}: {error.strerror}") from None
    return str(place)


def read_below(source: str, path: str) -> str | None:
    """The text of a file of the volume at `source`; None if it is not there, is no file, or leads elsewhere. Raises
    OSError."""
    root = Path(os.path.realpath(source))
    wanted = Path(os.path.realpath(root / path.lstrip("/")))
    if not wanted.is_relative_to(root):
        return None
    try:
        with _opened(root, wanted.relative_to(root).parts, may_make=False) as descriptor:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with open(f"/proc/self/fd/{descriptor}", "rb") as file:
                return file.read(MAX_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, VolumeProblem):
        return None


@contextmanager
def _opened(root: Path, parts: tuple[str, ...], *, may_make: bool) -> Iterator[int]:
    """A descriptor of what is below `root`. Raises OSError, VolumeProblem for a link."""
    mode = stat.S_IMODE(root.stat().st_mode)
    here = os.open(root, os.O_PATH | os.O_NOFOLLOW)
    try:
        for part in parts:
            deeper = _open(here, part, mode, may_make=may_make)
            os.close(here)
            here = deeper
            if stat.S_ISLNK(os.fstat(here).st_mode):
                raise VolumeProblem(f"failed to prepare subPath: {part} became a symbolic link")
        yield here
    finally:
        os.close(here)


def _open(parent: int, name: str, mode: int, *, may_make: bool) -> int:
    try:
        return os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    except FileNotFoundError:
        if not may_make:
            raise
    os.mkdir(name, 0o700, dir_fd=parent)
    made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    os.fchmod(made, mode)
    os.fchown(made, -1, os.fstat(parent).st_gid)
    return made
