"""Shell: waits until a file changes, by inotify, so that `logs -f` costs nothing while a container is silent."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import trio

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE, IN_DELETE_SELF = (
    0x2,
    0x8,
    0x40,
    0x80,
    0x200,
    0x400,
)
IN_NONBLOCK = os.O_NONBLOCK | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)


def watch_file(path: str) -> AbstractContextManager[FileChanges]:
    """What is written to a file. Raises OSError."""
    return _watch(path, IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF)


def watch_directory(path: str) -> AbstractContextManager[FileChanges]:
    """Files that are written, moved or removed in a directory. Raises OSError."""
    return _watch(path, IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE)


@contextmanager
def _watch(path: str, mask: int) -> Iterator[FileChanges]:
    descriptor = _libc.inotify_init1(IN_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify is not available")
    try:
        if _libc.inotify_add_watch(descriptor, os.fsencode(path), mask) < 0:
            raise OSError(ctypes.get_errno(), f"{path} cannot be watched")
        yield FileChanges(descriptor)
    finally:
        os.close(descriptor)


class FileChanges:
    """`wait` returns when something happened to the file since the last time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def wait(self) -> None:
        await trio.lowlevel.wait_readable(self._descriptor)
        os.read(self._descriptor, 4096)
