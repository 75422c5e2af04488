"""Pure: the EncryptionConfiguration of a leader, read and checked as kube-apiserver does.

Enter: the file's bytes. Leaves: `EncryptionConfiguration`. Called by `leader/encryption_file`. Source: kubernetes
apiserver pkg/apis/apiserver/validation/validation_encryption.go, pkg/server/options/encryptionconfig/config.go.
What is stricter here: a field that there is not is refused, not skipped. A configuration that is misspelt would
otherwise leave in the clear what somebody meant to hide.
"""

from __future__ import annotations

import base64
from typing import Any

from pikube.api.codec import WrongType, convert, load_yaml
from pikube.api.errors import BadRequest, Cause
from pikube.api.field_validation import field_problems
from pikube.api.go_words import base64_problem
from pikube.api.kinds.base import Struct
from pikube.api.validation.causes import forbidden, invalid, required
from pikube.certs.at_rest import CIPHERS

API_VERSION, KIND = "apiserver.config.k8s.io/v1", "EncryptionConfiguration"
NOT_REST = ("apiserveripinfo", "serviceipallocations", "servicenodeportallocations")
REDACTED = "REDACTED"


class BadConfiguration(Exception):
    """The message says what is wrong, in upstream's words."""


class EncryptionKey(Struct):
    """A key by name; `secret` is base64."""

    name: str = ""
    secret: str = ""


class Keys(Struct):
    """aescbc, aesgcm or secretbox: the first key writes, all read."""

    keys: tuple[EncryptionKey, ...] = ()


class Identity(Struct):
    """No encryption."""


class Provider(Struct):
    """Exactly one of them is named."""

    aesgcm: Keys | None = None
    aescbc: Keys | None = None
    secretbox: Keys | None = None
    identity: Identity | None = None
    kms: Any = None

    @property
    def found(self) -> list[str]:
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class ResourceConfiguration(Struct):
    """Providers of some resources: the first writes, all read."""

    resources: tuple[str, ...] = ()
    providers: tuple[Provider, ...] = ()


class EncryptionConfiguration(Struct):
    """Entries in order; of a resource that several name, the first writes."""

    api_version: str = ""
    kind: str = ""
    resources: tuple[ResourceConfiguration, ...] = ()


def read_configuration(text: bytes) -> EncryptionConfiguration:
    """Raises BadConfiguration."""
    twice: list[str] = []
    try:
        document = load_yaml(text, twice=twice)
    except BadRequest as error:
        raise BadConfiguration(error.message) from None
    if not isinstance(document, dict):
        raise BadConfiguration("it is empty" if document is None else f"it is no {KIND}")
    said = document.get("apiVersion"), document.get("kind")
    if said != (API_VERSION, KIND):
        raise BadConfiguration(f'no kind "{said[1] or ""}" is registered for version "{said[0] or ""}"')
    problems = twice + field_problems(document, EncryptionConfiguration)
    if problems:
        raise BadConfiguration(f"strict decoding error: {', '.join(problems)}")
    try:
        configuration = convert(document, EncryptionConfiguration)
    except WrongType as error:
        raise BadConfiguration(str(error)) from None
    if causes := check(configuration):
        words = [f"{cause.field}: {cause.message}" for cause in causes]
        raise BadConfiguration(words[0] if len(words) == 1 else f"[{', '.join(words)}]")
    if masked := _masked(configuration):
        raise BadConfiguration(masked)
    return configuration


def check(configuration: EncryptionConfiguration) -> list[Cause]:
    """What ValidateEncryptionConfiguration finds wrong with it."""
    causes: list[Cause] = []
    if not configuration.resources:
        return [required("resources", "at least one resources is required")]
    for index, entry in enumerate(configuration.resources):
        path = f"resources[{index}]"
        if not entry.resources:
            causes.append(_at_least_one(f"{path}.resources"))
        causes += _check_overlap(entry.resources, f"{path}.resources")
        for position, name in enumerate(entry.resources):
            if word := _name_problem(name):
                causes.append(invalid(f"{path}.resources[{position}]", name, word))
        if not entry.providers:
            causes.append(_at_least_one(f"{path}.providers"))
        for position, provider in enumerate(entry.providers):
            causes += _check_provider(provider, f"{path}.providers[{position}]")
    return causes


