"""Pure: the token that lets a board join: `ID.SECRET`, as kubeadm's bootstrap tokens, and behind it the hash of
the cluster's authority, so that a board that has the token also knows whom to trust.

    abcdef.0123456789abcdef.SHA256-OF-THE-CA

Enter: texts. Leave: `JoinToken`. Called by `pikube token`, `pikube join` and the leader.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH, SECRET_LENGTH = 6, 16  # kubernetes cluster-bootstrap/token/util: 36^16 is 82 bits
PATTERN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})(?:\.(?:sha256:)?([0-9a-f]{64}))?")


class BadToken(ValueError):
    """The text is no token; the message says why."""


@dataclass(frozen=True, slots=True)
class JoinToken:
    """`ca_hash` is '' for a token that carries none (kubeadm's own form)."""

    id: str
    secret: str
    ca_hash: str = ""

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}" + (f".{self.ca_hash}" if self.ca_hash else "")


def parse_token(text: str) -> JoinToken:
    """Raises: BadToken."""
    match = PATTERN.fullmatch(text.strip())
    if match is None:
        raise BadToken(
            f"a token has {ID_LENGTH} characters, a dot, {SECRET_LENGTH} characters, a dot, and the hash of the "
            "cluster's CA; this one does not"
        )
    return JoinToken(match[1], match[2], match[3] or "")


def make_token(random: bytes, ca_hash: str) -> JoinToken:
    """A token of at least 32 random bytes; each makes a character (the bias of 256 % 36 costs under one bit)."""
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in random)
    assert len(letters) >= ID_LENGTH + SECRET_LENGTH
    return JoinToken(letters[:ID_LENGTH], letters[ID_LENGTH : ID_LENGTH + SECRET_LENGTH], ca_hash)


def hash_secret(secret: str) -> str:
    """What is stored in place of the secret. A plain hash does: there are 82 bits to guess, not a password."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same(given: str, known: str) -> bool:
    """Compare secrets or their hashes in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), known.encode())
