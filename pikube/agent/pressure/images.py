"""Pure: which images go when the disk is full. Source: kubernetes pkg/kubelet/images/image_gc_manager.go.

Enter: the images, which are in use, when each was last seen in use, how full the disk is. Leave: images to remove.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from pikube.agent.runtime.contract import Image

HIGH_SHARE, LOW_SHARE = 0.85, 0.80  # kubelet's imageGCHighThresholdPercent and imageGCLowThresholdPercent
MIN_AGE_S = 120.0  # kubelet's imageMinimumGCAge


def bytes_to_free(available: int, capacity: int) -> int:
    """How much must go; 0 while there is room."""
    used = capacity - available
    return int(used - capacity * LOW_SHARE) if capacity and used >= capacity * HIGH_SHARE else 0


def unused(
    images: Sequence[Image], in_use: AbstractSet[str], last_used: Mapping[str, float], now: float
) -> list[Image]:
    """Images that may go, the longest unused first. What was made on this board is in no registry, and stays."""
    free = [
        image
        for image in images
        if image.id not in in_use
        and now - last_used.get(image.id, now) >= MIN_AGE_S
        and not any(name.startswith("localhost/") for name in image.names)
    ]
    return sorted(free, key=lambda image: last_used.get(image.id, 0.0))


def chosen(free: Sequence[Image], wanted_bytes: int) -> list[Image]:
    """As many of the unused as it takes."""
    picked: list[Image] = []
    for image in free:
        if sum(one.size_bytes for one in picked) >= wanted_bytes:
            break
        picked.append(image)
    return picked
