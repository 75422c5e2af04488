"""Shell: keeps a board a member of its cluster: finds the leader again, renews certificates, follows a change of CA.

    trouble (401, no answer), another address, a date, word of the leader → ask who you are → renew what is due

The board's key is its identity; certificates, addresses and the CA come and go. Enter: what the board remembers, the
connection to the leader, its TLS contexts. Leaves: files and contexts renewed; StartupError when the cluster says
that this board is its member no longer. Started by run_agent.
"""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from pikube.agent.enrolling import ask_cluster, renew, request_for
from pikube.agent.membership import Member, Membership
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, Forbidden, TooManyRequests, Unauthorized
from pikube.certs.authority import facts_of
from pikube.certs.ca_rotation import bundle_hash
from pikube.certs.clock import BoardClock
from pikube.certs.contexts import LiveContext
from pikube.certs.directory import is_due, renewal_at
from pikube.certs.enrolment import ClusterDocument, RenewRequest
from pikube.certs.files import read_or_none, write_atomic
from pikube.wire.client import ApiConnection

log = logging.getLogger("pikube.standing")

ANSWER_S = 4.0  # for a leader on the same LAN to say who it is
FIRST_RETRY_S, MAX_RETRY_S = 0.5, 10.0
LOOK_AFTER_S = 0.5  # a leader that is where it was has answered by then
SHORTEST_SLEEP_S = 60.0  # after a renewal that the leader had no time for
LONGEST_SLEEP_S = (
    6 * 3600.0
)  # the date of a renewal is looked at again this often: clocks are corrected meanwhile
JITTER = 0.1  # of the last third of a certificate's life: a hundred boards that joined at once do not renew at once
SETTLE_S = 0.2  # many requests fail in the same moment: one trouble


class Revoked(Exception):
    """The cluster says that this board is its node no longer; the message is a sentence with a cure."""


@dataclass(frozen=True, slots=True)
class StandingParts:
    """`look` finds URLs of leaders that may be ours, by other means than those we remember."""

    membership: Membership
    connection: ApiConnection
    tls: LiveContext
    kubelet_tls: LiveContext
    clock: BoardClock
    address: Callable[[], str]
    look: Callable[[], Awaitable[Sequence[str]]]


