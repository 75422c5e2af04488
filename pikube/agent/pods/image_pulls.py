"""Shell: an image for a container, by its pull policy: found on the board or pulled, with what is said about it.

Enter: a pod, a container, credentials. Leave: the image, or an ImageFailure in kubelet's words. Two pods that
want the same image pull it once; of different ones no more than so many are pulled at once. Source: kubernetes
pkg/kubelet/images/image_manager.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from pikube.agent.runtime.contract import Image, ImageFailure, Runtime, RuntimeFailure
from pikube.agent.runtime.images import architecture_problem, matching_credentials, normalized

TOLD_AFTER_S = 30.0  # a pull that takes longer says what it is doing, and again after twice that time

Say = Callable[[str, str, str], None]
"""(event type, reason, message)"""
Pulling = Callable[[trio.CancelScope], None]
"""Told that a pull begins, and by what it is given up."""


class ImagePulls:
    """One a board."""

    def __init__(
        self, runtime: Runtime, architecture: str, *, at_once: int, pulled: Callable[[], None] = lambda: None
    ) -> None:
        self._runtime = runtime
        self._pulled = pulled
        self._architecture = architecture
        self._locks: dict[str, trio.Lock] = {}
        self._turns = trio.CapacityLimiter(at_once)

    async def ensure(
        self,
        container: Any,
        credentials: Callable[[], Sequence[tuple[str, str]]],
        say: Say,
        pulling: Pulling,
        *,
        found: Image | None = None,
    ) -> Image:
        """The image of a container; `found` is what a look of a moment ago found. Raises ImageFailure, also when a
        pull is given up."""
        reference, policy = container.image, container.image_pull_policy
        image = found or await self._find(reference, say)
        if image is None and policy == "Never":
            words = f'Container image "{reference}" is not present with pull policy of Never'
            say("Warning", "ErrImageNeverPull", words)
            raise ImageFailure(words, "ErrImageNeverPull")
        if image is None or (policy == "Always" and not _is_made_here(reference, image)):
            image = None
            with trio.CancelScope() as scope:
                pulling(scope)
                image = await self._pull(reference, policy, credentials(), say)
            if image is None:
                raise ImageFailure(f'failed to pull image "{reference}": context canceled', "ErrImagePull")
        else:
            words = f'Container image "{reference}" already present on machine'
            say("Normal", "Pulled", words)
        problem = architecture_problem(reference, image.architecture, self._architecture)
        if problem:
            raise ImageFailure(problem, "ErrImagePull")
        return image

    async def _find(self, reference: str, say: Say) -> Image | None:
        try:
            return await self._runtime.find_image(reference)
        except ImageFailure as failure:
            say("Warning", "InspectFailed", failure.message)
            raise

    async def _pull(self, reference: str, policy: str, known: Sequence[tuple[str, str]], say: Say) -> Image:
        say("Normal", "Pulling", f'Pulling image "{reference}"')
        began_at = trio.current_time()
        async with self._alone(reference), self._turns:
            waited_s = trio.current_time() - began_at
            found = await self._runtime.find_image(reference) if policy != "Always" and waited_s > 0 else None
            image = found or await self._pull_with_any(reference, known, say)
        self._pulled()
        total_s = trio.current_time() - began_at
        say(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{reference}" in {total_s - waited_s:.3f}s '
            f"({total_s:.3f}s including waiting). Image size: {image.size_bytes} bytes.",
        )
        return image

    async def _pull_with_any(self, reference: str, known: Sequence[tuple[str, str]], say: Say) -> Image:
        """With each credential that fits, the most special first; without any if none fits."""
        tries: list[tuple[str, str] | None] = [*matching_credentials(normalized(reference), known)]
        failure: ImageFailure | None = None
        for credential in tries or [None]:
            try:
                return await self._pull_and_tell(reference, credential, say)
            except ImageFailure as failed:
                failure = failed
        assert failure is not None
        raise failure

    async def _pull_and_tell(self, reference: str, credential: tuple[str, str] | None, say: Say) -> Image:
        doing = ""

        def progress(words: str) -> None:
            nonlocal doing
            doing = words or doing

        async def tell() -> None:
            began_at, wait_s = trio.current_time(), TOLD_AFTER_S
            while True:
                await trio.sleep(wait_s)
                passed_s = trio.current_time() - began_at
                say("Normal", "Pulling", f'Still pulling image "{reference}" after {passed_s:.0f}s: {doing}')
                wait_s *= 2

        failure: RuntimeFailure | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            try:
                image = await self._runtime.pull_image(reference, credential, progress)
            except RuntimeFailure as failed:
                failure = failed
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return image

    @asynccontextmanager
    async def _alone(self, reference: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(reference, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.statistics().tasks_waiting:
                self._locks.pop(reference, None)


def _is_made_here(reference: str, image: Image) -> bool:
    """Whether the reference means an image that was made on the board: no registry has it. The same image may have a
    registry's name, too."""
    full = normalized(reference)
    return full.startswith("localhost/") or (
        full not in image.names and any(name.startswith("localhost/") for name in image.names)
    )
