"""Pure: hints that keep traffic in its zone, by the zones' processors: service.kubernetes.io/topology-mode: Auto.

Enter: a Service, its ready endpoints, the nodes. Leave: the endpoints with hints; without any where they would
overload a zone. Called by endpoint_slices.py. Source: kubernetes endpointslice/topologycache/topologycache.go; the
leader's board counts, too, because here it runs pods like every other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from pikube.api import quantity
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import Endpoint, EndpointHints, ForZone

MODES = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")
ZONE = "topology.kubernetes.io/zone"
OVERLOAD = 0.2  # a zone's endpoints may have a fifth more traffic than their share


def is_automatic(service: Service) -> bool:
    """Whether hints are asked for; the annotation goes before spec.trafficDistribution."""
    annotations = service.metadata.annotations
    return next((annotations[mode] for mode in MODES if mode in annotations), "") in ("Auto", "auto")


def cpu_by_zone(nodes: Iterable[Node]) -> dict[str, int]:
    """Millicores of ready nodes by zone; {} if one has no zone, or there is only one zone."""
    found: dict[str, int] = {}
    for node in nodes:
        if not any(c.type == "Ready" and c.status == "True" for c in node.status.conditions):
            continue
        zone, cpu = node.metadata.labels.get(ZONE, ""), node.status.allocatable.get("cpu", "0")
        if not zone or not quantity.cpu_millicores(cpu):
            return {}
        found[zone] = found.get(zone, 0) + quantity.cpu_millicores(cpu)
    return found if len(found) > 1 else {}


def with_hints(endpoints: Sequence[Endpoint], cpus: Mapping[str, int]) -> list[Endpoint]:
    """The same, each ready one for one zone."""
    ready = [endpoint for endpoint in endpoints if endpoint.conditions.ready]
    zones = _assign([endpoint.zone or "" for endpoint in ready], cpus)
    chosen = dict(zip(map(id, ready), zones, strict=True)) if zones else {}
    return [
        structs.replace(endpoint, hints=EndpointHints(for_zones=(ForZone(name=chosen[id(endpoint)]),)))
        if id(endpoint) in chosen
        else structs.replace(endpoint, hints=None)
        for endpoint in endpoints
    ]


def _assign(own: Sequence[str], cpus: Mapping[str, int]) -> list[str]:
    """For each endpoint, given its own zone, the zone that it serves; [] where it cannot be fair."""
    if not cpus or len(own) < len(cpus) or "" in own:
        return []
    share = {zone: len(own) * cpu / sum(cpus.values()) for zone, cpu in cpus.items()}
    least = {zone: math.ceil(wanted / (1 + OVERLOAD)) for zone, wanted in share.items()}
    if sum(least.values()) > len(own):
        return []
    serving = list(own)
    while True:
        count = {zone: serving.count(zone) for zone in {*cpus, *serving}}
        needy = sorted(
            (zone for zone in cpus if count[zone] < least[zone]), key=lambda z: (count[z] - least[z], z)
        )
        if not needy:
            break
        rich = max(count, key=lambda z: (count[z] - least.get(z, 0), z))
        serving[max(at for at, zone in enumerate(serving) if zone == rich)] = needy[0]
    strangers = [
        at for at, zone in enumerate(serving) if zone not in cpus
    ]  # of a zone that has no ready node
    for at in strangers:
        serving[at] = min(cpus, key=lambda z: (serving.count(z) - share[z], z))
    return serving
