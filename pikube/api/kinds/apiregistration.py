"""Declaration: apiregistration.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/kube-aggregator, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, ALWAYS_STR, Bytes, Field, Int32, Names, Struct, Time
from pikube.api.kinds.meta import Object, ObjectMeta


class ServiceReference(Struct):
    """A Service that serves an API."""

    namespace: Annotated[str, Field(1, "The Service's namespace.")] = ""
    name: Annotated[str, Field(2, "The Service's name.")] = ""
    port: Annotated[Int32 | None, Field(3, "The Service's port; 443 when absent.")] = None


class APIServiceSpec(Struct):
    """A group and version of the API, and who serves it."""

    service: Annotated[ServiceReference | None, Field(1, "The Service that serves it; this server itself when absent.")] = None
    group: Annotated[str, Field(2, "The API group.")] = ""
    version: Annotated[str, Field(3, "The version.")] = ""
    insecure_skip_tls_verify: Annotated[bool, Field(4, "Not to check the Service's certificate.")] = msgspec.field(name="insecureSkipTLSVerify", default=False)
    ca_bundle: Annotated[Bytes, Field(5, "The certificates to trust, in PEM and base64.", atomic=True)] = ""
    group_priority_minimum: Annotated[Int32, Field(7, "Where the group stands among groups; more is earlier.", required=True)] = ALWAYS_INT
    version_priority: Annotated[Int32, Field(8, "Where the version stands within its group; more is earlier.", required=True)] = ALWAYS_INT


class APIServiceCondition(Struct):
    """Something that is known of an APIService."""

    type: Annotated[str, Field(1, "What the condition is about: Available.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_transition_time: Annotated[Time, Field(3, "When the status last changed.")] = ""
    reason: Annotated[str, Field(4, "Why, in one word.")] = ""
    message: Annotated[str, Field(5, "Why, in a sentence.")] = ""


class APIServiceStatus(Struct):
    """What is known of an APIService."""

    conditions: Annotated[tuple[APIServiceCondition, ...], Field(1, "What is known of it, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class APIService(Object):
    """A group and version of the API."""

    names: ClassVar[Names] = Names("apiregistration.k8s.io", "v1", "APIService", "apiservices", False, categories=("api-extensions",))
    kind: str = msgspec.field(default_factory=lambda: "APIService")
    api_version: str = msgspec.field(default_factory=lambda: "apiregistration.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[APIServiceSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=APIServiceSpec)
    status: Annotated[APIServiceStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=APIServiceStatus)
