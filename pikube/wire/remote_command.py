"""Shell: a command in a container over the network: stdin, stdout, stderr, terminal sizes and the exit status.

Enter: an upgrade request and what to run. Leaves: an UpgradeResponse that hands a RemoteSession to it. Over a
WebSocket each message begins with its channel; over SPDY each stream says its type in a header. Called by the
kubelet API for exec and attach. Sources: kubelet `pkg/cri/streaming/remotecommand`, KEP-4006.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import trio

from pikube.api.errors import ApiError, InternalError
from pikube.wire.channels import (
    CLOSE,
    ERROR,
    RESIZE,
    SPDY_COMMAND,
    STDERR,
    STDIN,
    STDOUT,
    WEBSOCKET_COMMAND,
    decode,
    encode,
    error_bytes,
    exit_status,
    has_resize_stream,
    is_text,
    size_of,
)
from pikube.wire.messages import Request, UpgradeResponse
from pikube.wire.spdy_session import SpdyConnection, SpdyStream, open_spdy
from pikube.wire.upgrade import CommandStreams, agree, command_streams
from pikube.wire.websocket import WebSocket

log = logging.getLogger("pikube.wire")

STREAMS_S = 30.0  # for a SPDY client to open its streams (kubelet: DefaultStreamCreationTimeout)
GOODBYE_S = 5.0  # for a SPDY client to read the last bytes and hang up: hanging up first can lose them
STDIN_MESSAGES = 8  # read ahead of the command; after that the client waits
LEFT_S = 30.0  # for a command to take the input of a client that has gone; kubelet sets no bound
UNHEARD_BYTES = (
    16 * 1024 * 1024
)  # a command that talks more than that to nobody costs too much of a processor
RESIZE_BYTES = 4 * 1024

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


class RemoteSession:
    """What a command is connected to, whatever the protocol. When the client goes, its input ends, what it would have
    heard is dropped, and after LEFT_S its methods are cancelled."""

    def __init__(
        self, transmit: Callable[[int, bytes], Awaitable[None]], protocol: str, scope: trio.CancelScope
    ) -> None:
        self._transmit = transmit
        self._protocol = protocol
        self._scope = scope
        self._has_finished = False
        self._unheard_bytes = 0
        self.stdin_in, self._stdin = trio.open_memory_channel[bytes](STDIN_MESSAGES)
        self._sizes_in, self._sizes = trio.open_memory_channel[tuple[int, int]](1)

    async def receive_stdin(self) -> bytes:
        """b'' when the client has no more input."""
        try:
            return await self._stdin.receive()
        except trio.EndOfChannel:
            return b""

    async def send_stdout(self, data: bytes) -> None:
        """Bytes of the command's output."""
        await self._send(STDOUT, data)

    async def send_stderr(self, data: bytes) -> None:
        """Bytes of the command's error output."""
        await self._send(STDERR, data)

    def sizes(self) -> AsyncIterator[tuple[int, int]]:
        """(width, height) as the client's terminal changes; one that was not taken gives way to the next."""
        return self._sizes

    async def finish(self, exit_code: int) -> None:
        """Tell the client how the command ended; the last thing to send."""
        await self._end(exit_status(exit_code))

    async def fail(self, error: ApiError) -> None:
        """Tell the client that the command could not be run, or how it ended is not known."""
        await self._end(error.to_status())

    def resized(self, size: tuple[int, int]) -> None:
        """For the protocol's reader: the newest size wins."""
        with suppress(trio.WouldBlock):
            self._sizes.receive_nowait()
        self._sizes_in.send_nowait(size)

    async def _end(self, status: dict[str, Any]) -> None:
        if self._has_finished:
            return
        self._has_finished = True
        data = error_bytes(status, self._protocol)
        if data:
            await self._send(ERROR, data)

    def left(self) -> None:
        """The client has gone: the command still gets what it was sent, and its end. Nobody hears what it says."""
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + LEFT_S)

    async def _send(self, channel: int, data: bytes) -> None:
        try:
            await self._transmit(channel, data)
        except CLOSED:
            self.left()
            self._unheard_bytes += len(data)
            if self._unheard_bytes > UNHEARD_BYTES:
                self._scope.cancel()
            await trio.lowlevel.checkpoint()


Run: TypeAlias = Callable[[RemoteSession], Awaitable[None]]


def accept_remote_command(request: Request, run: Run) -> UpgradeResponse:
    """Agree on a protocol; `run` is called with the session and tells how the command ended, or raises ApiError.

    The streams are those that the request's query names (see upgrade.command_streams). Raises BadRequest,
    Forbidden when there is no protocol that both speak.
    """
    wanted = command_streams(request.query)
    agreed = agree(request.headers, WEBSOCKET_COMMAND, SPDY_COMMAND)
    serve = _serve_websocket if agreed.is_websocket else _serve_spdy

    async def take_over(stream: trio.abc.Stream, leftover: bytes) -> None:
        await serve(stream, leftover, agreed.protocol, wanted, run)

    return UpgradeResponse(agreed.headers, take_over)


async def _run(run: Run, session: RemoteSession, scope: trio.CancelScope) -> None:
    """The command, until it ends, or the client has gone and it has had its input."""
    with scope:
        try:
            await run(session)
        except ApiError as error:
            await session.fail(error)
        finally:
            await session.fail(
                InternalError.of("how the command ended is not known")
            )  # nothing if it was told


async def _serve_websocket(
    stream: trio.abc.Stream, leftover: bytes, protocol: str, wanted: CommandStreams, run: Run
) -> None:
    socket = WebSocket(stream, leftover)
    as_text = is_text(protocol)
    scope = trio.CancelScope()

    async def transmit(channel: int, data: bytes) -> None:
        await socket.send(encode(channel, data, as_text=as_text))

    session = RemoteSession(transmit, protocol, scope)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read_messages, socket, session, wanted, as_text)
        greeting = STDOUT if wanted.stdout else STDERR if wanted.stderr else ERROR
        with suppress(*CLOSED):
            await transmit(greeting, b"")  # kubelet's sign that the connection stands
        await _run(run, session, scope)
        await session.stdin_in.aclose()
        await socket.close()
        nursery.cancel_scope.cancel()


async def _read_messages(
    socket: WebSocket,
    session: RemoteSession,
    wanted: CommandStreams,
    as_text: bool,
) -> None:
    """Sort messages into stdin and sizes, until the client goes."""
    while (message := await socket.receive()) is not None:
        try:
            channel, data = decode(message, as_text=as_text)
        except ValueError as error:
            log.info("event=bad_channel_message why=%r", str(error))
            break
        if channel == STDIN and wanted.stdin and data:
            with suppress(*CLOSED):
                await session.stdin_in.send(data)
        elif channel == RESIZE and (size := size_of(data)) is not None:
            session.resized(size)
        elif channel == CLOSE and data[:1] == bytes((STDIN,)):
            await session.stdin_in.aclose()
    await session.stdin_in.aclose()
    session.left()


Typed: TypeAlias = dict[str, SpdyStream]
CHANNEL_NAMES = {STDOUT: "stdout", STDERR: "stderr", ERROR: "error"}


async def _serve_spdy(
    stream: trio.abc.Stream, leftover: bytes, protocol: str, wanted: CommandStreams, run: Run
) -> None:
    async with open_spdy(stream, leftover) as connection:
        streams = await _take_streams(connection, _expected(wanted, protocol))
        if streams is None:
            return
        scope = trio.CancelScope()

        async def transmit(channel: int, data: bytes) -> None:
            target = streams.get(CHANNEL_NAMES[channel])
            if target is not None:
                await target.send_all(data)

        session = RemoteSession(transmit, protocol, scope)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read_stdin, streams.get("stdin"), session)
            nursery.start_soon(_read_sizes, streams.get("resize"), session)
            nursery.start_soon(_leave_when_gone, connection, session)
            await _run(run, session, scope)
            with trio.move_on_after(GOODBYE_S):
                for name in ("stdout", "stderr", "error", "resize", "stdin"):
                    if name in streams:
                        await streams[name].aclose()
                await connection.closed.wait()
            nursery.cancel_scope.cancel()


def _expected(wanted: CommandStreams, protocol: str) -> set[str]:
    names = {"error"}
    names |= {name for name in ("stdin", "stdout", "stderr") if getattr(wanted, name)}
    if wanted.tty and has_resize_stream(protocol):
        names.add("resize")
    return names


async def _take_streams(connection: SpdyConnection, expected: set[str]) -> Typed | None:
    """The client's streams by type; None when it does not open them in time."""
    streams: Typed = {}
    with trio.move_on_after(STREAMS_S):
        while expected - streams.keys():
            try:
                stream = await connection.opened.receive()
            except trio.EndOfChannel:
                return None
            name = stream.headers.get("streamtype", "")
            if name in streams or name not in ("stdin", "stdout", "stderr", "error", "resize"):
                await stream.reset()
            else:
                streams[name] = stream
        return streams
    log.info("event=streams_missing expected=%s got=%s", sorted(expected), sorted(streams))
    return None


async def _read_stdin(stream: SpdyStream | None, session: RemoteSession) -> None:
    async with session.stdin_in:
        with suppress(*CLOSED):
            while stream is not None and (data := await stream.receive_some()):
                await session.stdin_in.send(data)


async def _read_sizes(stream: SpdyStream | None, session: RemoteSession) -> None:
    """Sizes are JSON documents, each on a line of its own (Go's json.Encoder)."""
    buffer = b""
    with suppress(*CLOSED):
        while stream is not None and (data := await stream.receive_some()):
            *lines, buffer = (buffer + data).split(b"\n")
            buffer = buffer[-RESIZE_BYTES:]
            for line in lines:
                if (size := size_of(line)) is not None:
                    session.resized(size)


async def _leave_when_gone(connection: SpdyConnection, session: RemoteSession) -> None:
    await connection.closed.wait()
    session.left()
