"""Pure: CustomResourceDefinitions get their names, are established, and take their objects with them when they go.

Enter: a definition, the others of its group, what is left of its objects. Leave: its conditions, deletions.
Source: kubernetes apiextensions-apiserver pkg/controller/{status,establish,finalizer}.

    names free          →  NamesAccepted, Established
    names taken         →  NamesAccepted False, and not established unless it was before
    being deleted       →  its objects are deleted; when none is left, the finalizer goes
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.extensions import (
    CustomResourceDefinition,
    CustomResourceDefinitionCondition,
    CustomResourceDefinitionNames,
)
from pikube.api.kinds.meta import Object
from pikube.api.times import render_time
from pikube.informer.actions import Action, Delete, DeleteAll, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch
from pikube.leader.controllers.conditions import with_condition

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
GROUP = "group"
HeadOf = Callable[[str], type[Object] | None]


@dataclass(frozen=True, slots=True)
class Around:
    """What a definition is judged by: the others of its group, its objects and their class in the caches."""

    others: tuple[CustomResourceDefinition, ...]
    head: type[Object] | None = None
    objects: tuple[Object, ...] = ()


def reconcile(desired: CustomResourceDefinition, observed: Around, now: float) -> list[Action]:
    """What to do about one definition."""
    if desired.metadata.deletion_timestamp:
        return _clean_up(desired, observed, now) if CLEANUP in desired.metadata.finalizers else []
    accepted, conditions = _names(desired, observed.others, now)
    status = structs.replace(desired.status, accepted_names=accepted, conditions=conditions)
    if status == desired.status:
        return []
    return [Update(structs.replace(desired, status=status), "status")]


def _clean_up(crd: CustomResourceDefinition, observed: Around, now: float) -> list[Action]:
    if observed.head is not None and observed.objects:
        going = _condition(
            "Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress", now
        )
        deletions: list[Action] = [
            Delete(type(obj), key_of(obj), obj.metadata.uid)
            for obj in observed.objects
            if not obj.metadata.deletion_timestamp
        ]
        conditions = with_condition(crd.status.conditions, going)
        if conditions != crd.status.conditions:
            status = structs.replace(crd.status, conditions=conditions)
            deletions.append(Update(structs.replace(crd, status=status), "status"))
        return deletions
    left = tuple(name for name in crd.metadata.finalizers if name != CLEANUP)
    bare = structs.replace(crd, metadata=structs.replace(crd.metadata, finalizers=left))
    last: list[Action] = [DeleteAll((observed.head,), None)] if observed.head is not None else []
    return [*last, Update(bare)]


def _names(
    crd: CustomResourceDefinition, others: Iterable[CustomResourceDefinition], now: float
) -> tuple[CustomResourceDefinitionNames, tuple[CustomResourceDefinitionCondition, ...]]:
    """The names it may have, and its conditions (naming_controller.go:calculateNamesAndConditions)."""
    wanted, had = crd.spec.names, crd.status.accepted_names
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        theirs = other.status.accepted_names
        resources |= {theirs.plural, theirs.singular, *theirs.short_names}
        kinds |= {theirs.kind, theirs.list_kind}
    taken: list[tuple[str, str]] = []
    for field, names, where in (
        ("plural", (wanted.plural,), resources),
        ("singular", (wanted.singular,), resources),
        ("short_names", wanted.short_names, resources),
        ("kind", (wanted.kind,), kinds),
        ("list_kind", (wanted.list_kind,), kinds),
    ):
        conflicts = [name for name in names if name and name in where]
        if conflicts:
            taken.append((field, ", ".join(f'"{name}" is already in use' for name in conflicts)))
    kept = {field: getattr(had, field) for field, _ in taken}
    accepted = structs.replace(wanted, **kept)
    conditions = crd.status.conditions
    was_established = any(c.type == "Established" and c.status == "True" for c in conditions)
    if taken:
        field, words = taken[-1]
        reason = "".join(part.capitalize() for part in field.split("_")) + "Conflict"
        conditions = with_condition(conditions, _condition("NamesAccepted", "False", reason, words, now))
        if not was_established:
            refused = _condition("Established", "False", "NotAccepted", "not all names are accepted", now)
            conditions = with_condition(conditions, refused)
        return accepted, conditions
    conditions = with_condition(
        conditions, _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now)
    )
    if not was_established:
        fine = _condition(
            "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now
        )
        conditions = with_condition(conditions, fine)
    return accepted, conditions


def _condition(
    type_: str, status: str, reason: str, message: str, now: float
) -> CustomResourceDefinitionCondition:
    return CustomResourceDefinitionCondition(
        type=type_, status=status, reason=reason, message=message, last_transition_time=render_time(now)
    )


def by_group(crd: CustomResourceDefinition) -> list[str]:
    """Index: definitions by their group."""
    return [crd.spec.group]


class _Observing:
    def __init__(self, head_of: HeadOf) -> None:
        self._head_of = head_of

    def keys(self, lister: Lister, crd: CustomResourceDefinition) -> list[ObjectKey]:
        """A change concerns every definition of the group: names may have become free."""
        same = lister.cache(CustomResourceDefinition).indexed(GROUP, crd.spec.group)
        return [key_of(crd), *(key_of(other) for other in same if other.metadata.name != crd.metadata.name)]

    def owner(self, lister: Lister, obj: Object) -> list[ObjectKey]:
        """An object concerns its definition once that is going."""
        names = type(obj).names
        key = ObjectKey("", f"{names.plural}.{names.group}")
        crd = lister.cache(CustomResourceDefinition).get(key)
        return [key] if crd is not None and crd.metadata.deletion_timestamp else []

    def observe(self, lister: Lister, key: ObjectKey) -> tuple[CustomResourceDefinition, Around] | None:
        definitions = lister.cache(CustomResourceDefinition)
        crd = definitions.get(key)
        if crd is None:
            return None
        same = definitions.indexed(GROUP, crd.spec.group)
        others = tuple(other for other in same if other.metadata.name != crd.metadata.name)
        head = self._head_of(key.name)
        objects = tuple(lister.cache(head)) if head is not None and crd.metadata.deletion_timestamp else ()
        return crd, Around(others, head, objects)

    def grow(self, cls: type[Object]) -> tuple[Sequence[Watch], Sequence[Index]]:
        return (Watch(cls, self.owner),), ()


def definition_controller(head_of: HeadOf) -> Controller[CustomResourceDefinition, Around]:
    """`head_of` gives the class of a definition's objects in the caches."""
    observing = _Observing(head_of)
    return Controller(
        name="custom-resource-definition-controller",
        watches=(Watch(CustomResourceDefinition, observing.keys),),
        indexes=(Index(CustomResourceDefinition, GROUP, by_group),),
        observe=observing.observe,
        reconcile=reconcile,
        grow=observing.grow,
        workers=1,
    )
