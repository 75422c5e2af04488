"""Pure: the part of every write that concerns metadata: what the server sets, and what nobody may change.

Enter: decoded objects, which are changed in place. Leaves: causes for Invalid. Called by the registry.
Rules: kubernetes apiserver registry/rest/{create,update}.go and apimachinery api/validation/objectmeta.go.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from pikube.api import names
from pikube.api.custom.objects import CustomObject
from pikube.api.errors import BadRequest, Cause, Conflict, Resource
from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_node import Node
from pikube.api.scheme import KindInfo
from pikube.api.times import render_time
from pikube.api.validation.causes import invalid

DOORS = {
    "status": ("status",),
    "approval": ("status",),
    "scale": ("spec.replicas",),
    "finalize": ("spec.finalizers",),
    "binding": ("spec.node_name", "status"),
    "ephemeralcontainers": ("spec.ephemeral_containers",),
    "resize": ("spec.containers", "spec.init_containers"),
}
"""What a write through each subresource may change beside metadata."""

FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
"""Those that need no domain (kubernetes pkg/apis/core/helper:standardFinalizers); ours have one."""
FREE_FINALIZERS = ("apiextensions.k8s.io", "apiregistration.k8s.io")
"""Groups that are validated without the rules of core: any finalizer goes, their own has no domain."""
ANNOTATIONS_LIMIT_BYTES = 256 * 1024  # apimachinery objectmeta.go:TotalAnnotationSizeLimitB


def other_uid(resource: Resource, place: str, name: str, wanted: str, found: str) -> Conflict:
    """Somebody means an object that is gone; the one of its name is another (apiserver storage: Preconditions)."""
    return Conflict.of(
        resource,
        name,
        f"StorageError: invalid object, Code: 4, Key: /registry/{place}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
    )


def prepare_create(info: KindInfo, obj: Any, namespace: str, uid: str, now: float) -> None:
    """Set what the server owns. BadRequest for what a creator may not say."""
    meta = obj.metadata
    if meta.resource_version:
        raise BadRequest("resourceVersion should not be set on objects to be created")
    match_namespace(info, obj, namespace)
    meta.uid = uid
    meta.creation_timestamp = render_time(now)
    meta.deletion_timestamp = ""
    meta.deletion_grace_period_seconds = None
    meta.self_link = ""
    meta.generation = 1 if info.has_generation else 0
    if not info.has_status:
        return
    if isinstance(obj, CustomObject):
        obj.pop("status", None)
    elif not isinstance(obj, Node):  # a board says at once how it is (core/node/strategy.go)
        obj.status = type(obj.status)()


def match_namespace(info: KindInfo, obj: Any, namespace: str) -> None:
    """The namespace of the URL goes into the object; BadRequest if it says another. What is in none loses what it
    says (kubernetes registry/rest/meta.go:EnsureObjectNamespaceMatchesRequestNamespace)."""
    meta = obj.metadata
    if info.names.namespaced:
        if meta.namespace and meta.namespace != namespace:
            raise BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta.namespace = namespace
    else:
        meta.namespace = ""


def match_name(obj: Any, name: str, namespace: str = "") -> None:
    """BadRequest if an object says another name than the URL, or none, or another namespace (kubernetes
    endpoints/handlers:checkName)."""
    if not obj.metadata.name:
        raise BadRequest(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if obj.metadata.name != name:
        raise BadRequest(
            f"the name of the object ({obj.metadata.name}) does not match the name on the URL ({name})"
        )
    if namespace and obj.metadata.namespace not in ("", namespace):
        raise BadRequest(
            f"the namespace of the object ({obj.metadata.namespace}) does not match the namespace on the "
            f"request ({namespace})"
        )


def prepare_update(info: KindInfo, new: Any, old: Any, subresource: str) -> None:
    """Carry over what the server owns and what this door does not change; count the generation."""
    if isinstance(new, CustomObject):
        _carry_custom(info, new, old, subresource)
    mine, theirs = new.metadata, old.metadata
    for attribute in ("self_link", "deletion_timestamp", "deletion_grace_period_seconds", "generation"):
        setattr(mine, attribute, getattr(theirs, attribute))
    mine.uid = mine.uid or theirs.uid
    mine.creation_timestamp = theirs.creation_timestamp
    mine.generate_name = theirs.generate_name
    if isinstance(new, CustomObject):
        count_generation(info, new, old)
        return
    if subresource:
        _keep_all_but(new, old, DOORS.get(subresource, ()))
        if isinstance(new, Deployment) and subresource == "status":
            mine.labels = theirs.labels  # apps/deployment/strategy.go:deploymentStatusStrategy
    elif info.has_status:
        new.status = old.status
        if isinstance(new, Namespace):
            new.spec = old.spec  # finalizers leave by /finalize only
    count_generation(info, new, old)


def count_generation(info: KindInfo, new: Any, old: Any) -> None:
    """metadata.generation moves on when what is wanted changes."""
    if not info.has_generation:
        return
    if isinstance(new, CustomObject):
        hidden = ("status",) if info.has_status else ()
        is_new = new.content(*hidden) != old.content(*hidden)
    else:
        is_new = _has_new_spec(new, old)
    if is_new:
        new.metadata.generation = old.metadata.generation + 1


def keep_times(new: Any, old: Any) -> None:
    """An update that changes nothing but the times of managed fields changes nothing, and is not written
    (kubernetes apimachinery pkg/util/managedfields: IgnoreManagedFieldsTimestampsTransformer)."""
    mine, theirs = new.metadata.managed_fields, old.metadata.managed_fields
    if mine == theirs or len(mine) != len(theirs):
        return
    before = {_owner(entry): entry for entry in theirs}
    for entry in mine:
        known = before.get(_owner(entry))
        if known is None or known.fields_v1 != entry.fields_v1:
            return
    version = new.metadata.resource_version
    new.metadata.managed_fields, new.metadata.resource_version = theirs, old.metadata.resource_version
    if new != old:
        new.metadata.managed_fields = mine
    new.metadata.resource_version = version


def _owner(entry: Any) -> tuple[str, str, str, str]:
    return entry.manager, entry.operation, entry.api_version, entry.subresource


def metadata_causes(info: KindInfo, obj: Any) -> list[Cause]:
    """What is wrong with the metadata of a new object or of a changed one."""
    meta = obj.metadata
    causes: list[Cause] = []
    rule = info.name_rule or (
        names.path_segment_name
        if info.names.group == "rbac.authorization.k8s.io"
        else names.dns1123_subdomain
    )
    if not meta.name:
        causes.append(
            Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
        )
    else:
        causes += [_invalid("metadata.name", meta.name, word) for word in rule(meta.name)]
    if info.names.namespaced and not meta.namespace:
        causes.append(Cause("FieldValueRequired", "Required value", "metadata.namespace"))
    for key, value in meta.labels.items():
        causes += [_invalid("metadata.labels", key, word) for word in names.qualified_name(key)]
        causes += [_invalid("metadata.labels", value, word) for word in names.label_value(value)]
    size = 0
    for key, value in meta.annotations.items():
        size += len(key) + len(value)
        causes += [_invalid("metadata.annotations", key, word) for word in names.annotation_key(key)]
    if size > ANNOTATIONS_LIMIT_BYTES:
        causes.append(
            Cause(
                "FieldValueTooLong",
                f"Too long: may not be more than {ANNOTATIONS_LIMIT_BYTES} bytes",
                "metadata.annotations",
            )
        )
    causes += _owner_causes(obj)
    are_free = isinstance(obj, CustomObject) or info.names.group in FREE_FINALIZERS
    for index, finalizer in enumerate(meta.finalizers):
        causes += [_invalid("metadata.finalizers", finalizer, word) for word in names.finalizer(finalizer)]
        if "/" not in finalizer and finalizer not in FINALIZERS and not are_free:
            words = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(_invalid(f"metadata.finalizers[{index}]", finalizer, words))
    if {"orphan", "foregroundDeletion"} <= set(meta.finalizers):
        words = "finalizer orphan and foregroundDeletion cannot be both set"
        causes.append(invalid("metadata.finalizers", list(meta.finalizers), words))
    return causes


def metadata_update_causes(new: Any, old: Any) -> list[Cause]:
    """What an update may not change."""
    mine, theirs = new.metadata, old.metadata
    causes = [
        _invalid(f"metadata.{field}", value, "field is immutable")
        for field, value, before in (("uid", mine.uid, theirs.uid),)
        if value != before
    ]
    if theirs.deletion_timestamp:
        added = [f for f in mine.finalizers if f not in theirs.finalizers]
        if added:
            causes.append(
                Cause(
                    "FieldValueForbidden",
                    "Forbidden: no new finalizers can be added if the object is being deleted, "
                    f"found new finalizers {list(added)!r}".replace("'", '"'),
                    "metadata.finalizers",
                )
            )
    return causes


BANNED_OWNER = ("v1", "Event")
"""Events go by themselves (apimachinery objectmeta.go:BannedOwners)."""


def _owner_causes(obj: Any) -> list[Cause]:
    path = "metadata.ownerReferences"
    causes: list[Cause] = []
    first = ""
    for owner in obj.metadata.owner_references:
        if not owner.api_version.rpartition("/")[2]:
            causes.append(_invalid(f"{path}.apiVersion", owner.api_version, "version must not be empty"))
        for field, value in (("kind", owner.kind), ("name", owner.name), ("uid", owner.uid)):
            if not value:
                causes.append(_invalid(f"{path}.{field}", "", "must not be empty"))
        if (owner.api_version, owner.kind) == BANNED_OWNER:
            causes.append(invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if owner.controller:
            here = f"{owner.kind}/{owner.name}"
            if first:
                words = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{first} and {here}"
                )
                causes.append(invalid(path, obj.metadata.owner_references, words))
            first = first or here
    return causes


def dedup_owners(obj: Any) -> list[str]:
    """Owners that are named twice are kept once; a warning (kubernetes endpoints/handlers/create.go:
    dedupOwnerReferencesAndAddWarning)."""
    owners = obj.metadata.owner_references
    kept = tuple(owner for index, owner in enumerate(owners) if owner not in owners[:index])
    if len(kept) == len(owners):
        return []
    obj.metadata.owner_references = kept
    uids = [owner.uid for owner in owners]
    twice = dict.fromkeys(uid for uid in uids if uids.count(uid) > 1)
    return [
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
        f"reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        f"{', '.join(twice)}"
    ]


def _invalid(field: str, value: str, word: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {word}', field)


def _keep_all_but(new: Any, old: Any, opened: tuple[str, ...]) -> None:
    """Take everything from `old` but metadata and the opened parts (`status`, `spec.replicas`)."""
    for attribute in old.__struct_fields__:
        if attribute in ("kind", "api_version", "metadata") or attribute in opened:
            continue
        inner = [part.split(".", 1)[1] for part in opened if part.startswith(f"{attribute}.")]
        mine, theirs = getattr(new, attribute), getattr(old, attribute)
        if inner:
            theirs = structs.replace(theirs, **{name: getattr(mine, name) for name in inner})
        setattr(new, attribute, theirs)


def _carry_custom(info: KindInfo, new: CustomObject, old: CustomObject, subresource: str) -> None:
    """Through /status only the status changes, elsewhere everything else (customresource/strategy.go)."""
    if not info.has_status or subresource == "scale":
        return
    if subresource == "status":
        mine = new.metadata
        new["metadata"] = structs.replace(
            old.metadata, managed_fields=mine.managed_fields, resource_version=mine.resource_version
        )
        content, status = old.content("status"), new.get("status")
    else:
        content, status = new.content("status"), old.get("status")
    new.replace_content(content if status is None else {**content, "status": status})


def _has_new_spec(new: Any, old: Any) -> bool:
    return any(
        getattr(new, attribute) != getattr(old, attribute)
        for attribute in old.__struct_fields__
        if attribute not in ("kind", "api_version", "metadata", "status")
    )
