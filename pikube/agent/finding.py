"""Shell: which leader? The one that was named, or the one that announces itself on the LAN.

Enter: settings, the hash of the CA that the cluster must have ('' when that is not known). Leave: URLs and what the
leader there says of its cluster, checked against the hash; LeaderNotFound in one sentence. Announcements are
hints: whoever announces itself falsely is asked one question, told nothing, and passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pikube.agent.enrolling import OtherCluster, ask_cluster, trusted_authority
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, TooManyRequests
from pikube.certs.contexts import client_context
from pikube.certs.enrolment import ClusterDocument
from pikube.certs.profiles import LEADER_NAME
from pikube.config import Settings
from pikube.wire.announcement import Announcement
from pikube.wire.interfaces import lan_addresses
from pikube.wire.mdns import LOOK_S, MdnsUnusable, find_leaders

BUSY = "the leader at {url} is asked by too many strangers at once: try again in a minute"
LOOK_LONGER_S = 10.0  # for a leader that is known to exist: boards are often switched on together


class LeaderNotFound(Exception):
    """None, another one, or more than one; the message is a sentence with a cure."""


@dataclass(frozen=True, slots=True)
class Found:
    """A leader that answers. `verified` is the authority to hold it to: the one with the expected hash, or, when none
    was expected, all that it claims; PEM."""

    servers: tuple[str, ...]
    document: ClusterDocument
    verified: str


async def find(settings: Settings, ca_hash: str, patience_s: float = LOOK_LONGER_S) -> Found:
    """The leader that was named with --server, or the one on the LAN. LeaderNotFound."""
    if settings.server:
        return await named_leader(settings.server, ca_hash)
    if not ca_hash:
        return await announced_leader(choose(await look(settings, LOOK_S), ""), "")
    first = await look(settings, patience_s, ca_hash)
    try:
        return await announced_leader(choose(first, ca_hash), ca_hash)
    except LeaderNotFound:
        everybody = await look(settings, LOOK_S)  # who answered first may have lied
        return await announced_leader(choose(everybody, ca_hash), ca_hash)


async def look(settings: Settings, seconds: float, ca_hash: str = "") -> Sequence[Announcement]:
    """Who announces himself; with a hash, no longer than until somebody claims to have it. LeaderNotFound."""
    try:
        return await find_leaders(
            lan_addresses(settings.discovery_interface),
            seconds=seconds,
            is_enough=lambda found: bool(ca_hash) and any(ca_hash in a.ca_fingerprints for a in found),
        )
    except MdnsUnusable as error:
        raise LeaderNotFound(f"{error}: name the leader with --leader https://ADDRESS:6443") from None


def choose(seen: Sequence[Announcement], ca_hash: str) -> Sequence[Announcement]:
    """The announcements of the one cluster that is meant. LeaderNotFound."""
    if not seen:
        raise LeaderNotFound(
            "no leader was found on this LAN: is `pikube leader` running, and does the network let UDP port 5353 "
            "through? If so, name it with --leader https://ADDRESS:6443"
        )
    if ca_hash:
        wanted = [a for a in seen if ca_hash in a.ca_fingerprints]
        if not wanted:
            raise LeaderNotFound(
                f"the leaders on this LAN are of other clusters ({_named(seen)}): name the right one with "
                "--leader https://ADDRESS:6443, or make a token on one of these with `pikube token create`"
            )
        return wanted
    if len({(a.cluster_id, a.ca_fingerprints) for a in seen}) > 1:
        raise LeaderNotFound(
            f"more than one leader was found: {_named(seen)}; say which one with --leader, or with a token from "
            "it; if you expect only one, somebody on this network pretends to be it"
        )
    return seen


def port_in(url: str) -> int | None:
    """The port that is written in a leader's URL. LeaderNotFound for what is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return parts.port
    except ValueError:
        pass
    raise LeaderNotFound(f"{url!r} is no URL of a leader: write https://ADDRESS:6443")


async def named_leader(url: str, ca_hash: str) -> Found:
    """What answers at this URL; with a hash, who has proven to be of that authority. LeaderNotFound."""
    port = port_in(url)
    try:
        document = await ask_cluster([url])
    except ConnectionLost as error:
        cure = "is `pikube leader` running there, and is the address right?"
        if port is None:
            cure = f"a leader's port is 6443, unless it was told another: write {url.rstrip('/')}:6443"
        raise LeaderNotFound(f"no leader answers at {url}: {error}; {cure}") from None
    except TooManyRequests:
        raise LeaderNotFound(BUSY.format(url=url)) from None
    except ApiError as error:
        raise LeaderNotFound(f"what answers at {url} is no pikube leader: {error.message}") from None
    if not document.cluster.isprintable():
        raise LeaderNotFound(f"what answers at {url} is no pikube leader: its name cannot be shown")
    if not ca_hash:
        return Found((url,), document, document.ca)
    try:
        authority = trusted_authority(document, ca_hash)
    except OtherCluster:
        raise LeaderNotFound(
            f"the leader at {url} is not the one that is meant: its cluster is {document.cluster!r}, with another CA "
            "than the token or --ca-hash says; check the address, or make a token there with `pikube token create`"
        ) from None
    return Found((url,), await proven(url, authority), authority)


async def proven(url: str, authority: str) -> ClusterDocument:
    """What the cluster says of itself, from somebody who has this authority's key: anybody can repeat its
    certificate. LeaderNotFound."""
    try:
        return await ask_cluster([url], client_context(ca_data=authority, server_name=LEADER_NAME))
    except TooManyRequests:
        raise LeaderNotFound(BUSY.format(url=url)) from None
    except (ConnectionLost, ApiError) as error:
        raise LeaderNotFound(
            f"what answers at {url} says that it has the CA that is expected, and does not prove it ({error}): "
            "somebody on this network may pretend to be the leader; name the right one with --leader"
        ) from None


async def announced_leader(announced: Sequence[Announcement], ca_hash: str) -> Found:
    """The first of these that answers and is what it was announced to be. LeaderNotFound."""
    problems: list[str] = []
    for announcement in announced:
        for url in announcement.urls:
            try:
                found = await named_leader(url, ca_hash or announcement.ca_fingerprints[0])
            except LeaderNotFound as error:
                problems.append(str(error))
                continue
            return found if ca_hash else Found(found.servers, found.document, found.document.ca)
    raise LeaderNotFound(f"a leader was announced, but {problems[0] if problems else 'has no address'}")


def _named(seen: Sequence[Announcement]) -> str:
    return ", ".join(
        f"{a.cluster_name} at {a.urls[0] if a.urls else a.node} (CA {a.ca_fingerprints[0][:16]}…)"
        for a in seen
    )
