"""Pure: who owns what: owner references, adoption and release by selector.

Enter: owners and possible children. Leave: references, claims, patches. Called by every controller that has
children. Source: kubernetes pkg/controller/controller_ref_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pikube.api.kinds.meta import Object, OwnerReference
from pikube.api.selector import LabelSelector
from pikube.informer.actions import Action, PatchObject
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Index, Lister

K = TypeVar("K", bound=Object)
ORPHANS = "orphans"


def owner_reference(owner: Object) -> OwnerReference:
    """The reference by which `owner` controls a child."""
    return OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def controller_of(obj: Object) -> OwnerReference | None:
    """The reference of the one that controls `obj`."""
    return next((ref for ref in obj.metadata.owner_references if ref.controller), None)


def orphans_index(cls: type[Any]) -> Index:
    """Index: by namespace, the objects that nobody controls: all that a selector may adopt."""

    def namespace_of_orphan(obj: Object) -> list[str]:
        return [] if controller_of(obj) else [obj.metadata.namespace]

    return Index(cls, ORPHANS, namespace_of_orphan)


def candidates(lister: Lister, cls: type[K], owner: Object, selector: LabelSelector) -> tuple[K, ...]:
    """What `owner` controls and the orphans that match its selector; needs `orphans_index(cls)`."""
    cache = lister.cache(cls)
    meta = owner.metadata
    orphans = [] if selector.empty else cache.indexed(ORPHANS, meta.namespace)
    matching = [obj for obj in orphans if selector.matches(obj.metadata.labels)]
    return (*cache.owned_by(meta.uid), *matching)


def wakes_owner(
    cls: type[K], kind: str, selector_of: Callable[[K], LabelSelector]
) -> Callable[[Lister, Object], list[ObjectKey]]:
    """Watch keys of a child: its controller of `kind`, or for an orphan everyone who might adopt it."""

    def keys(lister: Lister, obj: Object) -> list[ObjectKey]:
        namespace = obj.metadata.namespace
        ref = controller_of(obj)
        if ref is not None:
            return [ObjectKey(namespace, ref.name)] if ref.kind == kind else []
        if not obj.metadata.labels:
            return []
        owners = lister.cache(cls).in_namespace(namespace)
        return [key_of(owner) for owner in owners if selector_of(owner).matches(obj.metadata.labels)]

    return keys


def claim(owner: Object, children: Iterable[K], selector: LabelSelector) -> tuple[list[K], list[Action]]:
    """(what the owner controls, actions that adopt and release). An orphan that matches is adopted, a child that
    no longer matches is released; what others control is left alone."""
    mine: list[K] = []
    actions: list[Action] = []
    is_going = bool(owner.metadata.deletion_timestamp)
    for child in sorted(children, key=key_of):
        ref = controller_of(child)
        matches = not selector.empty and selector.matches(child.metadata.labels)
        if ref is not None:
            if ref.uid != owner.metadata.uid:
                continue
            if matches:
                mine.append(child)
            elif not is_going:
                actions.append(_release(owner, child))
        elif matches and not is_going and not child.metadata.deletion_timestamp:
            actions.append(_adopt(owner, child))
            mine.append(child)
    return mine, actions


def _adopt(owner: Object, child: Object) -> PatchObject:
    return references_patch(child, (*child.metadata.owner_references, owner_reference(owner)))


def _release(owner: Object, child: Object) -> PatchObject:
    kept = tuple(ref for ref in child.metadata.owner_references if ref.uid != owner.metadata.uid)
    return references_patch(child, kept)


def references_patch(
    child: Object, references: tuple[OwnerReference, ...], **metadata: object
) -> PatchObject:
    """Replace the owner references of exactly this revision of exactly this object."""
    documents = [_document(ref) for ref in references]
    meta = child.metadata
    patch = {
        "metadata": {
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
            "ownerReferences": documents or None,
            **metadata,
        }
    }
    return PatchObject(type(child), key_of(child), patch)


def _document(ref: OwnerReference) -> dict[str, Any]:
    pairs = (
        ("apiVersion", ref.api_version),
        ("kind", ref.kind),
        ("name", ref.name),
        ("uid", ref.uid),
        ("controller", ref.controller),
        ("blockOwnerDeletion", ref.block_owner_deletion),
    )
    return {name: value for name, value in pairs if value is not None}
