"""Shell: hands committed events to watchers, each with a bounded queue. The stores publish, watchers iterate.

Watchers are found by (resource, namespace), so those of other resources cost a write nothing. Watchers of one
place share one list per commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType

import trio

from pikube.api.errors import Expired
from pikube.leader.store.contract import Event, Interest
from pikube.leader.store.history import History

# A watcher may be this far behind. Enough for several full commits, little enough that a stuck client does not
# take a board's memory. One batch is always accepted.
QUEUE_EVENTS = 2_048
QUEUE_BYTES = 4 * 1024 * 1024

Place = tuple[str, str | None]


class HubWatch:
    """One watcher: an async context manager and the async iterator it gives (contract `Watch`)."""

    __slots__ = (
        "_after", "_bytes", "_count", "_hub", "_interest", "_is_closed", "_is_expired", "_lot", "_queue", "place",
    )  # fmt: skip

    def __init__(self, hub: Hub, place: Place, after_revision: int, interest: Interest | None) -> None:
        self._hub = hub
        self.place = place
        self._after = after_revision
        self._interest = interest
        self._queue: deque[list[Event]] = deque()
        self._count = 0
        self._bytes = 0
        self._is_expired = False
        self._is_closed = False
        self._lot = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        state = "expired" if self._is_expired else "closed" if self._is_closed else "open"
        return f"<HubWatch {self.place} {state}, {self._count} events waiting>"

    async def __aenter__(self) -> HubWatch:
        await trio.lowlevel.checkpoint()
        self._hub.add(self, self._after)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hub.remove(self)
        self._queue.clear()

    def __aiter__(self) -> HubWatch:
        return self

    async def __anext__(self) -> list[Event]:
        if self._queue:
            await trio.lowlevel.checkpoint()
        while not self._queue:
            if self._is_expired:
                raise Expired.watch(self._after, self._hub.floor(self.place[0]))
            if self._is_closed:
                raise StopAsyncIteration
            await self._lot.park()
        batch = self._queue.popleft() if len(self._queue) == 1 else [e for part in self._queue for e in part]
        self._queue.clear()
        self._count = self._bytes = 0
        self._after = batch[-1].item.revision
        return batch

    @property
    def revision(self) -> int:
        """Everything up to this revision has been handed out."""
        if self._is_expired:
            return self._after
        return self._queue[0][0].item.revision - 1 if self._queue else self._hub.revision()

    def offer_nowait(self, batch: list[Event], size_bytes: int) -> bool:
        """Queue a batch; False if the watcher is now too far behind and will get Expired."""
        if self._interest is not None:
            batch = list(filter(self._interest, batch))
            if not batch:
                return True
            size_bytes = _size_bytes(batch)
        if self._queue and (
            self._count + len(batch) > QUEUE_EVENTS or self._bytes + size_bytes > QUEUE_BYTES
        ):
            self._is_expired = True
            self._queue.clear()
        else:
            self._queue.append(batch)
            self._count += len(batch)
            self._bytes += size_bytes
        self._lot.unpark_all()
        return not self._is_expired

    def close_nowait(self) -> None:
        """End the iteration behind what is queued."""
        self._is_closed = True
        self._lot.unpark_all()


class Hub:
    """All watchers of a store."""

    def __init__(self, history: History, revision: Callable[[], int]) -> None:
        self._history = history
        self.revision = revision
        self._watches: dict[Place, dict[HubWatch, None]] = {}
        self._is_closed = False
        self.expired = 0

    def __len__(self) -> int:
        return sum(map(len, self._watches.values()))

    def floor(self, resource: str) -> int:
        """The oldest revision that a watch of the resource may start after."""
        return self._history.floor(resource)

    def watch(
        self, resource: str, namespace: str | None, after_revision: int, interest: Interest | None
    ) -> HubWatch:
        """A watch that begins when it is entered."""
        return HubWatch(self, (resource, namespace), after_revision, interest)

    def add(self, watch: HubWatch, after_revision: int) -> None:
        """Replay history into the watch and follow from there. Raises Expired."""
        resource, namespace = watch.place
        events = self._history.since(resource, after_revision)
        if after_revision > self.revision():
            raise Expired.future_watch(after_revision, self.revision())
        if events is None:
            raise Expired.watch(after_revision, self.floor(resource))
        if namespace is not None:
            events = [event for event in events if event.item.key.namespace == namespace]
        if events:
            watch.offer_nowait(events, _size_bytes(events))
        if self._is_closed:
            watch.close_nowait()
        else:
            self._watches.setdefault(watch.place, {})[watch] = None

    def remove(self, watch: HubWatch) -> None:
        """Stop following; harmless if it has stopped already."""
        watches = self._watches.get(watch.place, {})
        watches.pop(watch, None)
        if not watches:
            self._watches.pop(watch.place, None)

    def publish(self, events: Iterable[Event]) -> None:
        """Give one commit's events, in order, to whoever watches their places."""
        batches: dict[Place, list[Event]] = {}
        for event in events:
            resource, namespace, _ = event.item.key
            places: tuple[Place, Place] = ((resource, None), (resource, namespace))
            for place in places:
                if place in self._watches:
                    batches.setdefault(place, []).append(event)
        for place, batch in batches.items():
            size_bytes = _size_bytes(batch)
            for watch in tuple(self._watches[place]):
                if not watch.offer_nowait(batch, size_bytes):
                    self.expired += 1
                    self.remove(watch)

    def end(self, resource: str) -> None:
        """End the watches of one resource behind what they have queued."""
        for place in [place for place in self._watches if place[0] == resource]:
            for watch in self._watches.pop(place):
                watch.close_nowait()

    def close(self) -> None:
        """End every watch behind what it has queued."""
        self._is_closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.close_nowait()
        self._watches.clear()


def _size_bytes(events: list[Event]) -> int:
    return sum(len(event.item.value) for event in events)
