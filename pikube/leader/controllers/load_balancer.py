"""Pure: gives each Service of type LoadBalancer its addresses: those of the nodes, or one of the pool.

Enter: the Service, nodes, the other Services of the type, its endpoints. Leave: status.loadBalancer, and events in
the words of kubernetes' service controller. With a pool, one live node announces the address (netproxy); without,
every node serves the Service's own ports, and two Services cannot have the same. Run by the controller loop.
Sources: kubernetes cloud-provider/controllers/service/controller.go, k3s' ServiceLB for the labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from pikube.api.address_pool import Pool
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_service import LoadBalancerIngress, LoadBalancerStatus, Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.informer.actions import Action, RecordEvent, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch
from pikube.leader.controllers.endpoint_slices import SERVICE_NAME, SLICES_BY_SERVICE, service_of_slice

CLASS = "pikube.io/node"
CHOSEN = "pikube.io/lb"  # a node label: where any node has it, only nodes with "true" are balancers
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
WANTED_ADDRESS = "pikube.io/lb-address"  # annotation; spec.loadBalancerIP is the deprecated way to ask

Ports = Mapping[tuple[str, int], str]
"""(protocol, port) of the boards that pikube itself serves, and what for"""


@dataclass(frozen=True, slots=True)
class Around:
    """`services`: every other one of the type. `serving`: nodes with a ready endpoint of this Service."""

    nodes: tuple[Node, ...]
    services: tuple[Service, ...] = ()
    serving: frozenset[str] = field(default_factory=frozenset)


def is_ours(service: Service) -> bool:
    return service.spec.type == "LoadBalancer" and service.spec.load_balancer_class in (None, CLASS)


def observe(lister: Lister, key: ObjectKey) -> tuple[Service, Around] | None:
    service = lister.cache(Service).get(key)
    if service is None or (not is_ours(service) and not service.status.load_balancer.ingress):
        return None
    others = (s for s in lister.cache(Service) if s is not service and is_ours(s))
    slices = lister.cache(EndpointSlice).indexed(SERVICE_NAME, str(key))
    serving = frozenset(
        endpoint.node_name
        for slice_ in slices
        for endpoint in slice_.endpoints
        if endpoint.node_name and endpoint.conditions.ready is not False
    )
    return service, Around(tuple(lister.cache(Node)), tuple(others), serving)


def decide(pool: Pool, reserved: Ports) -> Callable[[Service, Around, float], list[Action]]:
    """The reconcile function of a cluster."""

    def reconcile(desired: Service, observed: Around, now: float) -> list[Action]:
        if desired.metadata.deletion_timestamp:
            return []
        if desired.spec.type != "LoadBalancer":
            return _set_addresses(desired, (), "")
        if not is_ours(desired):
            return []
        addresses: tuple[str, ...]
        if pool:
            address, problem = _of_pool(desired, observed.services, pool)
            addresses = (address,) if address else ()
        else:
            problem = _clash(desired, observed.services, reserved)
            addresses = () if problem else _of_nodes(desired, observed)
        return _set_addresses(desired, addresses, problem)

    return reconcile


def _of_nodes(service: Service, around: Around) -> tuple[str, ...]:
    """The addresses of ready nodes that may balance, in order of the nodes' names."""
    nodes = [node for node in around.nodes if may_balance(node)]
    if any(CHOSEN in node.metadata.labels for node in around.nodes):
        nodes = [node for node in nodes if node.metadata.labels.get(CHOSEN) == "true"]
    if service.spec.external_traffic_policy == "Local":
        nodes = [node for node in nodes if node.metadata.name in around.serving]
    found: dict[str, None] = {}
    for node in sorted(nodes, key=lambda node: node.metadata.name):
        addresses = {a.type: a.address for a in reversed(node.status.addresses)}
        address = addresses.get("ExternalIP") or addresses.get("InternalIP")
        if address:
            found[address] = None
    return tuple(found)


def may_balance(node: Node) -> bool:
    """Whether traffic from outside may be sent to a node."""
    is_ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)
    return is_ready and EXCLUDED not in node.metadata.labels and not node.metadata.deletion_timestamp


def _of_pool(service: Service, others: Iterable[Service], pool: Pool) -> tuple[str, str]:
    """(the address, why there is none). What it has it keeps."""
    taken = {i.ip: other for other in others for i in other.status.load_balancer.ingress}
    wanted = service.metadata.annotations.get(WANTED_ADDRESS) or service.spec.load_balancer_ip
    if wanted:
        if wanted not in pool:
            return "", f"address {wanted} is not in the pool (--lb-pool)"
        if wanted in taken:
            return "", f"address {wanted} is taken by Service {key_of(taken[wanted])}"
        return wanted, ""
    for ingress in service.status.load_balancer.ingress:
        if ingress.ip in pool and ingress.ip not in taken:
            return ingress.ip, ""
    found = pool.free(taken)
    return found, "" if found else "no address of the pool (--lb-pool) is free"


def _clash(service: Service, others: Iterable[Service], reserved: Ports) -> str:
    """What has one of its ports already: pikube itself, or an older Service."""
    wanted = {(port.protocol or "TCP", port.port) for port in service.spec.ports}
    for protocol, number in sorted(wanted & reserved.keys()):
        return f"port {number}/{protocol} is taken by {reserved[protocol, number]} on every node"
    for other in sorted(others, key=_age):
        if _age(other) < _age(service) and not other.metadata.deletion_timestamp:
            both = wanted & {(port.protocol or "TCP", port.port) for port in other.spec.ports}
            for protocol, number in sorted(both):
                return f"port {number}/{protocol} is taken by Service {key_of(other)} on every node"
    return ""


def _age(service: Service) -> tuple[str, str, str]:
    meta = service.metadata
    return meta.creation_timestamp, meta.namespace, meta.name


def _set_addresses(service: Service, addresses: tuple[str, ...], problem: str) -> list[Action]:
    failed = RecordEvent(
        service, "Warning", "SyncLoadBalancerFailed",
        f"Error syncing load balancer: failed to ensure load balancer: {problem}",
    )  # fmt: skip
    before = service.status.load_balancer
    ingress = tuple(LoadBalancerIngress(ip=address, ip_mode="VIP") for address in addresses)
    if ingress == before.ingress:
        return [failed] if problem else []
    status = structs.replace(service.status, load_balancer=LoadBalancerStatus(ingress=ingress))
    said = RecordEvent(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")
    update = Update(structs.replace(service, status=status), "status", said if addresses else None)
    return [update, failed] if problem else [update]


def _balanced(lister: Lister, node: Node) -> list[ObjectKey]:
    """Watch keys: a node concerns every Service of the type."""
    return [key_of(service) for service in lister.cache(Service) if is_ours(service)]


def _and_rivals(lister: Lister, service: Service) -> list[ObjectKey]:
    """Watch keys: a Service, and those that may wait for what it lets go."""
    rivals = _balanced(lister, Node()) if service.spec.type == "LoadBalancer" else []
    return [key_of(service), *rivals]


def load_balancer_controller(pool: Pool, reserved: Ports) -> Controller[Service, Around]:
    """One worker: two Services must not get the same address."""
    return Controller(
        name="service-controller",
        watches=(
            Watch(Service, _and_rivals),
            Watch(Node, _balanced),
            Watch(EndpointSlice, service_of_slice),
        ),
        indexes=(SLICES_BY_SERVICE,),
        observe=observe,
        reconcile=decide(pool, reserved),
        workers=1,
    )
