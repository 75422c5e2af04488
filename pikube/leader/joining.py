"""Shell: joins boards that show a token, and renews the certificates of boards whose key is known.

Enter: requests of strangers, through the enrolment door. Leave: certificates; Nodes that carry the key of their
board. A node is what its key says: the Node is the record, and whoever deletes it revokes the board.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from pikube.api.client import Client
from pikube.api.errors import AlreadyExists, BadRequest, Conflict, NotFound, Unauthorized
from pikube.api.kinds.core_config import Secret
from pikube.api.kinds.core_node import Node
from pikube.api.times import render_time
from pikube.certs.authority import facts_of, key_hash_of_request
from pikube.certs.ca_rotation import bundle_hash
from pikube.certs.enrolment import (
    CLUSTER,
    EXPIRES_ANNOTATION,
    JOIN,
    RENEW,
    TRUSTS_ANNOTATION,
    Certificates,
    ClusterDocument,
    JoinRequest,
    RenewRequest,
)
from pikube.certs.issuer import Issuer
from pikube.certs.join_token import BadToken, parse_token
from pikube.leader.enrolment import Doors, message, read_message
from pikube.leader.join_decision import (
    addresses_of_others,
    admit,
    check_renewal,
    is_board_of,
    serving_names,
)
from pikube.leader.join_tokens import NAMESPACE, PREFIX, Verdict, judge, read_secret, used_once
from pikube.wire.messages import Answer, Request

log = logging.getLogger("pikube.joining")

ATTEMPTS = 5  # when several boards use the same counted token, or somebody edits the node meanwhile

REFUSALS = {
    Verdict.UNKNOWN: "the token is not known to this cluster: it is mistyped, was revoked, expired days ago, or is "
    "another cluster's; make a new one on the leader with `pikube token create`",
    Verdict.EXPIRED: "the token has expired: make a new one on the leader with `pikube token create`",
    Verdict.USED_UP: "the token has been used as often as it may be: make a new one on the leader with "
    "`pikube token create`",
    Verdict.NOT_FOR_BOARDS: "the token is not for boards (its Secret does not say usage-bootstrap-authentication): "
    "make another one on the leader with `pikube token create`",
}


@dataclass(frozen=True, slots=True)
class JoiningParts:
    """What joining is built of. `document` is what the cluster says of itself now; `leader_names` are the names and
    addresses that the API's certificate holds; `leader_node` is the leader's own board, '' without an agent."""

    client: Client
    issuer: Issuer
    document: Callable[[], ClusterDocument]
    leader_names: Callable[[], Collection[str]]
    leader_node: str
    wall_clock: Callable[[], float]


class Joining:
    """The doors for boards with a token or a known key."""

    def __init__(self, parts: JoiningParts) -> None:
        self._parts = parts

    def doors(self) -> Doors:
        """For Enrolment."""
        return {
            ("GET", CLUSTER): self.cluster,
            ("POST", JOIN): self.join,
            ("POST", RENEW): self.renew,
        }

    async def cluster(self, request: Request) -> Answer:
        """Which cluster this is, and its authority; for anybody."""
        return message(self._parts.document())

    async def join(self, request: Request) -> Answer:
        """A board with a token becomes a node. Unauthorized, AlreadyExists, BadRequest."""
        wish = await read_message(request, JoinRequest)
        verdict, _ = await self._judge(wish)
        if verdict not in (Verdict.VALID, Verdict.USED_UP):
            raise Unauthorized(REFUSALS[verdict])
        try:
            key = key_hash_of_request(wish.request.encode())
        except ValueError as error:
            raise BadRequest(str(error)) from None
        if verdict is Verdict.USED_UP and not is_board_of(await self.node(wish.node), key):
            raise Unauthorized(REFUSALS[verdict])  # else it was used by this board, whose answer was lost
        await self.admit_board(wish, key, by_token=True)
        answer = await self.certificates(wish.node, wish.request, request.peer.host, wish.addresses)
        await self._note(wish.node, answer, bundle_hash(answer.cluster.ca.encode()))
        log.info("event=joined node=%s from=%s token=%s", wish.node, request.peer.host, wish.token[:6])
        return message(answer, 201)

    async def renew(self, request: Request) -> Answer:
        """New certificates for a board whose key is known, also when its old ones have expired. Forbidden."""
        wish = await read_message(request, RenewRequest)
        try:
            key = key_hash_of_request(wish.request.encode())
        except ValueError as error:
            raise BadRequest(str(error)) from None
        check_renewal(wish, key, await self.node(wish.node))
        answer = await self.certificates(wish.node, wish.request, request.peer.host, wish.addresses)
        await self._note(wish.node, answer, wish.trusts)
        log.info("event=certificates_renewed node=%s from=%s", wish.node, request.peer.host)
        return message(answer)

    async def admit_board(self, wish: JoinRequest, key: str, *, by_token: bool) -> None:
        """Write the Node that the board becomes, by its token (whose use is counted) or by a person's approval.
        Raises ApiError."""
        parts = self._parts
        counts = by_token
        for attempt in range(ATTEMPTS):
            node = await self.node(wish.node)
            wanted = admit(wish, key, node, parts.leader_names(), parts.leader_node, is_approved=not by_token)
            try:
                if wanted == node:
                    return  # it asks again because the first answer was lost
                if counts and not is_board_of(node, key):
                    await self._count_use(wish)
                    counts = False
                if node is None:
                    await parts.client.create(wanted)
                else:
                    await parts.client.update(wanted)
                return
            except (Conflict, AlreadyExists):
                if attempt == ATTEMPTS - 1:
                    raise

    async def certificates(
        self, node: str, request: str, peer: str, claimed: Collection[str]
    ) -> Certificates:
        """What a board that was admitted gets. BadRequest for a key that is too weak."""
        parts = self._parts
        nodes = (await parts.client.list(Node)).items
        others = addresses_of_others(nodes, node) | set(parts.leader_names())
        names = serving_names(node, peer, claimed, others)
        try:
            client, serving = parts.issuer.sign_node(request.encode(), node, names)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return Certificates(client=client.decode(), serving=serving.decode(), cluster=parts.document())

    async def admit_paired(self, wish: JoinRequest, key: str, peer: str) -> Certificates:
        """A board that a person approved becomes a node. ApiError."""
        await self.admit_board(wish, key, by_token=False)
        answer = await self.certificates(wish.node, wish.request, peer, wish.addresses)
        await self._note(wish.node, answer, bundle_hash(answer.cluster.ca.encode()))
        return answer

    async def _note(self, node: str, answer: Certificates, trusts: str) -> None:
        """Write on the Node what its board holds now."""
        expires = render_time(facts_of(answer.client.encode()).expires_at)
        annotations = {EXPIRES_ANNOTATION: expires, TRUSTS_ANNOTATION: trusts}
        await self._parts.client.patch(Node, node, "", {"metadata": {"annotations": annotations}})

    async def _judge(self, wish: JoinRequest) -> tuple[Verdict, Secret | None]:
        """What the token is worth, and its Secret if it is known."""
        try:
            token = parse_token(wish.token)
        except BadToken:
            return Verdict.UNKNOWN, None
        secret: Secret | None = None
        with suppress(NotFound):
            secret = await self._parts.client.get(Secret, PREFIX + token.id, NAMESPACE)
        known = read_secret(secret) if secret is not None else None
        return judge(token, known, self._parts.wall_clock()), secret

    async def _count_use(self, wish: JoinRequest) -> None:
        """Take one use of a token that has only so many. Unauthorized, Conflict."""
        verdict, secret = await self._judge(wish)
        if verdict is not Verdict.VALID or secret is None:
            raise Unauthorized(REFUSALS[verdict])
        known = read_secret(secret)
        patch = used_once(known) if known is not None else None
        if patch is not None:
            version = {"resourceVersion": secret.metadata.resource_version}
            await self._parts.client.patch(
                Secret, secret.metadata.name, NAMESPACE, {**patch, "metadata": version}
            )

    async def node(self, name: str) -> Node | None:
        """What is known under a name."""
        try:
            return await self._parts.client.get(Node, name)
        except NotFound:
            return None
