"""Pure: where clients connect and where that leads: the words that the agent and the relay process share.

Enter and leave: Listener, Backend, Backends, and their form on the socket between the two. Imports nothing, because
the relay process is kept small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

ANY = "0.0.0.0"
TABLE_FILE = "relay-table.json"  # what the relay leaves for its next life
NAMES_FILE = "relay-names.json"
DNS_UDP, DNS_STREAM = "DNS/UDP", "DNS/TCP"  # the protocols of doors where the relay itself answers names


class Listener(NamedTuple):
    """Where clients connect: protocol TCP, UDP or one of the relay's own services; address ANY for node ports."""

    protocol: str
    address: str
    port: int

    @property
    def transport(self) -> str:
        """TCP or UDP, as its packets are."""
        return self.protocol.removeprefix("DNS/")


class Backend(NamedTuple):
    address: str
    port: int


class Backends(NamedTuple):
    """Where one listener leads. affinity_s is 0 without ClientIP affinity; service is its name for messages. Clients
    outside `sources` (networks as texts; none: everyone) are turned away."""

    service: str
    targets: tuple[Backend, ...]
    affinity_s: int = 0
    sources: tuple[str, ...] = ()


Table = Mapping[Listener, Backends]


def encode_entry(listener: Listener, backends: Backends) -> list[Any]:
    """As JSON has it."""
    return [
        *listener,
        backends.service,
        [list(target) for target in backends.targets],
        backends.affinity_s,
        list(backends.sources),
    ]


def decode_entry(entry: list[Any]) -> tuple[Listener, Backends]:
    """The other way round. Raises ValueError, TypeError, KeyError for what is no entry."""
    protocol, address, port, service, targets, affinity_s, sources = entry
    found = tuple(Backend(str(a), int(p)) for a, p in targets)
    backends = Backends(str(service), found, int(affinity_s), tuple(map(str, sources)))
    return Listener(str(protocol), str(address), int(port)), backends
