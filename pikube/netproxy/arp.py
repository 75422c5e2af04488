"""Shell: says on a link who has an IPv4 address, and asks who has (RFC 826, 5227).

Enter: an interface and an address. Leave: raw frames. Used by neighbours.py. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import socket
import struct

ETH_P_ARP = 0x0806
BROADCAST = b"\xff" * 6
REQUEST, REPLY = 1, 2


def hardware_address(interface: str) -> bytes:
    """Of this board's interface. Raises OSError."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        return bytes(sock.getsockname()[4])


def render_arp(operation: int, own: bytes, mac: bytes, sender: str, target: str) -> bytes:
    """An Ethernet frame to everybody, from this board's hardware address: a switch learns by it where that is. What
    is said is about `mac`."""
    head = BROADCAST + own + struct.pack("!H", ETH_P_ARP)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    unknown = bytes(6) if operation == REQUEST else BROADCAST
    return head + body + mac + socket.inet_aton(sender) + unknown + socket.inet_aton(target)


def read_reply(frame: bytes) -> tuple[str, bytes] | None:
    """(address, hardware address) of the sender of an ARP packet; None for anything else."""
    if len(frame) < 42 or struct.unpack("!H", frame[12:14])[0] != ETH_P_ARP:
        return None
    return socket.inet_ntoa(frame[28:32]), frame[22:28]


def announce(interface: str, address: str, mac: bytes) -> None:
    """Once, gratuitously, that the machine `mac` has it. Raises OSError."""
    own = hardware_address(interface)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        for operation in (REQUEST, REPLY):  # some hosts believe only one of them
            sock.send(render_arp(operation, own, mac, address, address))


class ArpQuestion:
    """Who has an address? Implements neighbours.Question."""

    def __init__(self, interface: str, address: str) -> None:
        self._address = address
        self._own = hardware_address(interface)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
        self.socket.bind((interface, ETH_P_ARP))

    def ask(self) -> None:
        self.socket.send(render_arp(REQUEST, self._own, self._own, "0.0.0.0", self._address))

    def told_by(self, frame: bytes) -> bytes | None:
        """The other machine that has it, by a frame."""
        found = read_reply(frame)
        return found[1] if found and found[0] == self._address and found[1] != self._own else None
