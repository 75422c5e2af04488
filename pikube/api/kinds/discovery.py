"""Declaration: discovery.k8s.io/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, MAP, Field, Int32, Names, Struct
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.meta import Object, ObjectMeta


class EndpointSlice(Object):
    names: ClassVar[Names] = Names("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)
    kind: str = msgspec.field(default_factory=lambda: "EndpointSlice")
    api_version: str = msgspec.field(default_factory=lambda: "discovery.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    address_type: Annotated[str, Field(4, required=True)] = ALWAYS_STR
    endpoints: Annotated[tuple[Endpoint, ...], Field(2)] = ALWAYS_LIST
    ports: Annotated[tuple[EndpointPort, ...], Field(3)] = ALWAYS_LIST


class EndpointConditions(Struct):
    ready: Annotated[bool | None, Field(1)] = None
    serving: Annotated[bool | None, Field(2)] = None
    terminating: Annotated[bool | None, Field(3)] = None


class Endpoint(Struct):
    addresses: Annotated[tuple[str, ...], Field(1, required=True, list_type="set")] = ALWAYS_LIST
    conditions: Annotated[EndpointConditions, Field(2)] = msgspec.field(default_factory=EndpointConditions)
    hostname: Annotated[str | None, Field(3)] = None
    target_ref: Annotated[ObjectReference | None, Field(4, atomic=True)] = None
    deprecated_topology: Annotated[dict[str, str], Field(5)] = MAP
    node_name: Annotated[str | None, Field(6)] = None
    zone: Annotated[str | None, Field(7)] = None
    hints: Annotated[EndpointHints | None, Field(8)] = None


class EndpointHints(Struct):
    for_zones: Annotated[tuple[ForZone, ...], Field(1)] = ()
    for_nodes: Annotated[tuple[ForNode, ...], Field(2)] = ()


class ForZone(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class ForNode(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR


class EndpointPort(Struct):
    name: Annotated[str | None, Field(1)] = None
    protocol: Annotated[str | None, Field(2, enum=("TCP", "UDP", "SCTP"))] = None
    port: Annotated[Int32 | None, Field(3)] = None
    app_protocol: Annotated[str | None, Field(4)] = None
