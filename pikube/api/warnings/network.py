"""Pure: fields of Services, Ingresses and NetworkPolicies that do nothing, are old, or will not be read some day.

Enter: an object and the one before it. Leave: warnings. Called through KindInfo.warn. Sources: kubernetes
pkg/api/service/warnings.go, pkg/registry/networking/ingress and networkpolicy, strategy.go of each.
"""

from __future__ import annotations

from pikube.api.kinds.core_service import Service, ServiceSpec
from pikube.api.kinds.networking import Ingress, NetworkPolicy
from pikube.api.warnings.addresses import cidr_warnings, ip_warnings

HINTS = "service.kubernetes.io/topology-aware-hints"
MODE = "service.kubernetes.io/topology-mode"
CLASS = "kubernetes.io/ingress.class"


def service_warnings(new: Service, old: Service | None) -> list[str]:
    found, spec = [], new.spec
    if HINTS in new.metadata.annotations:
        found.append(f"annotation {HINTS} is deprecated, please use {MODE} instead")
    is_headless = spec.cluster_ip == "None"
    if spec.cluster_ip and not is_headless:
        for i, address in enumerate(spec.cluster_ips):
            found += ip_warnings(f"spec.clusterIPs[{i}]", address)
    if spec.type == "ClusterIP" and is_headless:
        found += _ignored(spec)
    for i, address in enumerate(spec.external_ips):
        found += ip_warnings(f"spec.externalIPs[{i}]", address)
    if spec.external_ips and not (is_headless and spec.type == "ClusterIP") and spec.type != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.load_balancer_ip:
        found += ip_warnings("spec.loadBalancerIP", spec.load_balancer_ip)
    for i, cidr in enumerate(spec.load_balancer_source_ranges):
        found += cidr_warnings(f"spec.loadBalancerSourceRanges[{i}]", cidr)
    if spec.type == "ExternalName" and spec.external_ips:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.type != "ExternalName" and spec.external_name:
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.traffic_distribution == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _ignored(spec: ServiceSpec) -> list[str]:
    names = [
        *(["loadBalancerIP"] if spec.load_balancer_ip else []),
        *(["externalIPs"] if spec.external_ips else []),
        *(["SessionAffinity"] if spec.session_affinity != "None" else []),
    ]
    return [f"spec.{name} is ignored for headless services" for name in names]


def ingress_warnings(new: Ingress, old: Ingress | None) -> list[str]:
    if old is not None or CLASS not in new.metadata.annotations or new.spec.ingress_class_name is not None:
        return []
    return [f"annotation \"{CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def policy_warnings(new: NetworkPolicy, old: NetworkPolicy | None) -> list[str]:
    found = []
    peers = [
        (f"spec.ingress[{i}].from[{j}].ipBlock", peer)
        for i, rule in enumerate(new.spec.ingress)
        for j, peer in enumerate(rule.from_)
    ] + [
        (f"spec.egress[{i}].to[{j}].ipBlock", peer)
        for i, rule in enumerate(new.spec.egress)
        for j, peer in enumerate(rule.to)
    ]
    for path, peer in peers:
        if peer.ip_block is None:
            continue
        found += cidr_warnings(f"{path}.cidr", peer.ip_block.cidr)
        for k, cidr in enumerate(peer.ip_block.except_):
            found += cidr_warnings(f"{path}.except[{k}]", cidr)
    return found
