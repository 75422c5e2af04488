"""Declaration: authorization.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_BOOL, ALWAYS_LIST, MAP, Field, Names, Struct
from pikube.api.kinds.meta import FieldSelectorRequirement, LabelSelectorRequirement, Object, ObjectMeta


class SubjectAccessReviewSpec(Struct):
    resource_attributes: Annotated[ResourceAttributes | None, Field(1)] = None
    non_resource_attributes: Annotated[NonResourceAttributes | None, Field(2)] = None
    user: Annotated[str, Field(3)] = ""
    groups: Annotated[tuple[str, ...], Field(4)] = ()
    extra: Annotated[dict[str, tuple[str, ...]], Field(5)] = MAP
    uid: Annotated[str, Field(6)] = ""


class SubjectAccessReviewStatus(Struct):
    allowed: Annotated[bool, Field(1, required=True)] = ALWAYS_BOOL
    denied: Annotated[bool, Field(4)] = False
    reason: Annotated[str, Field(2)] = ""
    evaluation_error: Annotated[str, Field(3)] = ""


class SubjectAccessReview(Object):
    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SubjectAccessReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SubjectAccessReviewSpec, Field(2, required=True)] = msgspec.field(default_factory=SubjectAccessReviewSpec)
    status: Annotated[SubjectAccessReviewStatus, Field(3)] = msgspec.field(default_factory=SubjectAccessReviewStatus)


class SelfSubjectAccessReviewSpec(Struct):
    resource_attributes: Annotated[ResourceAttributes | None, Field(1)] = None
    non_resource_attributes: Annotated[NonResourceAttributes | None, Field(2)] = None


class SelfSubjectAccessReview(Object):
    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SelfSubjectAccessReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SelfSubjectAccessReviewSpec, Field(2, required=True)] = msgspec.field(default_factory=SelfSubjectAccessReviewSpec)
    status: Annotated[SubjectAccessReviewStatus, Field(3)] = msgspec.field(default_factory=SubjectAccessReviewStatus)


class LocalSubjectAccessReview(Object):
    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", True)
    kind: str = msgspec.field(default_factory=lambda: "LocalSubjectAccessReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SubjectAccessReviewSpec, Field(2, required=True)] = msgspec.field(default_factory=SubjectAccessReviewSpec)
    status: Annotated[SubjectAccessReviewStatus, Field(3)] = msgspec.field(default_factory=SubjectAccessReviewStatus)


class ResourceAttributes(Struct):
    namespace: Annotated[str, Field(1)] = ""
    verb: Annotated[str, Field(2)] = ""
    group: Annotated[str, Field(3)] = ""
    version: Annotated[str, Field(4)] = ""
    resource: Annotated[str, Field(5)] = ""
    subresource: Annotated[str, Field(6)] = ""
    name: Annotated[str, Field(7)] = ""
    field_selector: Annotated[FieldSelectorAttributes | None, Field(8)] = None
    label_selector: Annotated[LabelSelectorAttributes | None, Field(9)] = None


class LabelSelectorAttributes(Struct):
    raw_selector: Annotated[str, Field(1)] = ""
    requirements: Annotated[tuple[LabelSelectorRequirement, ...], Field(2)] = ()


class FieldSelectorAttributes(Struct):
    raw_selector: Annotated[str, Field(1)] = ""
    requirements: Annotated[tuple[FieldSelectorRequirement, ...], Field(2)] = ()


class NonResourceAttributes(Struct):
    path: Annotated[str, Field(1)] = ""
    verb: Annotated[str, Field(2)] = ""


class SelfSubjectRulesReviewSpec(Struct):
    namespace: Annotated[str, Field(1)] = ""


class SubjectRulesReviewStatus(Struct):
    resource_rules: Annotated[tuple[ResourceRule, ...], Field(1, required=True)] = ALWAYS_LIST
    non_resource_rules: Annotated[tuple[NonResourceRule, ...], Field(2, required=True)] = ALWAYS_LIST
    incomplete: Annotated[bool, Field(3, required=True)] = ALWAYS_BOOL
    evaluation_error: Annotated[str, Field(4)] = ""


class SelfSubjectRulesReview(Object):
    names: ClassVar[Names] = Names("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SelfSubjectRulesReview")
    api_version: str = msgspec.field(default_factory=lambda: "authorization.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[SelfSubjectRulesReviewSpec, Field(2, required=True)] = msgspec.field(default_factory=SelfSubjectRulesReviewSpec)
    status: Annotated[SubjectRulesReviewStatus, Field(3)] = msgspec.field(default_factory=SubjectRulesReviewStatus)


class ResourceRule(Struct):
    verbs: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    api_groups: Annotated[tuple[str, ...], Field(2)] = ()
    resources: Annotated[tuple[str, ...], Field(3)] = ()
    resource_names: Annotated[tuple[str, ...], Field(4)] = ()


class NonResourceRule(Struct):
    verbs: Annotated[tuple[str, ...], Field(1, required=True)] = ALWAYS_LIST
    non_resource_urls: Annotated[tuple[str, ...], Field(2)] = msgspec.field(name="nonResourceURLs", default=())
