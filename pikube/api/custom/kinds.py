"""Pure: from a CustomResourceDefinition to what the API serves: one KindInfo for each served version.

Enter: a definition. Leaves: `CustomKind`, whose infos go into the Scheme. Called when definitions change and at
start. The classes made here are to custom objects what pikube.api.kinds is to built-in ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import msgspec

from pikube.api.custom.definitions import schema_of, version_rank
from pikube.api.custom.json_path import JsonPath, shown
from pikube.api.custom.objects import CustomFacts, CustomObject, PrinterColumn, ScalePaths
from pikube.api.custom.rules import has_rules, rule_causes
from pikube.api.custom.shaping import PRESERVE, fill, prune
from pikube.api.custom.values import document_causes, unchanged_aside
from pikube.api.errors import Cause
from pikube.api.kinds.autoscaling import Scale
from pikube.api.kinds.base import Names
from pikube.api.kinds.extensions import CustomResourceDefinition, CustomResourceDefinitionVersion
from pikube.api.kinds.meta import Object
from pikube.api.scheme import STATUS, KindInfo, Subresource
from pikube.api.views import View


@dataclass(frozen=True, slots=True)
class CustomKind:
    """What one definition serves: its versions, most stable first, and the one that is stored (served or not)."""

    infos: tuple[KindInfo, ...]
    stored: KindInfo

    @property
    def head(self) -> type[Object]:
        """What the leader's caches keep of its objects."""
        head: type[Object] = self.stored.cls.head
        return head


Converter = Callable[[CustomResourceDefinition, type[CustomObject], type[CustomObject]], View]
"""(definition, class of a version, class of the stored version) → how the one looks from the other."""


def custom_kind(crd: CustomResourceDefinition, converter: Converter | None = None) -> CustomKind:
    """What a definition that has its names serves."""
    versions = {version.name: version for version in crd.spec.versions}
    storage = next(version for version in crd.spec.versions if version.storage)
    head = _head_class(
        crd.spec.group, storage.name, crd.spec.names.kind, crd.spec.names.plural, _is_namespaced(crd)
    )
    stored_cls = _class_of(crd, storage, head)
    view = converter or (lambda crd, cls, stored: SameContent(cls, stored, revision_of(crd)))
    stored = _info(crd, storage, stored_cls, None, view(crd, stored_cls, stored_cls))
    infos = []
    for name in sorted(versions, key=version_rank):
        version = versions[name]
        if not version.served:
            continue
        if version is storage:
            infos.append(stored)
        else:
            cls = _class_of(crd, version, head)
            infos.append(_info(crd, version, cls, stored, view(crd, cls, stored_cls)))
    return CustomKind(tuple(infos), stored)


def is_accepted(crd: CustomResourceDefinition) -> bool:
    """Whether it may be served: its names are its own."""
    return any(c.type == "Established" and c.status == "True" for c in crd.status.conditions)


def _is_namespaced(crd: CustomResourceDefinition) -> bool:
    return crd.spec.scope == "Namespaced"


@cache
def _head_class(group: str, version: str, kind: str, plural: str, is_namespaced: bool) -> type[Object]:
    """One class for as long as the program runs, so that caches outlive changes of the schema."""
    names = Names(group, version, kind, plural, is_namespaced)
    head = msgspec.defstruct(
        kind,
        [],
        bases=(Object,),
        namespace={"names": names},
        kw_only=True,
        rename="camel",
        omit_defaults=True,
    )
    return cast(type[Object], head)


def _class_of(
    crd: CustomResourceDefinition, version: CustomResourceDefinitionVersion, head: type[Object]
) -> type[CustomObject]:
    named = crd.status.accepted_names if crd.status.accepted_names.plural else crd.spec.names
    names = Names(
        crd.spec.group,
        version.name,
        named.kind,
        named.plural,
        _is_namespaced(crd),
        short=named.short_names,
        categories=named.categories,
        singular=named.singular,
        list_kind=named.list_kind,
    )
    subresources = version.subresources
    scale = subresources.scale if subresources is not None else None
    schema = schema_of(version)
    facts = CustomFacts(
        schema=schema,
        columns=tuple(
            PrinterColumn(c.name, c.type, JsonPath(c.json_path), c.format, c.description, c.priority)
            for c in version.additional_printer_columns
        ),
        has_status=subresources is not None and subresources.status is not None,
        scale=None
        if scale is None
        else ScalePaths(
            _plain(scale.spec_replicas_path),
            _plain(scale.status_replicas_path),
            _plain(scale.label_selector_path or ""),
        ),
        keeps_unknown=bool(schema.get(PRESERVE)),
    )
    return type(named.kind, (CustomObject,), {"names": names, "facts": facts, "head": head})


