"""Pure: the table of a board, joined from what each Service and each pod claims; of two the older gets a listener.

Enter: one owner's claims at a time. Leaves: what changed since the relay was last told. Called by the proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pikube.informer.cache import ObjectKey
from pikube.netproxy.targets import Backends, Listener

Age = tuple[str, ...]


class Owner(NamedTuple):
    """Of kind Service or Pod."""

    kind: str
    key: ObjectKey


class Claim(NamedTuple):
    """Sorts by who comes first."""

    age: Age
    owner: Owner
    backends: Backends


class MergedTable:
    def __init__(self) -> None:
        self._claims: dict[Owner, dict[Listener, Claim]] = {}
        self._by_listener: dict[Listener, list[Claim]] = {}
        self._told: dict[Listener, Backends] = {}
        self._touched: set[Listener] = set()

    def claim(self, owner: Owner, age: Age | None, table: Mapping[Listener, Backends]) -> list[Listener]:
        """All that this owner wants, in place of what it wanted; age None: it is gone. Returns the listeners that
        an older owner has, the first time they are wanted."""
        before = self._claims.pop(owner, {})
        for listener, claim in before.items():
            self._by_listener[listener].remove(claim)
            if not self._by_listener[listener]:
                del self._by_listener[listener]
        if age is not None and table:
            now = {listener: Claim(age, owner, backends) for listener, backends in table.items()}
            self._claims[owner] = now
            for listener, claim in now.items():
                self._by_listener.setdefault(listener, []).append(claim)
        self._touched |= before.keys() | table.keys()
        return [key for key in table if key not in before and self.owner(key) != owner]

    def owner(self, listener: Listener) -> Owner | None:
        """Who has it."""
        claims = self._by_listener.get(listener)
        return min(claims, key=lambda claim: claim[:2]).owner if claims else None

    def listeners(self) -> list[Listener]:
        return list(self._by_listener)

    def take_changes(self) -> tuple[dict[Listener, Backends], list[Listener]]:
        """(new or changed, gone) since the last call."""
        changed: dict[Listener, Backends] = {}
        dropped: list[Listener] = []
        for listener in self._touched:
            claims = self._by_listener.get(listener)
            if claims:
                backends = min(claims, key=lambda claim: claim[:2]).backends
                if self._told.get(listener) != backends:
                    changed[listener] = self._told[listener] = backends
            elif self._told.pop(listener, None) is not None:
                dropped.append(listener)
        self._touched = set()
        return changed, dropped