class Standing:
    """One a board; `run` never returns."""

    def __init__(self, parts: StandingParts, member: Member) -> None:
        self._parts = parts
        self.member = member
        self._poked = trio.Event()
        self._is_refused = False
        self._jitter = random.random() * JITTER
        parts.connection.on_trouble = self._trouble

    def poke(self) -> None:
        """Something may have changed: ask the leader soon."""
        self._poked.set()

    def _trouble(self, trouble: Unauthorized | ConnectionLost) -> None:
        if isinstance(trouble, Unauthorized):
            self._is_refused = True
        self._poked.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started once the leader was reached and the certificates serve. Raises Revoked."""
        await self._until_reached()
        task_status.started()
        while True:
            left_s = self._due_at() - self._parts.clock()
            with trio.move_on_after(min(LONGEST_SLEEP_S, max(SHORTEST_SLEEP_S, left_s))):
                await self._poked.wait()
            await trio.sleep(SETTLE_S)
            await self._until_reached()

    async def _until_reached(self) -> None:
        pause_s = FIRST_RETRY_S
        while True:
            self._poked = trio.Event()
            try:
                if await self._reach():
                    return
            except (ApiError, ConnectionLost, OSError) as error:
                log.warning("event=standing_unsure retry_s=%.1f why=%r", pause_s, str(error))
            await trio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(MAX_RETRY_S, pause_s * 2)

    async def _reach(self) -> bool:
        """Whether our leader was reached, where we know it or elsewhere, and all is in order."""
        parts = self._parts
        known = parts.connection.urls
        found: tuple[Sequence[str], ClusterDocument] | None = None

        async def ask_known() -> None:
            nonlocal found
            if (document := await self._ask(known)) is not None:
                found = known, document
                nursery.cancel_scope.cancel()

        async def ask_elsewhere() -> None:
            nonlocal found
            await trio.sleep(LOOK_AFTER_S)
            for url in await parts.look():
                if url not in known and (document := await self._ask((url,))) is not None:
                    found = (url,), document
                    nursery.cancel_scope.cancel()
                    return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_known)
            nursery.start_soon(ask_elsewhere)
        if found is None:
            return False
        urls, document = found
        if urls != known:
            log.info("event=leader_found url=%s before=%s", urls[0], known[0])
            parts.connection.use(urls)
            parts.connection.abandon()
        parts.clock.learn(document.time)
        self._follow(document)
        await self._renew_if_due()
        return True

    async def _ask(self, urls: Sequence[str]) -> ClusterDocument | None:
        """What our cluster says at these URLs; None when nobody there can prove to be it."""
        with trio.move_on_after(ANSWER_S * len(urls)):
            try:
                found = await ask_cluster(urls, self._parts.tls)
            except (ConnectionLost, ApiError) as error:
                log.info("event=leader_away urls=%s why=%r", ",".join(urls), str(error))
                return None
            return found if found.id == self.member.cluster.id else None
        log.info("event=leader_away urls=%s why='no answer'", ",".join(urls))
        return None

    def _follow(self, found: ClusterDocument) -> None:
        """Remember what the cluster says of itself now; trust its authorities."""
        parts = self._parts
        before = read_or_none(parts.membership.ca_file)
        self.member = parts.membership.remember(self.member.node, found)
        if before != found.ca.encode():
            log.info("event=authority_changed")
            write_atomic(parts.membership.ca_file, found.ca.encode(), 0o644)
            self._reload()
            self._is_refused = True  # also to tell the leader that we trust it

    async def _renew_if_due(self) -> None:
        """New certificates when theirs are old, of another authority, refused, or for another address."""
        parts = self._parts
        was_refused, self._is_refused = self._is_refused, False
        if not was_refused and not self._is_due():
            return
        node = self.member.node
        wish = RenewRequest(
            node=node,
            request=request_for(parts.membership.key(), node),
            addresses=(parts.address(),),
            trusts=bundle_hash(parts.membership.ca_file.read_bytes()),
        )
        try:
            answer = await renew(parts.connection.urls, parts.tls, wish)
        except Forbidden as error:
            raise Revoked(
                f"{error.message}; to join again, run `pikube join --reset` with a new token"
            ) from None
        except (ApiError, ConnectionLost) as error:
            self._is_refused = was_refused
            if isinstance(error, TooManyRequests) and not was_refused:
                return  # there is time: a certificate is renewed long before it ends
            raise
        self.member = parts.membership.store(node, answer)
        self._jitter = random.random() * JITTER
        log.info("event=certificates_renewed node=%s", node)
        self._reload()
        if was_refused:
            parts.connection.abandon()

    def _reload(self) -> None:
        try:
            self._parts.tls.reload()
            self._parts.kubelet_tls.reload()
        except (OSError, ssl.SSLError) as error:
            log.error("event=certificates_unusable why=%r", str(error))

    def _is_due(self) -> bool:
        membership, now = self._parts.membership, self._parts.clock() - self._slack_s()
        ca = membership.ca_file.read_bytes()
        client = read_or_none(membership.client_file) or b""
        serving = read_or_none(membership.serving_file) or b""
        names = frozenset((self.member.node, self._parts.address()))
        return is_due(client, ca, frozenset(), now) or is_due(serving, ca, names, now)

    def _due_at(self) -> float:
        """When the older of the two certificates is renewed, jitter included; 0 when one cannot be read."""
        try:
            files = (self._parts.membership.client_file, self._parts.membership.serving_file)
            return min(renewal_at(facts_of(path.read_bytes())) for path in files) + self._slack_s()
        except (OSError, ValueError):
            return 0.0

    def _slack_s(self) -> float:
        try:
            facts = facts_of(self._parts.membership.client_file.read_bytes())
        except (OSError, ValueError):
            return 0.0
        return (facts.expires_at - facts.issued_at) / 3 * self._jitter
