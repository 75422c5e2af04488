"""Shell: whose request is next: under load users take turns, however many requests each of them has waiting.

Enter: users. Leave: their turn. The API answers most requests without waiting for anything, so that no limit of
what runs at once could hold back a user with hundreds of busy connections: all of these would be served before the
one request of somebody else. At most BATCH requests begin in one pass of the event loop; the rest queue by user and
are let in one user after the other. Called by the handler, which passes by when nobody waits. Kubernetes has API
Priority and Fairness for this; here all users are one level.
"""

from __future__ import annotations

from collections import deque

import trio

BATCH = 8  # begun in one pass of the event loop: 3 to 10 ms, the most that a newcomer waits before he is seen


class Turns(trio.abc.Instrument):
    """Held by the handler; `run` must run, or everybody waits from the ninth request on."""

    def __init__(self, batch: int = BATCH) -> None:
        self._batch = batch
        self._begun = 0
        self._waiting: dict[str, deque[trio.Event]] = {}  # in the order in which users are served
        self._lot = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    async def take(self, user: str) -> None:
        """Wait for a turn."""
        if self._begun < self._batch and not self._waiting:
            self._begun += 1
            return
        turn = trio.Event()
        queue = self._waiting.setdefault(user, deque())
        queue.append(turn)
        self._lot.unpark()
        try:
            await turn.wait()
        except trio.Cancelled:
            if turn in queue:
                queue.remove(turn)
            raise

    def before_io_wait(self, timeout: float) -> None:
        """A new pass of the event loop."""
        self._begun = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let in those who wait."""
        trio.lowlevel.add_instrument(self)
        try:
            task_status.started()
            while True:
                if not self._waiting:
                    await self._lot.park()
                for _ in range(self._batch):
                    self._let_one_in()
                await trio.lowlevel.checkpoint()
        finally:
            trio.lowlevel.remove_instrument(self)

    def _let_one_in(self) -> None:
        """The first of the next user, who then goes to the end of the line."""
        while self._waiting:
            user = next(iter(self._waiting))
            queue = self._waiting.pop(user)
            if not queue:
                continue  # they have gone
            queue.popleft().set()
            if queue:
                self._waiting[user] = queue
            return
