"""Shell: accepts connections, does the TLS handshake, finds out who is there, and serves each in its own task.

Enter: a Handler, listeners, a TLS context. Leave: nothing but answers; `serve` runs until cancelled, and then
lets answers that are being made finish for a bounded time. Called by run.py for the API and the kubelet API.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio

from pikube.wire.connection import Connection
from pikube.wire.messages import Handler, Peer
from pikube.wire.sockets import keep_alive
from pikube.wire.tls import TlsStream

log = logging.getLogger("pikube.wire")

HANDSHAKE_S = (
    15.0  # a Pi Zero needs some 200 ms for an ECDSA handshake; strangers who say nothing get cut off
)
MAX_CONNECTIONS = (
    4_000  # 100 nodes with a dozen watches each, and room; each idle one costs 30 KB (measured, TLS)
)
BACKLOG = 512
GOODBYE_S = 1.0  # for the TLS close of a client that reads no more
GRACE_S = 5.0  # for answers in the making when we stop; watches and logs are cut off then
COMPRESSORS = 1  # threads that gzip: the other cores of a board belong to its pods

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """What a server does now, for metrics."""

    connections: int
    refused: int


class Server:
    """The connections of one `serve`."""

    def __init__(self, handler: Handler, ssl_context: ssl.SSLContext | None, max_connections: int) -> None:
        self._handler = handler
        self._ssl_context = ssl_context
        self._max_connections = max_connections
        self._stops: dict[trio.abc.Stream, Callable[[], None]] = {}
        self._compressing = trio.CapacityLimiter(COMPRESSORS)
        self._is_stopping = False
        self._refused = 0

    def statistics(self) -> ServerStatistics:
        """A snapshot."""
        return ServerStatistics(len(self._stops), self._refused)

    def stop(self) -> None:
        """No further requests; idle connections, handshakes and streams end."""
        self._is_stopping = True
        for stop in list(self._stops.values()):
            stop()

    async def serve_stream(self, raw: trio.abc.Stream) -> None:
        """One connection from its first to its last byte; its failures end here."""
        if self._is_stopping or len(self._stops) >= self._max_connections:
            self._refused += 1
            await trio.aclose_forcefully(raw)
            return
        stream: trio.abc.Stream | None = raw
        keep_alive(raw)
        try:
            if self._ssl_context is not None:
                with trio.CancelScope() as handshake:
                    self._stops[raw] = handshake.cancel
                    stream = None
                    assert isinstance(raw, trio.SocketStream)
                    stream = await _shake_hands(raw, self._ssl_context)
            if stream is None or self._is_stopping:
                await trio.aclose_forcefully(raw)
            else:
                await self._serve(raw, stream)
        finally:
            self._stops.pop(raw, None)

    async def _serve(self, raw: trio.abc.Stream, stream: trio.abc.Stream) -> None:
        connection = Connection(stream, _peer_of(raw, stream), self._handler, self._compressing)
        self._stops[raw] = connection.stop
        try:
            await connection.run()
        finally:
            with trio.move_on_after(GOODBYE_S, shield=True), suppress(*CLOSED):
                await stream.aclose()


async def listen(host: str, port: int) -> Sequence[trio.SocketListener]:
    """Bound listeners; OSError when the port is busy."""
    return await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)


async def serve(
    handler: Handler,
    listeners: Sequence[trio.abc.Listener[Any]],
    ssl_context: ssl.SSLContext | None,
    *,
    max_connections: int = MAX_CONNECTIONS,
    grace_s: float = GRACE_S,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Certificates loaded into `ssl_context` later count for new connections.

    When cancelled it accepts no more, ends idle connections, and gives the others `grace_s` to end.
    """
    server = Server(handler, ssl_context, max_connections)
    async with trio.open_nursery() as nursery:
        stopping = trio.Event()
        connections: trio.Nursery = await nursery.start(_hold_connections, stopping, grace_s)
        try:
            await trio.serve_listeners(
                server.serve_stream,
                list(listeners),
                handler_nursery=connections,
                task_status=_Started(task_status, server),
            )
        finally:
            server.stop()
            stopping.set()


async def _hold_connections(
    stopping: trio.Event, grace_s: float, *, task_status: trio.TaskStatus[trio.Nursery]
) -> None:
    """A nursery that outlives the listeners by `grace_s`."""
    with trio.CancelScope(shield=True) as grace:
        async with trio.open_nursery() as connections:
            task_status.started(connections)
            await stopping.wait()
            grace.deadline = trio.current_time() + grace_s


class _Started:
    """Passes on that the listeners are up, with the server instead of the listeners."""

    def __init__(self, task_status: trio.TaskStatus[Server], server: Server) -> None:
        self._task_status = task_status
        self._server = server

    def started(self, value: object = None) -> None:
        self._task_status.started(self._server)


async def _shake_hands(raw: trio.SocketStream, context: ssl.SSLContext) -> TlsStream | None:
    tls = TlsStream(raw, context)
    with trio.move_on_after(HANDSHAKE_S):
        try:
            await tls.do_handshake()
        except CLOSED as error:
            log.debug("event=handshake_failed why=%r", str(error.__cause__ or error))
            return None
        return tls
    return None


def _peer_of(raw: trio.abc.Stream, stream: trio.abc.Stream) -> Peer:
    host, port = "", 0
    if isinstance(raw, trio.SocketStream):
        try:
            name = raw.socket.getpeername()
        except OSError:
            name = ()
        if isinstance(name, tuple) and len(name) >= 2:
            host, port = name[0].removeprefix("::ffff:"), name[1]
    if not isinstance(stream, TlsStream):
        return Peer(host, port)
    certificate: Mapping[str, Any] = stream.getpeercert() or {}
    der = (stream.getpeercert(binary_form=True) or b"") if certificate else b""
    common_name, organizations = "", []
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                common_name = value
            elif key == "organizationName":
                organizations.append(value)
    return Peer(host, port, common_name, tuple(organizations), der)
