"""Pure: addresses of the LAN that Services of type LoadBalancer may have: --lb-pool.

Enter: `192.168.1.240-250`, `192.168.1.240-192.168.1.250` or a CIDR. Leaves: a Pool. Called by config.py, to check
what was given, and load_balancer.py.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

MAX_ADDRESSES = 65536  # of one range: more is a slip of the pen

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Pool:
    """(first, last) of each range."""

    ranges: tuple[tuple[Address, Address], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(
            first.version == address.version and int(first) <= int(address) <= int(last)
            for first, last in self.ranges
        )

    def __iter__(self) -> Iterator[str]:
        for first, last in self.ranges:
            for number in range(int(first), int(last) + 1):
                yield str(type(first)(number))

    def free(self, taken: Collection[str]) -> str:
        """The first address that nobody has; ''."""
        return next((address for address in self if address not in taken), "")


def parse_pool(texts: Sequence[str]) -> Pool:
    """Raises ValueError, in words for users."""
    return Pool(tuple(_range(text.strip()) for text in texts))


def _range(text: str) -> tuple[Address, Address]:
    if "/" in text:
        network = ipaddress.ip_network(text)
        hosts = network.num_addresses
        first, last = network[0], network[-1]
        if network.version == 4 and hosts > 2:
            first, last = network[1], network[-2]
    else:
        low, dash, high = text.partition("-")
        first = ipaddress.ip_address(low)
        if dash and "." not in high and ":" not in high:
            separator = ":" if first.version == 6 else "."
            high = low.rpartition(separator)[0] + separator + high
        last = ipaddress.ip_address(high) if dash else first
    if first.version != last.version or int(last) < int(first):
        raise ValueError("a pool is written 192.168.1.240-250, or as a CIDR")
    if int(last) - int(first) >= MAX_ADDRESSES:
        raise ValueError(f"a pool has {MAX_ADDRESSES} addresses at most")
    return first, last
