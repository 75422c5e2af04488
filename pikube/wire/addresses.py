"""Shell: the addresses of this board that others can reach it by."""

from __future__ import annotations

import socket

PROBE = ("192.0.2.1", 9)  # RFC 5737: connecting a datagram socket sends nothing, it only picks a route


def primary_address() -> str:
    """The address of the interface that leads out, or else of the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(PROBE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def host_names() -> set[str]:
    """The names this board calls itself."""
    name = socket.gethostname()
    return {name, name.partition(".")[0], f"{name.partition('.')[0]}.local"}
