"""Shell: so many at once and no more, first come, first served; one that takes very long does not keep the others.

Enter: whoever wants to begin. Leave: a turn. Used for starts: more of them at once only queue up on a card, but one
that hangs (a share that is away, a lost lock) must not keep the board's other pods from starting.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Turns:
    """`count` at once; who has had his turn for `patience_s` is not counted any more."""

    def __init__(self, count: int, patience_s: float) -> None:
        self._count = count
        self._patience_s = patience_s
        self._began_at: dict[int, float] = {}
        self._numbers = itertools.count()
        self._door = trio.Lock()
        self._moved = trio.Event()

    def __repr__(self) -> str:
        return f"<Turns {len(self._began_at)} of {self._count}>"

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        number = next(self._numbers)
        async with self._door:
            await self._wait_for_room()
            self._began_at[number] = trio.current_time()
        try:
            yield
        finally:
            del self._began_at[number]
            self._moved.set()
            self._moved = trio.Event()

    async def _wait_for_room(self) -> None:
        while True:
            now = trio.current_time()
            counted = [at for at in self._began_at.values() if at + self._patience_s > now]
            if len(counted) < self._count:
                return
            with trio.move_on_at(min(counted) + self._patience_s):
                await self._moved.wait()
