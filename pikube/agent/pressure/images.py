"""Pure: which images go when the disk is full. Source: kubernetes pkg/kubelet/images/image_gc_manager.go.

Enter: the images, which are in use, when each was last seen in use, how full the disk is. Leave: images to remove.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pikube.agent.runtime.contract import Image


@dataclass(frozen=True, slots=True)
class Collection:
    """When images go: kubelet's imageGCHighThresholdPercent, imageGCLowThresholdPercent, imageMinimumGCAge and
    their defaults. A high of 100 is never (image_gc_manager.go)."""

    high_percent: int = 85
    low_percent: int = 80
    min_age_s: float = 120.0

    def bytes_to_free(self, available: int, capacity: int) -> int:
        """How much must go; 0 while there is room."""
        used = capacity - available
        is_full = capacity > 0 and self.high_percent < 100 and used * 100 >= capacity * self.high_percent
        return max(0, used - capacity * self.low_percent // 100) if is_full else 0


def unused(
    images: Sequence[Image],
    in_use: AbstractSet[str],
    last_used: Mapping[str, float],
    now: float,
    min_age_s: float,
) -> list[Image]:
    """Images that may go, the longest unused first. What was made on this board is in no registry, and stays."""
    free = [
        image
        for image in images
        if image.id not in in_use
        and now - last_used.get(image.id, now) >= min_age_s
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
