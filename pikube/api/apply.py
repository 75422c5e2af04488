"""Pure: server-side apply (`application/apply-patch+yaml`).

Enter: the stored object (or None), the configuration a manager applies, who and when. Leaves: the new object
with its managedFields, or Conflict when another manager owns a value that would change. Called by the patch
handler. The steps are those of structured-merge-diff `merge/update.go` and kubernetes apimachinery
`pkg/util/managedfields/internal`:

    merge the configuration over the object
    take out what this manager applied last time, does not apply now, and nobody else owns
    compare with what was there: changed fields that others own are conflicts, unless forced
    the configuration is now this manager's set; forced owners and removed fields lose theirs
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import msgspec

from pikube.api import field_sets
from pikube.api.errors import BadRequest, Cause, Conflict, Unexpected
from pikube.api.field_sets import FieldSet, difference, intersection, union
from pikube.api.kinds.base import Kind, Struct
from pikube.api.managed_fields import (
    RESET_BY_SUBRESOURCE,
    Managed,
    Manager,
    Owned,
    after_update,
    applier,
    compared,
    decode_managed,
    encode_managed,
    losing,
    own_part,
    updater,
)
from pikube.api.pruning import pruned
from pikube.api.structure import Type, structure_of
from pikube.api.structured_diff import Comparison
from pikube.api.structured_fields import StructureError, field_set_of
from pikube.api.structured_merge import merge
from pikube.api.times import render_time

BEFORE_FIRST_APPLY = "before-first-apply"
KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_ANNOTATIONS_BYTES = 256 * 1024

Json = dict[str, Any]


def apply(
    live: Json | None,
    config: Json,
    schema: type[Struct] | Type,
    manager: str,
    *,
    force: bool = False,
    now: float,
    subresource: str = "",
    reset: Collection[str] | None = None,
) -> Json:
    """The object after the apply, managedFields included; the same object again if nothing changes.

    live is what the store holds (None creates), config has apiVersion and kind. `reset` names the top-level
    members this request cannot set: by default status, or spec for the status subresource. A null of the
    configuration is in the object, too: it asks for the default, and the caller's decoder drops it.
    Raises: BadRequest, Unexpected, Conflict with a cause for each field.
    """
    structure = schema if isinstance(schema, Type) else structure_of(schema)
    resets = tuple(RESET_BY_SUBRESOURCE.get(subresource, ()) if reset is None else reset)
    version = str(config.get("apiVersion", ""))
    request = _Request(structure, applier(manager, subresource), version, resets, render_time(now))
    if not isinstance(config.get("metadata") or {}, dict):
        raise Unexpected(f"failed to create typed patch object ({version}): .metadata: expected map")
    if (config.get("metadata") or {}).get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    before, managed = _split(live if live is not None else _empty(schema, config))
    if live is not None and not managed:
        managed = _before_first_apply(before, _empty(schema, config), structure, request)
    applied = request.field_set(config)
    after, own = request.merged(before, managed, config, applied)
    change = compared(before, after, structure) if after is not before else Comparison()
    conflicts = _conflicts(managed, request.manager, change, resets)
    if conflicts and not force:
        conflicts = _not_allowed(conflicts, before, manager, version, structure)
        if conflicts:
            raise _conflict_error(conflicts)
    owners = request.owners(managed, own, change, is_changed=after is not before)
    if manager == KUBECTL:
        after = _with_last_applied(after, config)
    return _joined(after, owners)


class _Request:
    """The facts of one apply that its steps share."""

    __slots__ = ("manager", "now", "resets", "structure", "version")

    def __init__(
        self, structure: Type, manager: Manager, version: str, resets: tuple[str, ...], now: str
    ) -> None:
        self.structure = structure
        self.manager = manager
        self.version = version
        self.resets = resets
        self.now = now

    def field_set(self, config: Json) -> FieldSet:
        """What the configuration names."""
        try:
            fields = field_set_of(config, self.structure)
        except StructureError as error:
            raise Unexpected(f"failed to create typed patch object ({_named(config)}): {error}") from None
        hidden = {"f:" + name for name in self.resets}
        return {step: node for step, node in fields.items() if step not in hidden}

    def merged(
        self, before: Json, managed: Managed, config: Json, applied: FieldSet
    ) -> tuple[Json, FieldSet]:
        """The object with the configuration in it and dropped fields out of it, and the manager's new set."""
        visible = {name: value for name, value in config.items() if name not in self.resets}
        try:
            after: Json = merge(before, visible, self.structure)
        except StructureError as error:
            raise BadRequest(f"failed to merge config: {error}") from None
        last = managed.get(self.manager)
        if last is not None:
            others = [owned.fields for who, owned in managed.items() if who != self.manager]
            after = pruned(after, last.fields, applied, others, self.structure)
        return (before if before == after else after), own_part(applied, ())

    def owners(self, managed: Managed, own: FieldSet, change: Comparison, *, is_changed: bool) -> Managed:
        """The managers after this apply."""
        out = losing(managed, change, self.resets, keep=self.manager)
        previous = out.pop(self.manager, None)
        if not own:
            return out
        is_same = previous is not None and previous.fields == own and previous.api_version == self.version
        if is_same and not is_changed and previous is not None:
            out[self.manager] = previous
        else:
            out[self.manager] = Owned(own, self.version, self.now)
        return out


