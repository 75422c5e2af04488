"""Pure: a namespace that is deleted takes its contents along, and says meanwhile what remains.

Enter: the Namespace and what the caches hold of it. Leave: deletions, conditions, at last the finalizer. Run by
the controller loop. Source: kubernetes pkg/controller/namespace/deletion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from pikube.api.kinds.core_config import Namespace, NamespaceCondition
from pikube.api.kinds.meta import Object
from pikube.api.times import render_time
from pikube.informer.actions import Action, Delete, DeleteAll, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch, itself
from pikube.leader.controllers.conditions import with_condition

KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Contents:
    """All cached objects of the namespace."""

    objects: tuple[Object, ...]


def reconcile_kinds(kinds: Sequence[type[Any]]) -> Callable[[Namespace, Contents, float], list[Action]]:
    """The reconcile function; `kinds` are all namespaced ones, those included that no cache holds. It may grow."""

    def reconcile(desired: Namespace, observed: Contents, now: float) -> list[Action]:
        if not desired.metadata.deletion_timestamp or KUBERNETES not in desired.spec.finalizers:
            return []
        if observed.objects:
            return [*_deletions(observed.objects), *_conditions(desired, observed.objects, now)]
        finalizers = tuple(name for name in desired.spec.finalizers if name != KUBERNETES)
        bare = structs.replace(desired, spec=structs.replace(desired.spec, finalizers=finalizers))
        return [DeleteAll(tuple(kinds), desired.metadata.name), Update(bare, "finalize")]

    return reconcile


def _deletions(objects: Sequence[Object]) -> list[Action]:
    ordered = sorted(objects, key=lambda obj: (obj.kind, obj.metadata.name))
    return [
        Delete(type(obj), key_of(obj), obj.metadata.uid, propagation="Background")
        for obj in ordered
        if not obj.metadata.deletion_timestamp
    ]


def _conditions(namespace: Namespace, objects: Sequence[Object], now: float) -> list[Action]:
    """What remains, in the words of namespaced_resources_deleter.go. Written only once everything that is left
    is on its way: before, it would be outdated at once."""
    if any(not obj.metadata.deletion_timestamp for obj in objects):
        return []
    resources = Counter(_resource(obj) for obj in objects)
    remaining = ", ".join(
        f"{name} has {count} resource instances" for name, count in sorted(resources.items())
    )
    finalizers = Counter(name for obj in objects for name in obj.metadata.finalizers)
    waiting = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    conditions = namespace.status.conditions
    for type_, reason, fine, words in (
        (
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered",
            "",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
            "",
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
            "",
        ),
        (
            "NamespaceContentRemaining",
            "SomeResourcesRemain",
            "",
            f"Some resources are remaining: {remaining}",
        ),
        (
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain" if waiting else "ContentHasNoFinalizers",
            "" if waiting else "All content-preserving finalizers finished",
            f"Some content in the namespace has finalizers remaining: {waiting}",
        ),
    ):
        condition = NamespaceCondition(
            type=type_,
            status="False" if fine else "True",
            last_transition_time=render_time(now),
            reason=reason,
            message=fine or words,
        )
        conditions = with_condition(conditions, condition)
    if conditions == namespace.status.conditions:
        return []
    status = structs.replace(namespace.status, conditions=conditions)
    return [Update(structs.replace(namespace, status=status), "status")]


def _resource(obj: Object) -> str:
    names = type(obj).names
    return f"{names.plural}.{names.group}"


class _Observing:
    def __init__(self, cached: Sequence[type[Any]], kinds: list[type[Any]]) -> None:
        self._cached = list(cached)
        self._kinds = kinds

    def grow(self, cls: type[Any]) -> tuple[Sequence[Watch], Sequence[Index]]:
        if not cls.names.namespaced:
            return (), ()
        for known in (self._cached, self._kinds):
            known[:] = [other for other in known if other.names.resource != cls.names.resource] + [cls]
        return (Watch(cls, self.keys),), ()

    def keys(self, lister: Lister, obj: Object) -> list[ObjectKey]:
        """A change inside a namespace that is going concerns it."""
        key = ObjectKey("", obj.metadata.namespace)
        namespace = lister.cache(Namespace).get(key)
        return [key] if namespace is not None and namespace.metadata.deletion_timestamp else []

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[Namespace, Contents] | None:
        namespace = lister.cache(Namespace).get(key)
        if namespace is None or not namespace.metadata.deletion_timestamp:
            return None
        found = [obj for cls in self._cached for obj in lister.cache(cls).in_namespace(key.name)]
        return namespace, Contents(tuple(found))


def namespace_controller(
    cached: Sequence[type[Any]], kinds: Sequence[type[Any]]
) -> Controller[Namespace, Contents]:
    """`kinds`: every namespaced kind that is stored; `cached`: those of them that informers hold anyway."""
    everything = list(kinds)
    observing = _Observing(cached, everything)
    return Controller(
        name="namespace-controller",
        watches=(Watch(Namespace, itself), *(Watch(cls, observing.keys) for cls in cached)),
        observe=observing.observe,
        reconcile=reconcile_kinds(everything),
        grow=observing.grow,
    )
