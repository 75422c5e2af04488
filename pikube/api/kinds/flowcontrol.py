"""Declaration: flowcontrol.apiserver.k8s.io/v1 (FlowSchema, PriorityLevelConfiguration).

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_INT,
    ALWAYS_LIST,
    ALWAYS_STR,
    Field,
    Int32,
    Names,
    Struct,
    Time,
    empty_list,
)
from pikube.api.kinds.meta import Object, ObjectMeta

GROUP = "flowcontrol.apiserver.k8s.io"


class FlowSchema(Object):
    """Which requests are of one kind, and the priority level that they have."""

    names: ClassVar[Names] = Names(GROUP, "v1", "FlowSchema", "flowschemas", False)
    kind: str = msgspec.field(default_factory=lambda: "FlowSchema")
    api_version: str = msgspec.field(default_factory=lambda: "flowcontrol.apiserver.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[FlowSchemaSpec, Field(2, "What it is to be.")] = msgspec.field(default_factory=lambda: FlowSchemaSpec())
    status: Annotated[FlowSchemaStatus, Field(3, "How it is.")] = msgspec.field(default_factory=lambda: FlowSchemaStatus())


class FlowSchemaSpec(Struct):
    """What a FlowSchema is to be."""

    priority_level_configuration: Annotated[PriorityLevelConfigurationReference, Field(1, "The priority level of these requests.", required=True)] = msgspec.field(default_factory=lambda: PriorityLevelConfigurationReference())
    matching_precedence: Annotated[Int32, Field(2, "Of several that match, the one with the lowest number counts; 1 to 10000, 1000 by default.")] = ALWAYS_INT
    distinguisher_method: Annotated[FlowDistinguisherMethod | None, Field(3, "What tells flows of this schema apart; nothing: they are one flow.")] = None
    rules: Annotated[tuple[PolicyRulesWithSubjects, ...], Field(4, "Which requests these are; one rule that matches is enough.", list_type="atomic")] = ()


class PriorityLevelConfigurationReference(Struct):
    """Names a priority level."""

    name: Annotated[str, Field(1, "Its name.", required=True)] = ALWAYS_STR


class FlowDistinguisherMethod(Struct):
    """What tells flows apart."""

    type: Annotated[str, Field(1, "ByUser or ByNamespace.", required=True)] = ALWAYS_STR


class PolicyRulesWithSubjects(Struct):
    """Whose requests, and for what."""

    subjects: Annotated[tuple[Subject, ...], Field(1, "Whose; one that matches is enough.", required=True, list_type="atomic")] = ALWAYS_LIST
    resource_rules: Annotated[tuple[ResourcePolicyRule, ...], Field(2, "For which resources.", list_type="atomic")] = ()
    non_resource_rules: Annotated[tuple[NonResourcePolicyRule, ...], Field(3, "For which other paths.", list_type="atomic")] = ()


class Subject(Struct):
    """A user, a group or a service account."""

    kind: Annotated[str, Field(1, "User, Group or ServiceAccount.", required=True)] = ALWAYS_STR
    user: Annotated[UserSubject | None, Field(2, "The user.")] = None
    group: Annotated[GroupSubject | None, Field(3, "The group.")] = None
    service_account: Annotated[ServiceAccountSubject | None, Field(4, "The service account.")] = None


class UserSubject(Struct):
    """A user."""

    name: Annotated[str, Field(1, "The user's name, or * for all.", required=True)] = ALWAYS_STR


class GroupSubject(Struct):
    """A group."""

    name: Annotated[str, Field(1, "The group's name, or * for all.", required=True)] = ALWAYS_STR


class ServiceAccountSubject(Struct):
    """A service account."""

    namespace: Annotated[str, Field(1, "Its namespace.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(2, "Its name, or * for all of the namespace.", required=True)] = ALWAYS_STR


class ResourcePolicyRule(Struct):
    """Requests for resources."""

    verbs: Annotated[tuple[str, ...], Field(1, "The verbs; * means all.", required=True, list_type="set")] = ALWAYS_LIST
    api_groups: Annotated[tuple[str, ...], Field(2, "The API groups; * means all.", required=True, list_type="set")] = msgspec.field(name="apiGroups", default_factory=empty_list)
    resources: Annotated[tuple[str, ...], Field(3, "The resources, with subresources as pods/log; * means all.", required=True, list_type="set")] = ALWAYS_LIST
    cluster_scope: Annotated[bool, Field(4, "Whether requests that name no namespace match.")] = False
    namespaces: Annotated[tuple[str, ...], Field(5, "The namespaces; * means all.", list_type="set")] = ALWAYS_LIST


class NonResourcePolicyRule(Struct):
    """Requests for paths that are no resource."""

    verbs: Annotated[tuple[str, ...], Field(1, "The verbs; * means all.", required=True, list_type="set")] = ALWAYS_LIST
    non_resource_urls: Annotated[tuple[str, ...], Field(6, "The paths; a * may stand at the end.", required=True, list_type="set")] = msgspec.field(name="nonResourceURLs", default_factory=empty_list)


class FlowSchemaStatus(Struct):
    """How a FlowSchema is."""

    conditions: Annotated[tuple[FlowCondition, ...], Field(1, "What is true of it.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class FlowCondition(Struct):
    """One thing that is true, false or unknown. Upstream has two types of these fields."""

    type: Annotated[str, Field(1, "What is said.")] = ""
    status: Annotated[str, Field(2, "True, False or Unknown.")] = ""
    last_transition_time: Annotated[Time, Field(3, "When that last changed.")] = ""
    reason: Annotated[str, Field(4, "Why, in one word.")] = ""
    message: Annotated[str, Field(5, "Why, in a sentence.")] = ""


class PriorityLevelConfiguration(Object):
    """How many requests of a priority level are carried at once, and what becomes of the others."""

    names: ClassVar[Names] = Names(GROUP, "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", False)
    kind: str = msgspec.field(default_factory=lambda: "PriorityLevelConfiguration")
    api_version: str = msgspec.field(default_factory=lambda: "flowcontrol.apiserver.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[PriorityLevelConfigurationSpec, Field(2, "What it is to be.")] = msgspec.field(default_factory=lambda: PriorityLevelConfigurationSpec())
    status: Annotated[PriorityLevelConfigurationStatus, Field(3, "How it is.")] = msgspec.field(default_factory=lambda: PriorityLevelConfigurationStatus())


class PriorityLevelConfigurationSpec(Struct):
    """What a priority level is to be."""

    type: Annotated[str, Field(1, "Limited, or Exempt for those that are never held back.", required=True)] = ALWAYS_STR
    limited: Annotated[LimitedPriorityLevelConfiguration | None, Field(2, "The limits of a level of type Limited.")] = None
    exempt: Annotated[ExemptPriorityLevelConfiguration | None, Field(3, "What a level of type Exempt lends.")] = None


class LimitedPriorityLevelConfiguration(Struct):
    """The limits of a priority level."""

    nominal_concurrency_shares: Annotated[Int32 | None, Field(1, "Its part of the server's seats; 30 by default.")] = None
    limit_response: Annotated[LimitResponse, Field(2, "What becomes of requests that find no seat.")] = msgspec.field(default_factory=lambda: LimitResponse())
    lendable_percent: Annotated[Int32 | None, Field(3, "How much of it others may borrow, 0 to 100.")] = None
    borrowing_limit_percent: Annotated[Int32 | None, Field(4, "How much it may borrow; nothing: without limit.")] = None


class ExemptPriorityLevelConfiguration(Struct):
    """What a level that is never held back lends."""

    nominal_concurrency_shares: Annotated[Int32 | None, Field(1, "Its part of the server's seats; 0 by default.")] = None
    lendable_percent: Annotated[Int32 | None, Field(2, "How much of it others may borrow, 0 to 100.")] = None


class LimitResponse(Struct):
    """What becomes of requests that find no seat."""

    type: Annotated[str, Field(1, "Queue or Reject.", required=True)] = ALWAYS_STR
    queuing: Annotated[QueuingConfiguration | None, Field(2, "The queues, where they wait.")] = None


class QueuingConfiguration(Struct):
    """The queues of a priority level."""

    queues: Annotated[Int32, Field(1, "How many; 64 by default.")] = ALWAYS_INT
    hand_size: Annotated[Int32, Field(2, "How many of them a flow may wait in; 8 by default.")] = ALWAYS_INT
    queue_length_limit: Annotated[Int32, Field(3, "How many requests may wait in one; 50 by default.")] = ALWAYS_INT


class PriorityLevelConfigurationStatus(Struct):
    """How a priority level is."""

    conditions: Annotated[tuple[FlowCondition, ...], Field(1, "What is true of it.", merge_key="type", list_type="map", list_keys=("type",))] = ()
