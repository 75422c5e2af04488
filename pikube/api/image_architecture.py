"""Pure: which processors an image is for, as a board says it in a container's status and on its Node, and the
scheduler reads it.

Enter: images and architectures, or a text. Leave: the text, or the images and their architectures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ANNOTATION = "pikube.io/image-architectures"
"""Of a Node: its images of which there is no other for other processors, `amd64=NAME,NAME;arm64=NAME`."""

_SAID = re.compile(r'image "([^"]+)" is ([a-z0-9]+), this board is [a-z0-9]+')


def runs_on(image_arch: str, board_arch: str) -> bool:
    """Whether a board runs such an image; 64-bit Arm boards run 32-bit Arm programs."""
    if not image_arch or not board_arch or image_arch == board_arch:
        return True
    return image_arch == "arm" and board_arch == "arm64"


def mismatch_words(image: str, image_arch: str, board_arch: str) -> str:
    """Why an image cannot run on a board."""
    return f'image "{image}" is {image_arch}, this board is {board_arch}'


def read_mismatch(message: str) -> tuple[str, str] | None:
    """(image, its architecture), if the message says what `mismatch_words` says."""
    found = _SAID.search(message)
    return (found[1], found[2]) if found else None


def render_architectures(archs: Mapping[str, str]) -> str:
    """The annotation's text for architectures by name of image."""
    by_arch: dict[str, list[str]] = {}
    for name in sorted(archs):
        by_arch.setdefault(archs[name], []).append(name)
    return ";".join(f"{arch}={','.join(names)}" for arch, names in sorted(by_arch.items()))


def read_architectures(text: str) -> dict[str, str]:
    """Architectures by name of image; what cannot be read says nothing."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        arch, is_said, names = part.partition("=")
        if arch and is_said:
            found.update((name, arch) for name in names.split(",") if name)
    return found
