"""Pure: EndpointSlices, and the old Endpoints object beside them, for every Service with a selector.

Enter: the Service, its pods, what slices there are. Leave: slices to make, change and delete, of at most 100
endpoints each; an endpoint stays in its slice, so that a change touches few of them. Run by the controller
loop. Source: kubernetes staging/endpointslice/reconciler.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Endpoints, Service
from pikube.api.kinds.discovery import Endpoint, EndpointSlice
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.informer.actions import Action, Create, Delete, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch, itself
from pikube.leader.controllers.endpoint_mapping import Group, families, group_endpoints
from pikube.leader.controllers.endpoints import HEADLESS, endpoints_actions
from pikube.leader.controllers.ownership import owner_reference
from pikube.leader.controllers.templates import hash_of
from pikube.leader.controllers.topology_hints import ZONE, cpu_by_zone, is_automatic, with_hints

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
SLICE_SIZE = 100  # kube-controller-manager --max-endpoints-per-slice
BY_LABEL = "label"


@dataclass(frozen=True, slots=True)
class Around:
    """`zones`: by name of the nodes that have one; `cpus`: millicores by zone, where the Service wants hints."""

    pods: tuple[Pod, ...]
    slices: tuple[EndpointSlice, ...] = ()
    endpoints: Endpoints | None = None
    zones: Mapping[str, str] = field(default_factory=dict)
    cpus: Mapping[str, int] = field(default_factory=dict)


def reconcile(desired: Service, observed: Around, now: float) -> list[Action]:
    """Bring slices and Endpoints in line with the pods."""
    if desired.metadata.deletion_timestamp:
        return []
    groups = group_endpoints(desired, observed.pods, observed.zones)
    if is_automatic(desired):
        groups = {group: with_hints(found, observed.cpus) for group, found in groups.items()}
    labels = slice_labels(desired.metadata.labels, desired.metadata.name, MANAGER)
    if desired.spec.cluster_ip == "None":
        labels[HEADLESS] = ""
    empty = Group(families(desired)[0], ())
    actions = slice_actions(desired, groups or {empty: []}, observed.slices, labels)
    return actions + endpoints_actions(desired, groups, observed.endpoints)


def slice_labels(labels: Mapping[str, str], service_name: str, manager: str) -> dict[str, str]:
    """The owner's labels, and those that say whose slice it is."""
    reserved = (SERVICE_NAME, MANAGED_BY, HEADLESS)
    kept = {key: value for key, value in labels.items() if key not in reserved}
    return {**kept, SERVICE_NAME: service_name, MANAGED_BY: manager}


def slice_actions(
    owner: Object,
    groups: Mapping[Group, Sequence[Endpoint]],
    existing: Sequence[EndpointSlice],
    labels: dict[str, str],
) -> list[Action]:
    """Make the slices hold exactly these endpoints, with as few writes as can be."""
    actions: list[Action] = []
    unused = {s.metadata.name: s for s in existing if not s.metadata.deletion_timestamp}
    for group in sorted(groups):
        mine = [s for s in unused.values() if _is_of(s, group)]
        mine.sort(key=lambda s: s.metadata.name)
        filled = _fill(mine, groups[group])
        for slice_, endpoints in zip(mine, filled, strict=False):
            if endpoints or len(groups) == 1 == len(filled):
                del unused[slice_.metadata.name]
                actions += _changed(slice_, endpoints, labels)
        for number, endpoints in enumerate(filled[len(mine) :]):
            actions.append(Create(_new_slice(owner, group, endpoints, labels, number, existing)))
    actions += [
        Delete(EndpointSlice, key_of(unused[name]), unused[name].metadata.uid) for name in sorted(unused)
    ]
    return actions


def _is_of(slice_: EndpointSlice, group: Group) -> bool:
    return slice_.address_type == group.family and slice_.ports == group.slice_ports()


def _fill(slices: Sequence[EndpointSlice], wanted: Sequence[Endpoint]) -> list[list[Endpoint]]:
    """Endpoints for each slice there is, then for new ones; never none at all."""
    by_identity = {_identity(endpoint): endpoint for endpoint in wanted}
    filled: list[list[Endpoint]] = []
    for slice_ in slices:
        kept = [by_identity.pop(i, None) for i in map(_identity, slice_.endpoints)]
        filled.append([endpoint for endpoint in kept if endpoint is not None])
    left = list(by_identity.values())
    for endpoints in filled:
        room = max(0, SLICE_SIZE - len(endpoints)) if endpoints or len(slices) == 1 else 0
        endpoints += left[:room]
        left = left[room:]
    while left or not filled:
        filled.append(left[:SLICE_SIZE])
        left = left[SLICE_SIZE:]
    return filled


def _identity(endpoint: Endpoint) -> tuple[object, ...]:
    return endpoint.target_ref.uid if endpoint.target_ref is not None else "", endpoint.addresses


