"""Which names of the LAN a board answers for."""

import pytest

from pikube.api.kinds.core_node import Node, NodeAddress, NodeCondition, NodeStatus
from pikube.api.kinds.core_service import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
)
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.service_names import ANNOTATION, compute_names
from pikube.wire.mdns_names import HostName


def node(name, address, ready="True"):
    status = NodeStatus(
        conditions=(NodeCondition(type="Ready", status=ready),),
        addresses=(NodeAddress(type="InternalIP", address=address),),
    )
    return Node(metadata=ObjectMeta(name=name), status=status)


NODES = [node("one", "192.168.1.10"), node("two", "192.168.1.11"), node("off", "192.168.1.12", "Unknown")]


def service(name="web", mdns="shop", type_="NodePort", ips=(), created="2026-01-01T00:00:00Z"):
    status = LoadBalancerStatus(ingress=tuple(LoadBalancerIngress(ip=ip) for ip in ips))
    return Service(
        metadata=ObjectMeta(name=name, annotations={ANNOTATION: mdns}, creation_timestamp=created),
        spec=ServiceSpec(type=type_, ports=(ServicePort(name="http", port=80, node_port=30080),)),
        status=ServiceStatus(load_balancer=status),
    )


def answered(*services):
    """Names and what is said, by all boards together: each name by one."""
    found = {}
    for board in ("one", "two", "off"):
        for name, (host, owner) in compute_names(services, NODES, board).items():
            assert name not in found, "two boards answer"
            found[name] = (host, owner.metadata.name)
    return found


def test_a_node_port_is_named_by_the_ready_nodes():
    assert answered(service()) == {"shop": (HostName(("192.168.1.10", "192.168.1.11"), 30080, True), "web")}


def test_a_balancer_is_named_by_its_own_addresses_and_port():
    balanced = service(type_="LoadBalancer", ips=("192.168.1.240",), mdns="Shop.local")
    assert answered(balanced) == {"shop": (HostName(("192.168.1.240",), 80, True), "web")}


def test_of_two_that_want_a_name_the_older_has_it():
    assert answered(service("late", created="2026-02-01T00:00:00Z"), service("early"))["shop"][1] == "early"


@pytest.mark.parametrize(
    "wrong", [service(mdns="a.b"), service(mdns="-x"), service(mdns=""), service(type_="ClusterIP")]
)
def test_what_cannot_be_named_is_not(wrong):
    assert answered(wrong) == {}
