"""Pure: how long the next pod of a set waits whose last one in the same place failed: 1 s, doubling, up to a bound.

Enter: failures as they are answered, on a monotonic clock. Leaves: what the controllers of DaemonSets and of
StatefulSets remember. Another generation begins anew. Source: kubernetes pkg/controller/daemon/daemon_controller.go
(failedPodsBackoff), client-go util/flowcontrol/backoff.go. Upstream's StatefulSets have no such wait: there the
clients' limit of requests holds them back; here a board answers at once, and every try would be written to the card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from pikube.api.kinds.meta import Object

FIRST_S, MAX_S = 1.0, 15 * 60.0


class Failure(NamedTuple):
    """The last one in a place: when its pod was taken away, and how long the next failed one stays."""

    place: str
    at: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class Failures:
    """By place (a node, the name of a pod), for one generation of one set."""

    uid: str = ""
    generation: int = 0
    places: tuple[Failure, ...] = ()

    def of(self, owner: Object, at: float, max_s: float = MAX_S) -> Failures:
        """What still counts for the set as it is now: a place that went for twice the bound without a failure is
        trusted again."""
        meta = owner.metadata
        if (self.uid, self.generation) != (meta.uid, meta.generation):
            return Failures(meta.uid, meta.generation)
        return replace(self, places=tuple(f for f in self.places if at - f.at <= 2 * max_s))

    def left_s(self, place: str, at: float) -> float:
        """For how many more seconds a failed pod of the place stays."""
        return max((f.at + f.wait_s - at for f in self.places if f.place == place), default=0.0)

    def and_one_of(self, place: str, at: float, max_s: float = MAX_S) -> Failures:
        """A failed pod of the place is taken away now."""
        before = next((f.wait_s for f in self.places if f.place == place), 0.0)
        others = tuple(f for f in self.places if f.place != place)
        one = Failure(place, at, min(max_s, 2 * before) or FIRST_S)
        return replace(self, places=tuple(sorted((*others, one))))
