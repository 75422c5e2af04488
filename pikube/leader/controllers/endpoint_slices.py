"""Pure: the endpoints of each Service: EndpointSlices, and the old Endpoints object beside them.

Watches Services, Pods and its own slices. Source: kubernetes staging endpointslice/reconciler.go,
pkg/controller/endpoint/endpoints_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import structs

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.core_service import (
    EndpointAddress,
    Endpoints,
    EndpointSubset,
    Service,
)
from pikube.api.kinds.core_service import EndpointPort as CorePort
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.selector import from_map
from pikube.informer.actions import Action, Create, Delete, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch, itself
from pikube.leader.controllers.ownership import owner_reference
from pikube.leader.controllers.pods import is_ready

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
SLICE_SIZE = 100  # kube-controller-manager --max-endpoints-per-slice
ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class Around:
    pods: tuple[Pod, ...]
    slices: tuple[EndpointSlice, ...]
    endpoints: Endpoints | None
    zones: dict[str, str]


class PortSet(NamedTuple):
    """The ports as pods have them: a named targetPort may differ from pod to pod."""

    ports: tuple[tuple[str, str, int, str | None], ...]


def observe(lister: Lister, key: ObjectKey) -> tuple[Service, Around] | None:
    service = lister.cache(Service).get(key)
    if service is None or not service.spec.selector or service.spec.type == "ExternalName":
        return None
    selector = from_map(service.spec.selector)
    pods = [p for p in lister.cache(Pod).in_namespace(key.namespace) if selector.matches(p.metadata.labels)]
    slices = [
        s
        for s in lister.cache(EndpointSlice).in_namespace(key.namespace)
        if s.metadata.labels.get(SERVICE_NAME) == key.name and s.metadata.labels.get(MANAGED_BY) == MANAGER
    ]
    zones = {
        node.metadata.name: node.metadata.labels[ZONE]
        for node in lister.cache(Node)
        if ZONE in node.metadata.labels
    }
    return service, Around(
        tuple(sorted(pods, key=lambda p: p.metadata.name)),
        tuple(sorted(slices, key=lambda s: s.metadata.name)),
        lister.cache(Endpoints).get(key),
        zones,
    )


def reconcile(desired: Service, observed: Around, now: float) -> list[Action]:
    """Bring slices and Endpoints in line with the pods."""
    if desired.metadata.deletion_timestamp:
        return []
    wanted = wanted_slices(desired, observed)
    actions: list[Action] = []
    existing = {s.metadata.name: s for s in observed.slices}
    for slice_ in wanted:
        found = existing.pop(slice_.metadata.name, None)
        if found is None:
            actions.append(Create(slice_))
        elif _content(found) != _content(slice_):
            actions.append(
                Update(
                    structs.replace(
                        found,
                        endpoints=slice_.endpoints,
                        ports=slice_.ports,
                        metadata=structs.replace(found.metadata, labels=slice_.metadata.labels),
                    )
                )
            )
    actions += [Delete(EndpointSlice, key_of(s), s.metadata.uid) for s in existing.values()]
    mirror = wanted_endpoints(desired, observed)
    if observed.endpoints is None:
        actions.append(Create(mirror))
    elif observed.endpoints.subsets != mirror.subsets:
        actions.append(Update(structs.replace(observed.endpoints, subsets=mirror.subsets)))
    return actions


def _content(slice_: EndpointSlice) -> tuple[object, ...]:
    return slice_.endpoints, slice_.ports, slice_.metadata.labels


def endpoints_by_ports(service: Service, observed: Around) -> dict[PortSet, list[Endpoint]]:
    """Endpoints of all pods with an address that have not ended."""
    found: dict[PortSet, list[Endpoint]] = {}
    for pod in observed.pods:
        if not pod.status.pod_ip or pod.status.phase in ("Succeeded", "Failed"):
            continue
        ports = ports_of(service, pod)
        if service.spec.ports and not ports.ports:
            continue
        found.setdefault(ports, []).append(_endpoint(service, pod, observed.zones))
    return found


def ports_of(service: Service, pod: Pod) -> PortSet:
    """The service's ports as numbers on this pod; a name that no container has is left out."""
    out = []
    for port in service.spec.ports:
        target = port.target_port
        number = target if isinstance(target, int) else _named_port(pod, str(target), port.protocol)
        if number:
            out.append((port.name, port.protocol or "TCP", number, port.app_protocol))
    return PortSet(tuple(out))


def _named_port(pod: Pod, name: str, protocol: str) -> int:
    sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            if port.name == name and (port.protocol or "TCP") == (protocol or "TCP"):
                return port.container_port
    return 0


