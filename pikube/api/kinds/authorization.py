"""Declaration: authorization.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_BOOL, ALWAYS_LIST, MAP, Field, Names, Struct
from pikube.api.kinds.meta import FieldSelectorRequirement, LabelSelectorRequirement, Object, ObjectMeta


class SubjectAccessReviewSpec(Struct):
    """Who wants to do what."""

    resource_attributes: Annotated[ResourceAttributes | None, Field(1, "What, for a resource.")] = None
    non_resource_attributes: Annotated[NonResourceAttributes | None, Field(2, "What, for another path.")] = None
    user: Annotated[str, Field(3, "The user.")] = ""
    groups: Annotated[tuple[str, ...], Field(4, "The groups.")] = ()
    extra: Annotated[dict[str, tuple[str, ...]], Field(5, "More about the user.")] = MAP
    uid: Annotated[str, Field(6, "The user's uid.")] = ""


class SubjectAccessReviewStatus(Struct):
    """The answer."""

    allowed: Annotated[bool, Field(1, "Whether it may be done.", required=True)] = ALWAYS_BOOL
    denied: Annotated[bool, Field(4, "Whether it is refused whatever others say.")] = False
    reason: Annotated[str, Field(2, "Why.")] = ""
    evaluation_error: Annotated[str, Field(3, "What went wrong while finding out.")] = ""


class SubjectAccessReview(Object):
    """Asks whether somebody may do something. Nothing is stored."""

    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SubjectAccessReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SubjectAccessReviewSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=SubjectAccessReviewSpec)
    status: Annotated[SubjectAccessReviewStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=SubjectAccessReviewStatus)


class SelfSubjectAccessReviewSpec(Struct):
    """What one wants to do oneself."""

    resource_attributes: Annotated[ResourceAttributes | None, Field(1, "What, for a resource.")] = None
    non_resource_attributes: Annotated[NonResourceAttributes | None, Field(2, "What, for another path.")] = None


class SelfSubjectAccessReview(Object):
    """Asks whether one may do something oneself. Nothing is stored."""

    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SelfSubjectAccessReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SelfSubjectAccessReviewSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=SelfSubjectAccessReviewSpec)
    status: Annotated[SubjectAccessReviewStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=SubjectAccessReviewStatus)


class LocalSubjectAccessReview(Object):
    """Asks whether somebody may do something in a namespace. Nothing is stored."""

    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", True)
    kind: str = msgspec.field(default_factory=lambda: "LocalSubjectAccessReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SubjectAccessReviewSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=SubjectAccessReviewSpec)
    status: Annotated[SubjectAccessReviewStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=SubjectAccessReviewStatus)


class ResourceAttributes(Struct):
    """An action on a resource."""

    namespace: Annotated[str, Field(1, "The namespace; all when empty.")] = ""
    verb: Annotated[str, Field(2, "The verb, for example get; * means all.")] = ""
    group: Annotated[str, Field(3, "The API group; * means all.")] = ""
    version: Annotated[str, Field(4, "The API version; * means all.")] = ""
    resource: Annotated[str, Field(5, "The resource; * means all.")] = ""
    subresource: Annotated[str, Field(6, "The subresource.")] = ""
    name: Annotated[str, Field(7, "One object's name; all when empty.")] = ""
    field_selector: Annotated[FieldSelectorAttributes | None, Field(8, "The fields that it is limited to.")] = None
    label_selector: Annotated[LabelSelectorAttributes | None, Field(9, "The labels that it is limited to.")] = None


class LabelSelectorAttributes(Struct):
    """Labels that an action is limited to."""

    raw_selector: Annotated[str, Field(1, "The selector as text.")] = ""
    requirements: Annotated[tuple[LabelSelectorRequirement, ...], Field(2, "The selector's conditions.")] = ()


class FieldSelectorAttributes(Struct):
    """Fields that an action is limited to."""

    raw_selector: Annotated[str, Field(1, "The selector as text.")] = ""
    requirements: Annotated[tuple[FieldSelectorRequirement, ...], Field(2, "The selector's conditions.")] = ()


class NonResourceAttributes(Struct):
    """An action on another path."""

    path: Annotated[str, Field(1, "The path.")] = ""
    verb: Annotated[str, Field(2, "The verb.")] = ""


class SelfSubjectRulesReviewSpec(Struct):
    """Where."""

    namespace: Annotated[str, Field(1, "The namespace.")] = ""


class SubjectRulesReviewStatus(Struct):
    """What may be done."""

    resource_rules: Annotated[tuple[ResourceRule, ...], Field(1, "With resources.", required=True)] = ALWAYS_LIST
    non_resource_rules: Annotated[tuple[NonResourceRule, ...], Field(2, "With other paths.", required=True)] = ALWAYS_LIST
    incomplete: Annotated[bool, Field(3, "Whether there may be more.", required=True)] = ALWAYS_BOOL
    evaluation_error: Annotated[str, Field(4, "What went wrong while finding out.")] = ""


class SelfSubjectRulesReview(Object):
    """Asks for all that one may do in a namespace. Nothing is stored."""

    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SelfSubjectRulesReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SelfSubjectRulesReviewSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=SelfSubjectRulesReviewSpec)
    status: Annotated[SubjectRulesReviewStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=SubjectRulesReviewStatus)


class ResourceRule(Struct):
    """What may be done with resources."""

    verbs: Annotated[tuple[str, ...], Field(1, "The verbs.", required=True)] = ALWAYS_LIST
    api_groups: Annotated[tuple[str, ...], Field(2, "The API groups.")] = ()
    resources: Annotated[tuple[str, ...], Field(3, "The resources.")] = ()
    resource_names: Annotated[tuple[str, ...], Field(4, "The names; all when empty.")] = ()


class NonResourceRule(Struct):
    """What may be done with other paths."""

    verbs: Annotated[tuple[str, ...], Field(1, "The verbs.", required=True)] = ALWAYS_LIST
    non_resource_urls: Annotated[tuple[str, ...], Field(2, "The paths.")] = msgspec.field(name="nonResourceURLs", default=())
