"""Pure: what is wrong with Services, in Kubernetes' words and order.

Source: kubernetes pkg/apis/core/validation/validation.go:ValidateService.
"""

from __future__ import annotations

from collections.abc import Iterator

from pikube.api import names
from pikube.api.defaulting.services import is_reached_from_outside, needs_health_port
from pikube.api.errors import Cause
from pikube.api.kinds.core_service import Service
from pikube.api.validation.causes import by_rule, duplicate, forbidden, invalid, not_supported, required
from pikube.api.validation.containers import port_ref_causes

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
MAX_AFFINITY_S = 86400
WAYS = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")


def service_causes(obj: Service) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    is_headless = spec.cluster_ip == "None"
    if not spec.ports and not is_headless and spec.type != "ExternalName":
        causes.append(required("spec.ports"))
    if is_headless and spec.type in ("LoadBalancer", "NodePort"):
        words = f"may not be set to 'None' for {spec.type} services"
        causes.append(invalid("spec.clusterIPs[0]", "None", words))
    if spec.type == "ExternalName":
        causes += _name_causes(obj)
    causes += _port_causes(obj)
    for key, value in spec.selector.items():
        causes += by_rule("spec.selector", key, names.qualified_name)
        causes += by_rule("spec.selector", value, names.label_value)
    causes += _affinity_causes(obj)
    causes += _family_causes(obj)
    for index, address in enumerate(spec.external_ips):
        here = f"spec.externalIPs[{index}]"
        causes += by_rule(here, address, names.ip_address) or by_rule(
            here, address, names.ordinary_ip_address
        )
    if spec.type not in TYPES:
        causes.append(not_supported("spec.type", spec.type, TYPES))
    causes += _port_pair_causes(obj)
    return causes + _balancer_causes(obj) + list(_traffic_causes(obj))


def _name_causes(obj: Service) -> Iterator[Cause]:
    """Of a Service that is another name for something else."""
    spec, words = obj.spec, "may not be set for ExternalName services"
    if spec.cluster_ips or spec.cluster_ip:
        yield forbidden("spec.clusterIPs", words)
    if spec.ip_families:
        yield forbidden("spec.ipFamilies", words)
    if spec.ip_family_policy is not None:
        yield forbidden("spec.ipFamilyPolicy", words)
    name = spec.external_name.removesuffix(".")
    yield from (
        by_rule("spec.externalName", name, names.dns1123_subdomain)
        if name
        else [required("spec.externalName")]
    )


def _port_causes(obj: Service) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(obj.spec.ports):
        here = f"spec.ports[{index}]"
        if len(obj.spec.ports) > 1 and not port.name:
            causes.append(required(f"{here}.name"))
        if port.name:
            causes += by_rule(f"{here}.name", port.name, names.dns1123_label)
            if port.name in seen:
                causes.append(duplicate(f"{here}.name", port.name))
            seen.add(port.name)
        causes += by_rule(f"{here}.port", port.port, names.port_number)
        if port.protocol not in ("TCP", "UDP", "SCTP"):
            causes.append(not_supported(f"{here}.protocol", port.protocol, ("SCTP", "TCP", "UDP")))
        if port.target_port is not None:
            causes += port_ref_causes(port.target_port, f"{here}.targetPort")
        if port.app_protocol is not None:
            causes += by_rule(f"{here}.appProtocol", port.app_protocol, names.qualified_name)
    return causes


def _port_pair_causes(obj: Service) -> Iterator[Cause]:
    """Ports that are there twice, and ports of nodes that nobody would open."""
    ports = list(enumerate(obj.spec.ports))
    if obj.spec.type == "ClusterIP":
        for index, port in ports:
            if port.node_port:
                words = "may not be used when `type` is 'ClusterIP'"
                yield forbidden(f"spec.ports[{index}].nodePort", words)
    taken: set[tuple[str, int]] = set()
    for index, port in ports:
        if port.node_port and (port.protocol, port.node_port) in taken:
            yield duplicate(f"spec.ports[{index}].nodePort", port.node_port)
        taken.add((port.protocol, port.node_port))
    seen: set[tuple[str, int]] = set()
    for index, port in ports:
        if (port.protocol, port.port) in seen:
            yield duplicate(f"spec.ports[{index}]", {"protocol": port.protocol, "port": port.port})
        seen.add((port.protocol, port.port))


