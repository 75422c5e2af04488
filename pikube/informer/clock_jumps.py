"""Shell: a wall clock that is set while the leader runs: whoever waits for an hour of the day looks again.

Enter: both clocks. Leave: calls of those who wait. Waiting goes by Trio's clock, and what is waited for may be a
date (a CronJob's next time, a Job's time to live): a board without a battery clock learns the date minutes after it
began to wait. Run by `pikube.informer.loop.run_loops`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import trio

log = logging.getLogger("pikube.clock")

LOOK_S = 10.0
JUMP_S = 2.0  # NTP slews by half a millisecond a second; what is more than this was set


async def watch_clock(wall_clock: Callable[[], float], tell: Iterable[Callable[[], None]]) -> None:
    """Never returns. A clock that stood still with the board (suspend) has jumped too."""
    told = tuple(tell)
    offset_s = wall_clock() - trio.current_time()
    while True:
        await trio.sleep(LOOK_S)
        before_s, offset_s = offset_s, wall_clock() - trio.current_time()
        if abs(offset_s - before_s) > JUMP_S:
            log.warning("event=clock_set by_s=%.1f", offset_s - before_s)
            for call in told:
                call()
