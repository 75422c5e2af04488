"""Pure: the boards that wait for a person's approval: how many, how long, how often, and what became of them.

Enter: offers, nonces, decisions, the time (monotonic seconds). Leave: what to answer, or the ApiError that says why
not. Nothing is stored: a leader that restarts forgets who waited, and the boards ask again. Called by pairing.

Tries are what somebody in between could use to raise his chance of one in a million: they are counted for each
name, and for all names together (docs/pairing.md has the sum).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from pikube.api.errors import BadRequest, Conflict, NotFound, Resource, TooManyRequests
from pikube.certs.enrolment import Certificates, JoinRequest
from pikube.certs.pairing import LeaderSide, PairingBroken
from pikube.leader.rate_limit import Bucket

WAITS_S = 600.0  # for a person to walk to the leader
REVEALS_S = 30.0  # between the offer and the nonce lies one round trip
KEPT_S = 120.0  # after the decision, for the board to learn of it
MAX_WAITING = 32
MAX_OF_ADDRESS = 4  # boards behind one address are rare; one board asks again and again when it is restarted
TRIES, TRIES_A_S = 5, 1 / 60  # for one name
ALL_TRIES, ALL_TRIES_A_S = 32, 0.5
MAX_NAMES = 1024

PAIRING = Resource("", "pairings")


@dataclass(slots=True)
class Pairing:
    """One board's attempt. `digits` are there once both nonces are known; `state` as in PairingState."""

    id: str
    wish: JoinRequest
    key: str
    address: str
    side: LeaderSide
    began_at: float
    digits: str = ""
    state: str = "waiting"
    message: str = ""
    certificates: Certificates | None = None
    ends_at: float = field(default=0.0)


class PairingBook:
    """Every method first forgets what has expired."""

    def __init__(self) -> None:
        self._pairings: dict[str, Pairing] = {}
        self._all = Bucket(ALL_TRIES, ALL_TRIES_A_S, ALL_TRIES, 0.0)
        self._names: OrderedDict[str, Bucket] = OrderedDict()

    def begin(
        self, pairing_id: str, wish: JoinRequest, key: str, address: str, side: LeaderSide, now: float
    ) -> Pairing:
        """Take an offer in. A board that asks again (the same key) takes its own place. TooManyRequests."""
        self._forget(now)
        for old in [p for p in self._pairings.values() if p.key == key and p.state == "waiting"]:
            del self._pairings[old.id]
        undecided = [p for p in self._pairings.values() if p.state == "waiting"]
        if len(undecided) >= MAX_WAITING or sum(p.address == address for p in undecided) >= MAX_OF_ADDRESS:
            raise _too_many("too many boards wait for an approval: see `pikube pair` on the leader")
        if not (self._may_try(wish.node, now) and self._all.take(now)):
            raise _too_many("too many pairings were begun: wait a minute, or join with a token")
        pairing = Pairing(pairing_id, wish, key, address, side, now, ends_at=now + REVEALS_S)
        self._pairings[pairing_id] = pairing
        return pairing

    def reveal(self, pairing_id: str, nonce: bytes, now: float) -> bytes:
        """Our nonce in exchange for the board's; from here on the board waits. A second reveal, or one that does not
        fit, ends the attempt. NotFound, Conflict, BadRequest."""
        pairing = self.get(pairing_id, now)
        if pairing.digits or pairing.state != "waiting":
            raise Conflict("the nonces of this pairing were exchanged already")
        try:
            pairing.digits = pairing.side.hear_nonce(nonce)
        except PairingBroken as error:
            del self._pairings[pairing_id]
            raise BadRequest(str(error)) from None
        pairing.ends_at = now + WAITS_S
        return pairing.side.nonce

    def get(self, pairing_id: str, now: float) -> Pairing:
        """One attempt. NotFound."""
        self._forget(now)
        found = self._pairings.get(pairing_id)
        if found is None:
            raise NotFound.of(PAIRING, "of this board")
        return found

    def withdraw(self, pairing_id: str, now: float) -> None:
        """Forget an attempt. NotFound."""
        del self._pairings[self.get(pairing_id, now).id]

    def waiting(self, now: float) -> list[Pairing]:
        """Who shows digits and waits for an approval, the longest first."""
        self._forget(now)
        found = [p for p in self._pairings.values() if p.digits and p.state == "waiting"]
        return sorted(found, key=lambda p: p.began_at)

    def decide(
        self,
        pairing: Pairing,
        state: str,
        now: float,
        *,
        message: str = "",
        certificates: Certificates | None = None,
    ) -> None:
        """What a person decided. Conflict when that was decided before."""
        if pairing.state != "waiting":
            raise Conflict(f"the pairing of {pairing.wish.node} is {pairing.state} already")
        pairing.state, pairing.message, pairing.certificates = state, message, certificates
        pairing.ends_at = now + KEPT_S

    def _may_try(self, name: str, now: float) -> bool:
        bucket = self._names.pop(name, None) or Bucket(TRIES, TRIES_A_S, TRIES, now)
        self._names[name] = bucket
        while len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)
        return bucket.take(now)

    def _forget(self, now: float) -> None:
        for pairing in [p for p in self._pairings.values() if now >= p.ends_at]:
            if pairing.state == "waiting":
                pairing.state = "expired"
            del self._pairings[pairing.id]


def _too_many(words: str) -> TooManyRequests:
    return TooManyRequests(words, retry_after_s=60)
