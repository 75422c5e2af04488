"""Pure: the ciphers that Kubernetes encrypts stored objects with, each under its name and in its format.

Enter: a key, what is to be sealed, a nonce that was never used before, and the place that the object is stored at.
Leave: nonce and ciphertext, as kube-apiserver writes them behind `k8s:enc:NAME:v1:KEY:`. Called by the store's
encryption. Source: kubernetes apiserver pkg/storage/value/encrypt/{aes/aes.go,secretbox/secretbox.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

BLOCK_BYTES = 16
AES_KEY_BYTES = (16, 24, 32)
SECRETBOX_KEY_BYTES = (32,)


class NotOpened(Exception):
    """Written with another key, in another place, or changed since; the message is upstream's word for it."""


class CipherMissing(Exception):
    """This installation cannot do it; the message is a sentence."""


class Cipher(Protocol):
    """`place` is the path of the object: where a cipher authenticates it, ciphertext does not open elsewhere."""

    nonce_bytes: int

    def seal(self, plain: bytes, nonce: bytes, place: bytes) -> bytes:
        """Nonce and ciphertext."""
        ...

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """What was sealed. Raises NotOpened."""
        ...


class AesCbc:
    """AES in CBC mode with PKCS#7 padding. It notices another key by chance only, and does not look at the place."""

    nonce_bytes = BLOCK_BYTES

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.AES(key)

    def seal(self, plain: bytes, nonce: bytes, place: bytes) -> bytes:
        padder = PKCS7(8 * BLOCK_BYTES).padder()
        encryptor = BlockCipher(self._key, modes.CBC(nonce)).encryptor()
        return nonce + encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()

    def open(self, sealed: bytes, place: bytes) -> bytes:
        _check_length(sealed, BLOCK_BYTES)
        if len(sealed) % BLOCK_BYTES:
            raise NotOpened("the stored data is not a multiple of the block size")
        decryptor = BlockCipher(self._key, modes.CBC(sealed[:BLOCK_BYTES])).decryptor()
        padded = decryptor.update(sealed[BLOCK_BYTES:]) + decryptor.finalize()
        unpadder = PKCS7(8 * BLOCK_BYTES).unpadder()
        try:
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise NotOpened("invalid padding on input") from None


class AesGcm:
    """AES in GCM mode, which authenticates what it seals and the place. A key is good for 2^32 writes (NIST SP
    800-38D with random nonces): at one a second, for 136 years."""

    nonce_bytes = 12

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, nonce: bytes, place: bytes) -> bytes:
        return nonce + self._aead.encrypt(nonce, plain, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        _check_length(sealed, self.nonce_bytes)
        nonce, data = sealed[: self.nonce_bytes], sealed[self.nonce_bytes :]
        try:
            return self._aead.decrypt(nonce, data, place)
        except InvalidTag:
            raise NotOpened("cipher: message authentication failed") from None


class SecretBox:
    """XSalsa20 and Poly1305 by libsodium: quick on boards whose processor has no AES. It authenticates what it seals,
    and does not look at the place."""

    nonce_bytes = 24

    def __init__(self, key: bytes) -> None:
        try:
            from nacl import secret  # an extra: only those who name this provider need it
        except ImportError:
            raise CipherMissing(
                "the provider secretbox needs the Python package PyNaCl, which is not installed here (pip install "
                "'pikube[secretbox]'): install it, or use aescbc or aesgcm, which need nothing more"
            ) from None
        self._box = secret.SecretBox(key)

    def seal(self, plain: bytes, nonce: bytes, place: bytes) -> bytes:
        return bytes(self._box.encrypt(plain, nonce))

    def open(self, sealed: bytes, place: bytes) -> bytes:
        from nacl.exceptions import CryptoError

        _check_length(sealed, self.nonce_bytes + 16)
        try:
            return bytes(self._box.decrypt(sealed))
        except CryptoError:
            raise NotOpened("cipher: message authentication failed") from None


CIPHERS: Mapping[str, tuple[Callable[[bytes], Cipher], tuple[int, ...]]] = {
    "aescbc": (AesCbc, AES_KEY_BYTES),
    "aesgcm": (AesGcm, AES_KEY_BYTES),
    "secretbox": (SecretBox, SECRETBOX_KEY_BYTES),
}
"""By the provider's name: what makes the cipher of a key, and how long keys may be."""


def _check_length(sealed: bytes, least: int) -> None:
    if len(sealed) < least:
        raise NotOpened("the stored data was shorter than the required size")
