"""Shell: accepts connections, does the TLS handshake, finds out who is there, and serves each in its own task.

Enter: a Handler, an address, a TLS context. Leaves: nothing but answers; `serve` runs until cancelled,
and then lets answers that are being sent finish for a bounded time. Called by run.py for the API and the
kubelet API.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import trio

from pikube.wire.connection import CLOSED, Connection
from pikube.wire.messages import Handler, Peer

log = logging.getLogger("pikube.wire")

HANDSHAKE_S = (
    15.0  # a Pi Zero needs some 200 ms for an ECDSA handshake; strangers who say nothing get cut off
)
MAX_CONNECTIONS = 4_000  # 100 nodes with a dozen watches each, and room; each idle one costs some 60 KB
BACKLOG = 512


async def listen(host: str, port: int) -> Sequence[trio.SocketListener]:
    """Bound listeners; OSError when the port is busy."""
    return await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)


async def serve(
    handler: Handler,
    listeners: Sequence[trio.abc.Listener[Any]],
    ssl_context: ssl.SSLContext | None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Certificates loaded into `ssl_context` later count for new connections."""
    slots = trio.CapacityLimiter(MAX_CONNECTIONS)

    async def serve_one(stream: trio.abc.Stream) -> None:
        try:
            slots.acquire_on_behalf_of_nowait(stream)
        except trio.WouldBlock:
            await trio.aclose_forcefully(stream)
            return
        try:
            await _serve_stream(handler, stream, ssl_context)
        finally:
            slots.release_on_behalf_of(stream)

    await trio.serve_listeners(serve_one, list(listeners), task_status=_quiet(task_status))


def _quiet(task_status: trio.TaskStatus[None]) -> Any:
    class Started:
        def started(self, value: object = None) -> None:
            task_status.started()

    return Started()


async def _serve_stream(handler: Handler, raw: trio.abc.Stream, ssl_context: ssl.SSLContext | None) -> None:
    """One connection from its first to its last byte; its failures end here."""
    stream: trio.abc.Stream = raw
    certificate: Mapping[str, Any] = {}
    der = b""
    if ssl_context is not None:
        tls = trio.SSLStream(raw, ssl_context, server_side=True, https_compatible=True)
        with trio.move_on_after(HANDSHAKE_S) as deadline:
            try:
                await tls.do_handshake()
            except (*CLOSED, ssl.SSLError) as error:
                log.debug("event=handshake_failed why=%r", str(error.__cause__ or error))
                await trio.aclose_forcefully(raw)
                return
        if deadline.cancelled_caught:
            await trio.aclose_forcefully(raw)
            return
        stream = tls
        certificate = tls.getpeercert() or {}
        der = (tls.getpeercert(binary_form=True) or b"") if certificate else b""
    peer = _peer_of(raw, certificate, der)
    try:
        await Connection(stream, peer, handler).run()
    except* CLOSED:
        pass
    finally:
        with trio.move_on_after(1, shield=True):  # the client's half of the goodbye: not worth more
            await _close(stream)


async def _close(stream: trio.abc.Stream) -> None:
    with suppress(*CLOSED):
        await stream.aclose()


def _peer_of(raw: trio.abc.Stream, certificate: Mapping[str, Any], der: bytes) -> Peer:
    host, port = "", 0
    if isinstance(raw, trio.SocketStream):
        try:
            name = raw.socket.getpeername()
        except OSError:
            name = ()
        if isinstance(name, tuple) and len(name) >= 2:
            host, port = name[0].removeprefix("::ffff:"), name[1]
    common_name, organizations = "", []
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                common_name = value
            elif key == "organizationName":
                organizations.append(value)
    return Peer(host, port, common_name, tuple(organizations), der)
