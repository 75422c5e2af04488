"""Pure: how an object is written into a row, and read out of it, by an EncryptionConfiguration.

    k8s:enc:aescbc:v1:KEY:nonce and ciphertext      as kube-apiserver writes them
    {"kind":…                                       identity: as it is

Enter: an object's key and bytes. Leave: the row's bytes, and back. The first provider's first key writes, all read; a
row that another one wrote is stale. The database calls it, in the thread that writes. Source: kubernetes apiserver
pkg/storage/value/transformer.go, pkg/server/options/encryptionconfig/config.go:transformerFromOverrides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from pikube.certs.at_rest import Cipher, NotOpened
from pikube.leader.store.contract import Key, StoreUnusable

ENCRYPTED = b"k8s:enc:"
OPTION = "--encryption-provider-config"

Nonce = Callable[[int], bytes]
"""So many random bytes."""


class Provider(NamedTuple):
    """One key of one provider, `aesgcm:key1`: its rows begin with `k8s:enc:aesgcm:v1:key1:`."""

    title: str
    prefix: bytes
    cipher: Cipher | None


IDENTITY = Provider("identity", b"", None)


class Encryption:
    """`providers` by (group, plural), where `*` stands for all of a group, and (`*`, `*`) for all."""

    def __init__(
        self, providers: Mapping[tuple[str, str], Sequence[Provider]], source: str, nonce: Nonce
    ) -> None:
        assert all(providers.values())
        self._providers = providers
        self._source = source
        self._nonce = nonce
        self._by_resource: dict[str, Sequence[Provider]] = {}

    @property
    def writers(self) -> dict[str, str]:
        """Who writes which resources: `secrets` → `aesgcm:key1`."""
        return {
            f"{plural}.{group}" if group or plural == "*" else plural: providers[0].title
            for (group, plural), providers in self._providers.items()
        }

    @property
    def mark(self) -> int:
        """A number for who writes what, never 0: with another one, a file may hold what these would not write."""
        return crc32(repr(sorted(self.writers.items())).encode()) or 1

    def seal(self, key: Key, value: bytes) -> bytes:
        """What the row holds."""
        _, prefix, cipher = self._of(key.resource)[0]
        if cipher is None:
            return value
        return prefix + cipher.seal(value, self._nonce(cipher.nonce_bytes), place_of(key))

    def unseal(self, key: Key, data: bytes) -> tuple[bytes, bool]:
        """The object, and whether its row is stale. Raises StoreUnusable, which says what cannot be read and why."""
        is_encrypted = data.startswith(ENCRYPTED)
        problem = ""
        for index, (_, prefix, cipher) in enumerate(self._of(key.resource)):
            if cipher is None:
                if not is_encrypted:
                    return data, index > 0
            elif data.startswith(prefix):
                try:
                    return _object(cipher.open(data[len(prefix) :], place_of(key))), index > 0
                except NotOpened as error:
                    problem = problem or str(error)
        raise StoreUnusable(self._refusal(key, data, is_encrypted, problem))

    def _of(self, resource: str) -> Sequence[Provider]:
        found = self._by_resource.get(resource)
        if found is None:
            group, _, plural = resource.rpartition("/")
            rules = ((group, plural), (group, "*"), ("*", "*"))
            found = next((self._providers[rule] for rule in rules if rule in self._providers), (IDENTITY,))
            self._by_resource[resource] = found
        return found

    def _refusal(self, key: Key, data: bytes, is_encrypted: bool, problem: str) -> str:
        resource, what = resource_name(key), named(key)
        if not is_encrypted:
            return (
                f"{what} is not encrypted, and {self._source} has no provider `identity` for {resource}: add "
                "`- identity: {}` behind the other providers until the leader has started once"
            )
        if not problem:
            return (
                f"{what} is encrypted with {written_by(data)}, which {self._source} does not name for {resource}: "
                "add it behind the key that is to write"
            )
        return (
            f"{what} cannot be read with {written_by(data)} of {self._source} ({problem}): it was written with "
            "another secret of that name, or has changed since; put the secret that was there in its place"
        )


def check_plain(key: Key, data: bytes) -> bytes:
    """What a row holds where nothing is encrypted. Raises StoreUnusable for ciphertext."""
    if data.startswith(ENCRYPTED):
        raise StoreUnusable(
            f"{named(key)} is encrypted with {written_by(data)}: name the file that has this key, {OPTION} FILE"
        )
    return data


def place_of(key: Key) -> bytes:
    """The path that ciphertext is bound to: kube-apiserver's key in etcd for core and custom resources."""
    resource = key.resource.strip("/")
    return "/".join(("/registry", *filter(None, (resource, key.namespace, key.name)))).encode()


def named(key: Key) -> str:
    """`secrets default/token`"""
    return f"{resource_name(key)} {'/'.join(filter(None, (key.namespace, key.name)))}"


def resource_name(key: Key) -> str:
    """`secrets`, `deployments.apps`"""
    group, _, plural = key.resource.rpartition("/")
    return f"{plural}.{group}" if group else plural


def written_by(data: bytes) -> str:
    """Whom a row's prefix names: `key key1 of the provider aescbc`."""
    provider, _, name, *_ = (*data[len(ENCRYPTED) :].split(b":", 3), b"", b"", b"")
    texts = [text[:80].decode("utf-8", "replace") for text in (name, provider)]
    return "key {} of the provider {}".format(*texts)


def _object(plain: bytes) -> bytes:
    """CBC opens one row in 256 with any key, and what comes out is noise: an object is a JSON document."""
    if not (plain.startswith(b"{") and plain.endswith(b"}")):
        raise NotOpened("invalid padding on input")
    return plain
