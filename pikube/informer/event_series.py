"""Pure: keeps a talkative object from drowning the others: similar events become one, and floods are cut.

Enter: what is to be said, with the monotonic time. Leave: what to write and under which key, or None. Called by the
recorder. Source: kubernetes client-go tools/record/events_cache.go (EventAggregator, EventSourceObjectSpamFilter).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

V = TypeVar("V")

SIMILAR_LIMIT = 10  # different messages of one reason about one object …
SIMILAR_WINDOW_S = 600.0  # … within ten minutes: from then on they count as one
BURST = 25  # events about one object at once …
REFILL_S = 300.0  # … and then one in five minutes
REMEMBERED = 1024
COMBINED = "(combined from similar events): "


class Said(NamedTuple):
    component: str
    host: str
    reference: tuple[str, str, str, str, str, str]  # kind, namespace, name, uid, apiVersion, fieldPath
    type: str
    reason: str
    message: str


class Told(NamedTuple):
    """What to write, and the key under which the next of the same kind counts it up."""

    key: Hashable
    message: str


@dataclass(slots=True)
class _Similar:
    since_s: float
    messages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class EventSeries:
    """Remembers the latest `REMEMBERED` kinds of events and objects."""

    def __init__(self) -> None:
        self._similar: OrderedDict[Hashable, _Similar] = OrderedDict()
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def tell(self, said: Said, now_s: float) -> Told | None:
        """None for what is too much."""
        if not self._may_speak((said.component, said.host, said.reference), now_s):
            return None
        kind = said[:5]
        similar = self._similar.get(kind)
        if similar is None or now_s - similar.since_s > SIMILAR_WINDOW_S:
            similar = _Similar(now_s)
        _remember(self._similar, kind, similar)
        if said.message in similar.messages or len(similar.messages) < SIMILAR_LIMIT:
            similar.messages.add(said.message)
            return Told(said, said.message)
        return Told(kind, COMBINED + said.message)

    def _may_speak(self, about: Hashable, now_s: float) -> bool:
        bucket = self._buckets.get(about) or _Bucket(float(BURST), now_s)
        bucket.tokens = min(float(BURST), bucket.tokens + (now_s - bucket.at_s) / REFILL_S)
        bucket.at_s = now_s
        _remember(self._buckets, about, bucket)
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True


def _remember(memory: OrderedDict[Hashable, V], key: Hashable, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
