"""Pure: which addresses and ports the proxy listens on, and where connections to them go.

Enter: one Service with its EndpointSlices, and what this board is. Leaves: a map from Listener to Backends. Called
for each Service after a change of it. Source: kubernetes pkg/proxy/{serviceport,endpoint,topology}.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import Endpoint, EndpointSlice
from pikube.netproxy.targets import ANY, Backend, Backends, Listener

SERVICE_NAME = "kubernetes.io/service-name"
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
AFFINITY_S = 10800  # kubernetes DefaultClientIPServiceAffinitySeconds
HEALTH = "HEALTH"
CARRIED = ("TCP", "UDP")
NOBODY = "255.255.255.255/32"


@dataclass(frozen=True, slots=True)
class Here:
    """This board: the node's name and zone."""

    node: str
    zone: str = ""


def service_table(service: Service, slices: Sequence[EndpointSlice], here: Here) -> dict[Listener, Backends]:
    """Every listener of a service that has an address."""
    spec = service.spec
    is_ours = PROXY_NAME not in service.metadata.labels  # another proxy's (KEP-2447)
    if not is_ours or spec.type == "ExternalName" or spec.cluster_ip in ("", "None"):
        return {}
    name = f"{service.metadata.namespace}/{service.metadata.name}"
    affinity_s = _affinity_s(service)
    ranges = _networks(spec.load_balancer_source_ranges)
    out: dict[Listener, Backends] = {}
    for port in spec.ports:
        protocol = port.protocol or "TCP"
        if protocol not in CARRIED:
            continue
        found = _endpoints(slices, port.name, protocol)
        inside = Backends(name, choose(found, here, spec.internal_traffic_policy == "Local"), affinity_s)
        outside = Backends(name, choose(found, here, spec.external_traffic_policy == "Local"), affinity_s)
        balanced = Backends(name, outside.targets, affinity_s, ranges)
        for address in spec.cluster_ips:
            out[Listener(protocol, address, port.port)] = inside
        for address in filter(_is_address, spec.external_ips):
            out[Listener(protocol, address, port.port)] = outside
        if spec.type == "LoadBalancer":
            for ingress in service.status.load_balancer.ingress:
                if _is_address(ingress.ip) and ingress.ip_mode != "Proxy":
                    out[Listener(protocol, ingress.ip, port.port)] = balanced
        if port.node_port:
            out[Listener(protocol, ANY, port.node_port)] = outside
    if spec.health_check_node_port:
        local = {
            target for _, endpoint, target in _all(slices) if _is_ready(endpoint) and _is_at(endpoint, here)
        }
        number = spec.health_check_node_port
        pods = {Backend(target.address, 0) for target in local}
        out[Listener(HEALTH, ANY, number)] = Backends(name, tuple(sorted(pods)))
    return out


def pod_table(pod: Pod) -> dict[Listener, Backends]:
    """The host ports of a pod that runs and has an address of its own."""
    address, meta = pod.status.pod_ip, pod.metadata
    if not address or pod.spec.host_network or pod.status.phase in ("Succeeded", "Failed"):
        return {}
    name = f"{meta.namespace}/{meta.name}"
    sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
    return {
        Listener(protocol, host, port.host_port): Backends(name, (Backend(address, port.container_port),))
        for container in (*pod.spec.containers, *sidecars)
        for port in container.ports
        if port.host_port and (protocol := port.protocol or "TCP") in CARRIED
        if _is_address(host := port.host_ip or ANY)
    }


def compute_table(
    services: Iterable[Service], slices: Iterable[EndpointSlice], here: Here
) -> dict[Listener, Backends]:
    """Of all services at once; of two that want the same listener the older has it."""
    by_service: dict[tuple[str, str], list[EndpointSlice]] = {}
    for slice_ in slices:
        name = slice_.metadata.labels.get(SERVICE_NAME, "")
        by_service.setdefault((slice_.metadata.namespace, name), []).append(slice_)
    table: dict[Listener, Backends] = {}
    for service in sorted(services, key=age, reverse=True):
        key = (service.metadata.namespace, service.metadata.name)
        table |= service_table(service, by_service.get(key, []), here)
    return table


def age(obj: Service | Pod) -> tuple[str, str, str]:
    """Sorts the oldest first."""
    meta = obj.metadata
    return meta.creation_timestamp, meta.namespace, meta.name


def _is_address(text: str) -> bool:
    """What is none, in an object that nobody checked so closely, must not keep other Services from being served."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _networks(texts: Sequence[str]) -> tuple[str, ...]:
    """Source ranges; with none that can be read nobody is let in."""
    found = []
    for text in texts:
        try:
            found.append(str(ipaddress.ip_network(text.strip(), strict=False)))
        except ValueError:
            continue
    return tuple(found) if found or not texts else (NOBODY,)


def _affinity_s(service: Service) -> int:
    spec = service.spec
    if spec.session_affinity != "ClientIP":
        return 0
    config = spec.session_affinity_config
    client = config.client_ip if config else None
    return (client.timeout_seconds if client else None) or AFFINITY_S


Found = tuple[str, Endpoint, Backend]


def _all(slices: Sequence[EndpointSlice]) -> Iterable[Found]:
    """(port name and protocol, endpoint, target) of every port of every endpoint."""
    for slice_ in slices:
        if slice_.address_type not in ("IPv4", "IPv6"):
            continue
        for port in slice_.ports:
            if port.port:
                key = f"{port.protocol or 'TCP'} {port.name or ''}"
                for endpoint in slice_.endpoints:
                    for address in endpoint.addresses[:1]:  # the others mean the same one (discovery/v1)
                        yield key, endpoint, Backend(address, port.port)


def _endpoints(slices: Sequence[EndpointSlice], port_name: str, protocol: str) -> list[Found]:
    wanted = f"{protocol} {port_name}"
    return [found for found in _all(slices) if found[0] == wanted]


def choose(found: Sequence[Found], here: Here, is_local: bool) -> tuple[Backend, ...]:
    """Ready endpoints, near ones if all carry hints; if there is none, those that still serve while they end. The
    order is the addresses', so that it does not depend on the order of slices."""
    there = [(endpoint, target) for _, endpoint, target in found if not is_local or _is_at(endpoint, here)]
    ready = [(endpoint, target) for endpoint, target in there if _is_ready(endpoint)]
    if ready:
        chosen = ready if is_local else _near(ready, here)
    else:
        chosen = [pair for pair in there if pair[0].conditions.terminating and pair[0].conditions.serving]
    return tuple(sorted({target for _, target in chosen}))


def _near(ready: list[tuple[Endpoint, Backend]], here: Here) -> list[tuple[Endpoint, Backend]]:
    """Hints count only if every ready endpoint has some and one is for this board (topology.go:canUseTopology)."""
    hints = [endpoint.hints for endpoint, _ in ready]
    if all(hint is not None and hint.for_nodes for hint in hints):
        same = [p for p in ready if p[0].hints and any(n.name == here.node for n in p[0].hints.for_nodes)]
        if same:
            return same
    if here.zone and all(hint is not None and hint.for_zones for hint in hints):
        same = [p for p in ready if p[0].hints and any(z.name == here.zone for z in p[0].hints.for_zones)]
        if same:
            return same
    return ready


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions.ready is not False


def _is_at(endpoint: Endpoint, here: Here) -> bool:
    return endpoint.node_name == here.node
