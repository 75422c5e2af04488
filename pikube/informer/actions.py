"""Declaration: what a controller may decide to do. Frozen values; `pikube.informer.loop` performs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from pikube.api.client import MERGE_PATCH, Patch
from pikube.api.kinds.meta import Object
from pikube.informer.cache import ObjectKey


class Identity(NamedTuple):
    """One object for all time: where it lives, and its uid; without a uid whichever lives there."""

    cls: type[Object]
    key: ObjectKey
    uid: str


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """An Event that users see in `kubectl describe`; type is Normal or Warning. As the `said` of another action
    it is recorded once that is done, and `{name}` in the message stands for the written object's name."""

    regarding: Object
    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object. Consecutive Creates of one decision run together in batches of 1, 2, 4, 8 …, so that a
    quota that refuses them all is asked few times (kubernetes controller_utils.go:slowStartBatch)."""

    obj: Object
    said: RecordEvent | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object or, with subresource 'status', its status. Conflict makes the key come again."""

    obj: Object
    subresource: str = ""
    said: RecordEvent | None = None


@dataclass(frozen=True, slots=True)
class PatchObject:
    """Change a part of an object; NotFound is no failure."""

    cls: type[Object]
    key: ObjectKey
    patch: Patch
    content_type: str = MERGE_PATCH
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Ask for deletion of exactly this object (by uid); NotFound and another uid are no failures.

    It does not happen if the server still has one of `unless`: a cache that lags behind must not make an
    orphan of an object whose owner is just being made (kubernetes garbagecollector.go:isDangling asks live).
    """

    cls: type[Object]
    key: ObjectKey
    uid: str
    grace_period_s: int | None = None
    propagation: str = ""
    said: RecordEvent | None = None
    unless: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteAll:
    """Ask for deletion of whatever the server holds of these kinds in a namespace (None: in all), cached or not.
    Conflict if there was any, so that the actions that follow happen only when nothing is left."""

    classes: tuple[type[Object], ...]
    namespace: str | None


@dataclass(frozen=True, slots=True)
class RequeueAfter:
    """Look at this key again in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep for this key what no object holds (an autoscaler's history) in the controller's own `book`, from which
    `observe` reads it. Performed in its turn: what comes before it and fails is not remembered as done."""

    book: dict[ObjectKey, Any]
    value: Any


Action: TypeAlias = Create | Update | PatchObject | Delete | DeleteAll | RecordEvent | RequeueAfter | Remember
