"""Pure: when something was last seen to change, by our own clock.

Enter: names and tokens as watch events bring them, a monotonic clock. Leaves: seconds of silence. Held by
controllers that judge heartbeats and taints: boards have no clock to trust, so nothing that another board
wrote as a time decides here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable


class Sightings:
    """One monotonic instant a name. `see` belongs into watch callbacks, `age_s` into `observe`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[Hashable, float]] = {}
        self._changed: set[str] = set()

    def see(self, name: str, token: Hashable) -> None:
        """Note the instant if the token is another than before."""
        known = self._seen.get(name)
        if known is None or known[0] != token:
            now = self._clock()
            self._seen[name] = token, now
            if known is not None and now > known[1]:  # else it is what was there when we began to look
                self._changed.add(name)

    def age_s(self, name: str) -> float | None:
        """Seconds since the token last changed; None if it was never seen."""
        known = self._seen.get(name)
        return None if known is None else self._clock() - known[1]

    def has_changed(self, name: str) -> bool:
        """Whether another token came later than the first one, which may be years old."""
        return name in self._changed

    def forget(self, name: str) -> None:
        """The thing is gone."""
        self._changed.discard(name)
        self._seen.pop(name, None)
