"""Shell: service-account tokens: JSON web tokens signed with the cluster's own key (ES256, RFC 7518 §3.4).

Enter: claims, or a token and the time. Leave: the compact token, or the claims that were signed. Two
functions on `cryptography` that is here anyway, instead of one more dependency on every board.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from pikube.api.errors import Unauthorized

ISSUER = "https://kubernetes.default.svc.cluster.local"
COORDINATE_BYTES = 32  # P-256
MAX_TOKEN_BYTES = 16 * 1024
LEGACY_ISSUER = "kubernetes/serviceaccount"
"""Of tokens that lie in Secrets and have no end."""
BAD_SIGNATURE = "go-jose/go-jose: error in cryptographic primitive"
LEEWAY_S = 60  # go-jose's, for clocks that differ


def make_signing_key() -> bytes:
    """A new key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class TokenSigner:
    """Signs and verifies with one key."""

    def __init__(self, key_pem: bytes) -> None:
        key = serialization.load_pem_private_key(key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(hashes.SHA256())
        digest.update(public)
        self.key_id = _encode(digest.finalize())

    def key_set(self) -> dict[str, Any]:
        """The public key, for who verifies tokens himself (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        x, y = (_encode(number.to_bytes(COORDINATE_BYTES, "big")) for number in (numbers.x, numbers.y))
        key = {"use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": "ES256", "x": x, "y": y}
        return {"keys": [key]}

    def sign(self, claims: dict[str, Any]) -> str:
        """The compact form of a token with these claims."""
        header = {"alg": "ES256", "kid": self.key_id, "typ": "JWT"}
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")
        return f"{signed}.{_encode(signature)}"

    def verify(self, token: str, now: float) -> dict[str, Any]:
        """The claims of a token that this key signed and that is valid now. Unauthorized, with upstream's reason."""
        if len(token) > MAX_TOKEN_BYTES or token.count(".") != 2:
            raise Unauthorized()
        signed, _, signature_text = token.rpartition(".")
        try:
            header = json.loads(_decode(signed.partition(".")[0]))
            claims = json.loads(_decode(signed.partition(".")[2]))
            signature = _decode(signature_text)
        except (ValueError, binascii.Error):
            raise Unauthorized() from None
        if not isinstance(header, dict) or header.get("alg") != "ES256" or not isinstance(claims, dict):
            raise Unauthorized()
        if claims.get("iss") not in (ISSUER, LEGACY_ISSUER):
            raise Unauthorized()  # somebody else's: not for us to say what is wrong with it
        if header.get("kid", self.key_id) != self.key_id:
            raise Unauthorized(why="invalid signature, no keys found")
        self._check_signature(signed.encode(), signature)
        if claims["iss"] == ISSUER:
            _check_time(claims, now)
        return claims

    def _check_signature(self, signed: bytes, signature: bytes) -> None:
        if len(signature) != 2 * COORDINATE_BYTES:
            raise Unauthorized(why=BAD_SIGNATURE)
        r = int.from_bytes(signature[:COORDINATE_BYTES], "big")
        s = int.from_bytes(signature[COORDINATE_BYTES:], "big")
        try:
            self._key.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Unauthorized(why=BAD_SIGNATURE) from None


def _check_time(claims: dict[str, Any], now: float) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise Unauthorized()
    if now - LEEWAY_S > expires:
        raise Unauthorized(why="service account token has expired")
    if now + LEEWAY_S < begins:
        raise Unauthorized(why="service account token is not valid yet")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
