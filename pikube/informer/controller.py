"""Declaration: the one shape of a controller.

    what it watches  →  keys  →  observe(lister, key)  →  reconcile(desired, observed, now)  →  actions

`observe` reads caches only and gives (desired, observed), or None when there is nothing to do for the key.
`reconcile` is pure. A controller may rely on this of the loop (pikube.informer.loop): one worker a key at
a time, and the caches it observes hold every write it made before, so no twin is ever made from a stale
cache.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pikube.api.errors import ApiError
from pikube.api.kinds.meta import Object
from pikube.informer.actions import Action
from pikube.informer.cache import Cache, ObjectKey, key_of

K = TypeVar("K", bound=Object)
D = TypeVar("D")
O = TypeVar("O")  # noqa: E741


class Lister(Protocol):
    """What `observe` reads from."""

    def cache(self, cls: type[K]) -> Cache[K]: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """A kind whose changes concern this controller, and the keys that a changed object concerns. Both the old
    and the new object of a change are asked, so that an object that was let go still wakes its former owner."""

    cls: type[Any]
    keys: Callable[[Lister, Any], Iterable[ObjectKey]]


@dataclass(frozen=True, slots=True)
class Index:
    """An index the controller's `observe` needs on a cache."""

    cls: type[Any]
    name: str
    indexer: Callable[[Any], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller(Generic[D, O]):
    """`name` is also the component of its events. `on_failure` words a failed action into status or events;
    `prepare` is awaited before `observe`, to fetch what no cache holds. `grow` gives what to watch of a kind that
    is served only later, a custom one."""

    name: str
    watches: Sequence[Watch]
    observe: Callable[[Lister, ObjectKey], tuple[D, O] | None]
    reconcile: Callable[[D, O, float], list[Action]]
    on_failure: Callable[[D, O, Action, ApiError, float], list[Action]] | None = None
    prepare: Callable[[Lister, ObjectKey], Awaitable[None]] | None = None
    indexes: Sequence[Index] = field(default_factory=tuple)
    grow: Callable[[type[Object]], tuple[Sequence[Watch], Sequence[Index]]] | None = None
    workers: int = 4


def itself(lister: Lister, obj: Object) -> list[ObjectKey]:
    """Watch keys: the object's own."""
    return [key_of(obj)]


def owner_of_kind(kind: str) -> Callable[[Lister, Object], list[ObjectKey]]:
    """Watch keys: the controlling owner of kind `kind`, in the object's namespace."""

    def keys(lister: Lister, obj: Object) -> list[ObjectKey]:
        return [
            ObjectKey(obj.metadata.namespace, ref.name)
            for ref in obj.metadata.owner_references
            if ref.controller and ref.kind == kind
        ]

    return keys
