"""Shell: a process in a container: Podman's hijacked stream taken apart into stdout and stderr.

Without a terminal each frame has eight bytes before it: the stream's number, three zeros, the length
(podman and Docker attach API). With one, bytes come as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Protocol

import trio

READ_BYTES = 64 * 1024
HEADER_BYTES = 8


class Owner(Protocol):
    """What Podman is asked about a session besides its bytes."""

    async def resize(self, width: int, height: int) -> None: ...

    async def exit_code(self) -> int: ...


class PodmanSession:
    """Implements contract.ExecSession."""

    def __init__(self, owner: Owner, stream: trio.SocketStream, leftover: bytes, has_tty: bool) -> None:
        self._owner = owner
        self._stream = stream
        self._buffer = leftover
        self._has_tty = has_tty

    async def send(self, data: bytes) -> None:
        """Input; the end of one that has ended already is nobody's failure."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_all(data)

    async def end_input(self) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            await self._stream.send_eof()

    async def resize(self, width: int, height: int) -> None:
        await self._owner.resize(width, height)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        if self._has_tty:
            if self._buffer:
                yield 1, self._buffer
            while data := await self._receive():
                yield 1, data
            return
        while await self._fill(HEADER_BYTES):
            number, size = self._buffer[0], int.from_bytes(self._buffer[4:8], "big")
            self._buffer = self._buffer[HEADER_BYTES:]
            while size:
                if not self._buffer and not await self._fill(1):
                    return
                part, self._buffer = self._buffer[:size], self._buffer[size:]
                size -= len(part)
                yield number, part

    async def exit_code(self) -> int:
        return await self._owner.exit_code()

    async def _fill(self, wanted: int) -> bool:
        while len(self._buffer) < wanted:
            data = await self._receive()
            if not data:
                return False
            self._buffer += data
        return True

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except trio.BrokenResourceError:
            return b""
