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
    """Details of session affinity."""

    client_ip: Annotated[ClientIPConfig | None, Field(1, "Details of affinity by the client's address.")] = msgspec.field(name="clientIP", default=None)


class ClientIPConfig(Struct):
    """Details of affinity by the client's address."""

    timeout_seconds: Annotated[Int32 | None, Field(1, "How long a client stays with its pod. 10800 (three hours) when absent.")] = None


class LoadBalancerStatus(Struct):
    """What is known of a load balancer."""

    ingress: Annotated[tuple[LoadBalancerIngress, ...], Field(1, "The addresses to reach it by.")] = ()


class ServiceStatus(Struct):
    """What is known of a Service."""

    load_balancer: Annotated[LoadBalancerStatus, Field(1, "The load balancer, for type LoadBalancer.")] = msgspec.field(default_factory=LoadBalancerStatus)
    conditions: Annotated[tuple[Condition, ...], Field(2, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class LoadBalancerIngress(Struct):
    """An address of a load balancer."""

    ip: Annotated[str, Field(1, "The address.")] = ""
    hostname: Annotated[str, Field(2, "The name, where there is no address.")] = ""
    ip_mode: Annotated[str | None, Field(3, "VIP or Proxy: how the address behaves.")] = None
    ports: Annotated[tuple[PortStatus, ...], Field(4, "How each port fares.")] = ()


class ServiceSpec(Struct):
    """What a Service is to be."""

    ports: Annotated[tuple[ServicePort, ...], Field(1, "The ports it offers.", merge_key="port", list_type="map", list_keys=("port", "protocol"))] = ()
    selector: Annotated[dict[str, str], Field(2, "Labels of the pods that serve it. Without it, somebody else keeps its Endpoints.", atomic=True)] = MAP
    cluster_ip: Annotated[str, Field(3, "Its address in the cluster: given by the server when absent, None for a headless Service.")] = msgspec.field(name="clusterIP", default="")
    cluster_ips: Annotated[tuple[str, ...], Field(18, "Its addresses in the cluster, at most one of each family.")] = msgspec.field(name="clusterIPs", default=())
    type: Annotated[str, Field(4, "ClusterIP (the default), NodePort, LoadBalancer or ExternalName.", enum=("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"))] = ""
    external_ips: Annotated[tuple[str, ...], Field(5, "Further addresses, led to nodes by somebody else, on which nodes accept its traffic.")] = msgspec.field(name="externalIPs", default=())
    session_affinity: Annotated[str, Field(7, "ClientIP to send a client always to the same pod; None is the default.", enum=("ClientIP", "None"))] = ""
    load_balancer_ip: Annotated[str, Field(8, "The address wished for. Deprecated.")] = msgspec.field(name="loadBalancerIP", default="")
    load_balancer_source_ranges: Annotated[tuple[str, ...], Field(9, "The only ranges that may reach the load balancer.")] = ()
    external_name: Annotated[str, Field(10, "For ExternalName: the DNS name that it stands for.")] = ""
    external_traffic_policy: Annotated[str, Field(11, "Cluster (the default), or Local to use pods of the receiving node only and keep the client's address.", enum=("Cluster", "Local"))] = ""
    health_check_node_port: Annotated[Int32, Field(12, "With externalTrafficPolicy Local: the port that says whether the node has pods.")] = 0
    publish_not_ready_addresses: Annotated[bool, Field(13, "Publish pods that are not ready as well.")] = False
    session_affinity_config: Annotated[SessionAffinityConfig | None, Field(14, "Details of session affinity.")] = None
    ip_families: Annotated[tuple[str, ...], Field(19, "IPv4, IPv6 or both, in order.", enum=("IPv4", "IPv6", ""))] = ()
    ip_family_policy: Annotated[str | None, Field(17, "SingleStack, PreferDualStack or RequireDualStack.", enum=("SingleStack", "PreferDualStack", "RequireDualStack"))] = None
    allocate_load_balancer_node_ports: Annotated[bool | None, Field(20, "Whether a LoadBalancer gets node ports too. On by default.")] = None
    load_balancer_class: Annotated[str | None, Field(21, "Who is to provide the load balancer.")] = None
    internal_traffic_policy: Annotated[str | None, Field(22, "Cluster (the default), or Local to use pods of the client's node only.", enum=("Cluster", "Local"))] = None
    traffic_distribution: Annotated[str | None, Field(23, "A wish which pods to prefer: PreferSameZone (PreferClose) or PreferSameNode.")] = None


class ServicePort(Struct):
    """A port of a Service."""

    name: Annotated[str, Field(1, "The port's name; needed when there are several.")] = ""
    protocol: Annotated[str, Field(2, "TCP (the default), UDP or SCTP.", enum=("TCP", "UDP", "SCTP"), default="TCP")] = ""
    app_protocol: Annotated[str | None, Field(6, "What is spoken on the port, for example http or kubernetes.io/h2c.")] = None
    port: Annotated[Int32, Field(3, "The port's number at the Service.", required=True)] = ALWAYS_INT
    target_port: Annotated[IntOrString | None, Field(4, "The number or name of the pod's port; the same number when absent.")] = None
    node_port: Annotated[Int32, Field(5, "The port on every node, for NodePort and LoadBalancer; given by the server when absent.")] = 0


class Service(Object):
    """A stable name and address for a set of pods."""

    names: ClassVar[Names] = Names("", "v1", "Service", "services", True, short=("svc",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Service")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ServiceSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ServiceSpec)
    status: Annotated[ServiceStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ServiceStatus)


class Endpoints(Object):
    """Where a Service leads. EndpointSlice is its successor."""

    names: ClassVar[Names] = Names("", "v1", "Endpoints", "endpoints", True, short=("ep",))
    kind: str = msgspec.field(default_factory=lambda: "Endpoints")
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    subsets: Annotated[tuple[EndpointSubset, ...], Field(2, "Addresses and the ports that they share.")] = ()


class EndpointSubset(Struct):
    """Addresses with the same ports."""

    addresses: Annotated[tuple[EndpointAddress, ...], Field(1, "Those that are ready.")] = ()
    not_ready_addresses: Annotated[tuple[EndpointAddress, ...], Field(2, "Those that are not ready.")] = ()
    ports: Annotated[tuple[EndpointPort, ...], Field(3, "The ports.")] = ()


class EndpointAddress(Struct):
    """One address."""

    ip: Annotated[str, Field(1, "The address.", required=True)] = ALWAYS_STR
    hostname: Annotated[str, Field(3, "The host name, for DNS.")] = ""
    node_name: Annotated[str | None, Field(4, "The node.")] = None
    target_ref: Annotated[ObjectReference | None, Field(2, "The pod.", atomic=True)] = None


class EndpointPort(Struct):
    """A port of endpoints."""

    name: Annotated[str, Field(1, "The name of the Service's port.")] = ""
    port: Annotated[Int32, Field(2, "The number.", required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(3, "TCP, UDP or SCTP.", enum=("TCP", "UDP", "SCTP"))] = ""
    app_protocol: Annotated[str | None, Field(4, "What is spoken on the port.")] = None
