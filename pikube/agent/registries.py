"""Pure: registries.yaml, in k3s' words, as Podman's files: mirrors, credentials, authorities.

    mirrors:                              configs:
      docker.io:                            mirror.lan:5000:
        endpoint: [https://mirror.lan:5000]   auth: {username: me, password: secret}
                                              tls: {ca_file: /etc/pikube/lab.crt}

Enter: the parsed file. Leave: the text of a registries.conf, (registry, base64 of user:password) for pulls, and which
file belongs where below /etc/containers/certs.d. Source: docs.k3s.io/installation/private-registry,
containers-registries.conf(5), containers-certs.d(5). Called by registry_files.py.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What of k3s' regular expressions is one path in the place of another, which is all that Podman's prefixes can say.
REWRITE = re.compile(r"\^?(?P<old>(?:[a-z0-9][a-z0-9_.-]*/)*)\(\^?\.[*+]\$?\)\$?")
REPLACEMENT = re.compile(r"(?P<new>(?:[A-Za-z0-9][A-Za-z0-9_.-]*/)*)\$1")

TLS_FILES = {"ca_file": "ca.crt", "cert_file": "client.cert", "key_file": "client.key"}


class BadRegistries(ValueError):
    """One sentence: what of the file cannot be used."""


@dataclass(frozen=True, slots=True)
class Registries:
    """`certificates` are (path below certs.d, the file to copy there)."""

    conf: str = ""
    credentials: tuple[tuple[str, str], ...] = ()
    certificates: tuple[tuple[str, str], ...] = ()


def read_registries(document: Any) -> Registries:
    """Raises BadRegistries."""
    if document is None:
        return Registries()
    top = _map(document, "the file", ("mirrors", "configs"))
    configs = {
        host: _map(config or {}, f"configs.{host}", ("auth", "tls"))
        for host, config in _map(top.get("configs") or {}, "configs").items()
    }
    mirrors = _map(top.get("mirrors") or {}, "mirrors")
    insecure = {host for host, config in configs.items() if _tls(host, config).get("insecure_skip_verify")}
    blocks = [block for name, mirror in mirrors.items() for block in _registry(name, mirror, insecure)]
    blocks += [_block(host, host, [], {host}) for host in sorted(insecure - mirrors.keys())]
    conf = 'unqualified-search-registries = ["docker.io"]\n' + "".join(blocks) if blocks else ""
    return Registries(conf, tuple(_credentials(configs)), tuple(_certificates(configs)))


def _registry(name: str, mirror: Any, insecure: set[str]) -> Iterator[str]:
    where = f"mirrors.{name}"
    if "*" in name:
        raise BadRegistries(f"{where}: Podman knows no mirror for every registry: name each one")
    words = _map(mirror or {}, where, ("endpoint", "rewrite"))
    endpoints = words.get("endpoint") or []
    if not isinstance(endpoints, list) or not all(isinstance(each, str) for each in endpoints):
        raise BadRegistries(f"{where}.endpoint must be a list of URLs")
    places = [_location(where, each, insecure) for each in endpoints]
    rewrites = dict(_rewrites(where, words.get("rewrite") or {}))
    for old, new in {"": "", **rewrites}.items():
        below = [(f"{place}/{new}".rstrip("/"), is_insecure) for place, is_insecure in places]
        yield _block(f"{name}/{old}".rstrip("/"), f"{name}/{old}".rstrip("/"), below, insecure)


def _rewrites(where: str, rewrite: Any) -> Iterator[tuple[str, str]]:
    """(path, the path in its place), each '' or with a slash at its end; of two for one path the first counts."""
    seen = set()
    for pattern, replacement in _map(rewrite, f"{where}.rewrite").items():
        old, new = REWRITE.fullmatch(pattern.replace("\\.", ".")), REPLACEMENT.fullmatch(str(replacement))
        if old is None or new is None or (old["old"] and not pattern.startswith("^")):
            raise BadRegistries(
                f"{where}.rewrite {pattern!r}: Podman can only put one path in the place of another, "
                "'^old/(.*)': 'new/$1'"
            )
        if old["old"] not in seen:
            seen.add(old["old"])
            yield old["old"], new["new"]


def _block(prefix: str, location: str, mirrors: list[tuple[str, bool]], insecure: set[str]) -> str:
    lines = ["", "[[registry]]", f"prefix = {json.dumps(prefix)}", f"location = {json.dumps(location)}"]
    if location.partition("/")[0] in insecure:
        lines.append("insecure = true")
    for place, is_insecure in mirrors:
        lines += ["", "[[registry.mirror]]", f"location = {json.dumps(place)}"]
        if is_insecure:
            lines.append("insecure = true")
    return "\n".join(lines) + "\n"


def _location(where: str, url: str, insecure: set[str]) -> tuple[str, bool]:
    """(host and path, whether TLS is not asked for)."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "https", url
    place = rest.rstrip("/").removesuffix("/v2")
    if scheme not in ("http", "https") or not place:
        raise BadRegistries(f"{where}.endpoint {url!r} is no URL of http or https")
    return place, scheme == "http" or place.partition("/")[0] in insecure


def _credentials(configs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for host, config in configs.items():
        auth = _map(
            config.get("auth") or {},
            f"configs.{host}.auth",
            ("username", "password", "auth", "identity_token", "token"),
        )
        if auth.get("auth"):
            found.append((host, str(auth["auth"])))
        elif auth.get("username"):
            plain = f"{auth['username']}:{auth.get('password', '')}"
            found.append((host, base64.b64encode(plain.encode()).decode()))
        elif auth:
            raise BadRegistries(f"configs.{host}.auth needs username and password, or auth")
    return found


def _certificates(configs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [
        (f"{host}/{name}", str(file))
        for host, config in configs.items()
        for key, name in TLS_FILES.items()
        if (file := _tls(host, config).get(key))
    ]


def _tls(host: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    return _map(config.get("tls") or {}, f"configs.{host}.tls", (*TLS_FILES, "insecure_skip_verify"))


def _map(value: Any, where: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadRegistries(f"{where} must hold `name: value`")
    unknown = [key for key in value if known and key not in known]
    if unknown:
        raise BadRegistries(f"{where} has an unknown word {unknown[0]}; known are {', '.join(known)}")
    return value
