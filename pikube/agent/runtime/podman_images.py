"""Shell: the images of a board's Podman: looked up, listed, pulled, removed.

Enter: references, credentials. Leave: Image values, or an ImageFailure in the words of kubelet's events.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

from pikube.agent.runtime.calls import API, PodmanCalls, words_of
from pikube.agent.runtime.contract import Image, ImageFailure, Progress, no_progress
from pikube.agent.runtime.images import (
    BadReference,
    auth_header,
    candidates,
    is_on_this_board,
    normalized,
    pull_words,
)
from pikube.agent.runtime.specs import read_image, read_listed_image
from pikube.wire.unix_http import UnixHttpError, UnixResponse, open_request


class PodmanImages(PodmanCalls):
    """The part of contract.Runtime that is about images."""

    async def find_image(self, reference: str) -> Image | None:
        try:
            names = [reference] if reference.startswith("sha256:") else candidates(reference)
        except BadReference as error:
            raise ImageFailure(
                f'Failed to apply default image tag "{reference}": {error}', "InvalidImageName"
            ) from None
        for name in names:
            document = await self._ask("GET", f"/images/{quote(name, safe='')}/json", accepted=(404,))
            if document is not None:
                return read_image(document)
        return None

    async def images(self) -> tuple[list[Image], frozenset[str]]:
        listed = await self._ask("GET", "/images/json", query={"all": "false"})
        containers = await self._ask("GET", "/containers/json", query={"all": "true"})  # anybody's
        used = frozenset(c.get("ImageID", "") for c in containers or ())
        return [read_listed_image(image) for image in listed or ()], used

    async def remove_image(self, image_id: str) -> None:
        """An image with several names loses them one after the other: by its id Podman does not remove it (forced,
        it removes everybody's containers, too)."""
        images, used = await self.images()
        if image_id in used:
            return
        names = next((image.names for image in images if image.id == image_id), ())
        for name in names[1:]:
            await self._ask("DELETE", f"/images/{quote(name, safe='')}", accepted=(404, 409))
        await self._ask("DELETE", f"/images/{image_id}", accepted=(404, 409))

    async def pull_image(
        self, reference: str, credential: tuple[str, str] | None = None, progress: Progress = no_progress
    ) -> Image:
        name = normalized(reference)
        query = {"reference": name}
        if is_on_this_board(name):
            query["tlsVerify"] = "false"  # as docker does: nobody listens in between
        extra = [("X-Registry-Auth", auth_header(*credential))] if credential else []
        target, error = f"{API}/images/pull?{urlencode(query)}", ""
        try:
            async with open_request(self.socket_path, "POST", target, extra=extra) as response:
                if response.status >= 400:
                    raise ImageFailure(pull_words(name, words_of(await response.read())), "ErrImagePull")
                async for line in _lines(response):
                    report = json.loads(line)
                    error = report.get("error") or error
                    progress(str(report.get("stream") or "").strip())
        except (OSError, UnixHttpError) as lost:
            raise ImageFailure(f"podman does not answer: {lost}", "ErrImagePull") from lost
        if error:
            raise ImageFailure(pull_words(name, error), "ErrImagePull")
        image = await self.find_image(reference)
        if image is None:
            raise ImageFailure(f'image "{name}" was pulled and is not there', "ErrImagePull")
        return image


async def _lines(response: UnixResponse) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in response.chunks():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest
