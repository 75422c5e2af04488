"""Shell: the custom kinds that the API serves just now, kept in step with the CustomResourceDefinitions.

Enter: definitions, from the store at start and from an informer afterwards. Leave: the Scheme with their kinds in
it, and a call to everyone who must know of a new one (garbage collection, namespace deletion). Built with the
control plane.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pikube.api.custom.definitions import version_rank
from pikube.api.custom.kinds import Converter, CustomKind, custom_kind, is_accepted
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.api.kinds.meta import Object
from pikube.api.scheme import ALL_VERBS, KindInfo, Scheme

log = logging.getLogger("pikube.custom")

GOING_VERBS = tuple(verb for verb in ALL_VERBS if verb != "create")
"""What is left to do with the objects of a definition that is being deleted (customresource_handler.go)."""

NewKind = Callable[[type[Object]], None]
"""Told of the class by which caches may know the objects of a kind that is served from now on."""


EndWatches = Callable[[str], None]
"""Ends the watches of a resource, by its name in the store."""


class CustomKinds:
    """The definitions in force by name, and what each of them serves. Whoever watches a kind whose definition changes
    or goes is sent away to ask anew, as upstream does (customresource_handler.go:removeStorage_locked)."""

    def __init__(
        self,
        scheme: Scheme,
        definitions: Iterable[CustomResourceDefinition],
        converter: Converter,
        end_watches: EndWatches,
    ) -> None:
        self._scheme = scheme
        self._converter = converter
        self._end_watches = end_watches
        self._kinds: dict[str, CustomKind] = {}
        self._definitions: dict[str, CustomResourceDefinition] = {}
        self._heads: dict[type[Any], KindInfo] = {}
        self._subscribers: list[NewKind] = []
        for crd in definitions:
            self._take(None, crd)
        self._serve()

    def subscribe(self, callback: NewKind) -> None:
        """Be told of each class once; of those known already at once."""
        self._subscribers.append(callback)
        for head in self._heads:
            callback(head)

    def changed(self, old: CustomResourceDefinition | None, new: CustomResourceDefinition | None) -> None:
        """A definition came, changed or went."""
        definition = new or old
        before = self._kinds.get(definition.metadata.name) if definition is not None else None
        if not self._take(old, new):
            return
        self._serve()
        if before is not None:
            self._end_watches(before.stored.storage)

    def head_of(self, name: str) -> type[Object] | None:
        """The class of a definition's objects in caches; None while it is not served."""
        kind = self._kinds.get(name)
        return kind.head if kind is not None else None

    def _take(self, old: CustomResourceDefinition | None, new: CustomResourceDefinition | None) -> bool:
        """Whether anything that is served changed."""
        if new is None or not is_accepted(new):
            gone = new or old
            return gone is not None and self._forget(gone.metadata.name)
        name = new.metadata.name
        known = self._definitions.get(name)
        if known is not None and _is_same(known, new):
            return False
        self._definitions[name] = new
        kind = custom_kind(new, self._converter)
        if new.metadata.deletion_timestamp:
            kind = replace(kind, infos=tuple(replace(info, verbs=GOING_VERBS) for info in kind.infos))
        self._kinds[name] = kind
        log.info("event=kind_served definition=%s versions=%s", name,
                 ",".join(info.names.version for info in kind.infos))  # fmt: skip
        return True

    def _forget(self, name: str) -> bool:
        self._definitions.pop(name, None)
        return self._kinds.pop(name, None) is not None

    def _serve(self) -> None:
        infos = sorted((info for kind in self._kinds.values() for info in kind.infos), key=_order)
        new = [kind.head for kind in self._kinds.values() if kind.head not in self._heads]
        # heads stay known when their definition goes: informers of them are still reading its last events
        self._heads |= {kind.head: kind.stored for kind in self._kinds.values()}
        self._scheme.serve_custom(infos, self._heads)
        for head in new:
            for tell in self._subscribers:
                tell(head)


def _is_same(old: CustomResourceDefinition, new: CustomResourceDefinition) -> bool:
    return (
        old.spec == new.spec
        and old.status.accepted_names == new.status.accepted_names
        and bool(old.metadata.deletion_timestamp) == bool(new.metadata.deletion_timestamp)
    )


def _order(info: KindInfo) -> tuple[str, tuple[int, int, int, str], str]:
    """By group, the most stable version first, then by plural."""
    return info.names.group, version_rank(info.names.version), info.names.plural
