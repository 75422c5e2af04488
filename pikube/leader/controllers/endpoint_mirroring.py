"""Pure: Endpoints that a user made for a Service without selector, as EndpointSlices.

Enter: the Endpoints, the Service, the slices mirrored so far. Leave: slices to make, change and delete. Run by the
controller loop; what users write as slices themselves is left alone.
Source: kubernetes pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pikube.api.kinds.core_service import EndpointAddress, Endpoints, EndpointSubset, Service
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointSlice
from pikube.informer.actions import Action, Delete
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.endpoint_mapping import Group, family_of
from pikube.leader.controllers.endpoint_slices import (
    MANAGED_BY,
    SERVICE_NAME,
    SLICES_BY_SERVICE,
    service_of_slice,
    slice_actions,
    slice_labels,
)

MIRRORER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
ELECTION = "control-plane.alpha.kubernetes.io/leader"
PER_SUBSET = 1000  # kube-controller-manager --mirroring-max-endpoints-per-subset


@dataclass(frozen=True, slots=True)
class Mirrored:
    """`endpoints` None: nothing is to be mirrored, or no longer."""

    endpoints: Endpoints | None
    slices: tuple[EndpointSlice, ...]


def reconcile(desired: ObjectKey, observed: Mirrored, now: float) -> list[Action]:
    """Make the mirrored slices say what the Endpoints say."""
    endpoints = observed.endpoints
    if endpoints is None:
        ordered = sorted(observed.slices, key=key_of)
        return [Delete(EndpointSlice, key_of(s), s.metadata.uid) for s in ordered]
    groups: dict[Group, list[Endpoint]] = {}
    for subset in endpoints.subsets:
        for family, endpoint in _endpoints(subset):
            groups.setdefault(Group(family, _ports(subset)), []).append(endpoint)
    labels = slice_labels(endpoints.metadata.labels, endpoints.metadata.name, MIRRORER)
    if not groups:
        return reconcile(desired, Mirrored(None, observed.slices), now)
    return slice_actions(endpoints, groups, observed.slices, labels)


def _ports(subset: EndpointSubset) -> tuple[tuple[str, str, int, str], ...]:
    return tuple((p.name, p.protocol or "TCP", p.port, p.app_protocol or "") for p in subset.ports)


def _endpoints(subset: EndpointSubset) -> Iterable[tuple[str, Endpoint]]:
    both = [(a, True) for a in subset.addresses] + [(a, False) for a in subset.not_ready_addresses]
    for address, is_ready in both[:PER_SUBSET]:
        family = family_of(address.ip)
        if family:
            yield family, _endpoint(address, is_ready)


def _endpoint(address: EndpointAddress, is_ready: bool) -> Endpoint:
    return Endpoint(
        addresses=(address.ip,),
        conditions=EndpointConditions(ready=is_ready),
        hostname=address.hostname or None,
        node_name=address.node_name,
        target_ref=address.target_ref,
    )


def observe(lister: Lister, key: ObjectKey) -> tuple[ObjectKey, Mirrored] | None:
    """The Endpoints, if they are a user's: its Service is there and selects nothing."""
    slices = tuple(
        s
        for s in lister.cache(EndpointSlice).indexed(SERVICE_NAME, str(key))
        if s.metadata.labels.get(MANAGED_BY) == MIRRORER
    )
    endpoints = lister.cache(Endpoints).get(key)
    service = lister.cache(Service).get(key)
    is_users = (
        endpoints is not None
        and service is not None
        and not service.spec.selector
        and endpoints.metadata.labels.get(SKIP) != "true"
        and ELECTION not in endpoints.metadata.annotations
    )
    if not is_users and not slices:
        return None
    return key, Mirrored(endpoints if is_users else None, slices)


ENDPOINT_MIRRORING: Controller[ObjectKey, Mirrored] = Controller(
    name="endpoint-slice-mirroring-controller",
    watches=(Watch(Endpoints, itself), Watch(Service, itself), Watch(EndpointSlice, service_of_slice)),
    indexes=(SLICES_BY_SERVICE,),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
