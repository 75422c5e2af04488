"""Shell: which images a board has, for Node.status.images: the scheduler likes boards that need not pull; and whom
they are for, so that it puts none on a board that cannot run it.

Enter: a sign that something was pulled. Leave: the list and the annotation, asked of Podman when they may have
changed. Run by the node. Source: kubernetes pkg/kubelet/nodestatus/setters.go:Images.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import trio

from pikube.agent.runtime.contract import Image, Runtime, RuntimeFailure
from pikube.api.image_architecture import render_architectures
from pikube.api.kinds.core_node import ContainerImage

log = logging.getLogger("pikube.images")

MOST_IMAGES = 50  # kubelet --node-status-max-images
MOST_NAMES = 5  # kubelet setters.go:MaxNamesPerImageInNodeStatus
LOOK_AGAIN_S = 600.0  # others remove images too


class NodeImages:
    """`latest` is the list of the last look, `architectures` what the Node's annotation says of it; both count only
    once they are known."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._due = trio.Event()
        self._known: dict[str, str] = {}  # by id: an image's architecture never changes
        self.latest: tuple[ContainerImage, ...] = ()
        self.architectures = ""
        self.is_known = False

    def note(self) -> None:
        """Something was pulled."""
        self._due.set()

    async def run(self, changed: Callable[[], None]) -> None:
        """Look when there is reason to, for ever: beside the node's reports, which must not wait for a Podman that is
        stuck. `changed` is called when there is something new to tell."""
        while True:
            self._due = trio.Event()
            before = self.latest, self.architectures, self.is_known
            await self.refresh()
            if before != (self.latest, self.architectures, self.is_known):
                changed()
            with trio.move_on_after(LOOK_AGAIN_S):
                await self._due.wait()

    async def refresh(self) -> None:
        """Look now; a Podman that does not answer leaves the list as it is."""
        try:
            images, _ = await self._runtime.images()
            told = largest(images)
            archs = await self._archs([image for image in told if not image.is_of_a_list])
        except RuntimeFailure as failure:
            log.debug("event=images_not_listed why=%r", failure.message)
            return
        self.latest = listed(told)
        self.architectures = render_architectures(archs)
        self.is_known = True

    async def _archs(self, alone: Iterable[Image]) -> dict[str, str]:
        """Whom those images are for, by name. Podman's list does not say it: each is asked for once."""
        found: dict[str, str] = {}
        known: dict[str, str] = {}
        for image in alone:
            arch = self._known.get(image.id)
            if arch is None:
                full = await self._runtime.find_image(f"sha256:{image.id.removeprefix('sha256:')}")
                arch = full.architecture if full is not None else ""
            known[image.id] = arch
            if arch:
                found.update(dict.fromkeys(image.names, arch))
        self._known = known
        return found


def largest(images: Iterable[Image]) -> list[Image]:
    """Those with a name that a Node tells of."""
    named = [image for image in images if image.names]
    named.sort(key=lambda image: (-image.size_bytes, image.names))
    return named[:MOST_IMAGES]


def listed(images: Iterable[Image]) -> tuple[ContainerImage, ...]:
    """As a Node tells them."""
    return tuple(ContainerImage(names=_names(image), size_bytes=image.size_bytes) for image in images)


def _names(image: Image) -> tuple[str, ...]:
    digests = (image.repo_digest,) if image.repo_digest else ()
    return (*digests, *image.names)[:MOST_NAMES]
