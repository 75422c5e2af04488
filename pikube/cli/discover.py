"""Shell: `pikube discover`: the leaders that announce themselves on the LAN."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings
from pikube.cli.output import add_output_flag, print_json, print_table

if TYPE_CHECKING:
    from pikube.wire.announcement import Announcement

COLUMNS = ("CLUSTER", "ID", "LEADER", "URL", "VERSION", "CA FINGERPRINT")
SHOWN_DIGITS = 16  # of a fingerprint: to tell leaders apart; -o json has all of it


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("discover", help="list the leaders on the LAN")
    add_flags(parser, "agent", only=("discovery-interface",))
    parser.add_argument(
        "--timeout", type=float, default=2.5, metavar="SECONDS", help="how long to listen (2.5)"
    )
    add_output_flag(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    found = look(settings.discovery_interface, arguments.timeout)
    if arguments.output == "json":
        print_json({"leaders": [document_of(seen) for seen in found]})
    elif found:
        print_table(COLUMNS, [row_of(seen) for seen in found])
    if not found:
        print(
            "pikube: no leader answered on the LAN: is one running, and does the network let UDP port 5353 through? "
            "`pikube join --server https://HOST:6443` needs no discovery",
            file=sys.stderr,
        )
    return 0 if found else 1


def look(interfaces: tuple[str, ...], seconds: float) -> list[Announcement]:
    """Everybody who answers within `seconds`. StartupError."""
    import trio

    from pikube.wire.interfaces import lan_addresses
    from pikube.wire.mdns import MdnsUnusable, find_leaders

    async def listen() -> list[Announcement]:
        return await find_leaders(lan_addresses(interfaces), seconds=seconds)

    try:
        return trio.run(listen)
    except MdnsUnusable as error:
        raise StartupError(f"{error}: name the leader with --server https://HOST:6443") from None


def row_of(seen: Announcement) -> tuple[str, ...]:
    """A line of the table."""
    fingerprints = ",".join(fingerprint[:SHOWN_DIGITS] for fingerprint in seen.ca_fingerprints)
    return (seen.cluster_name, seen.cluster_id, seen.node, ",".join(seen.urls), seen.version, fingerprints)


def document_of(seen: Announcement) -> dict[str, Any]:
    """For programs."""
    return {
        "cluster": seen.cluster_name,
        "id": seen.cluster_id,
        "node": seen.node,
        "version": seen.version,
        "caFingerprints": list(seen.ca_fingerprints),
        "port": seen.port,
        "addresses": list(seen.addresses),
        "urls": list(seen.urls),
    }
