"""Pure: what the columns of all kinds are made of, and how ages and lists are written.

Source of the texts: kubernetes pkg/printers/internalversion/printers.go, apimachinery util/duration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pikube.api.kinds.meta import LabelSelector
from pikube.api.selector import from_label_selector
from pikube.api.times import seconds_since

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


class Column(NamedTuple):
    """priority 0 is always shown, 1 with `-o wide`."""

    name: str
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""


NAME = Column("Name", format="name", description="Name of the object.")
AGE = Column("Age", description="Time since the object was created.")
CREATED = Column("Created At", format="date-time")
NUMBER = "integer"


def wide(name: str, type_: str = "string") -> Column:
    return Column(name, type_, 1)


class Slim(NamedTuple):
    """A quicker way for kinds that are listed by the hundred: `cells(slim, metadata, now)`, where `cls` leaves the
    metadata as bytes, and `metadata` reads of them what a row needs."""

    cls: type[Any]
    metadata: type[Any]
    cells: Callable[[Any, Any, float], list[Any]]


@dataclass(frozen=True, slots=True)
class Columns:
    """The table of a kind: `row` gives the cells of a decoded object, `decode_as` or of the kind's class; `order` is
    the key of rows that are not in the order of names."""

    columns: tuple[Column, ...]
    row: Callable[[Any, float], list[Any]]
    decode_as: type[Any] | None = None
    slim: Slim | None = None
    order: Callable[[Any], Any] | None = None


def age(timestamp: str, now: float) -> str:
    """How long ago, `5m12s`; `<unknown>` without a time."""
    seconds = seconds_since(timestamp, now)
    return UNKNOWN if seconds is None else human_duration(seconds)


def human_duration(seconds: float) -> str:
    """apimachinery util/duration:HumanDuration."""
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    total = int(seconds)
    if total < 120:
        return f"{total}s"
    minutes = total // 60
    if minutes < 10:
        rest = total % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = total // 3600
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        rest = hours % 24
        return f"{hours // 24}d{rest}h" if rest else f"{hours // 24}d"
    if hours < 24 * 365 * 2:
        return f"{hours // 24}d"
    if hours < 24 * 365 * 8:
        rest = hours // 24 % 365
        years = hours // 24 // 365
        return f"{years}y{rest}d" if rest else f"{years}y"
    return f"{hours // 24 // 365}y"


def labels_text(labels: Mapping[str, str]) -> str:
    """`a=b,c=d`, sorted."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) or NONE


def selector_text(selector: LabelSelector | None) -> str:
    """The text of a label selector."""
    if selector is None:
        return NONE
    return str(from_label_selector(selector)) or NONE


def joined(words: Iterable[str], empty: str = NONE) -> str:
    return ",".join(words) or empty


def containers_text(spec: Any) -> list[str]:
    """The two wide cells of workloads: names and images of the template's containers."""
    return [
        ",".join(container.name for container in spec.containers),
        ",".join(container.image for container in spec.containers),
    ]
