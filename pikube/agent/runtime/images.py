"""Pure: image references as Kubernetes and Docker read them, and what a pull that failed means."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence

from pikube.api.image_architecture import mismatch_words, runs_on

DEFAULT_REGISTRY = "docker.io"
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[\w][\w.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_DOMAIN = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?")


class BadReference(ValueError):
    """Text that names no image."""


def normalized(reference: str) -> str:
    """`nginx` as `docker.io/library/nginx:latest`; BadReference for text that names no image."""
    rest, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise BadReference(f'couldn\'t parse image name "{reference}": invalid reference format')
    domain, slash, path = rest.partition("/")
    if not slash or not ("." in domain or ":" in domain or domain == "localhost"):
        domain, path = DEFAULT_REGISTRY, rest
    last = path.rsplit("/", 1)[-1]
    tag = ""
    if ":" in last:
        path, _, tag = path.rpartition(":")
    if not _NAME.fullmatch(path) or not _DOMAIN.fullmatch(domain) or (tag and not _TAG.fullmatch(tag)):
        raise BadReference(f'couldn\'t parse image name "{reference}": invalid reference format')
    if domain == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    full = f"{domain}/{path}"
    if at:
        return f"{full}@{digest}"
    return f"{full}:{tag or 'latest'}"


def candidates(reference: str) -> list[str]:
    """The local names to look for, in order: images made on the board are called localhost/…"""
    full = normalized(reference)
    prefix = f"{DEFAULT_REGISTRY}/library/"
    if full.startswith(prefix) and "/" not in reference:
        return [full, f"localhost/{full[len(prefix) :]}"]
    return [full]


GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}


def architecture_problem(image: str, image_arch: str, board_arch: str) -> str:
    """Why an image cannot run here, '' if it can."""
    if runs_on(image_arch, board_arch):
        return ""
    return mismatch_words(image, image_arch, board_arch)


def is_on_this_board(full: str) -> bool:
    """Whether a registry is reached over loopback, where TLS guards nothing."""
    host = full.partition("/")[0].partition(":")[0]
    return host == "localhost" or host.startswith("127.")


def matching_credentials(full: str, known: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of (registry, base64 of user:password) that are for the image, the most special first. A registry is
    a host, a host with a path, or docker's old URL (kubernetes pkg/credentialprovider/keyring.go)."""
    found = []
    for registry, auth in known:
        place = registry.partition("://")[2] or registry
        for old in ("/v1", "/v2"):
            place = place.rstrip("/").removesuffix(old)
        if place in ("index.docker.io", "registry-1.docker.io"):
            place = DEFAULT_REGISTRY
        host, _, path = place.partition("/")
        if _host_matches(host, full.partition("/")[0]) and full.partition("/")[2].startswith(path):
            found.append((len(path), host, auth))
    return [(host, auth) for _, host, auth in sorted(found, key=lambda one: -one[0])]


def _host_matches(pattern: str, host: str) -> bool:
    """A star stands for one label: *.example.com."""
    wanted, given = pattern.split("."), host.split(".")
    return len(wanted) == len(given) and all(a in ("*", b) for a, b in zip(wanted, given, strict=True))


def auth_header(registry: str, auth: str) -> str:
    """What Podman reads from X-Registry-Auth (podman pkg/auth/auth.go); '' for what is no user:password."""
    try:
        user, _, password = base64.b64decode(auth).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    document = {"username": user, "password": password, "serveraddress": registry}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


def pull_words(name: str, words: str) -> str:
    """The pull error as kubelet's events word it. Podman 5 says only that authentication is required, which 4 and all
    others call unauthorized: what people look for."""
    words = " ".join(words.split())
    if "nauthorized" not in words:
        words = words.replace("authentication required", "unauthorized: authentication required")
    return f'failed to pull image "{name}": {words}'
