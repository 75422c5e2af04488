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
    """Which traffic some pods allow."""

    pod_selector: Annotated[LabelSelector, Field(1, "Selects the pods; an empty one selects all of the namespace.", atomic=True)] = msgspec.field(default_factory=LabelSelector)
    ingress: Annotated[tuple[NetworkPolicyIngressRule, ...], Field(2, "What may come in.")] = ()
    egress: Annotated[tuple[NetworkPolicyEgressRule, ...], Field(3, "What may go out.")] = ()
    policy_types: Annotated[tuple[str, ...], Field(4, "Which directions the policy is about: Ingress, Egress or both.", enum=("Ingress", "Egress"))] = ()


class NetworkPolicy(Object):
    """Says which traffic some pods allow."""

    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, short=("netpol",))
    kind: str = msgspec.field(default_factory=lambda: "NetworkPolicy")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[NetworkPolicySpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=NetworkPolicySpec)


class NetworkPolicyIngressRule(Struct):
    """Traffic that may come in."""

    ports: Annotated[tuple[NetworkPolicyPort, ...], Field(1, "The ports; all when empty.")] = ()
    from_: Annotated[tuple[NetworkPolicyPeer, ...], Field(2, "Where it may come from; everywhere when empty.")] = msgspec.field(name="from", default=())


class NetworkPolicyEgressRule(Struct):
    """Traffic that may go out."""

    ports: Annotated[tuple[NetworkPolicyPort, ...], Field(1, "The ports; all when empty.")] = ()
    to: Annotated[tuple[NetworkPolicyPeer, ...], Field(2, "Where it may go; everywhere when empty.")] = ()


class NetworkPolicyPort(Struct):
    """A port or a range of ports."""

    protocol: Annotated[str | None, Field(1, "TCP (the default), UDP or SCTP.", enum=("TCP", "UDP", "SCTP"))] = None
    port: Annotated[IntOrString | None, Field(2, "The number or name; all when absent.")] = None
    end_port: Annotated[Int32 | None, Field(3, "The last port of a range that begins with port.")] = None


class IPBlock(Struct):
    """A range of addresses."""

    cidr: Annotated[str, Field(1, "The range, for example 192.168.1.0/24.", required=True)] = ALWAYS_STR
    except_: Annotated[tuple[str, ...], Field(2, "Ranges within it that are not meant.")] = msgspec.field(name="except", default=())


class NetworkPolicyPeer(Struct):
    """Whom traffic may come from or go to."""

    pod_selector: Annotated[LabelSelector | None, Field(1, "Selects pods by label.", atomic=True)] = None
    namespace_selector: Annotated[LabelSelector | None, Field(2, "Selects namespaces by label; with a pod selector, pods of those.", atomic=True)] = None
    ip_block: Annotated[IPBlock | None, Field(3, "A range of addresses; not together with the others.")] = None


class IngressSpec(Struct):
    """What an Ingress is to do."""

    ingress_class_name: Annotated[str | None, Field(4, "The IngressClass, which says who serves it.")] = None
    default_backend: Annotated[IngressBackend | None, Field(1, "Where requests go that no rule matches.")] = None
    tls: Annotated[tuple[IngressTLS, ...], Field(2, "Certificates by host.")] = ()
    rules: Annotated[tuple[IngressRule, ...], Field(3, "Where requests go, by host and path.")] = ()


class IngressLoadBalancerStatus(Struct):
    """What is known of the load balancer."""

    ingress: Annotated[tuple[IngressLoadBalancerIngress, ...], Field(1, "The addresses to reach it by.")] = ()


class IngressStatus(Struct):
    """What is known of an Ingress."""

    load_balancer: Annotated[IngressLoadBalancerStatus, Field(1, "The load balancer.")] = msgspec.field(default_factory=IngressLoadBalancerStatus)


class Ingress(Object):
    """Leads HTTP requests to Services by host and path."""

    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "Ingress", "ingresses", True, short=("ing",))
    kind: str = msgspec.field(default_factory=lambda: "Ingress")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[IngressSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=IngressSpec)
    status: Annotated[IngressStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=IngressStatus)


class IngressTLS(Struct):
    """A certificate for hosts."""

    hosts: Annotated[tuple[str, ...], Field(1, "The hosts.")] = ()
    secret_name: Annotated[str, Field(2, "The Secret with key and certificate.")] = ""


class IngressLoadBalancerIngress(Struct):
    """An address of the load balancer."""

    ip: Annotated[str, Field(1, "The address.")] = ""
    hostname: Annotated[str, Field(2, "The name, where there is no address.")] = ""
    ports: Annotated[tuple[IngressPortStatus, ...], Field(4, "How each port fares.")] = ()


