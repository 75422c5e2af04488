"""Pure: the names that a Service, its endpoints and a namespace have in the cluster's DNS.

Enter: a Service with its EndpointSlices, the cluster domain. Leaves: entries for the zone. Called by names_feed.py.
Source: kubernetes dns specification.md; TTLs as kubeadm's Corefile and CoreDNS' default have them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import Endpoint, EndpointSlice
from pikube.netproxy.table import SERVICE_NAME
from pikube.netproxy.zone import TTL_S, Entries

STABLE_TTL_S = 30  # a cluster address stays for the life of its Service

Entry = tuple[str, str, int]
Names = dict[str, list[Entry]]


def service_of(slice_: EndpointSlice) -> Iterable[str]:
    return [f"{slice_.metadata.namespace}/{slice_.metadata.labels.get(SERVICE_NAME, '')}"]


def namespace_entries(name: str, domain: str) -> Entries:
    """Without records; names of its pods begin there, too."""
    return {f"{name}.svc.{domain}": [], f"{name}.pod.{domain}": []}


def service_entries(service: Service, slices: Sequence[EndpointSlice], domain: str) -> Entries:
    """Every name of the Service, all of lower case."""
    spec, meta = service.spec, service.metadata
    base = f"{meta.name}.{meta.namespace}.svc.{domain}"
    if spec.type == "ExternalName":
        return {base: [("CNAME", f"{spec.external_name.rstrip('.')}.", TTL_S)]}
    found: Names = {}
    endpoints = list(_ready(slices))
    is_headless = spec.cluster_ip in ("", "None")
    if not is_headless:
        found[base] = [_address(address, STABLE_TTL_S) for address in spec.cluster_ips]
        for port in spec.ports:
            _add(found, _port_name(port.name, port.protocol, base), _srv(1, port.port, base, STABLE_TTL_S))
            found[base].append(_srv(len(spec.ports), port.port, base, STABLE_TTL_S))
        for address in spec.cluster_ips:
            _add(found, _backwards(address), ("PTR", f"{base}.", STABLE_TTL_S))
    elif spec.cluster_ip == "":
        found[base] = []
    for endpoint, _ in endpoints:
        for name in {_host(endpoint), _dashed(endpoint.addresses[0])}:
            _add(found, f"{name}.{base}", _address(endpoint.addresses[0], TTL_S))
    if spec.cluster_ip == "None":
        _add_headless(found, base, endpoints)
    return {name: list(dict.fromkeys(entries)) for name, entries in found.items()}


def _add_headless(found: Names, base: str, endpoints: Sequence[tuple[Endpoint, EndpointSlice]]) -> None:
    ports: dict[str, list[tuple[str, int]]] = {}  # the Service's own name stands for all of them (CoreDNS)
    for endpoint, slice_ in endpoints:
        for address in endpoint.addresses:
            _add(found, base, _address(address, TTL_S))
        host = f"{_host(endpoint)}.{base}"
        _add(found, _backwards(endpoint.addresses[0]), ("PTR", f"{host}.", TTL_S))
        for port in slice_.ports:
            if port.port:
                name = _port_name(port.name or "", port.protocol or "", base)
                for asked in {name, base} - {""}:
                    ports.setdefault(asked, []).append((host, port.port))
    for name, targets in ports.items():
        for host, number in targets:
            _add(found, name, _srv(len(targets), number, host, TTL_S))


def _add(found: Names, name: str, entry: Entry) -> None:
    if name:
        found.setdefault(name, []).append(entry)


def _port_name(name: str, protocol: str, base: str) -> str:
    """'' for a port without a name: it has no SRV record."""
    return f"_{name}._{(protocol or 'TCP').lower()}.{base}" if name else ""


def _srv(count: int, port: int, host: str, ttl_s: int) -> Entry:
    """One of `count` equals."""
    return "SRV", f"0 {max(1, 100 // count)} {port} {host}.", ttl_s


def _address(address: str, ttl_s: int) -> Entry:
    return "AAAA" if ":" in address else "A", address, ttl_s


def _backwards(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer


def _ready(slices: Iterable[EndpointSlice]) -> Iterable[tuple[Endpoint, EndpointSlice]]:
    """Ready endpoints with the slice that holds their ports."""
    for slice_ in slices:
        if slice_.address_type in ("IPv4", "IPv6"):
            for endpoint in slice_.endpoints:
                if endpoint.conditions.ready is not False and endpoint.addresses:
                    yield endpoint, slice_


def _host(endpoint: Endpoint) -> str:
    return endpoint.hostname or _dashed(endpoint.addresses[0])


def _dashed(address: str) -> str:
    return address.replace(".", "-").replace(":", "-")
