"""Shell: the cluster's names in the relay process: what the agent tells of them, and what is left for the next life.

Enter: messages of the agent: `names` (settings and the whole table), `names_put`, `names_drop`. Leaves: a resolver
for the DNS doors. dnspython is imported when the first of them is made, and not before.
"""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pikube.netproxy.engine import Engine
from pikube.netproxy.targets import NAMES_FILE
from pikube.netproxy.zone import Zone

if TYPE_CHECKING:
    from pikube.netproxy.dns import Resolver

log = logging.getLogger("pikube.relay")

PORT = 53


class Names:
    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._file = directory / NAMES_FILE
        self._settings: dict[str, Any] = {}
        self._zone: Zone | None = None
        self._resolver: Resolver | None = None
        self._is_dirty = False
        try:
            self.learn(json.loads(self._file.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.info("event=no_names why=%r", str(error))
        self._is_dirty = False

    def resolver(self) -> Resolver:
        """For the doors; it knows what is learnt later."""
        from pikube.netproxy.dns import Resolver

        if self._resolver is None:
            self._resolver = Resolver(self._engine)
            self._teach()
        return self._resolver

    def learn(self, message: dict[str, Any]) -> None:
        """All there is. Raises ValueError, TypeError, KeyError for what is no such message."""
        zone = Zone(message["domain"], message["networks"])
        for owner, entries in message["table"].items():
            zone.put(owner, entries)
        self._zone = zone
        self._settings = {key: message[key] for key in ("domain", "networks", "upstreams", "port")}
        self._is_dirty = True
        self._teach()

    def change(self, put: dict[str, Any], drop: list[str]) -> None:
        """What is new."""
        if self._zone is None:
            return
        for owner in drop:
            self._zone.drop(owner)
        for owner, entries in put.items():
            self._zone.put(owner, entries)
        self._is_dirty = True
        if self._resolver is not None:
            self._resolver.forget()

    def statistics(self) -> dict[str, int]:
        return {
            "names": len(self._zone) if self._zone is not None else 0,
            "answered": self._resolver.answered if self._resolver is not None else 0,
        }

    def save(self) -> None:
        """For the next life, if anything is new."""
        if not self._is_dirty or self._zone is None:
            return
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({**self._settings, "table": self._zone.entries()}))
        draft.replace(self._file)
        self._is_dirty = False

    def remove(self) -> None:
        """Nothing is left of them."""
        with contextlib.suppress(FileNotFoundError):
            self._file.unlink()

    def _teach(self) -> None:
        if self._resolver is not None and self._zone is not None:
            self._resolver.learn(self._zone, self._settings["upstreams"], self._settings["port"])
