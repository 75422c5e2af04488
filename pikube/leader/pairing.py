"""Shell: pairing on the leader: the doors for boards that show digits, and the desk where a person decides.

Enter: offers and nonces of strangers, through the enrolment door; decisions of people whom the API knows and who may.
Leave: certificates and Nodes, as for boards with a token. Every decision is one line in the log: who, which board,
from where, which digits.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio

from pikube.api.errors import ApiError, BadRequest, Conflict, MethodNotAllowed, NotFound, PathNotFound
from pikube.api.kinds.core_node import Node
from pikube.api.names import dns1123_subdomain
from pikube.certs.authority import key_hash_of_request
from pikube.certs.enrolment import KEY_ANNOTATION, MACHINE_ANNOTATION, Certificates, JoinRequest
from pikube.certs.pairing import NONCE_BYTES, LeaderSide, Terms
from pikube.certs.pairing_messages import (
    PAIRINGS,
    WAIT_S,
    PairingAnswer,
    PairingNonce,
    PairingOffer,
    PairingState,
)
from pikube.leader.enrolment import Doors, message, read_message
from pikube.leader.pairing_book import Pairing, PairingBook
from pikube.leader.request.context import User
from pikube.leader.request.route import Route
from pikube.wire.messages import Answer, Request, Response

log = logging.getLogger("pikube.pairing")

DESK = "/pikube/v1/pairings"
"""GET lists who waits; POST DESK/NAME/approve and DESK/NAME/reject decide, with {"digits": …} as the body."""
DECISION_BYTES = 1024

Admit = Callable[[JoinRequest, str, str], Awaitable[Certificates]]
"""(wish, hash of its key, the address it called from) → the board is a node; ApiError."""
FindNode = Callable[[str], Awaitable[Node | None]]


class Decision(msgspec.Struct):
    """What a person sends; `digits` with or without the space between them."""

    digits: str


class PairingOffice:
    """`bundle` is the authority that boards are told to trust now, PEM."""

    def __init__(self, bundle: Callable[[], bytes], admit: Admit, find_node: FindNode) -> None:
        self._bundle = bundle
        self._admit = admit
        self._find_node = find_node
        self._book = PairingBook()
        self._decided: dict[str, trio.Event] = {}

    # -- the doors of boards -------------------------------------------------------------------

    def doors(self) -> Doors:
        """For Enrolment."""
        return {
            ("POST", PAIRINGS): self.offer,
            ("POST", f"{PAIRINGS}/"): self.reveal,
            ("GET", f"{PAIRINGS}/"): self.outcome,
            ("DELETE", f"{PAIRINGS}/"): self.withdraw,
        }

    async def offer(self, request: Request) -> Answer:
        """A board offers itself, and hears what we are committed to. BadRequest, TooManyRequests."""
        offered = await read_message(request, PairingOffer)
        try:
            wish = msgspec.json.decode(offered.offer, type=JoinRequest)
            key = key_hash_of_request(wish.request.encode())
        except (ValueError, msgspec.DecodeError, RecursionError):
            raise BadRequest("the offer is no JoinRequest with a valid certificate request") from None
        if not may_be_shown(wish):
            raise BadRequest(
                "the offer's name is not a node's, or the machine is described in unprintable characters"
            )
        side = LeaderSide(
            Terms(self._bundle(), offered.offer.encode()),
            bytes.fromhex(offered.commitment),
            secrets.token_bytes(NONCE_BYTES),
        )
        pairing_id = secrets.token_hex(16)
        host = request.peer.host
        self._book.begin(pairing_id, wish, key, host, side, trio.current_time())
        log.info("event=pairing_begun node=%r from=%s", wish.node, host)
        return message(PairingAnswer(id=pairing_id, commitment=side.commitment.hex()), 201)

    async def reveal(self, request: Request) -> Answer:
        """The nonces change hands. NotFound, Conflict, BadRequest."""
        revealed = await read_message(request, PairingNonce)
        nonce = self._book.reveal(_id_of(request), bytes.fromhex(revealed.nonce), trio.current_time())
        return message(PairingNonce(nonce=nonce.hex()))

    async def outcome(self, request: Request) -> Answer:
        """What became of it, as soon as it is decided. NotFound when nobody decided in time."""
        pairing_id = _id_of(request)
        pairing = self._book.get(pairing_id, trio.current_time())
        if pairing.state == "waiting":
            decided = self._decided.setdefault(pairing_id, trio.Event())
            try:
                with trio.move_on_after(WAIT_S):
                    await decided.wait()
            finally:
                self._decided.pop(pairing_id, None)
        return message(_state_of(pairing))

    async def withdraw(self, request: Request) -> Answer:
        """The board does not want any more. NotFound."""
        await trio.lowlevel.checkpoint()
        self._book.withdraw(_id_of(request), trio.current_time())
        return Response(204)

    # -- the desk of people --------------------------------------------------------------------

    async def answer(self, route: Route, request: Request, user: User) -> Answer:
        """For people whom the API has let through. PathNotFound, MethodNotAllowed, and whatever approving raises."""
        path = route.path.removeprefix(DESK).strip("/")
        if not path:
            if route.verb not in ("get", "head"):
                raise MethodNotAllowed()
            return _json({"pairings": [await self._row(p) for p in self._book.waiting(trio.current_time())]})
        name, _, action = path.partition("/")
        if action not in ("approve", "reject"):
            raise PathNotFound()
        if route.verb != "post":
            raise MethodNotAllowed()
        try:
            decision = msgspec.json.decode(await request.body(DECISION_BYTES), type=Decision)
        except msgspec.DecodeError:
            raise BadRequest('the body must be {"digits": "123456"}') from None
        pairing = self._pick(name, decision.digits.replace(" ", ""))
        await (self._approve(pairing, user) if action == "approve" else self._reject(pairing, user))
        return _json({"node": name, "state": pairing.state})

    def _pick(self, name: str, digits: str) -> Pairing:
        """The one that shows these digits. NotFound, Conflict."""
        waiting = [p for p in self._book.waiting(trio.current_time()) if p.wish.node == name]
        if not waiting:
            raise NotFound(
                f"no board called {name} is waiting: run `pikube join` on it, or see `pikube pair`"
            )
        found = next((p for p in waiting if p.digits == digits), None)
        if found is None:
            raise Conflict(
                f"{name} does not wait with the digits {digits}: if the board shows these, somebody is between it "
                "and this leader; reject what waits under that name, and join by a token"
            )
        return found

    async def _approve(self, pairing: Pairing, user: User) -> None:
        facts = _facts(pairing, user)
        try:
            certificates = await self._admit(pairing.wish, pairing.key, pairing.address)
        except ApiError as error:
            self._decide(pairing, "rejected", reason=error.message)
            log.warning("event=pairing_failed %s why=%r", facts, error.message)
            raise
        self._decide(pairing, "approved", certificates=certificates)
        log.warning("event=pairing_approved %s", facts)

    async def _reject(self, pairing: Pairing, user: User) -> None:
        await trio.lowlevel.checkpoint()
        self._decide(pairing, "rejected", reason="it was rejected on the leader")
        log.warning("event=pairing_rejected %s", _facts(pairing, user))

    def _decide(
        self, pairing: Pairing, state: str, *, reason: str = "", certificates: Certificates | None = None
    ) -> None:
        self._book.decide(pairing, state, trio.current_time(), message=reason, certificates=certificates)
        decided = self._decided.pop(pairing.id, None)
        if decided is not None:
            decided.set()

    async def _row(self, pairing: Pairing) -> dict[str, Any]:
        """One waiting board, for `pikube pair`."""
        wish, machine = pairing.wish, pairing.wish.machine
        node = await self._find_node(wish.node)
        is_other = node is not None and node.metadata.annotations.get(KEY_ANNOTATION) != pairing.key
        who = node.metadata.annotations.get(MACHINE_ANNOTATION, "") if node is not None else ""
        return {
            "name": wish.node,
            "model": machine.model,
            "serial": machine.serial,
            "mac": machine.mac,
            "address": pairing.address,
            "digits": pairing.digits,
            "waitingSeconds": int(trio.current_time() - pairing.began_at),
            "takesThePlaceOf": (who or wish.node) if is_other else None,
            "replace": wish.replace,
        }


def may_be_shown(wish: JoinRequest) -> bool:
    """Whether what a stranger says of himself may go to a person's terminal."""
    machine = wish.machine
    texts = (machine.model, machine.serial, machine.mac, machine.address)
    return not dns1123_subdomain(wish.node) and all(text.isprintable() for text in texts)


def _id_of(request: Request) -> str:
    return request.path.removeprefix(f"{PAIRINGS}/")


def _state_of(pairing: Pairing) -> PairingState:
    state: Any = pairing.state
    return PairingState(state=state, message=pairing.message, certificates=pairing.certificates)


def _facts(pairing: Pairing, user: User) -> str:
    """For the log; what a stranger chose is quoted."""
    return (
        f"node={pairing.wish.node!r} machine={str(pairing.wish.machine)!r} from={pairing.address} "
        f"digits={pairing.digits} key={pairing.key[:16]} by={user.name!r}"
    )


def _json(document: dict[str, Any]) -> Response:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Response(200, headers, (msgspec.json.encode(document),))
