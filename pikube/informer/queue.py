"""Shell: the work queue of a controller: keys, each at most once, with back-off in Trio's time.

Enter: `add` (now), `add_after` (later), `retry` (later, doubling). Leaves: `get`, one key at a time, never
the same key to two workers at once. The shape of client-go's workqueue: what matters are keys, not events.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import trio

Q = TypeVar("Q")

BASE_RETRY_S = 0.005  # client-go DefaultControllerRateLimiter: 5 ms doubling …
RESTS = 256  # rests that nobody asked about since are forgotten beyond so many
MAX_RETRY_S = 60.0  # … to far less than its 1000 s: a board that comes back should not be ignored for long


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    waiting: int
    delayed: int
    processing: int
    retrying: int
    adds: int = 0  # since start, as the next
    retries: int = 0


class WorkQueue(Generic[Q]):
    """One controller's keys. All methods but `get` and `run` are synchronous and cheap."""

    def __init__(self) -> None:
        self._ready: deque[Q] = deque()
        self._known: set[Q] = set()  # in _ready, or asked for again while being processed
        self._processing: set[Q] = set()
        self._delayed: list[tuple[float, int, Q]] = []
        self._due: dict[Q, float] = {}  # the earliest wanted time of each delayed key
        self._count = 0
        self._failures: dict[Q, int] = {}
        self._rests: dict[Q, float] = {}  # until when a key that is dear is not handed out again
        self._adds = 0
        self._retries = 0
        self._idle = trio.lowlevel.ParkingLot()  # workers that wait; each key wakes one
        self._timer_moved = trio.Event()

    def add(self, key: Q) -> None:
        """Ask for `key` now. A key being processed is handed out again when it is done."""
        if key in self._known:
            return
        if self._rests and (rest_s := self._rests.pop(key, 0.0) - trio.current_time()) > 0:
            self._rests[key] = trio.current_time() + rest_s
            self.add_after(key, rest_s)
            return
        self._known.add(key)
        self._adds += 1
        if key not in self._processing:
            self._hand_out(key)

    def add_after(self, key: Q, delay_s: float) -> None:
        """Ask for `key` in `delay_s` seconds; of several wishes the earliest counts."""
        if delay_s <= 0:
            self.add(key)
            return
        due = trio.current_time() + delay_s
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._delayed, (due, self._count, key))
        if self._delayed[0][0] == due:
            self._timer_moved.set()

    def hurry(self) -> None:
        """Hand out now what was to come later: the time it was to wait for may be another."""
        for key in list(self._due):
            del self._due[key]
            self._rests.pop(key, None)
            self.add(key)

    def retry(self, key: Q) -> float:
        """Ask again after a failure, with doubling delay; returns the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._retries += 1
        delay_s = min(MAX_RETRY_S, BASE_RETRY_S * 2.0 ** min(failures, 30))
        self.add_after(key, delay_s)
        return delay_s

    def rest(self, key: Q, seconds: float) -> None:
        """What is asked for of `key` meanwhile comes together when the time is over."""
        now = trio.current_time()
        if len(self._rests) >= RESTS:
            self._rests = {other: until for other, until in self._rests.items() if until > now}
        self._rests[key] = now + seconds

    def forget(self, key: Q) -> None:
        """The key succeeded: its back-off starts anew next time."""
        self._failures.pop(key, None)

    async def get(self) -> Q:
        """The next key; the caller owns it until `done`."""
        await trio.lowlevel.checkpoint()  # a long queue of quick keys must not starve the other tasks
        while not self._ready:
            await self._idle.park()
        key = self._ready.popleft()
        self._known.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: Q) -> None:
        """Give the key back."""
        self._processing.discard(key)
        if key in self._known:
            self._hand_out(key)

    async def run(self) -> None:
        """Moves delayed keys over when their time has come; sleeps exactly until then."""
        while True:
            self._timer_moved = trio.Event()
            deadline = self._delayed[0][0] if self._delayed else float("inf")
            with trio.move_on_at(deadline):
                await self._timer_moved.wait()
            self._move_due(trio.current_time())

    def statistics(self) -> QueueStatistics:
        return QueueStatistics(
            len(self._ready), len(self._due), len(self._processing), len(self._failures), self._adds,
            self._retries,
        )  # fmt: skip

    def _hand_out(self, key: Q) -> None:
        self._ready.append(key)
        self._idle.unpark()

    def _move_due(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._rests.pop(key, None)
                self.add(key)
