"""Declaration: what a served kind is made of, and the lookups that the request path needs.

A `KindInfo` joins a kind's declaration with its behaviour (defaulting, validation, selectable fields,
subresources). `pikube.api.served` lists them all; there is no registration, the Scheme is built from
that list by run.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pikube.api.errors import Cause, Resource
from pikube.api.kinds.base import Kind, Names
from pikube.api.views import View

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
REVIEW_VERBS = ("create",)


def no_defaults(obj: Any) -> None:
    """Nothing to fill in."""


def no_causes(*objects: Any) -> list[Cause]:
    """Nothing to complain about."""
    return []


def nothing_carried(new: Any, old: Any) -> None:
    """Nothing that the server keeps."""


def no_warnings(*objects: Any) -> list[str]:
    """Nothing to say about it."""
    return []


def no_fields(obj: Any) -> dict[str, str]:
    """Only metadata.name and metadata.namespace can be selected."""
    return {}


@dataclass(frozen=True, slots=True)
class Subresource:
    """`pods/log`: its name, verbs, and the kind of its documents (None: the object's own kind)."""

    name: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    cls: type[Kind] | None = None


STATUS = Subresource("status")


@dataclass(frozen=True, slots=True, kw_only=True)
class KindInfo:
    """One kind as the API serves it.

    default fills what the user left out, in place; prepare changes what is created, before anything is asked of
    it, and gives warnings; carry sets what the server keeps from version to version; validate and validate_update
    give causes whose field is the whole path, as does validate_status of what comes through /status (None: it is
    checked like any update); warn gives sentences for the client about what
    is accepted, of it and the one before or None; select
    gives the kind's selectable fields beside name and namespace. generation tells whether metadata.generation
    counts spec changes. is_ephemeral kinds live in memory only. is_review kinds are answered, never stored;
    is_measured kinds are asked of the boards. name_rule checks names, else they are DNS names (RBAC: URL
    segments). A version that is not stored itself names the one that is, `stored_in`, and how it looks from here,
    `view`; field_aliases are its names of the stored kind's selectable fields. Kinds whose selectable fields may
    change read them from the stored bytes when asked (read_fields), as their version shows them.
    deprecation warns everyone who uses it. A kind that needs_version is replaced only by who names the
    resourceVersion that he replaces; of one that
    is_made_by_update a PUT makes what is not there (upstream's AllowCreateOnUpdate).
    """

    cls: type[Any]
    default: Callable[[Any], None] = no_defaults
    validate: Callable[[Any], list[Cause]] = no_causes
    validate_update: Callable[[Any, Any], list[Cause]] = no_causes
    validate_status: Callable[[Any, Any], list[Cause]] | None = None
    prepare: Callable[[Any], list[str]] = no_warnings
    carry: Callable[[Any, Any], None] = nothing_carried
    warn: Callable[[Any, Any], list[str]] = no_warnings
    select: Callable[[Any], dict[str, str]] = no_fields
    field_labels: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    has_generation: bool = False
    is_ephemeral: bool = False
    is_review: bool = False
    is_measured: bool = False
    name_rule: Callable[[str], list[str]] | None = None
    stored_in: KindInfo | None = None
    view: View | None = None
    field_aliases: Mapping[str, str] = field(default_factory=dict)
    read_fields: Callable[[bytes], dict[str, str]] | None = None
    deprecation: str = ""
    needs_version: bool = False
    is_made_by_update: bool = False

    @property
    def names(self) -> Names:
        return self.cls.names  # type: ignore[no-any-return]

    @property
    def stored(self) -> KindInfo:
        """The version that is stored."""
        return self.stored_in or self

    @property
    def storage(self) -> str:
        """The store's name of the kind."""
        return self.stored.names.resource

    def shown(self, value: bytes) -> bytes:
        """Stored bytes as this version shows them."""
        return self.view.shown(value) if self.view is not None else value

    @property
    def resource(self) -> Resource:
        """As errors name it."""
        return Resource(self.names.group, self.names.plural)

    @property
    def has_status(self) -> bool:
        return STATUS in self.subresources

    def subresource(self, name: str) -> Subresource | None:
        return next((sub for sub in self.subresources if sub.name == name), None)


class Scheme:
    """Every served kind, by URL and by class. `serve_custom` replaces the custom ones; `generation` counts that."""

    def __init__(self, infos: Iterable[KindInfo]) -> None:
        self._built_in = tuple(infos)
        self.generation = 0
        self._index(self._built_in, {})

    def serve_custom(self, infos: Iterable[KindInfo], heads: Mapping[type[Any], KindInfo]) -> None:
        """From now on these beside the built-in ones. `heads`: the classes by which caches know custom objects."""
        self.generation += 1
        self._index((*self._built_in, *infos), heads)

    @property
    def built_in(self) -> tuple[KindInfo, ...]:
        return self._built_in

    def _index(self, infos: tuple[KindInfo, ...], heads: Mapping[type[Any], KindInfo]) -> None:
        self._infos = infos
        self._by_url = {(i.names.group, i.names.version, i.names.plural): i for i in self._infos}
        self._by_class: dict[type[Any], KindInfo] = {**{i.cls: i for i in self._infos}, **heads}
        self._by_kind = {(i.names.group, i.names.version, i.names.kind): i for i in self._infos}

    def __iter__(self) -> Iterator[KindInfo]:
        return iter(self._infos)

    def by_url(self, group: str, version: str, plural: str) -> KindInfo | None:
        return self._by_url.get((group, version, plural))

    def by_class(self, cls: type[Any]) -> KindInfo:
        return self._by_class[cls]

    def by_kind(self, group: str, version: str, kind: str) -> KindInfo | None:
        return self._by_kind.get((group, version, kind))

    def by_resource(self, group: str, plural: str) -> KindInfo | None:
        """The first version that serves it."""
        return next(
            (i for i in self._infos if (i.names.group, i.names.plural) == (group, plural)),
            None,
        )

    def group_versions(self) -> list[tuple[str, str]]:
        """(group, version) in the order of the list, the core group as ('', 'v1')."""
        return list(dict.fromkeys((i.names.group, i.names.version) for i in self._infos))
