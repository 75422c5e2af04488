"""Shell: says on a link who has an address, and asks who has: ARP for IPv4, neighbour discovery for IPv6.

Enter: an interface and an address. Leave: raw packets (RFC 826, 5227; RFC 4861). Used by balancer_addresses.py. Needs
CAP_NET_RAW.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

import trio

ETH_P_ARP = 0x0806
BROADCAST = b"\xff" * 6
REQUEST, REPLY = 1, 2
ANSWER_S = 0.7  # a LAN answers in milliseconds, sleeping Wi-Fi in some hundred
TIMES = 3  # one may be lost
GAP_S = 0.2
NEIGHBOUR_ADVERTISEMENT, OVERRIDE = 136, 0x20000000


def hardware_address(interface: str) -> bytes:
    """Of this board's interface. Raises OSError."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        return bytes(sock.getsockname()[4])


def render_arp(operation: int, mac: bytes, sender: str, target: str) -> bytes:
    """An Ethernet frame to everybody."""
    head = BROADCAST + mac + struct.pack("!H", ETH_P_ARP)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    unknown = bytes(6) if operation == REQUEST else BROADCAST
    return head + body + mac + socket.inet_aton(sender) + unknown + socket.inet_aton(target)


def read_reply(frame: bytes) -> tuple[str, bytes] | None:
    """(address, hardware address) of the sender of an ARP packet; None for anything else."""
    if len(frame) < 42 or struct.unpack("!H", frame[12:14])[0] != ETH_P_ARP:
        return None
    return socket.inet_ntoa(frame[28:32]), frame[22:28]


async def announce(interface: str, address: str) -> None:
    """Tell the link that the address is here now, some times. Raises OSError."""
    for turn in range(TIMES):
        if turn:
            await trio.sleep(GAP_S)
        if ipaddress.ip_address(address).version == 4:
            _announce_4(interface, address)
        else:
            _announce_6(interface, address)


def _announce_4(interface: str, address: str) -> None:
    mac = hardware_address(interface)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        for operation in (REQUEST, REPLY):  # some hosts believe only one of them
            sock.send(render_arp(operation, mac, address, address))


def _announce_6(interface: str, address: str) -> None:
    """To all nodes, overriding what they know (RFC 4861 §4.4, §7.2.6)."""
    packed = socket.inet_pton(socket.AF_INET6, address)
    option = struct.pack("!BB", 2, 1) + hardware_address(interface)
    body = struct.pack("!BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, OVERRIDE) + packed + option
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.sendto(body, ("ff02::1", 0, 0, socket.if_nametoindex(interface)))


async def who_has(interface: str, address: str) -> bytes | None:
    """The hardware address of another machine that has an IPv4 address; None: nobody answers. Raises OSError."""
    own = hardware_address(interface)
    with trio.socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as sock:
        await sock.bind((interface, ETH_P_ARP))
        await sock.send(render_arp(REQUEST, own, "0.0.0.0", address))
        with trio.move_on_after(ANSWER_S):
            while True:
                found = read_reply(await sock.recv(2048))
                if found is not None and found[0] == address and found[1] != own:
                    return found[1]
    return None
