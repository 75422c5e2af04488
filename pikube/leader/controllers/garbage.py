"""Pure: what nobody owns any more goes: garbage collection by ownerReferences.

Enter: an object of any kind, which of its owners are there, its dependents. Leave: deletions, and owner references
and finalizers taken away. Run by the controller loop with one key for each object of each kind.
Source: kubernetes pkg/controller/garbagecollector.

    every owner gone          →  delete (unless the API, asked live, still has one)
    some owners gone          →  drop the references to them
    foregroundDeletion        →  wait until no dependent blocks (each goes, or drops its reference), then drop the
                                 finalizer
    orphan                    →  take the reference off the dependents, then drop the finalizer
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pikube.api.kinds.meta import Object, OwnerReference
from pikube.informer.actions import Action, Delete, Identity, PatchObject, RecordEvent
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch
from pikube.leader.controllers.ownership import references_patch

OWNERS = "owners"
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
REFUSED = "OwnerRefInvalidNamespace"


class OwnerState(Enum):
    """How an owner is: GONE is for good, GOING waits for its dependents, UNKNOWN is of a kind not served here."""

    THERE = "there"
    GONE = "gone"
    ELSEWHERE = (
        "elsewhere"  # gone for the object: it lives in another namespace, where it cannot own this one
    )
    GOING = "going"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"  # namespaced, while the object is not: refused, and never collected for it


@dataclass(frozen=True, slots=True)
class Owner:
    """A reference with what became of it."""

    ref: OwnerReference
    state: OwnerState
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Kin:
    """Above and below an object. `cycle`: uids of dependents that the object itself depends on."""

    owners: tuple[Owner, ...]
    dependents: tuple[Object, ...]
    cycle: frozenset[str] = frozenset()


def reconcile(desired: Object, observed: Kin, now: float) -> list[Action]:
    """What to do about one object."""
    meta = desired.metadata
    if meta.deletion_timestamp:
        if ORPHAN in meta.finalizers:
            return _orphan(desired, observed.dependents)
        if FOREGROUND in meta.finalizers:
            return _foreground(desired, observed)
        return []
    return _collect(desired, observed)


def _collect(obj: Object, kin: Kin) -> list[Action]:
    foreign = [owner for owner in kin.owners if owner.state is OwnerState.FOREIGN]
    if foreign:
        return [RecordEvent(obj, "Warning", REFUSED, _refusal(owner.ref, obj)) for owner in foreign]
    solid = [o for o in kin.owners if o.state in (OwnerState.THERE, OwnerState.UNKNOWN)]
    going = [o for o in kin.owners if o.state is OwnerState.GOING]
    gone = [o for o in kin.owners if o.state in (OwnerState.GONE, OwnerState.ELSEWHERE)]
    if not going and not gone:
        return []
    said: list[Action] = [
        RecordEvent(obj, "Warning", REFUSED, _misplaced(owner.ref, obj))
        for owner in gone
        if owner.state is OwnerState.ELSEWHERE
    ]
    if solid:
        kept = tuple(owner.ref for owner in solid)
        return [*said, references_patch(obj, kept)]
    absent = tuple(owner.identity for owner in gone if owner.identity is not None)
    propagation = "Foreground" if going and kin.dependents else _own_propagation(obj)
    unless = () if going else absent
    gone_too = Delete(type(obj), key_of(obj), obj.metadata.uid, propagation=propagation, unless=unless)
    return [*said, gone_too]


def _refusal(ref: OwnerReference, obj: Object) -> str:
    return (
        f"ownerRef [{ref.api_version}/{ref.kind}, namespace: , name: {ref.name}, uid: {ref.uid}] is namespaced, "
        f"while {obj.kind} {obj.metadata.name} is not"
    )


def _misplaced(ref: OwnerReference, obj: Object) -> str:
    namespace = obj.metadata.namespace
    where = f"[{ref.api_version}/{ref.kind}, namespace: {namespace}, name: {ref.name}, uid: {ref.uid}]"
    return f'ownerRef {where} does not exist in namespace "{namespace}"'


def _own_propagation(obj: Object) -> str:
    """An object that was marked for orphaning or foreground deletion goes that way."""
    if ORPHAN in obj.metadata.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in obj.metadata.finalizers else "Background"


def _foreground(obj: Object, kin: Kin) -> list[Action]:
    """Wait for those that block. Each of them decides for itself whether it goes along: it may have another owner.
    Of objects that own each other in a circle none waits for the others: it would be for ever."""
    is_blocked = any(
        child.metadata.uid not in kin.cycle
        and any(ref.uid == obj.metadata.uid and ref.block_owner_deletion for ref in _refs(child))
        for child in kin.dependents
    )
    return [] if is_blocked else [_without_finalizer(obj, FOREGROUND)]


def _orphan(obj: Object, dependents: Sequence[Object]) -> list[Action]:
    patches: list[Action] = []
    for child in _ordered(dependents):
        kept = tuple(ref for ref in _refs(child) if ref.uid != obj.metadata.uid)
        patches.append(references_patch(child, kept))
    return [*patches, _without_finalizer(obj, ORPHAN)]


def _without_finalizer(obj: Object, finalizer: str) -> PatchObject:
    meta = obj.metadata
    kept = [name for name in meta.finalizers if name != finalizer]
    patch = {
        "metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version, "finalizers": kept or None}
    }
    return PatchObject(type(obj), key_of(obj), patch)


def _refs(obj: Object) -> tuple[OwnerReference, ...]:
    return obj.metadata.owner_references


def _ordered(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=lambda obj: (obj.kind, key_of(obj)))


class _Observing:
    """Finds objects of any kind in the caches. A key is `group/plural/name` in its namespace."""

    def __init__(self, kinds: Sequence[type[Any]]) -> None:
        self._kinds: list[type[Any]] = []
        self._by_resource: dict[str, type[Any]] = {}
        self._by_reference: dict[tuple[str, str], type[Any]] = {}
        for cls in kinds:
            self._add(cls)

    def _add(self, cls: type[Any]) -> None:
        """A kind from now on; one that was known otherwise (a custom kind's other version) is known so."""
        names = cls.names
        self._kinds = [known for known in self._kinds if known.names.resource != names.resource] + [cls]
        self._by_resource[names.resource] = cls
        self._by_reference[names.group, names.kind] = cls

    def grow(self, cls: type[Object]) -> tuple[Sequence[Watch], Sequence[Index]]:
        self._add(cls)
        return (Watch(cls, self.keys),), (Index(cls, OWNERS, owner_uids),)

    def key(self, obj: Object) -> ObjectKey:
        names = type(obj).names
        return ObjectKey(obj.metadata.namespace, f"{names.resource}/{obj.metadata.name}")

    def keys(self, lister: Lister, obj: Object) -> list[ObjectKey]:
        """Itself if it owns or is owned in a way that matters; of one that is gone, its dependents; and owners
        that wait for it."""
        meta = obj.metadata
        found = [self.key(owner) for owner in self._waiting_owners(lister, obj)]
        current = lister.cache(type(obj)).get(key_of(obj))
        if current is None or current.metadata.uid != meta.uid:
            return found + [self.key(child) for child in self._dependents(lister, meta.uid)]
        if meta.owner_references or (meta.deletion_timestamp and meta.finalizers):
            found.append(self.key(obj))
        if meta.deletion_timestamp and FOREGROUND in meta.finalizers:
            found += [self.key(child) for child in self._dependents(lister, meta.uid)]
        return found

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[Object, Kin] | None:
        resource, _, name = key.name.rpartition("/")
        obj = lister.cache(self._by_resource[resource]).get(ObjectKey(key.namespace, name))
        if obj is None:
            return None
        owners = tuple(self._owner(lister, obj, ref) for ref in _refs(obj))
        is_needed = obj.metadata.deletion_timestamp or any(o.state is OwnerState.GOING for o in owners)
        dependents = self._dependents(lister, obj.metadata.uid) if is_needed else ()
        circle = self._cycle(lister, obj, dependents) if obj.metadata.deletion_timestamp else frozenset()
        return obj, Kin(owners, tuple(dependents), circle)

    def _cycle(self, lister: Lister, obj: Object, dependents: Sequence[Object]) -> frozenset[str]:
        """Which dependents are among the owners of the object's owners, however far up."""
        below = {child.metadata.uid for child in dependents}
        seen: set[str] = set()
        above = [obj] if below else []
        while above:
            child = above.pop()
            for ref in _refs(child):
                owner = self._find_owner(lister, child, ref)
                if owner is not None and ref.uid not in seen:
                    seen.add(ref.uid)
                    above.append(owner)
        return frozenset(below & seen)

    def _find_owner(self, lister: Lister, obj: Object, ref: OwnerReference) -> Object | None:
        cls = self._by_reference.get((ref.api_version.rpartition("/")[0], ref.kind))
        if cls is None:
            return None
        key = ObjectKey(obj.metadata.namespace if cls.names.namespaced else "", ref.name)
        owner: Object | None = lister.cache(cls).get(key)
        return owner if owner is not None and owner.metadata.uid == ref.uid else None

    def _owner(self, lister: Lister, obj: Object, ref: OwnerReference) -> Owner:
        group, _, _ = ref.api_version.rpartition("/")
        cls = self._by_reference.get((group, ref.kind))
        if cls is None:
            return Owner(ref, OwnerState.UNKNOWN)
        if cls.names.namespaced and not obj.metadata.namespace:
            return Owner(ref, OwnerState.FOREIGN)
        key = ObjectKey(obj.metadata.namespace if cls.names.namespaced else "", ref.name)
        owner = lister.cache(cls).get(key)
        if owner is None or owner.metadata.uid != ref.uid:
            elsewhere = cls.names.namespaced and any(o.metadata.uid == ref.uid for o in lister.cache(cls))
            state = OwnerState.ELSEWHERE if elsewhere else OwnerState.GONE
            return Owner(ref, state, Identity(cls, key, ref.uid))
        is_going = owner.metadata.deletion_timestamp and FOREGROUND in owner.metadata.finalizers
        return Owner(ref, OwnerState.GOING if is_going else OwnerState.THERE)

    def _waiting_owners(self, lister: Lister, obj: Object) -> list[Object]:
        found = []
        for ref in _refs(obj):
            cls = self._by_reference.get((ref.api_version.rpartition("/")[0], ref.kind))
            if cls is None:
                continue
            key = ObjectKey(obj.metadata.namespace if cls.names.namespaced else "", ref.name)
            owner = lister.cache(cls).get(key)
            if owner is not None and owner.metadata.deletion_timestamp and owner.metadata.finalizers:
                found.append(owner)
        return found

    def _dependents(self, lister: Lister, uid: str) -> list[Object]:
        return [child for cls in self._kinds for child in lister.cache(cls).indexed(OWNERS, uid)]


def owner_uids(obj: Object) -> list[str]:
    """Index: the uids of all owners, controlling or not."""
    return [ref.uid for ref in obj.metadata.owner_references]


def garbage_controller(kinds: Sequence[type[Any]]) -> Controller[Object, Kin]:
    """For the kinds given: all that are stored, but Events, which nothing owns."""
    observing = _Observing(kinds)
    keys: Callable[[Lister, Any], list[ObjectKey]] = observing.keys
    return Controller(
        name="garbage-collector-controller",
        watches=tuple(Watch(cls, keys) for cls in kinds),
        indexes=tuple(Index(cls, OWNERS, owner_uids) for cls in kinds),
        observe=observing.observe,
        reconcile=reconcile,
        grow=observing.grow,
        workers=8,
    )
