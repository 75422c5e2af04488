"""Declaration: Service and Endpoints, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_INT, ALWAYS_STR, MAP, Field, Int32, IntOrString, Names, Struct
from pikube.api.kinds.core_references import ObjectReference, PortStatus
from pikube.api.kinds.meta import Condition, Object, ObjectMeta


class SessionAffinityConfig(Struct):
    client_ip: Annotated[ClientIPConfig | None, Field(1)] = msgspec.field(name="clientIP", default=None)


class ClientIPConfig(Struct):
    timeout_seconds: Annotated[Int32 | None, Field(1)] = None


class LoadBalancerStatus(Struct):
    ingress: Annotated[tuple[LoadBalancerIngress, ...], Field(1)] = ()


class ServiceStatus(Struct):
    load_balancer: Annotated[LoadBalancerStatus, Field(1)] = msgspec.field(default_factory=LoadBalancerStatus)
    conditions: Annotated[tuple[Condition, ...], Field(2, merge_key="type", list_type="map", list_keys=("type",))] = ()


class LoadBalancerIngress(Struct):
    ip: Annotated[str, Field(1)] = ""
    hostname: Annotated[str, Field(2)] = ""
    ip_mode: Annotated[str | None, Field(3)] = None
    ports: Annotated[tuple[PortStatus, ...], Field(4)] = ()


class ServiceSpec(Struct):
    ports: Annotated[tuple[ServicePort, ...], Field(1, merge_key="port", list_type="map", list_keys=("port", "protocol"))] = ()
    selector: Annotated[dict[str, str], Field(2, atomic=True)] = MAP
    cluster_ip: Annotated[str, Field(3)] = msgspec.field(name="clusterIP", default="")
    cluster_ips: Annotated[tuple[str, ...], Field(18)] = msgspec.field(name="clusterIPs", default=())
    type: Annotated[str, Field(4, enum=("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"))] = ""
    external_ips: Annotated[tuple[str, ...], Field(5)] = msgspec.field(name="externalIPs", default=())
    session_affinity: Annotated[str, Field(7, enum=("ClientIP", "None"))] = ""
    load_balancer_ip: Annotated[str, Field(8)] = msgspec.field(name="loadBalancerIP", default="")
    load_balancer_source_ranges: Annotated[tuple[str, ...], Field(9)] = ()
    external_name: Annotated[str, Field(10)] = ""
    external_traffic_policy: Annotated[str, Field(11, enum=("Cluster", "Local"))] = ""
    health_check_node_port: Annotated[Int32, Field(12)] = 0
    publish_not_ready_addresses: Annotated[bool, Field(13)] = False
    session_affinity_config: Annotated[SessionAffinityConfig | None, Field(14)] = None
    ip_families: Annotated[tuple[str, ...], Field(19, enum=("IPv4", "IPv6", ""))] = ()
    ip_family_policy: Annotated[str | None, Field(17, enum=("SingleStack", "PreferDualStack", "RequireDualStack"))] = None
    allocate_load_balancer_node_ports: Annotated[bool | None, Field(20)] = None
    load_balancer_class: Annotated[str | None, Field(21)] = None
    internal_traffic_policy: Annotated[str | None, Field(22, enum=("Cluster", "Local"))] = None
    traffic_distribution: Annotated[str | None, Field(23)] = None


class ServicePort(Struct):
    name: Annotated[str, Field(1)] = ""
    protocol: Annotated[str, Field(2, enum=("TCP", "UDP", "SCTP"), default="TCP")] = ""
    app_protocol: Annotated[str | None, Field(6)] = None
    port: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    target_port: Annotated[IntOrString | None, Field(4)] = None
    node_port: Annotated[Int32, Field(5)] = 0


class Service(Object):
    names: ClassVar[Names] = Names("", "v1", "Service", "services", True, short=("svc",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Service")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ServiceSpec, Field(2)] = msgspec.field(default_factory=ServiceSpec)
    status: Annotated[ServiceStatus, Field(3)] = msgspec.field(default_factory=ServiceStatus)


class Endpoints(Object):
    names: ClassVar[Names] = Names("", "v1", "Endpoints", "endpoints", True, short=("ep",))
    kind: str = msgspec.field(default_factory=lambda: "Endpoints")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    subsets: Annotated[tuple[EndpointSubset, ...], Field(2)] = ()


class EndpointSubset(Struct):
    addresses: Annotated[tuple[EndpointAddress, ...], Field(1)] = ()
    not_ready_addresses: Annotated[tuple[EndpointAddress, ...], Field(2)] = ()
    ports: Annotated[tuple[EndpointPort, ...], Field(3)] = ()


class EndpointAddress(Struct):
    ip: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    hostname: Annotated[str, Field(3)] = ""
    node_name: Annotated[str | None, Field(4)] = None
    target_ref: Annotated[ObjectReference | None, Field(2, atomic=True)] = None


class EndpointPort(Struct):
    name: Annotated[str, Field(1)] = ""
    port: Annotated[Int32, Field(2, required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(3, enum=("TCP", "UDP", "SCTP"))] = ""
    app_protocol: Annotated[str | None, Field(4)] = None
