"""Pure: the old Endpoints object that still goes with each Service.

Enter: the Service, its groups of endpoints, the Endpoints as they are. Leaves: the action that brings them in
line. Called by endpoint_slices.py. Source: kubernetes pkg/controller/endpoint/endpoints_controller.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from pikube.api.kinds.core_service import EndpointAddress, EndpointPort, Endpoints, EndpointSubset, Service
from pikube.api.kinds.discovery import Endpoint
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.actions import Action, Create, Update
from pikube.leader.controllers.endpoint_mapping import Group, families

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000  # addresses an Endpoints object holds at most (endpoints_controller.go:maxCapacity)


def endpoints_actions(
    service: Service, groups: Mapping[Group, Sequence[Endpoint]], existing: Endpoints | None
) -> list[Action]:
    """Make or change the Endpoints object."""
    subsets, is_cut = _subsets(service, groups)
    labels = {**service.metadata.labels, MANAGED_BY: "endpoint-controller"}
    if service.spec.cluster_ip == "None":
        labels[HEADLESS] = ""
    annotations = dict(existing.metadata.annotations) if existing is not None else {}
    annotations.pop(OVER_CAPACITY, None)
    if is_cut:
        annotations[OVER_CAPACITY] = "truncated"
    if existing is None:
        meta = ObjectMeta(
            name=service.metadata.name,
            namespace=service.metadata.namespace,
            labels=labels,
            annotations=annotations,
        )
        return [Create(Endpoints(metadata=meta, subsets=subsets))]
    meta = structs.replace(existing.metadata, labels=labels, annotations=annotations)
    wanted = structs.replace(existing, metadata=meta, subsets=subsets)
    return [] if wanted == existing else [Update(wanted)]


def _subsets(
    service: Service, groups: Mapping[Group, Sequence[Endpoint]]
) -> tuple[tuple[EndpointSubset, ...], bool]:
    """A subset for each set of ports, ready addresses first where not all have room."""
    family = families(service)[0]
    left, is_cut = CAPACITY, False
    subsets = []
    for group in sorted(groups):
        if group.family != family:
            continue
        ready = [_address(e) for e in groups[group] if e.conditions.ready]
        others = [
            _address(e) for e in groups[group] if not e.conditions.ready and not e.conditions.terminating
        ]
        is_cut = is_cut or len(ready) + len(others) > left
        ready = ready[:left]
        others = others[: left - len(ready)]
        left -= len(ready) + len(others)
        if ready or others:
            ports = tuple(
                EndpointPort(name=name, port=number, protocol=protocol, app_protocol=app or None)
                for name, protocol, number, app in group.ports
            )
            subsets.append(
                EndpointSubset(addresses=tuple(ready), not_ready_addresses=tuple(others), ports=ports)
            )
    return tuple(subsets), is_cut


def _address(endpoint: Endpoint) -> EndpointAddress:
    return EndpointAddress(
        ip=endpoint.addresses[0],
        hostname=endpoint.hostname or "",
        node_name=endpoint.node_name,
        target_ref=endpoint.target_ref,
    )
