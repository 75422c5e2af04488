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
    """A part of the addresses that a Service leads to."""

    names: ClassVar[Names] = Names("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)
    kind: str = msgspec.field(default_factory=lambda: "EndpointSlice")
    api_version: str = msgspec.field(default_factory=lambda: "discovery.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    address_type: Annotated[str, Field(4, "IPv4, IPv6 or FQDN.", required=True)] = ALWAYS_STR
    endpoints: Annotated[tuple[Endpoint, ...], Field(2, "The addresses, at most 1000.")] = ALWAYS_LIST
    ports: Annotated[tuple[EndpointPort, ...], Field(3, "The ports that they all have.")] = ALWAYS_LIST


class EndpointConditions(Struct):
    """The state of an endpoint."""

    ready: Annotated[bool | None, Field(1, "Whether it takes new connections.")] = None
    serving: Annotated[bool | None, Field(2, "Whether it answers, also while it ends.")] = None
    terminating: Annotated[bool | None, Field(3, "Whether it is on its way out.")] = None


class Endpoint(Struct):
    """One address that a Service leads to."""

    addresses: Annotated[tuple[str, ...], Field(1, "The address.", required=True, list_type="set")] = ALWAYS_LIST
    conditions: Annotated[EndpointConditions, Field(2, "Its state.")] = msgspec.field(default_factory=EndpointConditions)
    hostname: Annotated[str | None, Field(3, "The host name, for DNS.")] = None
    target_ref: Annotated[ObjectReference | None, Field(4, "The pod.", atomic=True)] = None
    deprecated_topology: Annotated[dict[str, str], Field(5, "No longer used.")] = MAP
    node_name: Annotated[str | None, Field(6, "The node.")] = None
    zone: Annotated[str | None, Field(7, "The zone.")] = None
    hints: Annotated[EndpointHints | None, Field(8, "Who should use it.")] = None


class EndpointHints(Struct):
    """Who should use an endpoint."""

    for_zones: Annotated[tuple[ForZone, ...], Field(1, "Clients in these zones.")] = ()
    for_nodes: Annotated[tuple[ForNode, ...], Field(2, "Clients on these nodes.")] = ()


class ForZone(Struct):
    """A zone."""

    name: Annotated[str, Field(1, "Its name.", required=True)] = ALWAYS_STR


class ForNode(Struct):
    """A node."""

    name: Annotated[str, Field(1, "Its name.", required=True)] = ALWAYS_STR


class EndpointPort(Struct):
    """A port of endpoints."""

    name: Annotated[str | None, Field(1, "The name of the Service's port.")] = None
    protocol: Annotated[str | None, Field(2, "TCP, UDP or SCTP.", enum=("TCP", "UDP", "SCTP"))] = None
    port: Annotated[Int32 | None, Field(3, "The number.")] = None
    app_protocol: Annotated[str | None, Field(4, "What is spoken on the port.")] = None
