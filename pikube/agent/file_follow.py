"""Shell: waits until a file changes, by inotify, so that `logs -f` costs nothing while a container is silent."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import trio

IN_MODIFY, IN_CLOSE_WRITE, IN_DELETE_SELF = 0x2, 0x8, 0x400
IN_NONBLOCK = os.O_NONBLOCK | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def watch_file(path: str) -> Iterator[FileChanges]:
    """Raises OSError."""
    descriptor = _libc.inotify_init1(IN_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify is not available")
    try:
        mask = IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF
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
