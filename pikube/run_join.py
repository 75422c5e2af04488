"""Shell: `pikube join` from the first question to a running agent.

    the cluster's document → is it the one meant? → request → certificates on disk → agent

Whatever fails leaves the board as it was. Called by the command line.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import trio

from pikube import service
from pikube.agent import enrolling
from pikube.agent.facts import read_facts
from pikube.agent.finding import Found, LeaderNotFound, find
from pikube.agent.machine import read_machine
from pikube.agent.membership import Member, Membership
from pikube.agent.node_object import node_labels, node_taints
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError
from pikube.certs.authority import fingerprint, split_bundle
from pikube.certs.ca_rotation import bundle_hash
from pikube.certs.contexts import client_context
from pikube.certs.enrolment import JoinRequest, RenewRequest
from pikube.certs.join_token import BadToken, JoinToken, parse_token
from pikube.certs.profiles import LEADER_NAME
from pikube.cli.failure import StartupError
from pikube.config import Settings
from pikube.program import check_root, start_logging
from pikube.removal import leave_cluster
from pikube.run_agent import main_agent
from pikube.run_pair import pair
from pikube.wire.mdns import LOOK_S

log = logging.getLogger("pikube.join")

CA_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for."""

    token: str
    ca_hash: str
    replace: bool
    reset: bool
    starts: bool
    flags: tuple[str, ...] = ()
    """What the service is to be started with."""


def main_join(settings: Settings, wish: Wish) -> None:
    """Join, then run the agent (under systemd where that runs). Raises StartupError."""
    check_root("joining a cluster makes this board run pods, and needs root for that: use sudo")
    start_logging(settings.log_level)
    check_no_leader(settings)
    membership = Membership(settings.membership)
    if wish.reset:
        forget_cluster(settings)
    member = trio.run(join_once, settings, wish, membership)
    print(f"This board is the node {member.node} of the cluster {member.cluster.cluster}.", flush=True)
    if member.node != settings.node_name:
        print(
            f"A member keeps its name. To call it {settings.node_name}: `kubectl delete node {member.node}`, then "
            "`pikube join --reset` with a token.",
            file=sys.stderr,
        )
    if not wish.starts:
        return
    if not service.has_systemd():
        main_agent(settings)
        return
    unit = service.install("agent", wish.flags)
    service.restart("agent")  # one that runs for a former membership, too
    print(f"It runs as {unit.name}; `journalctl -fu {unit.name}` shows what it does.")


def forget_cluster(settings: Settings) -> None:
    """What this board was, and what it ran. StartupError."""
    service.stop("agent")
    Membership(settings.membership).forget()
    left = leave_cluster(settings)
    if left:
        raise StartupError(f"what this board ran for its former cluster is still there: {'; '.join(left)}")


def check_no_leader(settings: Settings) -> None:
    """A board is one thing. Raises StartupError."""
    if settings.database.exists():
        raise StartupError(
            f"this board is a leader already ({settings.database} is there), and runs pods of its own cluster; "
            "to make it a node of another, remove it with `pikube uninstall` first"
        )


async def join_once(settings: Settings, wish: Wish, membership: Membership) -> Member:
    """A member of the cluster that the token is for; at once when the board is one already. Raises StartupError."""
    if wish.ca_hash and not CA_HASH.fullmatch(wish.ca_hash):
        raise StartupError(
            "--ca-hash is the SHA-256 of the cluster's CA, 64 hexadecimal digits: `pikube discover -o json` on the "
            "leader shows it"
        )
    token = read_token(wish) if wish.token else None
    ca_hash = token.ca_hash if token is not None else wish.ca_hash
    known = load_known(membership)
    if known is not None:
        renewed = await renew_known(settings, membership, known, ca_hash)
        if renewed is not None:
            return renewed
    if not ca_hash:
        check_somebody_can_compare()
    try:
        found = await find(settings, ca_hash)
    except LeaderNotFound as error:
        raise StartupError(str(error)) from None
    document = found.document
    if known is not None and known.cluster.id != document.id:
        raise StartupError(
            f"this board still belongs to the cluster {known.cluster.cluster!r} as {known.node}; to forget that and "
            f"join {document.cluster!r}, run `pikube join --reset` with the same flags"
        )
    return await request_membership(settings, wish, membership, found, token)


def check_somebody_can_compare() -> None:
    """Without a token and without the CA's hash only a person can tell the right leader from a false one.
    StartupError."""
    if not sys.stdin.isatty():
        raise StartupError(
            "nobody can compare digits here, because there is no terminal: give --token (from `pikube token create` "
            "on the leader), or --ca-hash (from `pikube discover -o json` there) and approve with `pikube pair`"
        )