def _affinity_causes(obj: Service) -> Iterator[Cause]:
    kind, config = obj.spec.session_affinity, obj.spec.session_affinity_config
    if kind not in ("ClientIP", "None"):
        yield not_supported("spec.sessionAffinity", kind, ("ClientIP", "None"))
    elif kind == "None":
        if config is not None:
            yield forbidden("spec.sessionAffinityConfig", "must not be set when session affinity is None")
    else:
        client = config.client_ip if config else None
        seconds = client.timeout_seconds if client else None
        if seconds is not None and not 0 < seconds <= MAX_AFFINITY_S:
            words = f"must be greater than 0 and less than {MAX_AFFINITY_S}"
            yield invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, words)


def _family_causes(obj: Service) -> Iterator[Cause]:
    spec = obj.spec
    if spec.ip_family_policy is not None and spec.ip_family_policy not in FAMILY_POLICIES:
        yield not_supported("spec.ipFamilyPolicy", spec.ip_family_policy, FAMILY_POLICIES)
    for index, family in enumerate(spec.ip_families):
        if family not in ("IPv4", "IPv6"):
            yield not_supported(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
        if family in spec.ip_families[:index]:
            yield duplicate(f"spec.ipFamilies[{index}]", family)


def _traffic_causes(obj: Service) -> Iterator[Cause]:
    spec = obj.spec
    is_reached = is_reached_from_outside(obj)
    way, here = spec.external_traffic_policy, "spec.externalTrafficPolicy"
    if not is_reached and way:
        yield invalid(here, way, "may only be set for externally-accessible services")
    elif is_reached and way not in WAYS:
        yield not_supported(here, way, WAYS) if way else required(here)
    if spec.health_check_node_port and not needs_health_port(obj):
        words = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid("spec.healthCheckNodePort", spec.health_check_node_port, words)
    if spec.internal_traffic_policy is not None and spec.internal_traffic_policy not in WAYS:
        yield not_supported("spec.internalTrafficPolicy", spec.internal_traffic_policy, WAYS)
    if spec.traffic_distribution is not None and spec.traffic_distribution not in DISTRIBUTIONS:
        yield not_supported("spec.trafficDistribution", spec.traffic_distribution, DISTRIBUTIONS)


def _balancer_causes(obj: Service) -> list[Cause]:
    """What only a LoadBalancer has."""
    spec, is_balancer = obj.spec, obj.spec.type == "LoadBalancer"
    words = "may only be used when `type` is 'LoadBalancer'"
    causes: list[Cause] = []
    here = "spec.LoadBalancerSourceRanges"
    if spec.load_balancer_source_ranges and not is_balancer:
        causes.append(forbidden(here, words))
    for index, text in enumerate(spec.load_balancer_source_ranges):  # these may be padded with spaces
        causes += by_rule(f"{here}[{index}]", text.strip(), names.loose_cidr)
    if spec.allocate_load_balancer_node_ports is not None and not is_balancer:
        causes.append(forbidden("spec.allocateLoadBalancerNodePorts", words))
    if spec.load_balancer_class is not None:
        here = "spec.loadBalancerClass"
        causes += (
            by_rule(here, spec.load_balancer_class, names.qualified_name)
            if is_balancer
            else [forbidden(here, words)]
        )
    return causes


def service_update_causes(new: Service, old: Service) -> list[Cause]:
    """Whether what is set for good stays (kubernetes validation.go:ValidateServiceUpdate)."""
    if new.spec == old.spec:
        return []
    causes: list[Cause] = []
    keeps_address = "ExternalName" not in (new.spec.type, old.spec.type) and old.spec.cluster_ip
    if keeps_address and new.spec.cluster_ip != old.spec.cluster_ip:
        causes.append(invalid("spec.clusterIPs[0]", [new.spec.cluster_ip], "may not change once set"))
    are_balancers = new.spec.type == old.spec.type == "LoadBalancer"
    if are_balancers and new.spec.load_balancer_class != old.spec.load_balancer_class:
        causes.append(
            invalid("spec.loadBalancerClass", new.spec.load_balancer_class, "may not change once set")
        )
    kept, given = old.spec.health_check_node_port, new.spec.health_check_node_port
    if needs_health_port(old) and needs_health_port(new) and kept != given:
        causes.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return causes + service_causes(new)
