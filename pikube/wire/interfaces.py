"""Shell: this board's network interfaces: which are of the LAN, their addresses, and word when they change.

Leaves: addresses as texts. Called by mdns, discovery and the leader. Virtual interfaces are told by name: what
containers and tunnels make is called after its maker, and sysfs would show another network namespace's devices.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase

import trio

VIRTUAL = (
    *("lo", "podman*", "pikube*", "veth*", "br-*", "docker*", "cni*", "flannel*", "cali*", "cilium*", "kube-*"),
    *("lxc*", "lxd*", "virbr*", "vnet*", "wg*", "tun*", "tap*", "tailscale*", "zt*", "dummy*", "ifb*", "vxlan*"),
)  # fmt: skip
POOL = ":pikube"  # the label of a balancer's address: it is here today, on another board tomorrow
SETTLE_S = 0.5  # DHCP removes an address and adds the next; both are one change
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR = (
    0x1,
    0x10,
    0x40,
    0x100,
)  # linux/rtnetlink.h
ADDRESSES = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
LINKS_AND_ROUTES = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE
NETLINK_READ_BYTES = 64 * 1024


def is_of_lan(interface: str, wanted: Iterable[str] = ()) -> bool:
    """Whether an interface leads to other boards: by the setting's patterns if there are any, else unless virtual."""
    patterns = tuple(wanted)
    if interface.endswith(POOL):
        return False
    if patterns:
        return any(fnmatchcase(interface, pattern) for pattern in patterns)
    return not any(fnmatchcase(interface, pattern) for pattern in VIRTUAL)


def lan_addresses(wanted: Iterable[str] = (), bind: str = "0.0.0.0") -> tuple[str, ...]:
    """The addresses of the LAN's interfaces on which a server bound to `bind` answers; IPv4 first.

    Link-local IPv6 addresses are left out: they mean nothing without the asker's interface.
    """
    import ifaddr  # with ctypes: only who looks pays

    patterns = tuple(wanted)
    found: set[str] = set()
    for adapter in ifaddr.get_adapters():
        if is_of_lan(adapter.name, patterns):
            found.update(
                address.ip if isinstance(address.ip, str) else address.ip[0] for address in adapter.ips
            )
    parsed = sorted((ipaddress.ip_address(text) for text in found), key=lambda a: (a.version, a.packed))
    return tuple(str(a) for a in parsed if _answers(a, ipaddress.ip_address(bind)))


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _answers(address: Address, bind: Address) -> bool:
    if address.is_loopback or (address.version == 6 and address.is_link_local):
        return False
    if bind.is_unspecified:
        return bind.version == 6 or address.version == 4  # Linux' [::] listens on IPv4, too
    return address == bind


class AddressChanges:
    """What the kernel tells of addresses that come and go."""

    def __init__(self, netlink: trio.socket.SocketType) -> None:
        self._netlink = netlink

    async def wait(self) -> None:
        """Until something changed since the last call, and has been quiet for a moment."""
        await self._receive()
        while True:
            with trio.move_on_after(SETTLE_S) as quiet:
                await self._receive()
            if quiet.cancelled_caught:
                return

    async def _receive(self) -> None:
        try:
            await self._netlink.recv(NETLINK_READ_BYTES)
        except OSError:  # ENOBUFS: so much happened that the kernel dropped some of it: a change, too
            await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_address_changes(groups: int = ADDRESSES) -> AsyncIterator[AddressChanges]:
    """Listen from now on, by default to addresses. OSError where there is no rtnetlink."""
    raw = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    with trio.socket.from_stdlib_socket(raw) as netlink:
        await netlink.bind((0, groups))
        yield AddressChanges(netlink)
