"""Declaration: the metadata that every object carries, and the documents of the API machinery, meta/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from pikube.api.kinds.base import ALWAYS_STR, MAP, Field, Int32, Int64, Kind, RawObject, Struct, Time


class TypeMeta(Struct):
    """Kind and API version of a document."""

    kind: Annotated[str, Field(1, "The kind of object this is, in CamelCase.")] = ""
    api_version: Annotated[str, Field(2, "The API group and version that this object is written in.")] = ""


class ListMeta(Struct):
    """What every list carries beside its items."""

    self_link: Annotated[str, Field(1, "No longer filled in.")] = ""
    resource_version: Annotated[str, Field(2, "The state of the store that this list shows; a watch may begin from it.")] = ""
    continue_: Annotated[str, Field(3, "When set, the list was cut at the limit; send it back as the parameter continue to get the rest of the same snapshot.")] = msgspec.field(name="continue", default="")
    remaining_item_count: Annotated[Int64 | None, Field(4, "How many items follow after this part, where the server knows.")] = None


class ObjectMeta(Struct):
    """What every stored object carries."""

    name: Annotated[str, Field(1, "The object's name: unique for its kind within the namespace, and never changed.")] = ""
    generate_name: Annotated[str, Field(2, "A prefix to which the server adds five random characters when no name is given.")] = ""
    namespace: Annotated[str, Field(3, "The namespace that the object lives in. Empty for kinds that belong to the whole cluster.")] = ""
    self_link: Annotated[str, Field(4, "No longer filled in.")] = ""
    uid: Annotated[str, Field(5, "An identifier given by the server; an object made again under the same name has another one.")] = ""
    resource_version: Annotated[str, Field(6, "Changes with every write. Send it back unchanged to be refused when somebody wrote in between.")] = ""
    generation: Annotated[Int64, Field(7, "Counts the changes of what is wanted; changes of status or metadata do not count.")] = 0
    creation_timestamp: Annotated[Time, Field(8, "When the server made the object.")] = ""
    deletion_timestamp: Annotated[Time, Field(9, "When the object is to be gone. Set by the server at deletion while finalizers or a grace period hold the object.")] = ""
    deletion_grace_period_seconds: Annotated[Int64 | None, Field(10, "Seconds that the object has to end by itself once it is being deleted.")] = None
    labels: Annotated[dict[str, str], Field(11, "Short keys and values to select and group objects by.")] = MAP
    annotations: Annotated[dict[str, str], Field(12, "Keys and values of any content for tools and people; nothing can be selected by them.")] = MAP
    owner_references: Annotated[tuple[OwnerReference, ...], Field(13, "The objects that this one belongs to. When all of them are gone, it is collected as garbage.", merge_key="uid", list_type="map", list_keys=("uid",))] = ()
    finalizers: Annotated[tuple[str, ...], Field(14, "Names of those who must still clean up; the object stays until the list is empty.", merge=True, list_type="set")] = ()
    managed_fields: Annotated[tuple[ManagedFieldsEntry, ...], Field(17, "Who set which fields, for server-side apply. Kept by the server.")] = ()


class Object(Kind):
    """The base of every kind that is stored: what generic code knows of an object."""

    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)


class OwnerReference(Struct):
    """An object that another one belongs to, in the same namespace or without one."""

    api_version: Annotated[str, Field(5, "The owner's API version.", required=True)] = ALWAYS_STR
    kind: Annotated[str, Field(1, "The owner's kind.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, "The owner's name.", required=True)] = ALWAYS_STR
    uid: Annotated[str, Field(4, "The owner's uid; an object of the same name with another uid is not the owner.", required=True)] = ALWAYS_STR
    controller: Annotated[bool | None, Field(6, "True for the one owner that manages this object.")] = None
    block_owner_deletion: Annotated[bool | None, Field(7, "True when an owner that is deleted in the foreground must wait for this object.")] = None


class DeleteOptions(Struct):
    """How something is to be deleted."""

    kind: str = msgspec.field(default_factory=lambda: "DeleteOptions")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    grace_period_seconds: Annotated[Int64 | None, Field(1, "Seconds the object gets to end. 0 means at once; the kind's own default counts when absent.")] = None
    preconditions: Annotated[Preconditions | None, Field(2, "What must still be true of the object, else it is not deleted.")] = None
    orphan_dependents: Annotated[bool | None, Field(3, "The older way to say propagationPolicy Orphan (true) or Background (false).")] = None
    propagation_policy: Annotated[str | None, Field(4, "What becomes of the objects that belong to this one: Background, Foreground or Orphan.")] = None
    dry_run: Annotated[tuple[str, ...], Field(5, "All: check everything and store nothing.")] = ()
    ignore_store_read_error_with_cluster_breaking_potential: Annotated[bool | None, Field(6, "Delete even an object that cannot be read any more, without its finalizers having run. Dangerous.")] = None


class Preconditions(Struct):
    """What must be true of an object for an operation to go on."""

    uid: Annotated[str | None, Field(1, "The uid that the object must have.")] = None
    resource_version: Annotated[str | None, Field(2, "The resourceVersion that the object must have.")] = None


class Status(Struct):
    """The answer to a call that has no object to give, errors above all."""

    kind: str = msgspec.field(default_factory=lambda: "Status")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ListMeta, Field(1, "Metadata of a list.")] = msgspec.field(default_factory=ListMeta)
    status: Annotated[str, Field(2, "Success or Failure.")] = ""
    message: Annotated[str, Field(3, "What happened, for people.")] = ""
    reason: Annotated[str, Field(4, "What happened in one word, for programs.")] = ""
    details: Annotated[StatusDetails | None, Field(5, "More facts about the failure.")] = None
    code: Annotated[Int32, Field(6, "The HTTP status code.")] = 0


class StatusDetails(Struct):
    """Facts about a failure."""

    name: Annotated[str, Field(1, "The name of the object concerned.")] = ""
    group: Annotated[str, Field(2, "The API group of the object concerned.")] = ""
    kind: Annotated[str, Field(3, "The resource concerned.")] = ""
    uid: Annotated[str, Field(6, "The uid of the object concerned.")] = ""
    causes: Annotated[tuple[StatusCause, ...], Field(4, "Each single thing that was wrong.")] = ()
    retry_after_seconds: Annotated[Int32, Field(5, "Seconds to wait before trying again.")] = 0


class StatusCause(Struct):
    """One thing that was wrong."""

    reason: Annotated[str, Field(1, "The sort of mistake, for programs.")] = ""
    message: Annotated[str, Field(2, "The mistake in words.")] = ""
    field: Annotated[str, Field(3, "The path of the field that has the mistake, for example spec.containers[0].name.")] = ""


class LabelSelector(Struct):
    """Selects objects by their labels; everything given must hold. An empty selector selects all."""

    match_labels: Annotated[dict[str, str], Field(1, "Labels that must be present with exactly these values.")] = MAP
    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], Field(2, "Further conditions on labels.")] = ()


class LabelSelectorRequirement(Struct):
    """A condition on one label."""

    key: Annotated[str, Field(1, "The label's key.", required=True)] = ALWAYS_STR
    operator: Annotated[str, Field(2, "In, NotIn, Exists or DoesNotExist.", required=True)] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3, "The values for In and NotIn; none for Exists and DoesNotExist.")] = ()


class FieldSelectorRequirement(Struct):
    """A condition on one field."""

    key: Annotated[str, Field(1, "The field.", required=True)] = ALWAYS_STR
    operator: Annotated[str, Field(2, "In, NotIn, Exists or DoesNotExist.", required=True)] = ALWAYS_STR
    values: Annotated[tuple[str, ...], Field(3, "The values for In and NotIn; none for Exists and DoesNotExist.")] = ()


class ManagedFieldsEntry(Struct):
    """The fields that one manager set."""

    manager: Annotated[str, Field(1, "The program or person that set the fields.")] = ""
    operation: Annotated[str, Field(2, "Apply or Update: how they were set.")] = ""
    api_version: Annotated[str, Field(3, "The version that fieldsV1 is written in.")] = ""
    time: Annotated[Time, Field(4, "When the entry last changed.")] = ""
    fields_type: Annotated[str, Field(6, "The format of the fields: FieldsV1.")] = ""
    fields_v1: Annotated[RawObject, Field(7, "The set of fields.")] = None
    subresource: Annotated[str, Field(8, "The subresource they were set through, or empty.")] = ""


class Condition(Struct):
    """One thing that is known of an object's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    observed_generation: Annotated[Int64, Field(3, "The metadata.generation that this status was computed from; an older one means the newest spec has not been looked at yet.")] = 0
    last_transition_time: Annotated[Time, Field(4, "When the status last changed from one value to another.", required=True)] = ""
    reason: Annotated[str, Field(5, "One word in CamelCase that says why, for programs.", required=True)] = ALWAYS_STR
    message: Annotated[str, Field(6, "A sentence that says why, for people.", required=True)] = ALWAYS_STR