class IngressPortStatus(Struct):
    """How one port of the load balancer fares."""

    port: Annotated[Int32, Field(1, "The port's number.", required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(2, "TCP, UDP or SCTP.", required=True, enum=("TCP", "UDP", "SCTP"))] = ALWAYS_STR
    error: Annotated[str | None, Field(3, "Why the port does not work, in CamelCase.")] = None


class IngressRule(Struct):
    """The rule for a host."""

    host: Annotated[str, Field(1, "The host name, also *.example.org; every host when empty.")] = ""
    http: Annotated[HTTPIngressRuleValue | None, Field((2, 1), "The paths.")] = None


class HTTPIngressRuleValue(Struct):
    """The paths of a host."""

    paths: Annotated[tuple[HTTPIngressPath, ...], Field(1, "Where requests go, by path.", required=True)] = ALWAYS_LIST


class IngressBackend(Struct):
    """Where requests go."""

    service: Annotated[IngressServiceBackend | None, Field(4, "A Service.")] = None
    resource: Annotated[TypedLocalObjectReference | None, Field(3, "Another object of the namespace.", atomic=True)] = None


class HTTPIngressPath(Struct):
    """The rule for a path."""

    path: Annotated[str, Field(1, "The path.")] = ""
    path_type: Annotated[str | None, Field(3, "Exact, Prefix or ImplementationSpecific.", required=True)] = None
    backend: Annotated[IngressBackend, Field(2, "Where requests go.", required=True)] = msgspec.field(default_factory=IngressBackend)


class ServiceBackendPort(Struct):
    """A port of a Service."""

    name: Annotated[str, Field(1, "The port's name.")] = ""
    number: Annotated[Int32, Field(2, "The port's number.")] = 0


class IngressServiceBackend(Struct):
    """A Service."""

    name: Annotated[str, Field(1, "The Service's name.", required=True)] = ALWAYS_STR
    port: Annotated[ServiceBackendPort, Field(2, "The Service's port.", atomic=True)] = msgspec.field(default_factory=ServiceBackendPort)


class IngressClassSpec(Struct):
    """Who serves a class of Ingresses."""

    controller: Annotated[str, Field(1, "The name of the controller, for example example.com/ingress.")] = ""
    parameters: Annotated[IngressClassParametersReference | None, Field(2, "An object with settings for the controller.")] = None


class IngressClass(Object):
    """A class of Ingresses and who serves it."""

    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False)
    kind: str = msgspec.field(default_factory=lambda: "IngressClass")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[IngressClassSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=IngressClassSpec)


class IngressClassParametersReference(Struct):
    """An object with settings for a controller."""

    api_group: Annotated[str | None, Field(1, "The API group of the kind; empty for core.")] = None
    kind: Annotated[str, Field(2, "The object's kind.", required=True)] = ALWAYS_STR
    name: Annotated[str, Field(3, "The object's name.", required=True)] = ALWAYS_STR
    scope: Annotated[str | None, Field(4, "Cluster or Namespace.")] = None
    namespace: Annotated[str | None, Field(5, "The object's namespace.")] = None


class IPAddressSpec(Struct):
    """What an address is for."""

    parent_ref: Annotated[ParentReference | None, Field(1, "The object that has it.", required=True)] = None


class IPAddress(Object):
    """An address of the service range that is in use."""

    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "IPAddress", "ipaddresses", False, short=("ip",))
    kind: str = msgspec.field(default_factory=lambda: "IPAddress")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[IPAddressSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=IPAddressSpec)


class ParentReference(Struct):
    """The object that has an address."""

    group: Annotated[str, Field(1, "Its API group.")] = ""
    resource: Annotated[str, Field(2, "Its resource.", required=True)] = ""
    namespace: Annotated[str, Field(3, "Its namespace.")] = ""
    name: Annotated[str, Field(4, "Its name.", required=True)] = ""


class ServiceCIDRSpec(Struct):
    """A range for Services."""

    cidrs: Annotated[tuple[str, ...], Field(1, "The ranges, at most one of each family.")] = ()


class ServiceCIDRStatus(Struct):
    """What is known of a range."""

    conditions: Annotated[tuple[Condition, ...], Field(1, "What is known of the object's state, one entry a type.", merge_key="type", list_type="map", list_keys=("type",))] = ()


class ServiceCIDR(Object):
    """A range from which Services get their addresses."""

    names: ClassVar[Names] = Names("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", False)
    kind: str = msgspec.field(default_factory=lambda: "ServiceCIDR")
    api_version: str = msgspec.field(default_factory=lambda: "networking.k8s.io/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[ServiceCIDRSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=ServiceCIDRSpec)
    status: Annotated[ServiceCIDRStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=ServiceCIDRStatus)
