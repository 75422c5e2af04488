"""Pure: pairing: a board and a leader that share no secret find out that nobody is between them.

    board                                       leader
      1  offer, commitment  ──────────────────▶   keeps both
         keeps the commitment  ◀──────────────  2  commitment
      3  nonce  ──────────────────────────────▶   checks it against the board's commitment
         checks it  ◀─────────────────────────  4  nonce
      both show six digits of a hash over everything above; people compare them and say so on both sides

Each side has bound itself to its nonce before it learns the other's. Whoever is in between speaks with each side
separately, with his own authority or key; the digits of the two conversations are then two random numbers that he
could not choose, equal once in a million. (The construction of Bluetooth's numeric comparison and of ZRTP, RFC
6189 §4.4; docs/pairing.md has the argument.) Enter: texts, nonces. Leave: commitments, digits. No input or output.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

NONCE_BYTES = 32
DIGITS = 6
DOMAIN = b"pikube pairing 1"
"""Of every hash made here: what is hashed for pairing can never be taken for anything else."""


class PairingBroken(Exception):
    """The other side did not keep to what it committed itself to: somebody interferes, or a program is wrong."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides must have before them alike: the authority that the board will trust, and what the board
    says of itself (its key is in it), each as the bytes that were sent."""

    authority: bytes
    offer: bytes

    @property
    def digest(self) -> bytes:
        return _hash(b"terms", self.authority, self.offer)


@dataclass(slots=True)
class BoardSide:
    """The board's part: `commitment` goes out first, then `hear_commitment` gives the nonce to reveal, then
    `hear_nonce` gives the digits. `nonce` must be random and new."""

    terms: Terms
    nonce: bytes = field(repr=False)
    _leader_commitment: bytes = b""

    @property
    def commitment(self) -> bytes:
        return _hash(b"board", self.terms.digest, self.nonce)

    def hear_commitment(self, commitment: bytes) -> bytes:
        """Our nonce, now that the leader cannot change its own any more."""
        self._leader_commitment = commitment
        return self.nonce

    def hear_nonce(self, nonce: bytes) -> str:
        """The digits. PairingBroken unless it is the nonce that the leader committed itself to."""
        expected = leader_commitment(self.terms, self.commitment, nonce)
        if not hmac.compare_digest(expected, self._leader_commitment):
            raise PairingBroken("the leader's nonce is not the one that it committed itself to")
        return digits_of(self.terms, self.commitment, self._leader_commitment, self.nonce, nonce)


@dataclass(slots=True)
class LeaderSide:
    """The leader's part: it hears the board's commitment with the offer, and answers `commitment`; `hear_nonce`
    gives the digits, and only then `nonce` may be revealed. `nonce` must be random and new."""

    terms: Terms
    board_commitment: bytes
    nonce: bytes = field(repr=False)

    @property
    def commitment(self) -> bytes:
        return leader_commitment(self.terms, self.board_commitment, self.nonce)

    def hear_nonce(self, nonce: bytes) -> str:
        """The digits. PairingBroken unless it is the nonce that the board committed itself to."""
        if not hmac.compare_digest(_hash(b"board", self.terms.digest, nonce), self.board_commitment):
            raise PairingBroken("the board's nonce is not the one that it committed itself to")
        return digits_of(self.terms, self.board_commitment, self.commitment, nonce, self.nonce)


def leader_commitment(terms: Terms, board_commitment: bytes, nonce: bytes) -> bytes:
    """Binds the leader to its nonce, in answer to this board's commitment and no other."""
    return _hash(b"leader", terms.digest, board_commitment, nonce)


def digits_of(
    terms: Terms, board_commitment: bytes, leader_commitment: bytes, board_nonce: bytes, leader_nonce: bytes
) -> str:
    """Six decimal digits; the remainder of 256 bits by a million is as good as uniform."""
    number = _hash(b"digits", terms.digest, board_commitment, leader_commitment, board_nonce, leader_nonce)
    return f"{int.from_bytes(number, 'big') % 10**DIGITS:0{DIGITS}}"


def spaced(digits: str) -> str:
    """As people read them: 123 456."""
    return f"{digits[:3]} {digits[3:]}"


def _hash(label: bytes, *parts: bytes) -> bytes:
    """SHA-256 over the parts, each with its length before it: no two lists of parts are the same bytes."""
    digest = hashlib.sha256()
    for part in (DOMAIN, label, *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
