"""Pure: tokens as the cluster keeps them: Secrets of type bootstrap.kubernetes.io/token in kube-system.

kubeadm's form is accepted (`token-secret` in the clear, kubernetes cluster-bootstrap/token/api); our own keeps the
secret's hash only, and may count how often it may still be used. Enter: Secrets, a token that somebody shows, the
time. Leave: verdicts and the Secret of a new token.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import Enum

from pikube.api.kinds.core_config import Secret
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import parse_time, render_time
from pikube.certs.join_token import JoinToken, hash_secret, is_same

NAMESPACE = "kube-system"
TYPE = "bootstrap.kubernetes.io/token"
PREFIX = "bootstrap-token-"
DEFAULT_LIFE_S = 24 * 3600
HASH = "token-secret-hash"
USES = "uses-left"


class Verdict(Enum):
    """What a token is worth. Only who knows its secret is told more than that it is not known."""

    VALID = "valid"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED_UP = "used up"
    NOT_FOR_BOARDS = "not for boards"


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A Secret read back. `expires_at` and `uses_left` are None without a limit."""

    id: str
    secret_hash: str
    expires_at: float | None
    uses_left: int | None
    may_join: bool
    description: str


def read_secret(secret: Secret) -> KnownToken | None:
    """The token of a Secret, None if it is none or is malformed."""
    if secret.type != TYPE or not secret.metadata.name.startswith(PREFIX):
        return None
    values = {name: _text(value) for name, value in secret.data.items()}
    token_id = values.get("token-id", "")
    if secret.metadata.name != PREFIX + token_id:
        return None
    plain = values.get("token-secret", "")
    secret_hash = hash_secret(plain) if plain else values.get(HASH, "")
    if not secret_hash:
        return None
    try:
        expiration = values.get("expiration", "")
        expires_at = parse_time(expiration) if expiration else None
        uses_left = int(values[USES]) if USES in values else None
    except ValueError:
        return None
    may_join = values.get("usage-bootstrap-authentication") == "true"
    return KnownToken(token_id, secret_hash, expires_at, uses_left, may_join, values.get("description", ""))


def judge(shown: JoinToken, known: KnownToken | None, now: float) -> Verdict:
    """Compares in constant time, also when there is nothing to compare with."""
    matches = is_same(hash_secret(shown.secret), known.secret_hash if known else hash_secret(""))
    if known is None or not matches:
        return Verdict.UNKNOWN
    if known.expires_at is not None and now >= known.expires_at:
        return Verdict.EXPIRED
    if known.uses_left is not None and known.uses_left < 1:
        return Verdict.USED_UP
    return Verdict.VALID if known.may_join else Verdict.NOT_FOR_BOARDS


def token_secret(
    token: JoinToken, *, expires_at: float | None, uses: int | None = None, description: str = ""
) -> Secret:
    """The Secret of a new token: its hash, never itself."""
    values = {
        "token-id": token.id,
        HASH: hash_secret(token.secret),
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:pikube:boards",
    }
    if expires_at is not None:
        values["expiration"] = render_time(expires_at)
    if uses is not None:
        values[USES] = str(uses)
    if description:
        values["description"] = description
    data = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    return Secret(metadata=ObjectMeta(name=PREFIX + token.id, namespace=NAMESPACE), type=TYPE, data=data)


def used_once(known: KnownToken) -> dict[str, dict[str, str]] | None:
    """The merge patch that counts one use; None for a token without a limit."""
    if known.uses_left is None:
        return None
    return {"data": {USES: base64.b64encode(str(known.uses_left - 1).encode()).decode()}}


def _text(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
