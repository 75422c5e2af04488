"""Shell: a pod's way to its gateway: the bridge keeps its hardware address, and the default route is made by one
netlink message from inside the pod's network namespace.

Enter: the pid of a sandbox's process, the bridge, its address. A worker thread visits the namespace only for as long
as it takes to make a socket, which stays there (setns(2) concerns the calling thread alone). Called by the runtime
whenever it looks at a sandbox, so that a start that was cut off half-way is made good.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CLONE_NEWNET = 0x40000000
RTM_NEWROUTE, NLMSG_ERROR = 24, 2
REQUEST, ACK, REPLACE, CREATE = 0x1, 0x4, 0x100, 0x400  # linux/netlink.h: NLM_F_*
MAIN_TABLE, PROTO_STATIC, SCOPE_UNIVERSE, UNICAST = 254, 4, 0, 1  # linux/rtnetlink.h
RTA_GATEWAY = 5
ANSWER_BYTES = 4096
SIOCGIFHWADDR, SIOCSIFHWADDR = 0x8927, 0x8924  # netdevice(7)

_libc = ctypes.CDLL(None, use_errno=True)


def hold_hardware_address(bridge: str) -> None:
    """The address that a bridge has now stays its address. By itself it has the lowest of its ports', so that it
    changes with the pod that goes, and the others send to nobody until their neighbour entries have failed, for up to
    a minute. Where udev names bridges' addresses (MACAddressPolicy) it has one already. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        request = struct.pack("16s24x", bridge.encode())
        fcntl.ioctl(door, SIOCSIFHWADDR, fcntl.ioctl(door, SIOCGIFHWADDR, request))  # set, though to the same


def give_way_out(pid: int, bridge: str, gateway: str) -> None:
    """`default via gateway` in the network of a process, and forwarding on its bridge, which newer netavark switches
    off for networks that are internal (netavark src/network/bridge.rs). Idempotent. Raises OSError."""
    forwarding = Path(f"/proc/sys/net/ipv4/conf/{bridge}/forwarding")
    if forwarding.read_text().strip() == "0":
        forwarding.write_text("1\n")
    with _socket_inside(f"/proc/{pid}/ns/net") as netlink:
        netlink.send(route_message(gateway))
        answer = netlink.recv(ANSWER_BYTES)
    kind, code = struct.unpack_from("=4xH", answer)[0], struct.unpack_from("=i", answer, 16)[0]
    if kind == NLMSG_ERROR and code:
        raise OSError(-code, os.strerror(-code))


def route_message(gateway: str) -> bytes:
    """RTM_NEWROUTE of an IPv4 default route (rtnetlink(7))."""
    route = struct.pack(
        "=BBBBBBBBI", socket.AF_INET, 0, 0, 0, MAIN_TABLE, PROTO_STATIC, SCOPE_UNIVERSE, UNICAST, 0
    )
    body = route + struct.pack("=HH4s", 8, RTA_GATEWAY, socket.inet_aton(gateway))
    flags = REQUEST | ACK | REPLACE | CREATE
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWROUTE, flags, 1, 0) + body


def _socket_inside(namespace: str) -> socket.socket:
    """A netlink socket of another network namespace."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
            try:
                return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            finally:
                _enter(home)
        finally:
            os.close(there)
    finally:
        os.close(home)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):  # os.setns: Python 3.12
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
