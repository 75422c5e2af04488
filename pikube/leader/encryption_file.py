"""Shell: the file of --encryption-provider-config, as what the store encrypts with. Read once, at start.

Enter: its path. Leaves: an `Encryption`. Called by run.py and `pikube restore`. Whoever can read the file can read
what it hides, so that it belongs on another medium than the database: see docs/security.md.
"""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from pikube.certs.at_rest import CIPHERS, CipherMissing
from pikube.leader.encryption_configuration import (
    BadConfiguration,
    EncryptionConfiguration,
    parse_resource,
    read_configuration,
)
from pikube.leader.encryption_configuration import Provider as ProviderConfiguration
from pikube.leader.store.contract import StoreUnusable
from pikube.leader.store.encryption import ENCRYPTED, IDENTITY, Encryption, Provider

log = logging.getLogger("pikube.store")


def load_encryption(path: str, served: Collection[str] = ()) -> Encryption | None:
    """None where no file is named. `served` are the store's names of resources, to warn of what is none of them.

    Raises StoreUnusable, in a sentence.
    """
    if not path:
        return None
    try:
        configuration = read_configuration(Path(path).read_bytes())
        encryption = build_encryption(configuration, path)
    except OSError as error:
        raise StoreUnusable(
            f"the encryption provider configuration file {path} cannot be read ({error.strerror}): the keys in it "
            "are needed to read what the store holds; connect what it is on, or name another place"
        ) from None
    except (BadConfiguration, CipherMissing) as error:
        raise StoreUnusable(f"the encryption provider configuration file {path}: {error}") from None
    for name in unknown_resources(configuration, served):
        log.warning("event=encrypts_nothing resource=%s why='no such resource is served'", name)
    return encryption


def build_encryption(configuration: EncryptionConfiguration, source: str) -> Encryption:
    """A configuration that was checked. Raises CipherMissing."""
    found: dict[tuple[str, str], list[Provider]] = {}
    for entry in configuration.resources:
        providers = [each for provider in entry.providers for each in _keys_of(provider)]
        for name in entry.resources:
            found.setdefault(parse_resource(name), []).extend(providers)
    return Encryption(found, source, os.urandom)


def unknown_resources(configuration: EncryptionConfiguration, served: Collection[str]) -> list[str]:
    """Names without a group that no kind has: upstream takes `secret` without a word, and encrypts nothing."""
    names = [name for entry in configuration.resources for name in entry.resources]
    return [name for name in names if served and "." not in name and f"/{name}" not in served]


def _keys_of(provider: ProviderConfiguration) -> Iterator[Provider]:
    [name] = provider.found
    if name == "identity":
        yield IDENTITY
        return
    make, _ = CIPHERS[name]
    for key in getattr(provider, name).keys:
        prefix = ENCRYPTED + f"{name}:v1:{key.name}:".encode()
        yield Provider(f"{name}:{key.name}", prefix, make(base64.b64decode(key.secret)))
