"""Shell: which images a board has, for Node.status.images: the scheduler likes boards that need not pull.

Enter: a sign that something was pulled. Leaves: the list, asked of Podman when it may have changed. Called by the
node's report. Source: kubernetes pkg/kubelet/nodestatus/setters.go:Images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import trio

from pikube.agent.runtime.contract import Image, Runtime, RuntimeFailure
from pikube.api.kinds.core_node import ContainerImage

log = logging.getLogger("pikube.images")

MOST_IMAGES = 50  # kubelet --node-status-max-images
MOST_NAMES = 5  # kubelet setters.go:MaxNamesPerImageInNodeStatus
LOOK_AGAIN_S = 600.0  # others remove images too


class NodeImages:
    """`latest` is the list of the last look."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._look_at = 0.0
        self.latest: tuple[ContainerImage, ...] = ()

    def note(self) -> None:
        """Something was pulled."""
        self._look_at = 0.0

    async def refresh(self) -> None:
        """Look if there is reason to; a Podman that does not answer leaves the list as it is."""
        if trio.current_time() < self._look_at:
            return
        self._look_at = trio.current_time() + LOOK_AGAIN_S
        try:
            images, _ = await self._runtime.images()
            self.latest = listed(images)
        except RuntimeFailure as failure:
            log.debug("event=images_not_listed why=%r", failure.message)


def listed(images: Iterable[Image]) -> tuple[ContainerImage, ...]:
    """The largest images that have a name, as a Node tells them."""
    named = [image for image in images if image.names]
    named.sort(key=lambda image: (-image.size_bytes, image.names))
    return tuple(
        ContainerImage(names=_names(image), size_bytes=image.size_bytes) for image in named[:MOST_IMAGES]
    )


def _names(image: Image) -> tuple[str, ...]:
    digests = (image.repo_digest,) if image.repo_digest else ()
    return (*digests, *image.names)[:MOST_NAMES]
