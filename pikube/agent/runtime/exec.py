"""Shell: a process in a container: Podman's hijacked stream taken apart into stdout and stderr.

Without a terminal each frame has eight bytes before it: the stream's number, three zeros, the length
(podman and Docker attach API). With one, bytes come as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import trio

from pikube.agent.runtime.calls import PodmanCalls
from pikube.agent.runtime.contract import CommandSession, Container, RuntimeFailure
from pikube.agent.runtime.oci_exec import NotBegun, monitor_of, open_command
from pikube.agent.runtime.processes import end_monitor
from pikube.agent.runtime.specs import cannot_run

READ_BYTES = 64 * 1024
HEADER_BYTES = 8
LET_GO_S = 5.0


_OWN = re.compile(rb"Error: (?:read|write) unixpacket @->/proc/self/fd/\d+/attach: [^\n]*\n")


def without_podmans_words(data: bytes) -> bytes:
    """What a command said, without what Podman says behind it when the command ends before it has read its input."""
    return _OWN.sub(b"", data) if b"unixpacket @->" in data else data


class Owner(Protocol):
    """What Podman is asked about a session besides its bytes."""

    async def resize(self, width: int, height: int) -> None: ...

    async def exit_code(self) -> int: ...

    async def answers(self) -> bool: ...


class PodmanSession:
    """Implements contract.ExecSession."""

    def __init__(self, owner: Owner, stream: trio.SocketStream, leftover: bytes, has_tty: bool) -> None:
        self._owner = owner
        self._stream = stream
        self._buffer = leftover
        self._has_tty = has_tty
        self.has_ended = False  # there is no more output

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
            data, self._buffer = self._buffer or await self._receive(), b""
            while data:
                if data := without_podmans_words(data):
                    yield 1, data
                data = await self._receive()
            return
        while await self._fill(HEADER_BYTES):
            number, size = self._buffer[0], int.from_bytes(self._buffer[4:8], "big")
            self._buffer = self._buffer[HEADER_BYTES:]
            while size:
                if not self._buffer and not await self._fill(1):
                    return
                part, self._buffer = self._buffer[:size], self._buffer[size:]
                size -= len(part)
                if number == 2:
                    part = without_podmans_words(part)
                if part:
                    yield number, part

    async def exit_code(self) -> int:
        return await self._owner.exit_code()

    async def is_sound(self) -> bool:
        return await self._owner.answers()

    async def _fill(self, wanted: int) -> bool:
        while len(self._buffer) < wanted:
            data = await self._receive()
            if not data:
                return False
            self._buffer += data
        return True

    async def _receive(self) -> bytes:
        try:
            data = bytes(await self._stream.receive_some(READ_BYTES))
        except trio.BrokenResourceError:
            data = b""
        self.has_ended = not data
        return data


class PodmanStreams(PodmanCalls):
    """The part of contract.Runtime that joins people to processes."""

    @asynccontextmanager
    async def exec(
        self, container_id: str, command: Sequence[str], *, has_tty: bool, has_stdin: bool
    ) -> AsyncIterator[PodmanSession]:
        body = {
            "AttachStdin": has_stdin,
            "AttachStdout": True,
            "AttachStderr": not has_tty,
            "Tty": has_tty,
            "Cmd": list(command),
            "DetachKeys": "",  # Podman's default would swallow ctrl-p, which people type in shells
        }
        made = await self._ask("POST", f"/containers/{container_id}/exec", body=body)
        identity = made["Id"]
        start = json.dumps({"Detach": False, "Tty": has_tty}).encode()
        async with self._hijacked(f"/exec/{identity}/start", start) as (stream, leftover):
            session = PodmanSession(_Exec(self, identity), stream, leftover, has_tty)
            try:
                yield session
            finally:
                if not session.has_ended:
                    with trio.move_on_after(LET_GO_S, shield=True):
                        await trio.to_thread.run_sync(end_monitor, identity)

    @asynccontextmanager
    async def command(self, container: Container, command: Sequence[str]) -> AsyncIterator[CommandSession]:
        """By the container's own runtime; by Podman if that cannot be. Raises RuntimeFailure for a command that is
        not there."""
        async with AsyncExitStack() as stack:
            session: CommandSession | None = None
            monitor = monitor_of(container)
            if monitor is not None:
                try:
                    session = await stack.enter_async_context(open_command(monitor, container.id, command))
                except NotBegun as refused:
                    if cannot_run(str(refused)):
                        raise RuntimeFailure(str(refused)) from None
            if session is None:
                asked = self.exec(container.id, command, has_tty=False, has_stdin=False)
                session = await stack.enter_async_context(asked)
            yield session

    @asynccontextmanager
    async def attach(
        self, container_id: str, *, has_tty: bool, has_stdin: bool
    ) -> AsyncIterator[PodmanSession]:
        wished = urlencode(
            {
                "stream": "true",
                "logs": "false",
                "stdin": str(has_stdin).lower(),
                "stdout": "true",
                "stderr": str(not has_tty).lower(),
                "detachKeys": "",
            }
        )
        async with self._hijacked(f"/containers/{container_id}/attach?{wished}") as (stream, leftover):
            yield PodmanSession(_Attached(self, container_id), stream, leftover, has_tty)

    async def resize(self, what: str, width: int, height: int) -> None:
        """`what` is exec/ID or containers/ID. One that has ended, or has no terminal, has no size."""
        query = {"w": str(width), "h": str(height)}
        await self._call("POST", f"/{what}/resize", query=query)

    async def exec_exit_code(self, exec_id: str) -> int:
        document = await self._ask("GET", f"/exec/{exec_id}/json")
        return int(document.get("ExitCode") or 0)


@dataclass(frozen=True, slots=True)
class _Exec:
    """Implements exec.Owner for a command."""

    podman: PodmanStreams
    id: str

    async def resize(self, width: int, height: int) -> None:
        await self.podman.resize(f"exec/{self.id}", width, height)

    async def exit_code(self) -> int:
        return await self.podman.exec_exit_code(self.id)

    async def answers(self) -> bool:
        return await self.podman.answers()


@dataclass(frozen=True, slots=True)
class _Attached:
    """Implements exec.Owner for a container's own process: how that ends, its pod's status tells."""

    podman: PodmanStreams
    id: str

    async def resize(self, width: int, height: int) -> None:
        await self.podman.resize(f"containers/{self.id}", width, height)

    async def exit_code(self) -> int:
        return 0

    async def answers(self) -> bool:
        return await self.podman.answers()