def _plain(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split(".") if part)


def _info(
    crd: CustomResourceDefinition,
    version: CustomResourceDefinitionVersion,
    cls: type[CustomObject],
    stored: KindInfo | None,
    view: View | None,
) -> KindInfo:
    facts = cls.facts
    schema = facts.schema

    is_ruled = has_rules(schema)

    def validate(obj: CustomObject) -> list[Cause]:
        causes = document_causes(obj, schema)
        return [*causes, *_ruled(causes, obj, None, schema)] if is_ruled else causes

    def validate_update(new: CustomObject, old: CustomObject) -> list[Cause]:
        causes = unchanged_aside(document_causes(new, schema), new, old)
        return [*causes, *unchanged_aside(_ruled(causes, new, old, schema), new, old)] if is_ruled else causes

    selectable = {
        field.json_path.removeprefix("."): _plain(field.json_path) for field in version.selectable_fields
    }

    def read_fields(value: bytes) -> dict[str, str]:
        document = cls.read(msgspec.json.decode(view.shown(value) if view is not None else value))
        return {name: _as_label(document.at(path)) for name, path in selectable.items()}

    subresources = (STATUS,) * facts.has_status
    if facts.scale is not None:
        subresources += (Subresource("scale", cls=Scale),)
    warning = ""
    if version.deprecated:
        named = f"{cls.names.api_version} {cls.names.kind}"
        warning = version.deprecation_warning or f"{named} is deprecated"
    return KindInfo(
        cls=cls,
        default=lambda obj: fill(obj, schema),
        validate=validate,
        validate_update=validate_update,
        field_labels=tuple(selectable),
        read_fields=read_fields if selectable else None,
        subresources=subresources,
        has_generation=True,
        needs_version=True,
        stored_in=stored,
        view=view,
        deprecation=warning,
    )


def _as_label(value: Any) -> str:
    return "" if value is None else shown(value)


class SameContent:
    """Conversion strategy None: only the apiVersion differs; a version shows what its own schema knows."""

    def __init__(self, cls: type[CustomObject], stored: type[CustomObject], since: int) -> None:
        """`since`: the revision at which the definition became what it is."""
        self._cls = cls
        self._stored = stored
        self._since = since
        self._head = b'{"apiVersion":"%s",' % cls.names.api_version.encode()

    def shown(self, value: bytes) -> bytes:
        """Objects written when another version was stored are of that version still."""
        if value.startswith(self._head) and is_after(value, self._since):
            return value
        return as_defined(value, self._cls)

    def stored(self, obj: CustomObject) -> CustomObject:
        return obj if self._cls is self._stored else self._stored.made(obj.metadata, obj)


def revision_of(crd: CustomResourceDefinition) -> int:
    """When the definition was written."""
    return int(crd.metadata.resource_version or 0)


_REVISION = re.compile(rb'"resourceVersion":"(\d+)"')


def is_after(value: bytes, since: int) -> bool:
    """Whether an object was stored after its definition became what it is: then it is as the schema wants it."""
    match = _REVISION.search(value)  # metadata's own comes before anything that a user wrote
    return match is not None and int(match[1]) > since


def as_defined(value: bytes, cls: type[CustomObject]) -> bytes:
    """A stored object as today's schema knows it: pruned, with defaults that came later
    (kubernetes customresource_handler.go:schemaCoercingDecoder, defaultingDecoder)."""
    document = cls.read(msgspec.json.decode(value))
    prune(document, cls.facts.schema)
    fill(document, cls.facts.schema)
    return msgspec.json.encode(document)


_BLOCKING = {
    f"FieldValue{what}" for what in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid")
}
_UNCHECKED = Cause(
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
    "<nil>",
)


def _ruled(
    causes: list[Cause], obj: CustomObject, old: CustomObject | None, schema: Mapping[str, Any]
) -> list[Cause]:
    """What rules say beside `causes`, unless one of them blocks rules.

    Source: apiextensions-apiserver pkg/registry/customresource/strategy.go:hasBlockingErr.
    """
    if any(cause.reason in _BLOCKING for cause in causes):
        return [_UNCHECKED]
    return rule_causes(obj, old, schema)
