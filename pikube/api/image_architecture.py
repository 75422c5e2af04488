"""Pure: which processors an image is for, as a board says it in a container's status and the scheduler reads it.

Enter: an image and architectures, or a message. Leave: the message, or the image and its architecture.
"""

from __future__ import annotations

import re

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
