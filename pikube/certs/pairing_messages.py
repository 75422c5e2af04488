"""Declaration: what a board and its leader say to each other while a person compares their digits.

JSON over HTTPS under /enrol/v1/pairings; docs/pairing.md has the order. Bytes are in hex. The offer is a text in
the text, so that both sides hash exactly what was sent, whatever either of them knows of its fields.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from pikube.certs.enrolment import BASE, Certificates, Short, Wire

PAIRINGS = f"{BASE}/pairings"
"""POST PairingOffer → PairingAnswer; POST PAIRINGS/ID PairingNonce → PairingNonce; GET PAIRINGS/ID → PairingState,
which is answered when somebody has decided, or after WAIT_S."""

WAIT_S = 20.0
OFFER_CHARACTERS = 12 * 1024

Hex: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class PairingOffer(Wire, frozen=True):
    """`offer` is a JoinRequest as JSON, without a token."""

    offer: Annotated[str, msgspec.Meta(max_length=OFFER_CHARACTERS)]
    commitment: Hex


class PairingAnswer(Wire, frozen=True):
    """`id` is a secret of the board: who knows it may ask what became of the offer."""

    id: Short
    commitment: Hex


class PairingNonce(Wire, frozen=True):
    """What one side had committed itself to."""

    nonce: Hex


class PairingState(Wire, frozen=True):
    """`message` says why not, when it was rejected or could not be done."""

    state: Literal["waiting", "approved", "rejected", "expired"]
    message: str = ""
    certificates: Certificates | None = None
