"""Pure: image references as Kubernetes and Docker read them, and what a pull that failed means."""

from __future__ import annotations

import re

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
    if not image_arch or image_arch == board_arch or (image_arch == "arm" and board_arch == "arm64"):
        return ""
    return f'image "{image}" is {image_arch}, this board is {board_arch}'
