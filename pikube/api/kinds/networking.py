"""Declaration: networking.k8s.io/v1.

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
    IntOrString,
    Names,
    Struct,
)
from pikube.api.kinds.core_references import TypedLocalObjectReference
from pikube.api.kinds.meta import Condition, LabelSelector, Object, ObjectMeta


class NetworkPolicySpec(Struct):
    pod_selector: Annotated[LabelSelector, Field(1, atomic=True)] = msgspec.field(default_factory=LabelSelector)
    ingress: Annotated[tuple[NetworkPolicyIngressRule, ...], Field(2)] = ()
    egress: Annotated[tuple[NetworkPolicyEgressRule, ...], Field(3)] = ()
    policy_types: Annotated[tuple[str, ...], Field(4, enum=("Ingress", "Egress"))] = ()


class NetworkPolicy(Object):
    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, short=("netpol",))
    kind: str = msgspec.field(default_factory=lambda: "NetworkPolicy")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[NetworkPolicySpec, Field(2)] = msgspec.field(default_factory=NetworkPolicySpec)


class NetworkPolicyIngressRule(Struct):
    ports: Annotated[tuple[NetworkPolicyPort, ...], Field(1)] = ()
    from_: Annotated[tuple[NetworkPolicyPeer, ...], Field(2)] = msgspec.field(name="from", default=())


class NetworkPolicyEgressRule(Struct):
    ports: Annotated[tuple[NetworkPolicyPort, ...], Field(1)] = ()
    to: Annotated[tuple[NetworkPolicyPeer, ...], Field(2)] = ()


class NetworkPolicyPort(Struct):
    protocol: Annotated[str | None, Field(1, enum=("TCP", "UDP", "SCTP"))] = None
    port: Annotated[IntOrString | None, Field(2)] = None
    end_port: Annotated[Int32 | None, Field(3)] = None


class IPBlock(Struct):
    cidr: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    except_: Annotated[tuple[str, ...], Field(2)] = msgspec.field(name="except", default=())


class NetworkPolicyPeer(Struct):
    pod_selector: Annotated[LabelSelector | None, Field(1, atomic=True)] = None
    namespace_selector: Annotated[LabelSelector | None, Field(2, atomic=True)] = None
    ip_block: Annotated[IPBlock | None, Field(3)] = None


class IngressSpec(Struct):
    ingress_class_name: Annotated[str | None, Field(4)] = None
    default_backend: Annotated[IngressBackend | None, Field(1)] = None
    tls: Annotated[tuple[IngressTLS, ...], Field(2)] = ()
    rules: Annotated[tuple[IngressRule, ...], Field(3)] = ()


class IngressLoadBalancerStatus(Struct):
    ingress: Annotated[tuple[IngressLoadBalancerIngress, ...], Field(1)] = ()


class IngressStatus(Struct):
    load_balancer: Annotated[IngressLoadBalancerStatus, Field(1)] = msgspec.field(default_factory=IngressLoadBalancerStatus)


class Ingress(Object):
    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "Ingress", "ingresses", True, short=("ing",))
    kind: str = msgspec.field(default_factory=lambda: "Ingress")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[IngressSpec, Field(2)] = msgspec.field(default_factory=IngressSpec)
    status: Annotated[IngressStatus, Field(3)] = msgspec.field(default_factory=IngressStatus)


class IngressTLS(Struct):
    hosts: Annotated[tuple[str, ...], Field(1)] = ()
    secret_name: Annotated[str, Field(2)] = ""


class IngressLoadBalancerIngress(Struct):
    ip: Annotated[str, Field(1)] = ""
    hostname: Annotated[str, Field(2)] = ""
    ports: Annotated[tuple[IngressPortStatus, ...], Field(4)] = ()


class IngressPortStatus(Struct):
    port: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(2, required=True, enum=("TCP", "UDP", "SCTP"))] = ALWAYS_STR
    error: Annotated[str | None, Field(3)] = None


class IngressRule(Struct):
    host: Annotated[str, Field(1)] = ""
    http: Annotated[HTTPIngressRuleValue | None, Field((2, 1))] = None


class HTTPIngressRuleValue(Struct):
    paths: Annotated[tuple[HTTPIngressPath, ...], Field(1, required=True)] = ALWAYS_LIST


class IngressBackend(Struct):
    service: Annotated[IngressServiceBackend | None, Field(4)] = None
    resource: Annotated[TypedLocalObjectReference | None, Field(3, atomic=True)] = None


class HTTPIngressPath(Struct):
    path: Annotated[str, Field(1)] = ""
    path_type: Annotated[str | None, Field(3, required=True)] = None
    backend: Annotated[IngressBackend, Field(2, required=True)] = msgspec.field(default_factory=IngressBackend)


class ServiceBackendPort(Struct):
    name: Annotated[str, Field(1)] = ""
    number: Annotated[Int32, Field(2)] = 0


class IngressServiceBackend(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    port: Annotated[ServiceBackendPort, Field(2, atomic=True)] = msgspec.field(default_factory=ServiceBackendPort)


class IngressClassSpec(Struct):
    controller: Annotated[str, Field(1)] = ""
    parameters: Annotated[IngressClassParametersReference | None, Field(2)] = None


class IngressClass(Object):
    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False)
    kind: str = msgspec.field(default_factory=lambda: "IngressClass")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[IngressClassSpec, Field(2)] = msgspec.field(default_factory=IngressClassSpec)


class IngressClassParametersReference(Struct):
    api_group: Annotated[str | None, Field(1)] = None
    kind: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    scope: Annotated[str | None, Field(4)] = None
    namespace: Annotated[str | None, Field(5)] = None


class IPAddressSpec(Struct):
    parent_ref: Annotated[ParentReference | None, Field(1, required=True)] = None


class IPAddress(Object):
    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "IPAddress", "ipaddresses", False, short=("ip",))
    kind: str = msgspec.field(default_factory=lambda: "IPAddress")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[IPAddressSpec, Field(2, required=True)] = msgspec.field(default_factory=IPAddressSpec)


class ParentReference(Struct):
    group: Annotated[str, Field(1)] = ""
    resource: Annotated[str, Field(2, required=True)] = ""
    namespace: Annotated[str, Field(3)] = ""
    name: Annotated[str, Field(4, required=True)] = ""


class ServiceCIDRSpec(Struct):
    cidrs: Annotated[tuple[str, ...], Field(1)] = ()


class ServiceCIDRStatus(Struct):
    conditions: Annotated[tuple[Condition, ...], Field(1, merge_key="type", list_type="map", list_keys=("type",))] = ()


class ServiceCIDR(Object):
    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", False)
    kind: str = msgspec.field(default_factory=lambda: "ServiceCIDR")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ServiceCIDRSpec, Field(2)] = msgspec.field(default_factory=ServiceCIDRSpec)
    status: Annotated[ServiceCIDRStatus, Field(3)] = msgspec.field(default_factory=ServiceCIDRStatus)
