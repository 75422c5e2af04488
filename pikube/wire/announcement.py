"""Pure: what a leader says of itself on the LAN: one DNS-SD service instance and its TXT record.

Enter: facts of a cluster, or the TXT record that somebody sent. Leave: TXT pairs, or an `Announcement` that is safe
to show. mDNS is unauthenticated: an announcement is an address to try and a fingerprint to compare, never
trust. Called by mdns and the leader.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SERVICE_TYPE = "_pikube._tcp.local."
FORMAT = "1"
MAX_ADDRESSES = 16
MAX_LABEL_BYTES = 63  # RFC 1035 §2.3.4

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_CLUSTER_ID = re.compile(r"[0-9a-f-]{8,36}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")


@dataclass(frozen=True, slots=True)
class Announcement:
    """One leader. `ca_fingerprints` are SHA-256 of the CA certificates in hex, several while the CA is
    rotated; `addresses` are IP addresses, the best first."""

    cluster_name: str
    cluster_id: str
    ca_fingerprints: tuple[str, ...]
    version: str
    node: str
    port: int
    addresses: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the API answers, if the announcement is true."""
        return tuple(f"https://{_in_url(address)}:{self.port}" for address in self.addresses)

    @property
    def host(self) -> str:
        """The mDNS name of this leader; not the board's own, for which avahi answers."""
        label = f"pikube-{self.cluster_id[:8]}-{self.node}".replace(".", "-")[:MAX_LABEL_BYTES].rstrip("-")
        return f"{label}.local."

    @property
    def instance(self) -> str:
        """The name of the service instance."""
        label = f"{self.cluster_name} on {self.node}".encode()[:MAX_LABEL_BYTES].decode("utf-8", "ignore")
        return f"{label.replace('.', '-')}.{SERVICE_TYPE}"


def render_txt(announcement: Announcement) -> dict[str, str]:
    """The TXT record (RFC 6763 §6): each pair is at most 255 bytes."""
    return {
        "txtvers": FORMAT,
        "cluster": announcement.cluster_name,
        "id": announcement.cluster_id,
        "ca": ",".join(announcement.ca_fingerprints),
        "version": announcement.version,
        "node": announcement.node,
    }


def read_txt(
    pairs: Mapping[bytes, bytes | None], port: int | None, addresses: Iterable[str]
) -> Announcement | None:
    """What a TXT record of a stranger says; None unless every part has the form that a leader gives it."""
    texts = {key: _text(value) for key, value in pairs.items()}
    fingerprints = tuple(texts.get(b"ca", "").split(","))
    cluster_id, version = texts.get(b"id", ""), texts.get(b"version", "")
    name, node = texts.get(b"cluster", ""), texts.get(b"node", "")
    is_sound = (
        texts.get(b"txtvers") == FORMAT
        and all(_FINGERPRINT.fullmatch(fingerprint) for fingerprint in fingerprints)
        and _CLUSTER_ID.fullmatch(cluster_id)
        and _VERSION.fullmatch(version)
        and _may_be_shown(name)
        and _may_be_shown(node)
        and 0 < (port or 0) < 65536
    )
    if not is_sound:
        return None
    found = tuple(sorted({a for a in addresses if _is_usable(a)}, key=_rank))[:MAX_ADDRESSES]
    return Announcement(name, cluster_id, fingerprints, version, node, port or 0, found)


def _text(value: bytes | None) -> str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return ""


def _may_be_shown(name: str) -> bool:
    """Whether a stranger's text may go to a terminal."""
    return 0 < len(name) <= 64 and name.isprintable()


def _is_usable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (
        address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local
    )


def _rank(text: str) -> tuple[int, bytes]:
    """IPv4 first, because every board has it; then in one order for everybody."""
    address = ipaddress.ip_address(text)
    return address.version, address.packed


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
