"""Pure: metadata.managedFields: which manager set which field, kept as Kubernetes keeps it.

Enter: an object before and after a write, who wrote, when. Leaves: the object's new list of managers. Called
by the request registry for every create, PUT and patch that names a field manager, before admission; `apply`
does the same for server-side apply on top of what is here. The rules are those of kubernetes apimachinery
`pkg/util/managedfields/internal`.

Plain writes must stay cheap: equal parts of the two objects are compared in C and never walked, and the sets
of managers stay in their JSON form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec

from pikube.api import field_sets
from pikube.api.custom.objects import CustomObject
from pikube.api.field_sets import FieldSet
from pikube.api.kinds.base import Kind, Struct
from pikube.api.kinds.meta import ManagedFieldsEntry
from pikube.api.structure import Type, structure_of
from pikube.api.structured_diff import Comparison, compare
from pikube.api.structured_fields import StructureError
from pikube.api.times import render_time

MAX_UPDATE_MANAGERS = 10
"""Above this the oldest updates are merged into one entry (kubernetes DefaultMaxUpdateManagers)."""
ANCIENT = "ancient-changes"
APPLY, UPDATE = "Apply", "Update"
UNREADABLE = (
    ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating "
    "admission controller; please fix your requests: "
)

_STRIPPED: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {}, "f:name": {}, "f:namespace": {}, "f:creationTimestamp": {}, "f:selfLink": {}, "f:uid": {},
        "f:clusterName": {}, "f:generation": {}, "f:managedFields": {}, "f:resourceVersion": {},
    },
}  # fmt: skip
"""What nobody owns: the server writes it, or it names the object."""
RESET_BY_SUBRESOURCE = {"": ("status",), "status": ("spec",)}


@dataclass(frozen=True, slots=True)
class Manager:
    """Who wrote: an applier is the same whatever version it speaks, an updater is not."""

    name: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    def shown(self) -> str:
        """As conflicts name it: `"kubectl" using apps/v1`."""
        words = f'"{self.name}"'
        if self.subresource:
            words += f' with subresource "{self.subresource}"'
        return f"{words} using {self.api_version}" if self.operation == UPDATE else words


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns, in which version of the kind it said so, and when it last changed something."""

    fields: FieldSet
    api_version: str
    time: str = ""


Managed = dict[Manager, Owned]


def updater(name: str, api_version: str, subresource: str = "") -> Manager:
    """The identity of a manager that creates, replaces or patches."""
    return Manager(name or "unknown", UPDATE, api_version, subresource)


def applier(name: str, subresource: str = "") -> Manager:
    """The identity of a manager that applies."""
    return Manager(name or "unknown", APPLY, "", subresource)


