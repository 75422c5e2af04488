"""Pure: what an informer knows: objects of one kind by key, with indexes.

Enter: objects as list and watch bring them. Leave: shared objects (never change them) by key, namespace,
owner or any index a controller asked for. Called by the informer (writes) and controllers (reads).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from pikube.api.kinds.meta import Object

K = TypeVar("K", bound=Object)


class ObjectKey(NamedTuple):
    """Namespace ('' for cluster-scoped kinds) and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(obj: Object) -> ObjectKey:
    """Where the object lives."""
    return ObjectKey(obj.metadata.namespace, obj.metadata.name)


def by_owner(obj: Object) -> Iterable[str]:
    """Index: the uid of the controlling owner."""
    return [ref.uid for ref in obj.metadata.owner_references if ref.controller]


class Cache(Generic[K]):
    """Objects of one kind. Indexes are kept up to date by each change; `by_owner` is always there."""

    def __init__(self, cls: type[K]) -> None:
        self.cls = cls
        self._objects: dict[ObjectKey, K] = {}
        self._namespaces: dict[str, dict[str, K]] = {}
        self._indexers: dict[str, Callable[[K], Iterable[str]]] = {"owner": by_owner}
        self._indexes: dict[str, dict[str, dict[ObjectKey, K]]] = {"owner": {}}
        self._values: dict[str, dict[ObjectKey, tuple[str, ...]]] = {
            "owner": {}
        }  # by index, where an object is

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[K]:
        return iter(self._objects.values())

    def keys(self) -> set[ObjectKey]:
        return set(self._objects)

    def get(self, key: ObjectKey) -> K | None:
        """The object, or None."""
        return self._objects.get(key)

    def in_namespace(self, namespace: str) -> list[K]:
        """All objects of a namespace."""
        return list(self._namespaces.get(namespace, {}).values())

    def add_index(self, name: str, indexer: Callable[[K], Iterable[str]]) -> None:
        """Keep an index; the same name twice must mean the same indexer."""
        if name in self._indexers:
            return
        self._indexers[name] = indexer
        self._indexes[name] = {}
        self._values[name] = {}
        for key, obj in self._objects.items():
            self._index_one(name, key, obj)

    def indexed(self, name: str, value: str) -> list[K]:
        """The objects for which the index yields `value`."""
        return list(self._indexes[name].get(value, {}).values())

    def owned_by(self, uid: str) -> list[K]:
        """The objects whose controller is `uid`."""
        return self.indexed("owner", uid)

    def put(self, obj: K) -> K | None:
        """Take a new or changed object; returns what it replaces."""
        key = key_of(obj)
        old = self._objects.get(key)
        self._objects[key] = obj
        self._namespaces.setdefault(key.namespace, {})[key.name] = obj
        for name in self._indexers:
            self._index_one(name, key, obj)
        return old

    def drop(self, key: ObjectKey) -> K | None:
        """Forget an object; returns it."""
        old = self._objects.pop(key, None)
        if old is not None:
            for name in self._indexers:
                self._move(name, key, self._values[name].pop(key, ()), ())
            names = self._namespaces[key.namespace]
            del names[key.name]
            if not names:
                del self._namespaces[key.namespace]
        return old

    def _index_one(self, name: str, key: ObjectKey, obj: K) -> None:
        values = tuple(self._indexers[name](obj))
        places = self._values[name]
        before = places.get(key, ())
        if values != before:
            self._move(name, key, before, values)
            if values:
                places[key] = values
            else:
                places.pop(key, None)
        index = self._indexes[name]
        for value in values:
            index.setdefault(value, {})[key] = obj

    def _move(self, name: str, key: ObjectKey, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        """Take an object out of where it no longer belongs."""
        index = self._indexes[name]
        for value in before:
            entries = index.get(value)
            if entries is not None and value not in after:
                entries.pop(key, None)
                if not entries:
                    del index[value]
