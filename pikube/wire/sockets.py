"""Shell: TCP sockets as every connection of ours wants them: dialled in time, and noticed when the other board dies.

Enter: addresses, TLS contexts, streams. Leave: open streams, or OSError. Called by the server and the tunnel.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import TypeAlias

import trio

Address: TypeAlias = tuple[str, int]

KEEPALIVE_S = (30, 10, 4)  # idle, interval, probes: a board that lost power is noticed after 70 s
DIAL_S = (
    10.0  # to a board on the same LAN, TLS handshake included; a Pi Zero takes up to half a second for it
)

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


async def dial(address: Address, ssl_context: ssl.SSLContext | None) -> trio.abc.Stream:
    """A connection, over TLS when there is a context. OSError says why there is none, also for TLS and time."""
    with trio.move_on_after(DIAL_S):
        raw = await trio.open_tcp_stream(*address)
        keep_alive(raw)
        if ssl_context is None:
            return raw
        tls = trio.SSLStream(raw, ssl_context, server_hostname=address[0], https_compatible=True)
        is_done = False
        try:
            await tls.do_handshake()
            is_done = True
        except (*CLOSED, ssl.SSLError) as error:
            raise ConnectionError(f"TLS handshake failed: {error.__cause__ or error}") from error
        finally:
            if not is_done:
                raw.socket.close()
        return tls
    raise TimeoutError(f"no connection after {DIAL_S:g} s")


def keep_alive(stream: trio.abc.Stream) -> None:
    """Let the kernel ask whether the other side still exists."""
    if not isinstance(stream, trio.SocketStream) or stream.socket.family == socket.AF_UNIX:
        return
    idle, interval, probes = KEEPALIVE_S
    with suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
