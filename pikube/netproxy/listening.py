"""Shell: sockets on addresses that this host has by route only."""

from __future__ import annotations

import socket

from pikube.netproxy.targets import ANY, DNS_UDP, Listener

BACKLOG = 1024
IP_FREEBIND = 15  # linux/in.h; Python 3.11 has no name for it


def bind(listener: Listener) -> socket.socket:
    """A bound socket that does not block; TCP ones do not listen yet, so that connections are refused. Raises
    OSError when the port is taken."""
    is_datagram = listener.protocol.endswith("UDP")
    kind = socket.SOCK_DGRAM if is_datagram else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    try:
        if not is_datagram or listener.protocol == DNS_UDP:  # beside a Pi-hole on 0.0.0.0:53
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.address != ANY:
            sock.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        sock.bind((listener.address, listener.port))
    except OSError:
        sock.close()
        raise
    return sock
