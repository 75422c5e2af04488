"""Shell: says on a link who has an IPv6 address, and asks who has: neighbour discovery (RFC 4861).

Enter: an interface and an address. Leave: ICMPv6 messages. Used by neighbours.py. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import socket
import struct

from pikube.netproxy.arp import hardware_address

SOLICITATION, ADVERTISEMENT = 135, 136
OVERRIDE = 0x20000000
SOURCE, TARGET = 1, 2  # options: whose hardware address follows
ICMP6_FILTER = 1  # linux/icmpv6.h
ALL_NODES = "ff02::1"
HOPS = 255  # a message that came through a router is ignored (§6.1)


def render_solicitation(address: str, mac: bytes) -> bytes:
    """Who has it? (§4.3)"""
    target = socket.inet_pton(socket.AF_INET6, address)
    return struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + target + struct.pack("!BB", SOURCE, 1) + mac


def render_advertisement(address: str, mac: bytes) -> bytes:
    """It is here, whatever you know (§4.4)."""
    target = socket.inet_pton(socket.AF_INET6, address)
    return struct.pack("!BBHI", ADVERTISEMENT, 0, 0, OVERRIDE) + target + struct.pack("!BB", TARGET, 1) + mac


def solicited_group(address: str) -> str:
    """The multicast group of those who may have it (RFC 4291 §2.7.1)."""
    return socket.inet_ntop(
        socket.AF_INET6,
        bytes.fromhex("ff0200000000000000000001ff") + socket.inet_pton(socket.AF_INET6, address)[13:],
    )


def read_advertisement(message: bytes) -> tuple[str, bytes] | None:
    """(address, hardware address) that it tells; None for anything else."""
    if len(message) < 32 or message[0] != ADVERTISEMENT or message[24:26] != bytes((TARGET, 1)):
        return None
    return socket.inet_ntop(socket.AF_INET6, message[8:24]), message[26:32]


def _raw_socket(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)  # our own kernel must not answer
    return sock


def announce(interface: str, address: str, mac: bytes) -> None:
    """Once, to all nodes (§7.2.6), that the machine `mac` has it. Raises OSError."""
    with _raw_socket(interface) as sock:
        message = render_advertisement(address, mac)
        sock.sendto(message, (ALL_NODES, 0, 0, socket.if_nametoindex(interface)))


class NdpQuestion:
    """Who has an address? Implements neighbours.Question."""

    def __init__(self, interface: str, address: str) -> None:
        self._address = address
        self._own = hardware_address(interface)
        self._group = (solicited_group(address), 0, 0, socket.if_nametoindex(interface))
        self.socket = _raw_socket(interface)
        self.socket.setblocking(False)
        blocked = bytearray(b"\xff" * 32)
        blocked[ADVERTISEMENT // 8] &= (
            ~(1 << ADVERTISEMENT % 8) & 0xFF
        )  # 32-bit words of a little-endian host
        self.socket.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(blocked))

    def ask(self) -> None:
        self.socket.sendto(render_solicitation(self._address, self._own), self._group)

    def told_by(self, message: bytes) -> bytes | None:
        """The other machine that has it, by a message."""
        found = read_advertisement(message)
        return found[1] if found and found[0] == self._address and found[1] != self._own else None
