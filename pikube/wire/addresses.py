"""Shell: the addresses of this board that others can reach it by."""

from __future__ import annotations

import fcntl
import logging
import socket
import struct
from collections.abc import Callable

import trio

from pikube.wire.interfaces import open_address_changes

log = logging.getLogger("pikube.addresses")

PROBE = ("192.0.2.1", 9)  # RFC 5737: connecting a datagram socket sends nothing, it only picks a route
SIOCGIFADDR, SIOCGIFMTU, SIOCGIFHWADDR = 0x8915, 0x8921, 0x8927  # netdevice(7)
ETHERNET_MTU = 1500


def primary_address() -> str:
    """The address of the interface that leads out, or else of the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(PROBE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def interface_of(address: str) -> str:
    """The name of the interface that has an IPv4 address; '' for none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name[:15].encode()))
            except OSError:
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return ""


def mac_of(interface: str) -> str:
    """An interface's hardware address, '' for none. sysfs would show another network namespace's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, SIOCGIFHWADDR, struct.pack("256s", interface[:15].encode()))
        except OSError:
            return ""
    return answer[18:24].hex(":")


def mtu_towards(address: str) -> int:
    """The MTU of the interface that has an IPv4 address of this board; Ethernet's where none has."""
    interface = interface_of(address)
    if not interface:
        return ETHERNET_MTU
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe, SIOCGIFMTU, struct.pack("16si12x", interface[:15].encode(), 0))
    return int(struct.unpack("16si12x", answer)[1])


def host_names() -> set[str]:
    """The names this board calls itself."""
    name = socket.gethostname()
    return {name, name.partition(".")[0], f"{name.partition('.')[0]}.local"}


class OwnAddress:
    """The address that others reach this board by, as it is now; a board that has none keeps its last."""

    def __init__(self, given: str = "") -> None:
        self._given = given
        self._address = given or primary_address()
        self._subscribers: list[Callable[[], None]] = []

    def __call__(self) -> str:
        return self._address

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Be told when it has changed."""
        self._subscribers.append(callback)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the kernel's word on addresses."""
        async with open_address_changes() as changes:
            task_status.started()
            while True:
                await changes.wait()
                found = self._given or primary_address()
                if found != self._address and not found.startswith("127."):
                    log.info("event=address_changed from=%s to=%s", self._address, found)
                    self._address = found
                    for callback in self._subscribers:
                        callback()