def parse_resource(name: str) -> tuple[str, str]:
    """(group, plural) of `pandas.awesome.bears.example`, of `*.apps`, of `*.` (the core group), of `*.*`."""
    plural, _, group = name.partition(".")
    return group, plural


def _at_least_one(path: str) -> Cause:
    return required(path, f"at least one {path} is required")


def _check_overlap(resources: tuple[str, ...], path: str) -> list[Cause]:
    found = [parse_resource(name) for name in resources]
    causes = []
    if len(set(found)) < len(found):
        causes.append(invalid(path, list(resources), "the same resource cannot be specified multiple times"))
    distinct = set(found)
    if any(
        one == ("*", "*") or (one[0] == other[0] and one[1] == "*")
        for one in distinct
        for other in distinct
        if one != other
    ):
        words = (
            "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as "
            "they will be masked"
        )
        causes.append(invalid(path, list(resources), words))
    return causes


def _name_problem(name: str) -> str:
    group, plural = parse_resource(name)
    if name.lower() != name:
        return "resource name should not contain capital letters"
    if name == "*":
        return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
    if name in NOT_REST:
        return "resources which do not have REST API/s cannot be encrypted"
    if group == "events.k8s.io":
        return (
            "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the "
            "config file"
        )
    if group == "extensions":
        return "'extensions' group has been removed and cannot be used for encryption"
    if group == "*" and plural != "*":
        return "encrypting the same resource across groups is not supported"
    return ""


def _check_provider(provider: Provider, path: str) -> list[Cause]:
    """Values are not shown: upstream's would show the keys."""
    found = provider.found
    if not found:
        words = "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity"
        return [invalid(path, {}, words)]
    if len(found) > 1:
        words = (
            "more than one provider specified in a single element, should split into different list elements"
        )
        return [invalid(path, found, words)]
    [name] = found
    if name == "kms":
        words = (
            "pikube asks no key management service: use aescbc, aesgcm or secretbox, with a key in the file"
        )
        return [forbidden(f"{path}.kms", words)]
    if name == "identity":
        return []
    keys = getattr(provider, name).keys
    if not keys:
        return [required(f"{path}.{name}.keys", "at least one keys is required")]
    _, lengths = CIPHERS[name]
    return [
        cause
        for index, key in enumerate(keys)
        for cause in _check_key(key, f"{path}.{name}.keys[{index}]", lengths)
    ]


def _check_key(key: EncryptionKey, path: str, lengths: tuple[int, ...]) -> list[Cause]:
    causes = []
    if not key.name:
        causes.append(required(f"{path}.name", "name is a mandatory field for a key"))
    if not key.secret:
        return [*causes, required(f"{path}.secret", "secret is a mandatory field for a key")]
    if base64_problem(key.secret):
        return [*causes, invalid(f"{path}.secret", REDACTED, "secrets must be base64 encoded")]
    count = len(base64.b64decode(key.secret))
    if count not in lengths:
        words = f"secret is not of the expected length, got {count}, expected one of [{' '.join(map(str, lengths))}]"
        causes.append(invalid(f"{path}.secret", REDACTED, words))
    return causes


def _masked(configuration: EncryptionConfiguration) -> str:
    """Which entry an earlier one leaves nothing to do (config.go refuses it when it builds transformers)."""
    earlier: set[tuple[str, str]] = set()
    for entry in configuration.resources:
        for name in entry.resources:
            found = parse_resource(name)
            for group, plural in ((found[0], "*"), ("*", "*")):
                if (group, plural) in earlier:
                    return f'resource "{name}" is masked by earlier rule "{plural}.{group}"'
            earlier.add(found)
    return ""
