"""Shell: everything that netproxy put on a host: listed, and taken away. For `pikube uninstall`.

Enter: the agent's directory of the data directory. Leave: words, one for each thing. Reads the host and nothing that
pikube remembers, so that it works after a crash, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pikube.netproxy.held_addresses import give_back, held_addresses
from pikube.netproxy.host_network import FORWARD, PROTOCOL, TABLES, WAS_OFF, forward_rules, run
from pikube.netproxy.relay_link import has_relay, stop_relay
from pikube.netproxy.targets import NAMES_FILE, TABLE_FILE

FILES = (TABLE_FILE, NAMES_FILE, "relay.sock", WAS_OFF)

Thing = tuple[str, Callable[[], object]]
"""What it is, and how it goes away"""


def list_leftovers(directory: Path) -> list[str]:
    """What is there."""
    return [words for words, _ in _things(directory)]


def remove_leftovers(directory: Path) -> list[str]:
    """Take all of it away; what it was."""
    things = list(_things(directory))
    for _, remove in things:
        remove()
    return [words for words, _ in things]


def _things(directory: Path) -> Iterator[Thing]:
    if has_relay(directory):
        yield "the relay process, with the connections that it carries", lambda: stop_relay(directory)
    for route in _json("ip", "-j", "route", "show", "table", "all", "proto", str(PROTOCOL)):
        words = [
            route["dst"],
            *(["via", route["gateway"]] if "gateway" in route else []),
            "dev",
            route["dev"],
        ]
        kind = [route["type"]] if route.get("type", "unicast") != "unicast" else []
        yield (
            f"route {' '.join([*kind, *words])}",
            _command("ip", "route", "del", *kind, route["dst"], "dev", route["dev"], "proto", str(PROTOCOL)),
        )
    for address, interface in held_addresses().items():
        yield (
            f"address {address} on {interface}",
            lambda interface=interface, address=address: give_back(interface, address),  # type: ignore[misc]
        )
    for family, name in TABLES:
        if run("nft", "list", "table", family, name).returncode == 0:
            yield f"nft table {family} {name}", _command("nft", "delete", "table", family, name)
    for rule in forward_rules():
        yield f"iptables rule {' '.join(rule)}", _command("iptables", "-w", "5", "-D", *rule)
    if (directory / WAS_OFF).exists() and FORWARD.read_text().strip() == "1":
        yield "forwarding between interfaces (it was off)", lambda: FORWARD.write_text("0\n")
    for name in FILES:
        if (directory / name).exists():
            yield f"file {directory / name}", lambda path=directory / name: path.unlink(missing_ok=True)  # type: ignore[misc]


def _command(*argv: str) -> Callable[[], object]:
    return lambda: run(*argv)


def _json(*argv: str) -> list[dict[str, Any]]:
    """What ip(8) prints."""
    done = run(*argv)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
