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
    """Something that happened to an object. Events are kept for a short time."""

    names: ClassVar[Names] = Names("events.k8s.io", "v1", "Event", "events", True, short=("ev",))
    kind: str = msgspec.field(default_factory=lambda: "Event")
    api_version: str = msgspec.field(default_factory=lambda: "events.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    event_time: Annotated[MicroTime, Field(2, "When it happened first, to the microsecond.", required=True)] = ""
    series: Annotated[EventSeries | None, Field(3, "How it goes on, when it happens again and again.")] = None
    reporting_controller: Annotated[str, Field(4, "The controller that reported it.")] = ""
    reporting_instance: Annotated[str, Field(5, "Which instance of the controller.")] = ""
    action: Annotated[str, Field(6, "What was done or failed.")] = ""
    reason: Annotated[str, Field(7, "What happened, in one word.")] = ""
    regarding: Annotated[ObjectReference, Field(8, "The object that it happened to.", atomic=True)] = msgspec.field(default_factory=ObjectReference)
    related: Annotated[ObjectReference | None, Field(9, "Another object that matters.", atomic=True)] = None
    note: Annotated[str, Field(10, "What happened, in a sentence.")] = ""
    type: Annotated[str, Field(11, "Normal or Warning.")] = ""
    deprecated_source: Annotated[EventSource, Field(12, "Who reported it, in the older form.")] = msgspec.field(default_factory=EventSource)
    deprecated_first_timestamp: Annotated[Time, Field(13, "When it happened first, in the older form.")] = ""
    deprecated_last_timestamp: Annotated[Time, Field(14, "When it happened last, in the older form.")] = ""
    deprecated_count: Annotated[Int32, Field(15, "How often, in the older form.")] = 0


class EventSeries(Struct):
    """An event that goes on."""

    count: Annotated[Int32, Field(1, "How often it happened.", required=True)] = ALWAYS_INT
    last_observed_time: Annotated[MicroTime, Field(2, "When it was last seen.", required=True)] = ""