def decode_managed(entries: Any, *, is_trusted: bool = False) -> Managed:
    """Read a managedFields list; `is_trusted` entries were written by `encode_managed` and are not looked into.

    Raises: ValueError if an entry is malformed.
    """
    managed: Managed = {}
    for entry in entries or ():
        operation = entry.get("operation")
        version = entry.get("apiVersion", "")
        if operation not in (APPLY, UPDATE):
            raise ValueError("operation must be `Apply` or `Update`")
        if not version:
            raise ValueError("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError("fieldsType must be FieldsV1")
        fields = entry.get("fieldsV1") or {}
        manager = Manager(
            entry.get("manager", ""),
            operation,
            version if operation == UPDATE else "",
            entry.get("subresource", ""),
        )
        known = fields if is_trusted else field_sets.normalized(fields)
        managed[manager] = Owned(known, version, entry.get("time") or "")
    return managed


def encode_managed(managed: Managed) -> list[dict[str, Any]]:
    """The managedFields list: appliers first, then updaters, the oldest first."""
    entries = []
    for manager, owned in sorted(managed.items(), key=_order):
        entry: dict[str, Any] = {}
        if manager.name:
            entry["manager"] = manager.name
        entry |= {"operation": manager.operation, "apiVersion": owned.api_version}
        if owned.time:
            entry["time"] = owned.time
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": owned.fields}
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return entries


def track_update(
    old: Any,
    new: Any,
    schema: type[Struct] | Type,
    manager: str,
    now: float,
    subresource: str = "",
    *,
    reset: Collection[str] | None = None,
) -> None:
    """Set new's managedFields after a create (old is None), a PUT or a patch, in place.

    old and new are Structs of a kind, or decoded objects. What new itself brings as managedFields is taken
    for the state before this write, as long as it is readable; `[{}]` (or, in a decoded object, `[]`) forgets
    all managers. `reset` names the top-level members this request cannot set: by default status, or spec for
    the status subresource.
    """
    structure = schema if isinstance(schema, Type) else structure_of(schema)
    before = _decoded(old) if old is not None else _empty(schema, new)
    after = _decoded(new)
    managed = _known_managers(before, after, bool(subresource))
    if not managed and old is not None:
        _store(new, ())  # an object that nobody tracks stays so until it is applied
        return
    version = after.get("apiVersion", "")
    change = compared(before, after, structure)
    resets = RESET_BY_SUBRESOURCE.get(subresource, ()) if reset is None else reset
    managed = after_update(
        managed, change, updater(manager, version, subresource), version, render_time(now), resets
    )
    _store(new, encode_managed(managed))


def keep_readable(made: Any, before: Any) -> list[str]:
    """Undo what admission did to the managers of an object if nobody can read it; a warning if so (kubernetes
    apiserver pkg/endpoints/handlers/fieldmanager/admission.go)."""
    entries = made.metadata.managed_fields
    if entries == before.metadata.managed_fields:
        return []
    try:
        decode_managed(msgspec.to_builtins(entries))
    except ValueError as error:
        made.metadata.managed_fields = before.metadata.managed_fields
        return [UNREADABLE + str(error)]
    return []


def compared(before: dict[str, Any], after: dict[str, Any], structure: Type) -> Comparison:
    """The change between two objects; one that does not fit its structure counts as no change."""
    try:
        return compare(before, after, structure)
    except StructureError:
        return Comparison()


def after_update(
    managed: Managed,
    change: Comparison,
    manager: Manager,
    api_version: str,
    now: str,
    resets: Iterable[str] = (),
) -> Managed:
    """The managers after a plain write: what it changed is its own, everyone else loses that."""
    set_now = own_part(field_sets.union(change.modified, change.added), resets)
    out = losing(managed, change, resets)
    if set_now:
        previous = out.get(manager)
        fields = field_sets.union(previous.fields, set_now) if previous is not None else set_now
        out[manager] = Owned(fields, api_version, now)
    return capped(out)


def losing(
    managed: Managed, change: Comparison, resets: Iterable[str] = (), keep: Manager | None = None
) -> Managed:
    """The managers without the fields that a change set or removed; `keep` loses nothing."""
    gone = field_sets.union(field_sets.union(change.modified, change.added), change.removed)
    gone = field_sets.difference(gone, _STRIPPED)
    for name in resets:
        gone = {step: node for step, node in gone.items() if step != "f:" + name}
    if not gone:
        return dict(managed)
    out: Managed = {}
    for manager, owned in managed.items():
        left = owned.fields if manager == keep else field_sets.difference(owned.fields, gone)
        if left:
            out[manager] = owned if left is owned.fields else replace(owned, fields=left)
    return out


def own_part(fields: FieldSet, resets: Iterable[str]) -> FieldSet:
    """Of a set, what a manager may own."""
    hidden = {"f:" + name for name in resets}
    kept = {step: node for step, node in fields.items() if step not in hidden} if hidden else fields
    return field_sets.difference(kept, _STRIPPED)


def capped(managed: Managed) -> Managed:
    """At most MAX_UPDATE_MANAGERS updaters: beyond, the oldest of each version are merged into one."""
    updaters = [manager for manager in managed if manager.operation == UPDATE]
    excess = len(updaters) - MAX_UPDATE_MANAGERS
    if excess <= 0:
        return managed
    updaters.sort(key=lambda manager: (managed[manager].time, manager.name))
    out = dict(managed)
    first_of: dict[str, Manager] = {}
    for manager in updaters:
        version = managed[manager].api_version
        if version not in first_of:
            first_of[version] = manager
            continue
        bucket = Manager(ANCIENT, UPDATE, version)
        if bucket not in out:
            out[bucket] = out.pop(first_of[version])
        merged = field_sets.union(out[bucket].fields, out.pop(manager).fields)
        out[bucket] = Owned(merged, version, managed[manager].time)
        excess -= 1
        if not excess:
            break
    return out


def _known_managers(before: dict[str, Any], after: dict[str, Any], is_subresource: bool) -> Managed:
    """The managers before this write, taken out of both objects."""
    live = _taken(before)
    sent = _taken(after)
    if not is_subresource and sent is not None and sent != live:
        if not sent or list(sent) == [{}]:
            return {}
        try:
            return decode_managed(sent)
        except ValueError:
            pass  # a client that does not understand the list must not destroy it
    try:
        return decode_managed(live, is_trusted=True)
    except ValueError:
        return {}


def _taken(obj: dict[str, Any]) -> Any:
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return None
    obj["metadata"] = {name: value for name, value in meta.items() if name != "managedFields"}
    return meta["managedFields"]


def _order(entry: tuple[Manager, Owned]) -> tuple[str, str, str, str, str]:
    manager, owned = entry
    return (manager.operation, owned.time, manager.name, owned.api_version, manager.subresource)


def _decoded(obj: Any) -> dict[str, Any]:
    """A Struct as builtins, a decoded object as a shallow copy."""
    if isinstance(obj, dict) and not isinstance(obj, CustomObject):
        return dict(obj)
    decoded: dict[str, Any] = msgspec.to_builtins(obj)
    return decoded


def _empty(schema: type[Struct] | Type, new: Any) -> dict[str, Any]:
    """What a create is compared with: the kind with nothing in it."""
    if isinstance(schema, type) and issubclass(schema, Kind) and not isinstance(new, dict):
        return dict(_empty_kind(schema))
    return {"metadata": {}}


@cache
def _empty_kind(cls: type[Kind]) -> dict[str, Any]:
    empty: dict[str, Any] = msgspec.to_builtins(cls())
    return empty


def _store(new: Any, entries: Iterable[dict[str, Any]]) -> None:
    entries = list(entries)
    if isinstance(new, dict) and not isinstance(new, CustomObject):
        meta = {name: value for name, value in (new.get("metadata") or {}).items() if name != "managedFields"}
        new["metadata"] = {**meta, "managedFields": entries} if entries else meta
    else:
        new.metadata.managed_fields = tuple(
            ManagedFieldsEntry(
                manager=entry.get("manager", ""),
                operation=entry["operation"],
                api_version=entry["apiVersion"],
                time=entry.get("time", ""),
                fields_type=entry["fieldsType"],
                fields_v1=entry["fieldsV1"],
                subresource=entry.get("subresource", ""),
            )
            for entry in entries
        )
