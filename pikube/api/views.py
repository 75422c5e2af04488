"""Pure: one object in several versions of its kind: what a version shows of the stored bytes, and the way back.

Enter: stored JSON and decoded objects. Leave: the same object as another version words it. A KindInfo
that is not stored itself (`stored_in`) has a view; reads pass the stored bytes through it, writes store what it
makes of the object. Called by the registry and the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from pikube.api.kinds import core_config, events
from pikube.api.kinds.base import Kind


class View(Protocol):
    def shown(self, value: bytes) -> bytes:
        """Stored bytes as this version words them."""
        ...

    def stored(self, obj: Any) -> Any:
        """An object of this version as one of the kind that is stored."""
        ...


class AskingView(View, Protocol):
    """A view that must ask somebody first."""

    async def prepare(self, values: Sequence[bytes]) -> None:
        """Before `shown` of these."""
        ...

    async def prepare_stored(self, obj: Any) -> None:
        """Before `stored` of this."""
        ...


class RenamedFields:
    """A version that only names top-level fields otherwise."""

    def __init__(self, cls: type[Kind], stored: type[Kind], names: Mapping[str, str]) -> None:
        """`names`: this version's name of a field → the stored one's, for those that differ."""
        self._cls = cls
        self._stored = stored
        self._to_stored = dict(names)
        self._to_shown = {stored_name: name for name, stored_name in names.items()}

    def shown(self, value: bytes) -> bytes:
        return msgspec.json.encode(self._converted(value, self._cls, self._to_shown))

    def stored(self, obj: Any) -> Any:
        return self._converted(msgspec.json.encode(obj), self._stored, self._to_stored)

    def _converted(self, value: bytes, cls: type[Kind], names: Mapping[str, str]) -> Any:
        document = msgspec.json.decode(value)
        named = {names.get(name, name): content for name, content in document.items()}
        named |= {"kind": cls.names.kind, "apiVersion": cls.names.api_version}
        return msgspec.convert(named, cls)


EVENTS = RenamedFields(
    events.Event,
    core_config.Event,
    {
        "regarding": "involvedObject",
        "note": "message",
        "reportingController": "reportingComponent",
        "deprecatedSource": "source",
        "deprecatedFirstTimestamp": "firstTimestamp",
        "deprecatedLastTimestamp": "lastTimestamp",
        "deprecatedCount": "count",
    },
)
"""events.k8s.io/v1 over core/v1 (kubernetes pkg/apis/events/v1/conversion.go)."""
