"""Shell: reads a small file of an image that no container runs yet, from the layers that overlay puts together.

Enter: the layers' directories, the uppermost first; a path inside. Leaves: the file's text. Links lead inside the
image only. Source: kernel Documentation/filesystems/overlayfs.rst (whiteouts, opaque directories).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import PurePosixPath

MAX_LINKS = 40  # as many as the kernel follows
MAX_BYTES = 4 * 1024 * 1024
OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque")


def read_in_layers(layers: Sequence[str], path: str) -> str:
    """'' for a file that is not there, or is no file. Raises OSError."""
    left, links = list(PurePosixPath(path).parts[1:]), 0
    here: list[str] = []
    while left:
        part = left.pop(0)
        if part == "..":
            here = here[:-1]
            continue
        found = _find(layers, [*here, part])
        if found is None:
            return ""
        mode = os.lstat(found).st_mode
        if stat.S_ISLNK(mode):
            links += 1
            target = PurePosixPath(os.readlink(found))
            if links > MAX_LINKS:
                return ""
            if target.is_absolute():
                here = []
            left = [*(name for name in target.parts if name != "/"), *left]
        elif left and stat.S_ISDIR(mode):
            here = [*here, part]
        elif not left and stat.S_ISREG(mode):
            return _text(found)
        else:
            return ""
    return ""


def _find(layers: Sequence[str], parts: Sequence[str]) -> str | None:
    """Where it is, in the uppermost layer that has it and is not hidden by one above."""
    for layer in layers:
        place = layer
        for number, part in enumerate(parts):
            place = f"{place}/{part}"
            try:
                mode = os.lstat(place).st_mode
            except (FileNotFoundError, NotADirectoryError):
                break
            if stat.S_ISCHR(mode) and os.lstat(place).st_rdev == 0:
                return None  # a whiteout
            if number == len(parts) - 1:
                return place
            if not stat.S_ISDIR(mode):
                return None
        if _is_opaque(layer, parts):
            return None
    return None


def _is_opaque(layer: str, parts: Sequence[str]) -> bool:
    """Whether this layer hides what those below have of a directory on the way."""
    place = layer
    for part in parts[:-1]:
        place = f"{place}/{part}"
        if not os.path.isdir(place) or os.path.islink(place):
            return False
        names = os.listxattr(place)
        if any(name in names and os.getxattr(place, name) == b"y" for name in OPAQUE):
            return True
    return False


def _text(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "replace")
