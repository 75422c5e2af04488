"""Declaration: events.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, Field, Int32, MicroTime, Names, Struct, Time
from pikube.api.kinds.core_config import EventSource
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.meta import Object, ObjectMeta


class Event(Object):
    names: ClassVar[Names] = Names("events.k8s.io", "v1", "Event", "events", True, short=("ev",))
    kind: str = msgspec.field(default_factory=lambda: "Event")
    api_version: str = msgspec.field(default_factory=lambda: "events.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    event_time: Annotated[MicroTime, Field(2, required=True)] = ""
    series: Annotated[EventSeries | None, Field(3)] = None
    reporting_controller: Annotated[str, Field(4)] = ""
    reporting_instance: Annotated[str, Field(5)] = ""
    action: Annotated[str, Field(6)] = ""
    reason: Annotated[str, Field(7)] = ""
    regarding: Annotated[ObjectReference, Field(8, atomic=True)] = msgspec.field(default_factory=ObjectReference)
    related: Annotated[ObjectReference | None, Field(9, atomic=True)] = None
    note: Annotated[str, Field(10)] = ""
    type: Annotated[str, Field(11)] = ""
    deprecated_source: Annotated[EventSource, Field(12)] = msgspec.field(default_factory=EventSource)
    deprecated_first_timestamp: Annotated[Time, Field(13)] = ""
    deprecated_last_timestamp: Annotated[Time, Field(14)] = ""
    deprecated_count: Annotated[Int32, Field(15)] = 0


class EventSeries(Struct):
    count: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    last_observed_time: Annotated[MicroTime, Field(2, required=True)] = ""
