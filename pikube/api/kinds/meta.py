"""Declaration: the metadata that every object carries, and the documents of the API machinery, meta/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from pikube.api.kinds.base import ALWAYS_STR, MAP, Field, Int32, Int64, Kind, RawObject, Struct, Time


class TypeMeta(Struct):
    kind: Annotated[str, Field(1)] = ""
    api_version: Annotated[str, Field(2)] = ""


class ListMeta(Struct):
    self_link: Annotated[str, Field(1)] = ""
    resource_version: Annotated[str, Field(2)] = ""
    continue_: Annotated[str, Field(3)] = msgspec.field(name="continue", default="")
    remaining_item_count: Annotated[Int64 | None, Field(4)] = None


class ObjectMeta(Struct):
    name: Annotated[str, Field(1)] = ""
    generate_name: Annotated[str, Field(2)] = ""
    namespace: Annotated[str, Field(3)] = ""
    self_link: Annotated[str, Field(4)] = ""
    uid: Annotated[str, Field(5)] = ""
    resource_version: Annotated[str, Field(6)] = ""
    generation: Annotated[Int64, Field(7)] = 0
    creation_timestamp: Annotated[Time, Field(8)] = ""
    deletion_timestamp: Annotated[Time, Field(9)] = ""
    deletion_grace_period_seconds: Annotated[Int64 | None, Field(10)] = None
    labels: Annotated[dict[str, str], Field(11)] = MAP
    annotations: Annotated[dict[str, str], Field(12)] = MAP
    owner_references: Annotated[tuple[OwnerReference, ...], Field(13, merge_key="uid", list_type="map", list_keys=("uid",))] = ()
    finalizers: Annotated[tuple[str, ...], Field(14, merge=True, list_type="set")] = ()
    managed_fields: Annotated[tuple[ManagedFieldsEntry, ...], Field(17)] = ()


class Object(Kind):
    """The base of every kind that is stored: what generic code knows of an object."""

    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)


class OwnerReference(Struct):
    api_version: Annotated[str, Field(5, required=True)] = ALWAYS_STR
    kind: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    uid: Annotated[str, Field(4, required=True)] = ALWAYS_STR
    controller: Annotated[bool | None, Field(6)] = None
    block_owner_deletion: Annotated[bool | None, Field(7)] = None


class DeleteOptions(Struct):
    kind: str = msgspec.field(default_factory=lambda: "DeleteOptions")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    grace_period_seconds: Annotated[Int64 | None, Field(1)] = None
    preconditions: Annotated[Preconditions | None, Field(2)] = None
    orphan_dependents: Annotated[bool | None, Field(3)] = None
    propagation_policy: Annotated[str | None, Field(4)] = None
    dry_run: Annotated[tuple[str, ...], Field(5)] = ()
    ignore_store_read_error_with_cluster_breaking_potential: Annotated[bool | None, Field(6)] = None


class Preconditions(Struct):
    uid: Annotated[str | None, Field(1)] = None
    resource_version: Annotated[str | None, Field(2)] = None


class Status(Struct):
    kind: str = msgspec.field(default_factory=lambda: "Status")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ListMeta, Field(1)] = msgspec.field(default_factory=ListMeta)
    status: Annotated[str, Field(2)] = ""
    message: Annotated[str, Field(3)] = ""
    reason: Annotated[str, Field(4)] = ""
    details: Annotated[StatusDetails | None, Field(5)] = None
    code: Annotated[Int32, Field(6)] = 0


class StatusDetails(Struct):
    name: Annotated[str, Field(1)] = ""
    group: Annotated[str, Field(2)] = ""
    kind: Annotated[str, Field(3)] = ""
    uid: Annotated[str, Field(6)] = ""
    causes: Annotated[tuple[StatusCause, ...], Field(4)] = ()
    retry_after_seconds: Annotated[Int32, Field(5)] = 0


class StatusCause(Struct):
    reason: Annotated[str, Field(1)] = ""
    message: Annotated[str, Field(2)] = ""
    field: Annotated[str, Field(3)] = ""


class LabelSelector(Struct):
    match_labels: Annotated[dict[str, str], Field(1)] = MAP
    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], Field(2)] = ()


class LabelSelectorRequirement(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    operator: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3)] = ()


class FieldSelectorRequirement(Struct):
    key: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    operator: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3)] = ()


class ManagedFieldsEntry(Struct):
    manager: Annotated[str, Field(1)] = ""
    operation: Annotated[str, Field(2)] = ""
    api_version: Annotated[str, Field(3)] = ""
    time: Annotated[Time, Field(4)] = ""
    fields_type: Annotated[str, Field(6)] = ""
    fields_v1: Annotated[RawObject, Field(7)] = None
    subresource: Annotated[str, Field(8)] = ""


class Condition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    observed_generation: Annotated[Int64, Field(3)] = 0
    last_transition_time: Annotated[Time, Field(4, required=True)] = ""
    reason: Annotated[str, Field(5, required=True)] = ALWAYS_STR
    message: Annotated[str, Field(6, required=True)] = ALWAYS_STR
