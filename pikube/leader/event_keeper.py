"""Shell: Events go after an hour, and the oldest before that when there are too many.

Enter: the store's Events by watch; only their keys are remembered. Leave: deletions. An Event's age counts from its
last change by Trio's clock, so that a wall clock that jumps neither keeps it for years nor takes all away at once.
Run by run.py.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

import trio

from pikube.api.errors import ApiError, Expired, NotFound
from pikube.api.kinds.core_config import Event
from pikube.leader.store.contract import EventType, Key, Store

log = logging.getLogger("pikube.events")

LIFE_S = 3600.0  # kube-apiserver --event-ttl
LIMIT = 2000  # about two megabytes; a cluster of three boards makes some hundreds in an hour


class EventKeeper:
    """`life_s` and `limit` are what an Event may reach."""

    def __init__(self, store: Store, *, life_s: float = LIFE_S, limit: int = LIMIT) -> None:
        self._store = store
        self._life_s = life_s
        self._limit = limit
        self._seen: OrderedDict[Key, float] = OrderedDict()  # the least recently changed first
        self._wake = trio.Event()

    def __len__(self) -> int:
        return len(self._seen)

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            await self._remove_in_time()

    async def _follow(self) -> None:
        resource = Event.names.resource
        while True:
            snapshot = self._store.list(resource)
            known = {item.key for item in snapshot.items}
            for key in [key for key in self._seen if key not in known]:
                del self._seen[key]
            for item in snapshot.items:
                if item.key not in self._seen:
                    self._note(item.key)
            try:
                async with self._store.watch(resource, after_revision=snapshot.revision) as changes:
                    async for batch in changes:
                        for change in batch:
                            if change.type is EventType.DELETED:
                                self._seen.pop(change.item.key, None)
                            else:
                                self._note(change.item.key)
            except Expired:
                continue
            return  # the store is closing

    def _note(self, key: Key) -> None:
        self._seen[key] = trio.current_time()
        self._seen.move_to_end(key)
        if len(self._seen) == 1 or len(self._seen) > self._limit:
            self._wake.set()

    async def _remove_in_time(self) -> None:
        while True:
            self._wake = trio.Event()
            while self._seen and (len(self._seen) > self._limit or self._due() <= trio.current_time()):
                await self._remove(next(iter(self._seen)))
            with trio.move_on_at(self._due()):
                await self._wake.wait()

    def _due(self) -> float:
        return next(iter(self._seen.values())) + self._life_s if self._seen else float("inf")

    async def _remove(self, key: Key) -> None:
        self._seen.pop(key, None)
        try:
            await self._store.delete(key)
        except NotFound:
            return
        except ApiError as error:
            log.warning("event=event_not_removed key=%s why=%r", key, error.message)
