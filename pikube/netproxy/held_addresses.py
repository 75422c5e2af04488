"""Shell: the pool's addresses on this board's interfaces: looked up, taken, given back.

Enter: addresses as texts. Leave: IPv4 ones with the label `pikube`, IPv6 ones (which have no labels) with our
protocol number, so that a later life, and `pikube uninstall`, finds them. Blocking; used by balancer_addresses.py
and leftovers.py.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any

from pikube.netproxy.host_network import PROTOCOL, run
from pikube.netproxy.netlink import interface_names, open_netlink
from pikube.wire.interfaces import POOL


def interface_for(address: str) -> str | None:
    """The interface in whose network an address is."""
    wanted = ipaddress.ip_address(address)
    for interface in _shown("up"):
        for known in interface.get("addr_info", ()):
            network = ipaddress.ip_interface(f"{known['local']}/{known['prefixlen']}").network
            if network.prefixlen < network.max_prefixlen and wanted in network:
                return str(interface["ifname"])
    return None


def held_addresses() -> dict[str, str]:
    """Address → interface of all that is ours. Raises OSError."""
    found: dict[str, str] = {}
    has_six = False
    for interface in _shown():
        for known in interface.get("addr_info", ()):
            if known.get("label", "").endswith(POOL):
                found[str(known["local"])] = str(interface["ifname"])
            has_six = has_six or (known["family"] == "inet6" and known["prefixlen"] == 128)
    return found | _held_six() if has_six else found


def take(interface: str, address: str) -> None:
    """Idempotent. Raises OSError."""
    if ":" in address:
        _take_six(interface, address)
        return
    label = f"{interface[:8]}{POOL}"  # 15 characters at most
    done = run("ip", "address", "replace", f"{address}/32", "dev", interface, "label", label)
    if done.returncode:
        raise OSError(done.stderr.strip())


def give_back(interface: str, address: str) -> None:
    """What is gone already is as good."""
    prefix = 128 if ":" in address else 32
    run("ip", "address", "del", f"{address}/{prefix}", "dev", interface)


def _shown(*flags: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(run("ip", "-j", "address", "show", *flags).stdout or "[]")
    return shown


def _held_six() -> dict[str, str]:
    """Asked of netlink: ip(8) shows an address's protocol from version 6.3 only, and Debian 12 has 6.1."""
    with open_netlink() as netlink:
        held = [m for m in netlink.get_addr(family=10) if m.get_attr("IFA_PROTO") == PROTOCOL]
        names = interface_names(netlink) if held else {}
    return {str(m.get_attr("IFA_ADDRESS")): names[m["index"]] for m in held if m["index"] in names}


def _take_six(interface: str, address: str) -> None:
    """Usable at once, because neighbours were asked (IFA_F_NODAD); deprecated, so that this board never uses it for
    connections of its own."""
    from pyroute2.netlink.rtnl.ifaddrmsg import IFA_F_NODAD

    index = socket.if_nametoindex(interface)
    with open_netlink() as netlink:
        netlink.addr(
            "replace", index=index, address=address, prefixlen=128, family=10, flags=IFA_F_NODAD,
            proto=PROTOCOL, preferred_lft=0, valid_lft=0xFFFFFFFF,
        )  # fmt: skip
