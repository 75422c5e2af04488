"""Declaration: authentication.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, MAP, Field, Int64, Names, Struct, Time
from pikube.api.kinds.meta import Object, ObjectMeta


class TokenReviewSpec(Struct):
    token: Annotated[str, Field(1, required=True)] = ""
    audiences: Annotated[tuple[str, ...], Field(2)] = ()


class UserInfo(Struct):
    username: Annotated[str, Field(1)] = ""
    uid: Annotated[str, Field(2)] = ""
    groups: Annotated[tuple[str, ...], Field(3)] = ()
    extra: Annotated[dict[str, tuple[str, ...]], Field(4)] = MAP


class TokenReviewStatus(Struct):
    authenticated: Annotated[bool, Field(1)] = False
    user: Annotated[UserInfo, Field(2)] = msgspec.field(default_factory=UserInfo)
    audiences: Annotated[tuple[str, ...], Field(4)] = ()
    error: Annotated[str, Field(3)] = ""


class TokenReview(Object):
    names: ClassVar[Names] = Names("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "TokenReview")
    api_version: str = msgspec.field(default_factory=lambda: "authentication.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[TokenReviewSpec, Field(2, required=True)] = msgspec.field(default_factory=TokenReviewSpec)
    status: Annotated[TokenReviewStatus, Field(3)] = msgspec.field(default_factory=TokenReviewStatus)


class TokenRequestSpec(Struct):
    audiences: Annotated[tuple[str, ...], Field(1)] = ALWAYS_LIST
    expiration_seconds: Annotated[Int64 | None, Field(4)] = None
    bound_object_ref: Annotated[BoundObjectReference | None, Field(3)] = None


class TokenRequestStatus(Struct):
    token: Annotated[str, Field(1)] = ALWAYS_STR
    expiration_timestamp: Annotated[Time, Field(2)] = ""


class TokenRequest(Object):
    names: ClassVar[Names] = Names("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", True)
    kind: str = msgspec.field(default_factory=lambda: "TokenRequest")
    api_version: str = msgspec.field(default_factory=lambda: "authentication.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[TokenRequestSpec, Field(2)] = msgspec.field(default_factory=TokenRequestSpec)
    status: Annotated[TokenRequestStatus, Field(3)] = msgspec.field(default_factory=TokenRequestStatus)


class BoundObjectReference(Struct):
    kind: Annotated[str, Field(1)] = ""
    api_version: Annotated[str, Field(2)] = ""
    name: Annotated[str, Field(3)] = ""
    uid: Annotated[str, Field(4)] = ""


class SelfSubjectReviewStatus(Struct):
    user_info: Annotated[UserInfo, Field(1)] = msgspec.field(default_factory=UserInfo)


class SelfSubjectReview(Object):
    names: ClassVar[Names] = Names("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SelfSubjectReview")
    api_version: str = msgspec.field(default_factory=lambda: "authentication.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    status: Annotated[SelfSubjectReviewStatus, Field(2)] = msgspec.field(default_factory=SelfSubjectReviewStatus)
