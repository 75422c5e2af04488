"""Declaration: what a controller may decide to do. Frozen values; `pikube.informer.loop` performs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pikube.api.client import MERGE_PATCH, Patch
from pikube.api.kinds.meta import Object
from pikube.informer.cache import ObjectKey


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object. Consecutive Creates of one decision run together in batches of 1, 2, 4, 8 …, so that a
    quota that refuses them all is asked few times (kubernetes controller_utils.go:slowStartBatch)."""

    obj: Object


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object or, with subresource 'status', its status. Conflict makes the key come again."""

    obj: Object
    subresource: str = ""


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
    """Ask for deletion of exactly this object (by uid); NotFound and another uid are no failures."""

    cls: type[Object]
    key: ObjectKey
    uid: str
    grace_period_s: int | None = None
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """An Event that users see in `kubectl describe`; type is Normal or Warning."""

    regarding: Object
    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RequeueAfter:
    """Look at this key again in so many seconds."""

    seconds: float


Action: TypeAlias = Create | Update | PatchObject | Delete | RecordEvent | RequeueAfter