def _changed(slice_: EndpointSlice, endpoints: Sequence[Endpoint], labels: dict[str, str]) -> list[Action]:
    meta = structs.replace(slice_.metadata, labels=labels)
    wanted = structs.replace(slice_, metadata=meta, endpoints=tuple(endpoints))
    return [] if wanted == slice_ else [Update(wanted)]


def _new_slice(
    owner: Object,
    group: Group,
    endpoints: Sequence[Endpoint],
    labels: dict[str, str],
    number: int,
    existing: Sequence[EndpointSlice],
) -> EndpointSlice:
    """Its name comes from what it is for, so that making it twice makes it once."""
    taken = {slice_.metadata.name for slice_ in existing}
    attempt = number
    while (name := f"{owner.metadata.name}-{hash_of((owner.metadata.uid, group, attempt))[:5]}") in taken:
        attempt += 1 + number
    return EndpointSlice(
        metadata=ObjectMeta(
            name=name,
            namespace=owner.metadata.namespace,
            labels=labels,
            owner_references=(owner_reference(owner),),
        ),
        address_type=group.family,
        endpoints=tuple(endpoints),
        ports=group.slice_ports(),
    )


def observe(lister: Lister, key: ObjectKey) -> tuple[Service, Around] | None:
    """The Service, if it selects pods."""
    service = lister.cache(Service).get(key)
    if service is None or not service.spec.selector or service.spec.type == "ExternalName":
        return None
    pods = selected_pods(lister, key.namespace, service.spec.selector)
    slices = lister.cache(EndpointSlice).indexed(SERVICE_NAME, str(key))
    nodes = {pod.spec.node_name: lister.cache(Node).get(ObjectKey("", pod.spec.node_name)) for pod in pods}
    zones = {
        name: node.metadata.labels[ZONE]
        for name, node in nodes.items()
        if node is not None and ZONE in node.metadata.labels
    }
    mine = tuple(s for s in slices if s.metadata.labels.get(MANAGED_BY) == MANAGER)
    cpus = cpu_by_zone(lister.cache(Node)) if is_automatic(service) else {}
    return service, Around(tuple(pods), mine, lister.cache(Endpoints).get(key), zones, cpus)


def selected_pods(lister: Lister, namespace: str, selector: Mapping[str, str]) -> list[Pod]:
    """Pods of a namespace that have all these labels; needs `PODS_BY_LABEL`."""
    cache = lister.cache(Pod)
    candidates = min(
        (cache.indexed(BY_LABEL, f"{namespace}/{key}={value}") for key, value in selector.items()), key=len
    )
    wanted = selector.items()
    return [pod for pod in candidates if wanted <= pod.metadata.labels.items()]


def pod_labels(pod: Pod) -> list[str]:
    """Index: `namespace/key=value` of each label."""
    namespace = pod.metadata.namespace
    return [f"{namespace}/{key}={value}" for key, value in pod.metadata.labels.items()]


def slice_service(slice_: EndpointSlice) -> list[str]:
    """Index: `namespace/name` of the Service."""
    name = slice_.metadata.labels.get(SERVICE_NAME)
    return [f"{slice_.metadata.namespace}/{name}"] if name else []


def services_of_pod(lister: Lister, pod: Pod) -> list[ObjectKey]:
    """Watch keys: every Service that selects the pod."""
    labels = pod.metadata.labels.items()
    return [
        key_of(service)
        for service in lister.cache(Service).in_namespace(pod.metadata.namespace)
        if service.spec.selector and service.spec.selector.items() <= labels
    ]


def service_of_slice(lister: Lister, slice_: EndpointSlice) -> list[ObjectKey]:
    """Watch keys: the slice's Service."""
    name = slice_.metadata.labels.get(SERVICE_NAME)
    return [ObjectKey(slice_.metadata.namespace, name)] if name else []


def hinted_services(lister: Lister, node: Node) -> list[ObjectKey]:
    """Watch keys: a node's processors and zone concern every Service that wants hints."""
    return [key_of(service) for service in lister.cache(Service) if is_automatic(service)]


PODS_BY_LABEL = Index(Pod, BY_LABEL, pod_labels)
SLICES_BY_SERVICE = Index(EndpointSlice, SERVICE_NAME, slice_service)

ENDPOINT_SLICES: Controller[Service, Around] = Controller(
    name="endpoint-slice-controller",
    watches=(
        Watch(Service, itself),
        Watch(Pod, services_of_pod),
        Watch(EndpointSlice, service_of_slice),
        Watch(Endpoints, itself),
        Watch(Node, hinted_services),
    ),
    indexes=(PODS_BY_LABEL, SLICES_BY_SERVICE),
    observe=observe,
    reconcile=reconcile,
)
