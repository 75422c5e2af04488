"""Shell: what time it is on a board that has no clock to rely on.

A board without a clock wakes up where it stopped, or in 1970, or (a wrong NTP server) years ahead. The leader is
never earlier than what it has written (`floor`); the others go by what the leader told them over a connection that
only the leader can answer. The system's clock is never set. Enter: clocks, floors. Leaves: seconds since 1970.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import trio

FARTHEST_FLOOR = 4_102_444_800.0  # 2100: a file from then is damage, not a clock


class BoardClock:
    """Callable like time.time."""

    def __init__(
        self,
        floor: float = 0.0,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self.floor = floor if floor < FARTHEST_FLOOR else 0.0
        self._wall = wall
        self._monotonic = monotonic
        self._offset: float | None = None

    def __call__(self) -> float:
        """Now, as well as it is known."""
        if self._offset is not None:
            return max(self._monotonic() + self._offset, self.floor)
        return max(self._wall(), self.floor)

    def learn(self, now: float) -> None:
        """Somebody who is trusted says what time it is."""
        self._offset = now - self._monotonic()


def last_write(paths: Iterable[Path]) -> float:
    """When the newest of these files was written, by the clock of then; 0 for none."""
    found = 0.0
    for path in paths:
        try:
            found = max(found, path.stat().st_mtime)
        except OSError:
            continue
    return found
