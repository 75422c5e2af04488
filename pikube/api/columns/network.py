"""Pure: the tables of Services, endpoints, Ingress and the addresses of the cluster (printers.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pikube.api.columns.column import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Columns,
    age,
    joined,
    labels_text,
    selector_text,
    wide,
)


def service_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    return [
        obj.metadata.name,
        spec.type,
        spec.cluster_ip or NONE if spec.type != "ExternalName" else NONE,
        _external(obj),
        joined(_port_text(port, spec.type) for port in spec.ports),
        age(obj.metadata.creation_timestamp, now),
        labels_text(spec.selector),
    ]


def _port_text(port: Any, type_: str) -> str:
    node_port = f":{port.node_port}" if port.node_port else ""
    return f"{port.port}{node_port}/{port.protocol}"


def _external(obj: Any) -> str:
    spec = obj.spec
    if spec.type == "ExternalName":
        return str(spec.external_name)
    if spec.type == "LoadBalancer":
        return ",".join([*_addresses(obj), *spec.external_ips]) or "<pending>"
    return joined(spec.external_ips)


def _addresses(obj: Any) -> list[str]:
    """Where a balancer is reached, each once."""
    return sorted({i.ip or i.hostname for i in obj.status.load_balancer.ingress} - {""})


def endpoints_row(obj: Any, now: float) -> list[Any]:
    shown = []
    for subset in obj.subsets:
        if not subset.ports:
            shown += [address.ip for address in subset.addresses]
        for port in subset.ports:
            shown += [f"{address.ip}:{port.port}" for address in subset.addresses]
    return [obj.metadata.name, _first(shown), age(obj.metadata.creation_timestamp, now)]


def _first(words: list[str], limit: int = 3) -> str:
    if len(words) > limit:
        return f"{','.join(words[:limit])} + {len(words) - limit} more..."
    return joined(words)


def endpoint_slice_row(obj: Any, now: float) -> list[Any]:
    ports = [str(p.port) if p.port is not None else p.name or "*" for p in obj.ports]
    addresses = [address for endpoint in obj.endpoints for address in endpoint.addresses]
    return [
        obj.metadata.name,
        obj.address_type,
        _first(ports) if ports else UNSET,
        _first(addresses) if addresses else UNSET,
        age(obj.metadata.creation_timestamp, now),
    ]


def ingress_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        NONE if obj.spec.ingress_class_name is None else obj.spec.ingress_class_name,
        _hosts(obj.spec.rules),
        ",".join(_addresses(obj)),
        "80, 443" if obj.spec.tls else "80",
        age(obj.metadata.creation_timestamp, now),
    ]


def _hosts(rules: Sequence[Any], limit: int = 3) -> str:
    """Of the first rules; what is left out is counted in rules (printers.go:formatHosts)."""
    hosts: list[str] = []
    is_cut = False
    for rule in rules:
        is_cut = is_cut or len(hosts) == limit
        if rule.host and not is_cut:
            hosts.append(rule.host)
    if is_cut:
        return f"{','.join(hosts)} + {len(rules) - limit} more..."
    return ",".join(hosts) or "*"


def ingress_class_row(obj: Any, now: float) -> list[Any]:
    ref = obj.spec.parameters
    parameters = NONE
    if ref is not None:
        kind = f"{ref.kind}.{ref.api_group}" if ref.api_group else ref.kind
        parameters = f"{kind}/{ref.name}"
    return [obj.metadata.name, obj.spec.controller, parameters, age(obj.metadata.creation_timestamp, now)]


def network_policy_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        selector_text(obj.spec.pod_selector),
        age(obj.metadata.creation_timestamp, now),
    ]


def range_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, ",".join(obj.spec.cidrs), age(obj.metadata.creation_timestamp, now)]


def address_row(obj: Any, now: float) -> list[Any]:
    parent = obj.spec.parent_ref
    shown = NONE
    if parent is not None:
        resource = f"{parent.resource}.{parent.group}" if parent.group else parent.resource
        shown = "/".join(part for part in (resource.lower(), parent.namespace, parent.name) if part)
    return [obj.metadata.name, shown]


TABLES = {
    "Service": Columns(
        (NAME, Column("Type"), Column("Cluster-IP"), Column("External-IP"), Column("Port(s)"), AGE,
         wide("Selector")),
        service_row,
    ),
    "Endpoints": Columns((NAME, Column("Endpoints"), AGE), endpoints_row),
    "EndpointSlice": Columns(
        (NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), endpoint_slice_row
    ),
    "Ingress": Columns(
        (NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE), ingress_row
    ),
    "IngressClass": Columns((NAME, Column("Controller"), Column("Parameters"), AGE), ingress_class_row),
    "ServiceCIDR": Columns((NAME, Column("CIDRs"), AGE), range_row),
    "IPAddress": Columns((NAME, Column("ParentRef")), address_row),
    "NetworkPolicy": Columns((NAME, Column("Pod-Selector"), AGE), network_policy_row),
}  # fmt: skip
