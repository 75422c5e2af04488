"""Pure: which endpoints a Service has: its pods' addresses, readiness and ports.

Enter: the Service and its pods. Leave: endpoints by address family and ports. Called by endpoint_slices.py and
endpoints.py. Source: kubernetes staging/endpointslice/utils.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    ForNode,
    ForZone,
)
from pikube.leader.controllers.pods import ENDED, is_ready

IPV4, IPV6 = "IPv4", "IPv6"


class Group(NamedTuple):
    """What endpoints of one slice share. `ports`: (name, protocol, number, application protocol); a named target
    port may be another number on another pod."""

    family: str
    ports: tuple[tuple[str, str, int, str], ...]

    def slice_ports(self) -> tuple[EndpointPort, ...]:
        """As a slice writes them."""
        return tuple(
            EndpointPort(name=name, protocol=protocol, port=number, app_protocol=app or None)
            for name, protocol, number, app in self.ports
        )


def families(service: Service) -> tuple[str, ...]:
    """The address families that the Service speaks."""
    return service.spec.ip_families or (IPV4,)


def group_endpoints(
    service: Service, pods: Sequence[Pod], zones: Mapping[str, str]
) -> dict[Group, list[Endpoint]]:
    """The endpoints of every pod that has an address and has not ended, in order of name."""
    found: dict[Group, list[Endpoint]] = {}
    for pod in sorted(pods, key=lambda pod: pod.metadata.name):
        if pod.status.phase in ENDED:
            continue
        ports = ports_of(service, pod)
        if service.spec.ports and not ports:
            continue
        for family in families(service):
            address = address_of(pod, family)
            if address:
                group = Group(family, ports)
                found.setdefault(group, []).append(_endpoint(service, pod, address, zones))
    return found


def ports_of(service: Service, pod: Pod) -> tuple[tuple[str, str, int, str], ...]:
    """The Service's ports as numbers on this pod; a name that no container has is left out."""
    found = []
    for port in service.spec.ports:
        protocol = port.protocol or "TCP"
        target = port.target_port if port.target_port not in (None, 0, "") else port.port
        number = target if isinstance(target, int) else _named_port(pod, str(target), protocol)
        if number:
            found.append((port.name, protocol, number, port.app_protocol or ""))
    return tuple(found)


def address_of(pod: Pod, family: str) -> str:
    """The pod's address of a family; ''."""
    addresses = [ip.ip for ip in pod.status.pod_ips] or [pod.status.pod_ip]
    for address in addresses:
        if address and family_of(address) == family:
            return address
    return ""


@lru_cache(maxsize=4096)
def family_of(address: str) -> str:
    """IPv4, IPv6, or '' for what is no address."""
    try:
        return f"IPv{ipaddress.ip_address(address).version}"
    except ValueError:
        return ""


def _named_port(pod: Pod, name: str, protocol: str) -> int:
    sidecars = (c for c in pod.spec.init_containers if c.restart_policy == "Always")
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            if port.name == name and (port.protocol or "TCP") == protocol:
                return port.container_port
    return 0


def _endpoint(service: Service, pod: Pod, address: str, zones: Mapping[str, str]) -> Endpoint:
    meta = pod.metadata
    is_serving, is_terminating = is_ready(pod), bool(meta.deletion_timestamp)
    is_published = service.spec.publish_not_ready_addresses
    return Endpoint(
        addresses=(address,),
        conditions=EndpointConditions(
            ready=is_published or (is_serving and not is_terminating),
            serving=is_published or is_serving,
            terminating=is_terminating,
        ),
        hostname=hostname_of(service, pod) or None,
        target_ref=ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid),
        node_name=pod.spec.node_name or None,
        zone=zones.get(pod.spec.node_name),
        hints=_hints(service, pod, zones) if is_published or (is_serving and not is_terminating) else None,
    )


def _hints(service: Service, pod: Pod, zones: Mapping[str, str]) -> EndpointHints | None:
    """Who should prefer it, by spec.trafficDistribution (kubernetes endpointslice/trafficdist/trafficdist.go)."""
    zone, node = zones.get(pod.spec.node_name), pod.spec.node_name
    for_zones = (ForZone(name=zone),) if zone else ()
    match service.spec.traffic_distribution:
        case "PreferClose" | "PreferSameZone" if for_zones:
            return EndpointHints(for_zones=for_zones)
        case "PreferSameNode" if node:
            return EndpointHints(for_zones=for_zones, for_nodes=(ForNode(name=node),))
    return None


def hostname_of(service: Service, pod: Pod) -> str:
    """The pod's own name in the Service's DNS domain, if it says that it wants one."""
    is_member = pod.spec.subdomain == service.metadata.name
    return pod.spec.hostname if is_member else ""
