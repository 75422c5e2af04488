"""Shell: ends Podman's service when it is stuck: containers do not depend on it, and a new one heals most of it.

Enter: how long calls have waited, whether the service answers at all. Leave: the end of the service, and words for an
event. An idle service is never asked, because the question would wake it. Called by whoever started the service.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import trio

log = logging.getLogger("pikube.podman")

LOOK_S = 5.0
SUSPECT_S = 10.0  # a call that waits longer raises the question whether anybody is there
SILENT_S = 30.0  # a ping takes no lock and no disk: unanswered for so long, nobody is
ABANDON_S = (
    240.0  # a call that waits longer than any start was seen to take (podman#11618) waits for a lost lock
)


class Overseen(Protocol):
    """What Podman's client tells of its service."""

    def waiting_s(self) -> float:
        """How long the oldest call has waited; 0 if none does."""

    async def answers(self) -> bool:
        """Whether a ping is answered within its deadline."""

    def was_restarted(self, words: str) -> None:
        """Told when the service was ended."""


async def watch_over(podman: Overseen, end_service: Callable[[], None]) -> None:
    """For ever."""
    while True:
        await trio.sleep(LOOK_S)
        words = await find_stuck(podman)
        if words:
            log.warning("event=podman_stuck why=%r", words)
            end_service()
            podman.was_restarted(f"{words}: its service was ended and starts anew; containers run on")
            await trio.sleep(SILENT_S)  # what waited fails now, or is answered by the next service


async def find_stuck(podman: Overseen) -> str:
    """What is wrong, in words; '' when nothing is."""
    waiting_s = podman.waiting_s()
    if waiting_s > ABANDON_S:
        return f"a call to podman was not answered for {waiting_s:.0f}s"
    if waiting_s <= SUSPECT_S:
        return ""
    since = trio.current_time()
    while not await podman.answers():
        silent_s = trio.current_time() - since
        if silent_s >= SILENT_S:
            return f"podman has not answered for {waiting_s + silent_s:.0f}s"
    return ""
