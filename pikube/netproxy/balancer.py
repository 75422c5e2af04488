"""Pure: which backend a connection tries first, and next, and which rest after a refusal.

Enter: the backends of a listener, the client, the time (monotonic). Leaves: backends in the order to try. A
backend that refused rests for a while, each time longer; when its rest is over one connection tries it, and the
others only once that one stands. It is still tried when nothing else is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pikube.netproxy.targets import Backend, Backends

REST_S = 5.0  # long enough to spare clients the attempt, shorter than anybody waits for a pod to come back
MAX_REST_S = 30.0  # of a backend that stays dead, two connections a minute find out
REMEMBERED = 4096  # clients with affinity


class Rest(NamedTuple):
    until: float
    length_s: float
    since: float


class Balancer:
    """One for each listener; it outlives changes of its backends."""

    __slots__ = ("_affinity", "_open", "_random", "_resting")

    def __init__(self, random_index: Callable[[int], int]) -> None:
        self._random = random_index
        self._open: dict[Backend, int] = {}
        self._resting: dict[Backend, Rest] = {}
        self._affinity: dict[str, tuple[Backend, float]] = {}

    def order(self, backends: Backends, client: str, now: float) -> list[Backend]:
        """All targets, the best first: the client's own, then the less busy of two at random."""
        targets = backends.targets
        if len(targets) < 2:
            return list(targets)
        resting = self._resting
        fresh = list(targets)
        if resting:
            fresh = [t for t in targets if t not in resting or resting[t].until <= now] or fresh
        first = self._of_two(fresh)
        if backends.affinity_s:
            first = self._remembered(client, now, fresh) or first
        if first in resting:  # its trial: nobody else's before it has answered
            length_s = resting[first].length_s
            resting[first] = Rest(now + length_s, length_s, now)
        start = targets.index(first)
        rest = [*targets[start + 1 :], *targets[:start]]
        if len(fresh) < len(targets):
            rest.sort(key=lambda t: t not in fresh)
        return [first, *rest]

    def opened(self, backends: Backends, backend: Backend, client: str, now: float) -> None:
        """A connection to it stands."""
        self._open[backend] = self._open.get(backend, 0) + 1
        if self._resting:
            self._resting.pop(backend, None)
        self.remember(backends, backend, client, now)

    def remember(self, backends: Backends, backend: Backend, client: str, now: float) -> None:
        """The client is to come back to it, if the service says so; whether it answers is not known."""
        if backends.affinity_s:
            self._affinity.pop(client, None)
            if len(self._affinity) >= REMEMBERED:
                del self._affinity[next(iter(self._affinity))]
            self._affinity[client] = (backend, now + backends.affinity_s)

    def closed(self, backend: Backend) -> None:
        left = self._open.get(backend, 1) - 1
        if left > 0:
            self._open[backend] = left
        else:
            self._open.pop(backend, None)

    def refused(self, backend: Backend, began: float, now: float) -> None:
        """It did not answer a client that came at `began`: let it rest, longer than last time if it had a rest before
        that. Many clients at once that find it dead are one time."""
        rest = self._resting.get(backend)
        if rest is None:
            self._resting[backend] = Rest(now + REST_S, REST_S, now)
        elif rest.since <= began or rest.until <= now:
            length_s = min(MAX_REST_S, rest.length_s * 2)
            self._resting[backend] = Rest(now + length_s, length_s, now)

    def keep(self, targets: tuple[Backend, ...]) -> None:
        """Forget backends that are no longer targets."""
        for backend in [known for known in self._resting if known not in targets]:
            del self._resting[backend]

    def _remembered(self, client: str, now: float, fresh: list[Backend]) -> Backend | None:
        backend, until = self._affinity.get(client, (None, 0.0))
        return backend if backend in fresh and now < until else None

    def _of_two(self, targets: list[Backend]) -> Backend:
        one = targets[self._random(len(targets))]
        other = targets[self._random(len(targets))]
        return other if self._open.get(other, 0) < self._open.get(one, 0) else one
