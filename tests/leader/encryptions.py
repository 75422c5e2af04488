"""Encryptions of the store for tests, as configurations would make them."""

from __future__ import annotations

import base64
import json

from pikube.leader.encryption_configuration import read_configuration
from pikube.leader.encryption_file import build_encryption
from pikube.leader.store.encryption import Encryption

SOURCE = "/usb/keys.yaml"
IDENTITY = "identity"


def encryption(*providers: str, resources: tuple[str, ...] = ("pods",)) -> Encryption:
    """`providers` in order: `identity`, or `aesgcm:key1`, whose secret is made of the name behind a slash, if there
    is one (`aesgcm:key1/other`)."""
    return entries((resources, providers))


def entries(*found: tuple[tuple[str, ...], tuple[str, ...]]) -> Encryption:
    """The same for several entries."""
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {"resources": resources, "providers": [_provider(each) for each in providers]}
            for resources, providers in found
        ],
    }
    return build_encryption(read_configuration(json.dumps(document).encode()), SOURCE)


def _provider(text: str) -> dict[str, object]:
    if text == IDENTITY:
        return {IDENTITY: {}}
    provider, _, key = text.partition(":")
    name, _, secret = key.partition("/")
    filled = (secret or name).encode().ljust(32, b"-")[:32]
    return {provider: {"keys": [{"name": name, "secret": base64.b64encode(filled).decode()}]}}