def _endpoint(service: Service, pod: Pod, zones: dict[str, str]) -> Endpoint:
    is_serving = is_ready(pod)
    is_terminating = bool(pod.metadata.deletion_timestamp)
    ready = service.spec.publish_not_ready_addresses or (is_serving and not is_terminating)
    hostname: str | None = None
    if pod.spec.subdomain == service.metadata.name and pod.spec.hostname:
        hostname = pod.spec.hostname
    return Endpoint(
        addresses=(pod.status.pod_ip,),
        conditions=EndpointConditions(ready=ready, serving=is_serving, terminating=is_terminating),
        hostname=hostname,
        target_ref=ObjectReference(
            kind="Pod", namespace=pod.metadata.namespace, name=pod.metadata.name, uid=pod.metadata.uid
        ),
        node_name=pod.spec.node_name or None,
        zone=zones.get(pod.spec.node_name),
    )


def wanted_slices(service: Service, observed: Around) -> list[EndpointSlice]:
    """Slices of at most SLICE_SIZE endpoints; their names are numbered, so that a stale cache meets AlreadyExists
    instead of making a twin."""
    groups = sorted(endpoints_by_ports(service, observed).items()) or [(ports_of(service, Pod()), [])]
    slices: list[EndpointSlice] = []
    labels = {
        **{k: v for k, v in service.metadata.labels.items() if k != SERVICE_NAME},
        SERVICE_NAME: service.metadata.name,
        MANAGED_BY: MANAGER,
    }
    if service.spec.cluster_ip == "None":
        labels["service.kubernetes.io/headless"] = ""
    for ports, endpoints in groups:
        for start in range(0, max(1, len(endpoints)), SLICE_SIZE):
            slices.append(
                EndpointSlice(
                    metadata=ObjectMeta(
                        name=f"{service.metadata.name}-{len(slices)}",
                        namespace=service.metadata.namespace,
                        labels=labels,
                        owner_references=(owner_reference(service),),
                    ),
                    address_type="IPv4",
                    endpoints=tuple(endpoints[start : start + SLICE_SIZE]),
                    ports=tuple(
                        EndpointPort(name=name, protocol=protocol, port=number, app_protocol=app)
                        for name, protocol, number, app in ports.ports
                    ),
                )
            )
    return slices


def wanted_endpoints(service: Service, observed: Around) -> Endpoints:
    """The Endpoints object: a subset for each set of ports, ready and not ready apart."""
    subsets = []
    for ports, endpoints in sorted(endpoints_by_ports(service, observed).items()):
        ready = [e for e in endpoints if e.conditions.ready]
        others = [e for e in endpoints if not e.conditions.ready and not e.conditions.terminating]
        if not ready and not others:
            continue
        subsets.append(
            EndpointSubset(
                addresses=_addresses(ready),
                not_ready_addresses=_addresses(others),
                ports=tuple(
                    CorePort(name=name, port=number, protocol=protocol, app_protocol=app)
                    for name, protocol, number, app in ports.ports
                ),
            )
        )
    meta = ObjectMeta(
        name=service.metadata.name,
        namespace=service.metadata.namespace,
        labels={**service.metadata.labels, "endpoints.kubernetes.io/managed-by": "endpoint-controller"},
    )
    return Endpoints(metadata=meta, subsets=tuple(subsets))


def _addresses(endpoints: Iterable[Endpoint]) -> tuple[EndpointAddress, ...]:
    return tuple(
        EndpointAddress(
            ip=e.addresses[0], hostname=e.hostname or "", node_name=e.node_name, target_ref=e.target_ref
        )
        for e in endpoints
    )


def services_of_pod(lister: Lister, pod: Pod) -> list[ObjectKey]:
    return [
        key_of(service)
        for service in lister.cache(Service).in_namespace(pod.metadata.namespace)
        if service.spec.selector and from_map(service.spec.selector).matches(pod.metadata.labels)
    ]


def service_of_slice(lister: Lister, slice_: EndpointSlice) -> list[ObjectKey]:
    name = slice_.metadata.labels.get(SERVICE_NAME)
    return [ObjectKey(slice_.metadata.namespace, name)] if name else []


CONTROLLER = Controller(
    name="endpointslice-controller",
    watches=(
        Watch(Service, itself),
        Watch(Pod, services_of_pod),
        Watch(EndpointSlice, service_of_slice),
        Watch(Endpoints, itself),
    ),
    observe=observe,
    reconcile=reconcile,
)