def read_token(wish: Wish) -> JoinToken:
    """The token with the hash of its CA. Raises StartupError."""
    try:
        token = parse_token(wish.token)
    except BadToken as error:
        raise StartupError(
            f"{error}; copy it again, or make a new one on the leader with `pikube token create`"
        ) from None
    ca_hash = token.ca_hash or wish.ca_hash
    if wish.ca_hash not in ("", ca_hash):
        raise StartupError(
            "the token is for a cluster with another CA than --ca-hash says: leave --ca-hash away, or take another "
            "token"
        )
    if not ca_hash:
        raise StartupError(
            "this token does not say which CA the cluster has: add --ca-hash (`pikube certs` on the leader shows "
            "it), or make a token that does with `pikube token create`"
        )
    return JoinToken(token.id, token.secret, ca_hash)


def load_known(membership: Membership) -> Member | None:
    """What this board joined before. Raises StartupError."""
    try:
        return membership.load()
    except (OSError, ValueError) as error:
        raise StartupError(f"{error}: forget it with `pikube join --reset` and the same flags") from None


async def renew_known(
    settings: Settings, membership: Membership, known: Member, ca_hash: str
) -> Member | None:
    """A board that is a member already needs no token; None when its leader is not there or knows its key no longer.

    Whoever says that he is its cluster must have the authority that the person named, or the one the board knows.
    """
    try:
        found = await find_known(settings, [ca_hash] if ca_hash else known_hashes(membership))
        if found is None or found.document.id != known.cluster.id:
            return None
        tls = client_context(ca_data=found.verified, server_name=LEADER_NAME)
        trusts = bundle_hash(membership.ca_file.read_bytes())
        wish = RenewRequest(
            node=known.node, request=enrolling.request_for(membership.key(), known.node), trusts=trusts
        )
        return membership.store(known.node, await enrolling.renew(found.servers, tls, wish))
    except (ApiError, ConnectionLost, OSError, ValueError) as error:
        log.debug("event=not_renewed why=%r", str(error))
        return None


async def find_known(settings: Settings, hashes: Iterable[str]) -> Found | None:
    """A leader that has one of these authorities."""
    for ca_hash in hashes:
        try:
            return await find(settings, ca_hash, patience_s=LOOK_S)
        except LeaderNotFound as error:
            log.debug("event=leader_not_found why=%r", str(error))
    return None


def known_hashes(membership: Membership) -> list[str]:
    """Of the authorities that this board was told to trust: two when it was last here while its cluster went over to
    another. OSError, ValueError."""
    return [fingerprint(certificate) for certificate in split_bundle(membership.ca_file.read_bytes())]


async def request_membership(
    settings: Settings,
    wish: Wish,
    membership: Membership,
    found: Found,
    token: JoinToken | None,
) -> Member:
    """Ask and store. Raises StartupError. A board that was refused leaves nothing on disk. When the answer was lost,
    its key stays: the leader may have written it down, and knows the board by it when it asks again."""
    try:
        had_key = membership.key_file.exists()
        key = membership.key()
    except OSError as error:
        raise StartupError(f"{membership.path} cannot be used: {error.strerror or error}") from None
    machine = read_machine(settings.node_ip)
    facts = read_facts(settings.data)
    request = JoinRequest(
        token=f"{token.id}.{token.secret}" if token is not None else "",
        node=settings.node_name,
        request=enrolling.request_for(key, settings.node_name),
        machine=machine,
        addresses=(machine.address,) if machine.address else (),
        labels=node_labels(facts, settings, is_leader=False),
        taints=node_taints(settings),
        replace=wish.replace,
    )
    is_refused = False
    try:
        if token is not None:
            answer = await enrolling.join(found.servers, found.verified, request)
        else:
            answer = await pair(found, request, asks=not wish.ca_hash)
        return membership.store(settings.node_name, answer)
    except ApiError as error:
        is_refused = error.code < 500
        raise StartupError(error.message) from None
    except StartupError:
        is_refused = True
        raise
    except ConnectionLost as error:
        raise StartupError(
            f"the leader at {found.servers[0]} did not finish the conversation: {error}; run the same command again"
        ) from None
    except OSError as error:
        raise StartupError(f"{membership.path} cannot be written: {error.strerror or error}") from None
    finally:
        if is_refused and not had_key:
            membership.forget()
