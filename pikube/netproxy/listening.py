"""Shell: sockets on addresses that this host has by route only."""

from __future__ import annotations

import socket

import trio

from pikube.netproxy.table import ANY, Listener

BACKLOG = 1024
IP_FREEBIND = 15  # linux/in.h; Python 3.11 has no name for it


def bind(listener: Listener) -> trio.socket.SocketType:
    """A bound socket, listening if it is TCP. Raises OSError when the port is taken."""
    kind = socket.SOCK_DGRAM if listener.protocol == "UDP" else socket.SOCK_STREAM
    plain = socket.socket(socket.AF_INET, kind)
    try:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(listener.protocol == "TCP"))
        if listener.address != ANY:
            plain.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        plain.bind((listener.address, listener.port))
        if listener.protocol == "TCP":
            plain.listen(BACKLOG)
    except OSError:
        plain.close()
        raise
    return trio.socket.from_stdlib_socket(plain)
