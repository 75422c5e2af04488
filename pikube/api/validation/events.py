"""Pure: what is wrong with Events: little for those of core/v1, more for those of events.k8s.io/v1.

Source: kubernetes pkg/apis/core/validation/events.go. The fields are named as core/v1 names them, in either version.
"""

from __future__ import annotations

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds import core_config, events
from pikube.api.validation.causes import by_rule, immutable, invalid, required
from pikube.api.views import EVENTS

NAME_LIMIT = 128  # of reportingInstance, action and reason
NOTE_LIMIT = 1024
ELSEWHERE = "does not match event.namespace"


def event_causes(event: core_config.Event) -> list[Cause]:
    """Of core/v1: those that say when they happened must say who saw it."""
    about, here = event.involved_object.namespace, event.metadata.namespace
    if not event.event_time:
        is_off = about != here if about else here not in ("", "default")
        return [invalid("involvedObject.namespace", about, ELSEWHERE)] if is_off else []
    causes: list[Cause] = []
    if not about and here not in ("default", "kube-system"):
        causes.append(invalid("involvedObject.namespace", about, ELSEWHERE))
    if not event.reporting_component:
        causes.append(required("reportingController"))
    causes += by_rule("reportingController", event.reporting_component, names.qualified_name)
    for name, text, is_needed, limit in (
        ("reportingInstance", event.reporting_instance, True, NAME_LIMIT),
        ("action", event.action, True, NAME_LIMIT),
        ("reason", event.reason, True, NAME_LIMIT),
        ("message", event.message, False, NOTE_LIMIT),
    ):
        if is_needed and not text:
            causes.append(required(name))
        if len(text.encode()) > limit:
            causes.append(invalid(name, "", f"can have at most {limit} characters"))
    return causes


def event_update_causes(new: core_config.Event, old: core_config.Event) -> list[Cause]:
    return event_causes(new)


def new_event_causes(event: events.Event) -> list[Cause]:
    """Of events.k8s.io/v1."""
    stored: core_config.Event = EVENTS.stored(event)
    causes = event_causes(stored) + _series_causes(stored)
    if not stored.event_time:
        causes.append(required("eventTime"))
    if stored.type not in ("Normal", "Warning"):
        causes.append(invalid("type", "", f"has invalid value: {stored.type}"))
    for name, value in (
        ("firstTimestamp", stored.first_timestamp),
        ("lastTimestamp", stored.last_timestamp),
        ("count", stored.count),
        ("source", stored.source.component or stored.source.host),
    ):
        if value:
            causes.append(invalid(name, "", "needs to be unset"))
    return causes


def new_event_update_causes(new: events.Event, old: events.Event) -> list[Cause]:
    """Only the series goes on."""
    after: core_config.Event = EVENTS.stored(new)
    before: core_config.Event = EVENTS.stored(old)
    causes = event_causes(after)
    if after.series != before.series:
        causes += _series_causes(after)
    for name, attribute in UNCHANGING.items():
        causes += immutable(name, getattr(after, attribute), getattr(before, attribute))
    return causes


UNCHANGING = {
    "involvedObject": "involved_object",
    "reason": "reason",
    "message": "message",
    "source": "source",
    "firstTimestamp": "first_timestamp",
    "lastTimestamp": "last_timestamp",
    "count": "count",
    "type": "type",
    "eventTime": "event_time",
    "action": "action",
    "related": "related",
    "reportingController": "reporting_component",
    "reportingInstance": "reporting_instance",
}


def _series_causes(event: core_config.Event) -> list[Cause]:
    if event.series is None:
        return []
    causes: list[Cause] = []
    if event.series.count < 2:
        causes.append(invalid("series.count", "", "should be at least 2"))
    if not event.series.last_observed_time:
        causes.append(required("series.lastObservedTime"))
    return causes
