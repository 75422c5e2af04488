"""Pure: what is wrong with EndpointSlices and Endpoints.

Sources: kubernetes pkg/apis/{discovery,core}/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_service import EndpointAddress, Endpoints
from pikube.api.kinds.core_service import EndpointPort as PortOfEndpoints
from pikube.api.kinds.discovery import Endpoint, EndpointPort, EndpointSlice
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    immutable,
    invalid,
    not_supported,
    required,
    too_many,
)
from pikube.api.validation.networking import PROTOCOLS, is_ip

KINDS = ("FQDN", "IPv4", "IPv6")
MOST_ENDPOINTS = 1000
MOST_ADDRESSES = 100
MOST_PORTS = 20000
MOST_TOPOLOGY_LABELS = 16
MOST_HINTS = 8


def endpoint_slice_causes(obj: EndpointSlice) -> list[Cause]:
    causes: list[Cause] = []
    if not obj.address_type:
        causes.append(required("addressType"))
    elif obj.address_type not in KINDS:
        causes.append(not_supported("addressType", obj.address_type, KINDS))
    if len(obj.endpoints) > MOST_ENDPOINTS:
        causes.append(too_many("endpoints", len(obj.endpoints), MOST_ENDPOINTS))
    else:
        for index, endpoint in enumerate(obj.endpoints):
            causes += _endpoint_causes(endpoint, f"endpoints[{index}]", obj)
    if len(obj.ports) > MOST_PORTS:
        return [*causes, too_many("ports", len(obj.ports), MOST_PORTS)]
    return causes + list(_slice_port_causes(obj.ports))


def endpoint_slice_update_causes(new: EndpointSlice, old: EndpointSlice) -> list[Cause]:
    return endpoint_slice_causes(new) + immutable("addressType", new.address_type, old.address_type)


def _endpoint_causes(endpoint: Endpoint, here: str, obj: EndpointSlice) -> Iterator[Cause]:
    place = f"{here}.addresses"
    if not endpoint.addresses:
        yield required(place, "must contain at least 1 address")
    elif len(endpoint.addresses) > MOST_ADDRESSES:
        yield too_many(place, len(endpoint.addresses), MOST_ADDRESSES)
    for number, address in enumerate(endpoint.addresses):
        where = f"{place}[{number}]"
        bad = _address_causes(address, obj.address_type, where)
        yield from bad
        if not bad and not _is_leader(obj):
            yield from _special_causes(address, where)
    if endpoint.node_name is not None:
        yield from by_rule(f"{here}.nodeName", endpoint.node_name, names.dns1123_subdomain)
    yield from _topology_causes(endpoint.deprecated_topology, f"{here}.deprecatedTopology")
    if endpoint.hostname is not None:
        yield from by_rule(f"{here}.hostname", endpoint.hostname, names.dns1123_label)
    if endpoint.hints is not None:
        zones = [one.name for one in endpoint.hints.for_zones]
        nodes = [one.name for one in endpoint.hints.for_nodes]
        yield from _hint_causes(zones, f"{here}.hints.forZones", names.label_value)
        yield from _hint_causes(nodes, f"{here}.hints.forNodes", names.dns1123_subdomain)


def _topology_causes(labels: dict[str, str], here: str) -> Iterator[Cause]:
    if len(labels) > MOST_TOPOLOGY_LABELS:
        yield too_many(here, len(labels), MOST_TOPOLOGY_LABELS)
    for key, value in labels.items():
        yield from by_rule(here, key, names.qualified_name)
        yield from by_rule(here, value, names.label_value)


def _hint_causes(hinted: list[str], here: str, rule: Callable[[str], list[str]]) -> Iterator[Cause]:
    if len(hinted) > MOST_HINTS:
        yield too_many(here, len(hinted), MOST_HINTS)
        return
    for index, name in enumerate(hinted):
        where = f"{here}[{index}].name"
        if name in hinted[:index]:
            yield duplicate(where, name)
        yield from by_rule(where, name, rule)


def _slice_port_causes(ports: Iterable[EndpointPort]) -> Iterator[Cause]:
    """The number may be any: a slice says what somebody else has found."""
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"ports[{index}]"
        name = port.name or ""
        if name:
            yield from by_rule(f"{here}.name", name, names.dns1123_label)
        if name in seen:
            yield duplicate(f"{here}.name", name)
        seen.add(name)
        yield from _protocol_causes(port, here)


def _protocol_causes(port: EndpointPort | PortOfEndpoints, here: str) -> Iterator[Cause]:
    if not port.protocol:
        yield required(f"{here}.protocol")
    elif port.protocol not in PROTOCOLS:
        yield not_supported(f"{here}.protocol", port.protocol, PROTOCOLS)
    if port.app_protocol is not None:
        yield from by_rule(f"{here}.appProtocol", port.app_protocol, names.qualified_name)


def _address_causes(address: str, kind: str, here: str) -> list[Cause]:
    if kind == "FQDN":
        return _domain_causes(address, here)
    if kind not in KINDS:
        return []
    causes = by_rule(here, address, names.ip_address)
    if not causes and (":" in address) != (kind == "IPv6"):
        causes.append(invalid(here, address, f"must be an {kind} address"))
    return causes


def _domain_causes(name: str, here: str) -> list[Cause]:
    """IsFullyQualifiedDomainName: a dot at the end is no matter."""
    if not name:
        return [required(here)]
    name = name.removesuffix(".")
    wrong = names.dns1123_subdomain(name)
    if wrong:
        return [invalid(here, name, ",".join(wrong))]
    labels = name.split(".")
    if len(labels) < 2:
        return [invalid(here, name, "should be a domain with at least two segments separated by dots")]
    bad = next(((label, why) for label in labels if (why := names.dns1123_label(label))), None)
    return [invalid(here, bad[0], ",".join(bad[1]))] if bad else []


def _is_leader(obj: EndpointSlice | Endpoints) -> bool:
    """Where the leader is reached is its own affair: a board without a network has only its loopback."""
    return obj.metadata.name == "kubernetes" and obj.metadata.namespace == "default"


def _special_causes(address: str, here: str) -> list[Cause]:
    """What nobody may be sent to (core/validation:ValidateEndpointIP)."""
    if not is_ip(address):
        return []
    return by_rule(here, address, names.ordinary_ip_address)


def endpoints_causes(obj: Endpoints) -> list[Cause]:
    causes: list[Cause] = []
    for index, subset in enumerate(obj.subsets):
        here = f"subsets[{index}]"
        if not subset.addresses and not subset.not_ready_addresses:
            causes.append(required(here, "must specify `addresses` or `notReadyAddresses`"))
        for place, addresses in (
            ("addresses", subset.addresses),
            ("notReadyAddresses", subset.not_ready_addresses),
        ):
            for number, address in enumerate(addresses):
                causes += _place_causes(address, f"{here}.{place}[{number}]", obj)
        is_named = len(subset.ports) > 1
        for number, port in enumerate(subset.ports):
            causes += _port_causes(port, f"{here}.ports[{number}]", is_named)
    return causes


def endpoints_update_causes(new: Endpoints, old: Endpoints) -> list[Cause]:
    return [] if new.subsets == old.subsets else endpoints_causes(new)


def _place_causes(address: EndpointAddress, here: str, obj: Endpoints) -> Iterator[Cause]:
    bad = by_rule(f"{here}.ip", address.ip, names.ip_address)
    yield from bad
    if address.hostname:
        yield from by_rule(f"{here}.hostname", address.hostname, names.dns1123_label)
    if address.node_name is not None:
        yield from by_rule(f"{here}.nodeName", address.node_name, names.dns1123_subdomain)
    if not bad and not _is_leader(obj):
        yield from _special_causes(address.ip, f"{here}.ip")


def _port_causes(port: PortOfEndpoints, here: str, is_named: bool) -> Iterator[Cause]:
    if is_named and not port.name:
        yield required(f"{here}.name")
    elif port.name:
        yield from by_rule(f"{here}.name", port.name, names.dns1123_label)
    yield from by_rule(f"{here}.port", port.port, names.port_number)
    yield from _protocol_causes(port, here)
