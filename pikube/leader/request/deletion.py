"""Pure: what a DELETE does to an object: remove it, mark it, or nothing more.

Enter: the stored object (a private copy), the wish and the time. Leaves: `Verdict`. Called by the registry.
Rules: kubernetes apiserver registry/rest/delete.go:BeforeDelete and generic/registry/store.go:Delete.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pikube.api.errors import Cause, Conflict, Invalid, Resource
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.times import parse_time, render_time
from pikube.leader.request.context import DeleteWish

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
SUPPORTED = '"Foreground", "Background", "Orphan", "nil"'
PROPAGATIONS = ("", "Background", "Foreground", "Orphan")
DEFAULT_GRACE_S = 30


class Verdict(Enum):
    REMOVE = "remove"
    MARK = "mark"  # the object was changed and is to be stored
    PENDING = "pending"  # it is being deleted already


def begin_deletion(obj: Any, wish: DeleteWish, resource: Resource, now: float) -> Verdict:
    """Decide, changing `obj` where the verdict is MARK. Raises Conflict for a failed precondition."""
    meta = obj.metadata
    check_preconditions(meta.name, meta.uid, meta.resource_version, wish, resource)
    if wish.propagation not in PROPAGATIONS:
        words = f'Unsupported value: "{wish.propagation}": supported values: ' + SUPPORTED
        cause = Cause("FieldValueNotSupported", words, "propagationPolicy")
        raise Invalid.of("DeleteOptions", "meta.k8s.io", "", [cause])
    finalizers = _finalizers(meta.finalizers, wish.propagation)
    if isinstance(obj, CustomResourceDefinition) and not meta.deletion_timestamp:
        finalizers = (*(name for name in finalizers if name != CLEANUP), CLEANUP)  # its objects go first
    has_new_finalizers = finalizers != meta.finalizers
    meta.finalizers = finalizers
    grace_s = _grace_s(obj, wish)
    if meta.deletion_timestamp:
        may_shorten = grace_s < (meta.deletion_grace_period_seconds or 0) and (
            wish.grace_period_s is not None
        )
        if not may_shorten:
            if is_finished(obj):
                return Verdict.REMOVE
            return Verdict.MARK if has_new_finalizers else Verdict.PENDING
        began_at = parse_time(meta.deletion_timestamp) - (meta.deletion_grace_period_seconds or 0)
        meta.deletion_timestamp = render_time(began_at + grace_s)
        meta.deletion_grace_period_seconds = grace_s
        return Verdict.REMOVE if is_finished(obj) else Verdict.MARK
    if grace_s == 0 and not finalizers and not _namespace_holds(obj):
        return Verdict.REMOVE
    meta.deletion_timestamp = render_time(now + grace_s)
    meta.deletion_grace_period_seconds = grace_s
    if meta.generation:
        meta.generation += 1
    if isinstance(obj, Namespace):
        obj.status.phase = "Terminating"
        meta.deletion_grace_period_seconds = None
    return Verdict.MARK


def is_finished(obj: Any) -> bool:
    """Whether an object that is being deleted has nothing left that keeps it: no finalizers and no grace."""
    meta = obj.metadata
    return (
        bool(meta.deletion_timestamp)
        and not meta.finalizers
        and not meta.deletion_grace_period_seconds
        and not _namespace_holds(obj)
    )


def check_preconditions(
    name: str, uid: str, resource_version: str, wish: DeleteWish, resource: Resource
) -> None:
    """Raises Conflict when the wish names another uid or resourceVersion."""
    if wish.uid and wish.uid != uid:
        raise Conflict.of(
            resource,
            name,
            f"the UID in the precondition ({wish.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated",
        )
    if wish.resource_version and wish.resource_version != resource_version:
        raise Conflict.of(
            resource,
            name,
            f"the ResourceVersion in the precondition ({wish.resource_version}) does not match the "
            f"ResourceVersion in record ({resource_version}). The object might have been modified",
        )


def _finalizers(finalizers: tuple[str, ...], propagation: str) -> tuple[str, ...]:
    if not propagation:
        return finalizers
    kept = tuple(f for f in finalizers if f not in (ORPHAN, FOREGROUND))
    added = {"Orphan": (ORPHAN,), "Foreground": (FOREGROUND,)}.get(propagation, ())
    wanted = kept + added
    return finalizers if set(wanted) == set(finalizers) else wanted


def _grace_s(obj: Any, wish: DeleteWish) -> int:
    """Only pods end gracefully; one that no board runs, or that has ended, goes at once
    (kubernetes registry/core/pod/strategy.go:CheckGracefulDelete)."""
    if not isinstance(obj, Pod):
        return 0
    if not obj.spec.node_name or obj.status.phase in ("Succeeded", "Failed"):
        return 0
    if wish.grace_period_s is not None:
        return _at_least(wish.grace_period_s)
    grace_s = obj.spec.termination_grace_period_seconds
    return DEFAULT_GRACE_S if grace_s is None else _at_least(grace_s)


def _at_least(grace_s: int) -> int:
    """A negative time is a second (kubernetes rest/delete.go:BeforeDelete)."""
    return grace_s if grace_s >= 0 else 1


def _namespace_holds(obj: Any) -> bool:
    return isinstance(obj, Namespace) and bool(obj.spec.finalizers)
