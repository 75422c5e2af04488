"""Pure: how a running cluster moves to another authority without losing anybody: three steps, each taken when every
board has followed the last.

    idle      [old]        old signs
    trusting  [old, new]   old signs; boards learn to trust both
    signing   [new, old]   new signs boards, people and the leader's clients; the API still shows old's certificate
    idle      [new]        new signs, also the API's

At each moment every party trusts whoever signed what it is shown: that is the invariant, and it holds after any
prefix of the steps. Enter: the phase, what each board has confirmed. Leaves: whom is waited for, or the next phase.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """Where a cluster is on its way."""

    IDLE = "idle"
    TRUSTING = "trusting"
    SIGNING = "signing"


NEXT = {Phase.TRUSTING: Phase.SIGNING, Phase.SIGNING: Phase.IDLE}


@dataclass(frozen=True, slots=True)
class BoardTrust:
    """`trusts` is the hash of the bundle that the board confirmed last, with certificates signed under it."""

    node: str
    trusts: str


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificates by role, PEM: `signing` signs boards and people, `serving` the API's certificate, `bundle` is
    trusted."""

    signing: bytes
    serving: bytes
    bundle: bytes


def authorities(phase: Phase, old: bytes, new: bytes) -> Authorities:
    """Who does what in a phase; in the last one `old` is `new`."""
    if phase is Phase.TRUSTING:
        return Authorities(old, old, old + new)
    if phase is Phase.SIGNING:
        return Authorities(new, old, new + old)
    return Authorities(new, new, new)


def bundle_hash(bundle: bytes) -> str:
    """What a board confirms."""
    return hashlib.sha256(bundle).hexdigest()


def waited_for(phase: Phase, bundle: bytes, boards: Iterable[BoardTrust]) -> list[str]:
    """The boards that have not followed yet; [] when the next step may be taken."""
    if phase is Phase.IDLE:
        return []
    wanted = bundle_hash(bundle)
    return sorted(board.node for board in boards if board.trusts != wanted)
