"""Pure: which backend a connection tries first, and next, and which rest after a refusal.

Enter: the backends of a listener, the client, the time (Trio's). Leaves: backends in the order to try. A
backend that refused rests for a while, but is still tried when nothing else is left.
"""

from __future__ import annotations

from collections.abc import Callable

from pikube.netproxy.table import Backend, Backends

REST_S = 5.0  # long enough to spare clients the attempt, shorter than anybody waits for a pod to come back
REMEMBERED = 4096  # clients with affinity


class Balancer:
    """One for each listener; it outlives changes of its backends."""

    def __init__(self, random_index: Callable[[int], int]) -> None:
        self._random = random_index
        self._open: dict[Backend, int] = {}
        self._resting: dict[Backend, float] = {}
        self._affinity: dict[str, tuple[Backend, float]] = {}

    def order(self, backends: Backends, client: str, now: float) -> list[Backend]:
        """All targets, the best first: the client's own, then the less busy of two at random."""
        targets = list(backends.targets)
        if not targets:
            return []
        fresh = [t for t in targets if self._resting.get(t, 0.0) <= now] or targets
        first = self._remembered(backends, client, now, fresh) or self._of_two(fresh)
        start = targets.index(first)
        rest = targets[start + 1 :] + targets[:start]
        return [first, *sorted(rest, key=lambda t: t not in fresh)]

    def opened(self, backends: Backends, backend: Backend, client: str, now: float) -> None:
        """A connection to it stands."""
        self._open[backend] = self._open.get(backend, 0) + 1
        self._resting.pop(backend, None)
        if backends.affinity_s:
            if len(self._affinity) >= REMEMBERED:
                del self._affinity[next(iter(self._affinity))]
            self._affinity[client] = (backend, now + backends.affinity_s)

    def closed(self, backend: Backend) -> None:
        left = self._open.get(backend, 1) - 1
        if left > 0:
            self._open[backend] = left
        else:
            self._open.pop(backend, None)

    def refused(self, backend: Backend, now: float) -> None:
        """It did not answer: let it rest."""
        self._resting[backend] = now + REST_S

    def _remembered(
        self, backends: Backends, client: str, now: float, fresh: list[Backend]
    ) -> Backend | None:
        if not backends.affinity_s:
            return None
        backend, until = self._affinity.get(client, (None, 0.0))
        return backend if backend in fresh and now < until else None

    def _of_two(self, targets: list[Backend]) -> Backend:
        one = targets[self._random(len(targets))]
        other = targets[self._random(len(targets))]
        return other if self._open.get(other, 0) < self._open.get(one, 0) else one
