"""Declaration: authentication.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, MAP, Field, Int64, Names, Struct, Time
from pikube.api.kinds.meta import Object, ObjectMeta


class TokenReviewSpec(Struct):
    """The token in question."""

    token: Annotated[str, Field(1, "The token.", required=True)] = ""
    audiences: Annotated[tuple[str, ...], Field(2, "Who it should be for.")] = ()


class UserInfo(Struct):
    """Who somebody is."""

    username: Annotated[str, Field(1, "The name.")] = ""
    uid: Annotated[str, Field(2, "An identifier that stays when names change.")] = ""
    groups: Annotated[tuple[str, ...], Field(3, "The groups.")] = ()
    extra: Annotated[dict[str, tuple[str, ...]], Field(4, "More that is known.")] = MAP


class TokenReviewStatus(Struct):
    """Whose token it is."""

    authenticated: Annotated[bool, Field(1, "Whether the token is good.")] = False
    user: Annotated[UserInfo, Field(2, "Whose it is.")] = msgspec.field(default_factory=UserInfo)
    audiences: Annotated[tuple[str, ...], Field(4, "Those of the asked for whom it is good.")] = ()
    error: Annotated[str, Field(3, "Why it could not be checked.")] = ""


class TokenReview(Object):
    """Asks whose a token is. Nothing is stored."""

    names: ClassVar[Names] = Names("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "TokenReview")
    api_version: str = msgspec.field(default_factory=lambda: "authentication.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[TokenReviewSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=TokenReviewSpec)
    status: Annotated[TokenReviewStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=TokenReviewStatus)


class TokenRequestSpec(Struct):
    """The token that is wanted."""

    audiences: Annotated[tuple[str, ...], Field(1, "Who it is for; the API server when empty.")] = ALWAYS_LIST
    expiration_seconds: Annotated[Int64 | None, Field(4, "How long it is to live. An hour when absent.")] = None
    bound_object_ref: Annotated[BoundObjectReference | None, Field(3, "An object with which the token ends.")] = None


class TokenRequestStatus(Struct):
    """The token."""

    token: Annotated[str, Field(1, "The token.")] = ALWAYS_STR
    expiration_timestamp: Annotated[Time, Field(2, "When it ends.")] = ""


class TokenRequest(Object):
    """Asks for a token of a ServiceAccount. Nothing is stored."""

    names: ClassVar[Names] = Names("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", True)
    kind: str = msgspec.field(default_factory=lambda: "TokenRequest")
    api_version: str = msgspec.field(default_factory=lambda: "authentication.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[TokenRequestSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=TokenRequestSpec)
    status: Annotated[TokenRequestStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=TokenRequestStatus)


class BoundObjectReference(Struct):
    """An object with which a token ends."""

    kind: Annotated[str, Field(1, "Pod, Secret or Node.")] = ""
    api_version: Annotated[str, Field(2, "The API group and version that this object is written in.")] = ""
    name: Annotated[str, Field(3, "The object's name.")] = ""
    uid: Annotated[str, Field(4, "The object's uid.")] = ""


class SelfSubjectReviewStatus(Struct):
    """Who asks."""

    user_info: Annotated[UserInfo, Field(1, "Who asks.")] = msgspec.field(default_factory=UserInfo)


class SelfSubjectReview(Object):
    """Asks who one is oneself. Nothing is stored."""

    names: ClassVar[Names] = Names("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False)
    kind: str = msgspec.field(default_factory=lambda: "SelfSubjectReview")
    api_version: str = msgspec.field(default_factory=lambda: "authentication.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    status: Annotated[SelfSubjectReviewStatus, Field(2, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=SelfSubjectReviewStatus)