def _conflicts(
    managed: Managed, applying: Manager, change: Comparison, resets: Collection[str]
) -> dict[Manager, FieldSet]:
    """What others own of the fields that would change."""
    changed = own_part(union(change.modified, change.added), resets)
    if not changed:
        return {}
    found = {
        manager: intersection(owned.fields, changed)
        for manager, owned in managed.items()
        if manager != applying
    }
    return {manager: fields for manager, fields in found.items() if fields}


def _not_allowed(
    conflicts: dict[Manager, FieldSet], live: Json, manager: str, version: str, structure: Type
) -> dict[Manager, FieldSet]:
    """The conflicts left when kubectl takes over what kubectl's client-side apply had set."""
    if manager != KUBECTL:
        return conflicts
    allowed = _last_applied_fields(live, version, structure)
    left = {who: difference(fields, allowed) for who, fields in conflicts.items()}
    return {who: fields for who, fields in left.items() if fields}


def _last_applied_fields(live: Json, version: str, structure: Type) -> FieldSet:
    """The fields of the last-applied annotation whose live values are still those."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return {}
    try:
        last = msgspec.json.decode(text)
        if not isinstance(last, dict) or last.get("apiVersion") != version:
            return {}
        fields = field_set_of(last, structure)
    except (msgspec.DecodeError, StructureError):
        return {}
    change = compared(last, live, structure)
    return difference(difference(difference(fields, change.modified), change.added), change.removed)


def _conflict_error(conflicts: dict[Manager, FieldSet]) -> Conflict:
    by_name = sorted(conflicts.items(), key=lambda entry: (entry[0].name, entry[0].operation))
    return Conflict.apply(
        [
            Cause("FieldManagerConflict", f"conflict with {manager.shown()}", field_sets.shown(path))
            for manager, fields in by_name
            for path in field_sets.paths(fields)
        ]
    )


def _before_first_apply(live: Json, empty: Json, structure: Type, request: _Request) -> Managed:
    """Someone must own what stood there before anyone applied, or the first apply could not conflict."""
    change = compared(empty, live, structure)
    manager = updater(BEFORE_FIRST_APPLY, request.version, request.manager.subresource)
    return after_update({}, change, manager, request.version, request.now, request.resets)


def _with_last_applied(obj: Json, config: Json) -> Json:
    """kubectl's annotation follows what kubectl applies on the server, if the object has it."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    if not annotations.get(LAST_APPLIED):
        return obj
    meta = dict(config.get("metadata") or {})
    if isinstance(meta.get("annotations"), dict):
        meta["annotations"] = {k: v for k, v in meta["annotations"].items() if k != LAST_APPLIED}
        if not meta["annotations"]:
            del meta["annotations"]
    document = {**config, "metadata": meta}
    text = msgspec.json.encode(document, order="sorted").decode() + "\n"
    changed = {**annotations, LAST_APPLIED: text}
    if sum(len(k.encode()) + len(v.encode()) for k, v in changed.items()) > MAX_ANNOTATIONS_BYTES:
        del changed[LAST_APPLIED]
    return {**obj, "metadata": {**obj["metadata"], "annotations": changed}}


def _split(obj: Json) -> tuple[Json, Managed]:
    """An object without its managedFields, and those."""
    meta = obj.get("metadata") or {}
    try:
        managed = decode_managed(meta.get("managedFields"), is_trusted=True)
    except ValueError as error:
        raise BadRequest(f"failed to decode managed fields: {error}") from None
    return {**obj, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}}, managed


def _joined(obj: Json, managed: Managed) -> Json:
    meta = dict(obj.get("metadata") or {})
    if managed:
        meta["managedFields"] = encode_managed(managed)
    return {**obj, "metadata": meta}


def _empty(schema: type[Struct] | Type, config: Json) -> Json:
    if isinstance(schema, type) and issubclass(schema, Kind):
        return dict(_empty_kind(schema))
    return {"apiVersion": config.get("apiVersion"), "kind": config.get("kind"), "metadata": {}}


@cache
def _empty_kind(cls: type[Kind]) -> Json:
    empty: Json = msgspec.json.decode(msgspec.json.encode(cls()))
    return empty


def _named(config: Json) -> str:
    """`default/web; apps/v1, Kind=Deployment`; the core group is written as nothing before the slash."""
    meta = config.get("metadata") or {}
    version = str(config.get("apiVersion", ""))
    return (
        f"{meta.get('namespace', '')}/{meta.get('name', '')}; "
        f"{version if '/' in version else f'/{version}'}, Kind={config.get('kind', '')}"
    )
