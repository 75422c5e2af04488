"""Pure: the recent changes of every resource, bounded. Stores append; watches replay from it, old lists undo it.

Rules:
1. A resource's ring holds every change behind its floor. What lies at or before the floor is forgotten.
2. A ring holds at most `RING_EVENTS`, so that heartbeats do not pile up for ever.
3. All rings together hold at most `HISTORY_BYTES`. When they are full the largest ring gives up its older half:
   a chatty resource costs its own watchers their past, not the others.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile

from pikube.leader.store.contract import Event, EventType, Item, Key

RING_EVENTS = 2_048  # a chunked list of 3,000 pods under 200 changes a second takes seconds: ten are covered
HISTORY_BYTES = 6 * 1024 * 1024  # about 1 % of a board with 512 MB
# Measured beside a pod's JSON: 270 where the replaced item shares key and selectable with the newer, 1,000 else.
EVENT_OVERHEAD_BYTES = 500


class _Ring:
    __slots__ = ("bytes", "events", "floor")

    def __init__(self, floor: int) -> None:
        self.events: deque[Event] = deque()
        self.floor = floor
        self.bytes = 0

    def drop_oldest(self) -> None:
        event = self.events.popleft()
        self.bytes -= _cost(event)
        self.floor = event.item.revision


def _cost(event: Event) -> int:
    """What memory keeps only because of this event: the replaced value, and a deletion's stamped copy."""
    replaced = len(event.previous.value) if event.previous is not None else 0
    gone = len(event.item.value) if event.type is EventType.DELETED else 0
    return EVENT_OVERHEAD_BYTES + replaced + gone


class History:
    """Recent events by resource. Revisions must be appended in growing order."""

    def __init__(
        self, floor: int, *, ring_events: int = RING_EVENTS, history_bytes: int = HISTORY_BYTES
    ) -> None:
        self._floor = floor
        self._ring_events = ring_events
        self._history_bytes = history_bytes
        self._rings: dict[str, _Ring] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return sum(len(ring.events) for ring in self._rings.values())

    @property
    def bytes(self) -> int:
        """Memory held by history alone, estimated."""
        return self._bytes

    def floor(self, resource: str) -> int:
        """The oldest revision that a watch may start after or a list may go back to."""
        ring = self._rings.get(resource)
        return ring.floor if ring is not None else self._floor

    def append(self, event: Event) -> None:
        """Remember a change, and forget old ones where a bound is reached."""
        resource = event.item.key.resource
        ring = self._rings.get(resource)
        if ring is None:
            ring = self._rings[resource] = _Ring(self._floor)
        cost = _cost(event)
        ring.events.append(event)
        ring.bytes += cost
        self._bytes += cost
        if len(ring.events) > self._ring_events:
            self._shrink(ring, self._ring_events)
        while self._bytes > self._history_bytes:
            largest = max(self._rings.values(), key=lambda each: each.bytes)
            self._shrink(largest, len(largest.events) // 2)

    def since(self, resource: str, revision: int) -> list[Event] | None:
        """The changes behind `revision`, oldest first; None if they are forgotten."""
        ring = self._rings.get(resource)
        if revision < self.floor(resource):
            return None
        if ring is None:
            return []
        newest_first = list(takewhile(lambda event: event.item.revision > revision, reversed(ring.events)))
        newest_first.reverse()
        return newest_first

    def undo(self, resource: str, revision: int) -> dict[Key, Item | None] | None:
        """What every key changed since held as of `revision` (None: nothing); None if that is forgotten."""
        events = self.since(resource, revision)
        if events is None:
            return None
        return {event.item.key: event.previous for event in reversed(events)}

    def compact(self, revision: int) -> None:
        """Forget every change at and before `revision`."""
        self._floor = max(self._floor, revision)
        for ring in self._rings.values():
            before = ring.bytes
            while ring.events and ring.events[0].item.revision <= revision:
                ring.drop_oldest()
            self._bytes += ring.bytes - before
            ring.floor = max(ring.floor, revision)

    def _shrink(self, ring: _Ring, events: int) -> None:
        before = ring.bytes
        while len(ring.events) > events:
            ring.drop_oldest()
        self._bytes += ring.bytes - before
