"""Pure: the instants that users see. Enter and leave: RFC 3339 text and seconds since 1970 (UTC, float).

Wall time decides nothing inside pikube but what Kubernetes defines by it (ages, deadlines written in
objects); everything else uses Trio's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def render_time(at: float) -> str:
    """metav1.Time: whole seconds, `2026-01-31T12:00:00Z`."""
    return _seconds_text(int(at))


@lru_cache(maxsize=64)
def _seconds_text(at: int) -> str:
    """Kept, because a write renders the same second several times, and so do the writes around it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_micro_time(at: float) -> str:
    """metav1.MicroTime: six decimals."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_time(text: str) -> str:
    """What a metav1.Time read from RFC 3339 writes: UTC, its fraction dropped (apimachinery meta/v1/time.go)."""
    return text if len(text) == len("2026-01-31T12:00:00Z") else _in_utc(text, "seconds")


def as_micro_time(text: str) -> str:
    """What a metav1.MicroTime writes: UTC and six decimals."""
    is_written_so = text[-1:] == "Z" and len(text) == len("2026-01-31T12:00:00.000000Z")
    return text if is_written_so else _in_utc(text, "microseconds")


def _in_utc(text: str, precision: str) -> str:
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:  # a day off the calendar's first or last
        return text
    return at.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


@lru_cache(maxsize=256)
def parse_time(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 text of any offset and precision; ValueError if it is none. Kept, because
    what a list shows was often made in the same second."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at.timestamp()


def seconds_since(text: str, now: float) -> float | None:
    """How long ago `text` was; None for an empty or unreadable time."""
    if not text:
        return None
    try:
        return now - parse_time(text)
    except ValueError:
        return None
