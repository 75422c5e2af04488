"""Pure: which addresses and ports the proxy listens on, and where connections to them go.

Enter: Services, EndpointSlices, this node's name. Leaves: a map from Listener to Backends. Called after every
change. Source: kubernetes pkg/proxy/{service,endpoints,topology}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice

SERVICE_NAME = "kubernetes.io/service-name"
ANY = "0.0.0.0"


class Listener(NamedTuple):
    """Where clients connect: protocol TCP or UDP; address ANY for node ports."""

    protocol: str
    address: str
    port: int


class Backend(NamedTuple):
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Backends:
    """Where one listener leads. affinity_s is 0 without ClientIP affinity; service is its name for messages."""

    service: str
    targets: tuple[Backend, ...]
    affinity_s: int = 0


Table = Mapping[Listener, Backends]


def compute_table(
    services: Iterable[Service], slices: Iterable[EndpointSlice], node: str
) -> dict[Listener, Backends]:
    """Every listener of every service that has an address."""
    by_service: dict[tuple[str, str], list[EndpointSlice]] = {}
    for slice_ in slices:
        name = slice_.metadata.labels.get(SERVICE_NAME, "")
        by_service.setdefault((slice_.metadata.namespace, name), []).append(slice_)
    table: dict[Listener, Backends] = {}
    for service in services:
        key = (service.metadata.namespace, service.metadata.name)
        table |= _of_service(service, by_service.get(key, []), node)
    return table


def _of_service(service: Service, slices: list[EndpointSlice], node: str) -> dict[Listener, Backends]:
    spec = service.spec
    if spec.type == "ExternalName" or spec.cluster_ip in ("", "None"):
        return {}
    name = f"{service.metadata.namespace}/{service.metadata.name}"
    affinity_s = 0
    if spec.session_affinity == "ClientIP":
        config = spec.session_affinity_config
        client = config.client_ip if config else None
        affinity_s = (client.timeout_seconds if client else None) or 10800
    out: dict[Listener, Backends] = {}
    for port in spec.ports:
        protocol = port.protocol or "TCP"
        if protocol not in ("TCP", "UDP"):
            continue
        inside = _targets(slices, port.name, protocol, node, spec.internal_traffic_policy == "Local")
        outside = _targets(slices, port.name, protocol, node, spec.external_traffic_policy == "Local")
        for address in spec.cluster_ips:
            out[Listener(protocol, address, port.port)] = Backends(name, inside, affinity_s)
        for address in (*spec.external_ips, *(i.ip for i in service.status.load_balancer.ingress if i.ip)):
            out[Listener(protocol, address, port.port)] = Backends(name, outside, affinity_s)
        if port.node_port:
            out[Listener(protocol, ANY, port.node_port)] = Backends(name, outside, affinity_s)
    return out


def _targets(
    slices: list[EndpointSlice], port_name: str, protocol: str, node: str, is_local: bool
) -> tuple[Backend, ...]:
    """Ready endpoints; if there is none, those that still serve while they end. The order is the addresses', so that
    it does not depend on the order of slices."""
    ready: set[Backend] = set()
    serving: set[Backend] = set()
    for slice_ in slices:
        if slice_.address_type != "IPv4":
            continue
        number = next(
            (
                p.port
                for p in slice_.ports
                if (p.name or "") == port_name and (p.protocol or "TCP") == protocol
            ),
            None,
        )
        if number is None:
            continue
        for endpoint in slice_.endpoints:
            if is_local and endpoint.node_name != node:
                continue
            backends = {Backend(address, number) for address in endpoint.addresses}
            conditions = endpoint.conditions
            if conditions.ready is not False:
                ready |= backends
            elif conditions.terminating and conditions.serving:
                serving |= backends
    return tuple(sorted(ready or serving))
