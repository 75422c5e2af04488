"""Which addresses a Service of type LoadBalancer gets."""

import pytest
from laws import check_laws
from msgspec import structs
from objects import meta, node

from pikube.api.address_pool import Pool, parse_pool
from pikube.api.kinds.core_node import NodeAddress
from pikube.api.kinds.core_service import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
)
from pikube.informer.actions import RecordEvent, Update
from pikube.leader.controllers.load_balancer import Around, decide

RESERVED = {("TCP", 6443): "the API"}


def balancer(name="web", port=80, ips=(), created="2026-01-01T00:00:00Z", annotations=None, **spec):
    ports = (ServicePort(name="http", protocol="TCP", port=port),)
    status = ServiceStatus(load_balancer=LoadBalancerStatus(ingress=tuple(map(ingress, ips))))
    return Service(
        metadata=structs.replace(meta(name), creation_timestamp=created, annotations=annotations or {}),
        spec=ServiceSpec(**{"type": "LoadBalancer", "ports": ports, "cluster_ip": "10.43.0.7", **spec}),
        status=status,
    )


def ingress(ip):
    return LoadBalancerIngress(ip=ip, ip_mode="VIP")


def board(name, address, ready="True", **labels):
    made = node(name, ready=ready)
    made.metadata = structs.replace(
        made.metadata, labels={k.replace("__", "/"): v for k, v in labels.items()}
    )
    made.status = structs.replace(made.status, addresses=(NodeAddress(type="InternalIP", address=address),))
    return made


BOARDS = (board("one", "192.168.1.10"), board("two", "192.168.1.11"))


def answer(service, *others, nodes=BOARDS, pool=(), serving=()):
    """(addresses that are written or None, the problem that is told or '')."""
    around = Around(tuple(nodes), tuple(others), frozenset(serving))
    actions = check_laws(decide(parse_pool(pool), RESERVED), service, around, 0.0)
    written, problem = None, ""
    for action in actions:
        if isinstance(action, Update):
            assert action.subresource == "status"
            written = [i.ip for i in action.obj.status.load_balancer.ingress]
        elif isinstance(action, RecordEvent):
            assert action.reason == "SyncLoadBalancerFailed"
            problem = action.message.rpartition("load balancer: ")[2]
    return written, problem


def test_a_service_has_the_addresses_of_all_ready_nodes():
    assert answer(balancer()) == (["192.168.1.10", "192.168.1.11"], "")
    assert answer(balancer(ips=("192.168.1.10", "192.168.1.11"))) == (None, "")


def test_nodes_that_are_not_ready_or_excluded_are_left_out():
    label = {"node.kubernetes.io__exclude-from-external-load-balancers": ""}
    nodes = (*BOARDS, board("three", "192.168.1.12", ready="False"), board("four", "192.168.1.13", **label))
    assert answer(balancer(), nodes=nodes)[0] == ["192.168.1.10", "192.168.1.11"]


def test_where_nodes_are_chosen_by_label_only_they_balance():
    nodes = (BOARDS[0], board("two", "192.168.1.11", pikube__x="", **{"pikube.io__lb": "true"}))
    assert answer(balancer(), nodes=nodes)[0] == ["192.168.1.11"]


def test_a_local_policy_names_only_nodes_with_an_endpoint():
    local = balancer(external_traffic_policy="Local")
    assert answer(local, serving=("two",))[0] == ["192.168.1.11"]


def test_a_port_that_is_taken_is_told_at_once():
    older = balancer("old", created="2025-01-01T00:00:00Z")
    assert answer(balancer(), older) == (None, "port 80/TCP is taken by Service default/old on every node")
    assert answer(older, balancer())[0] is not None, "the older one keeps it"
    assert answer(balancer(port=6443)) == (None, "port 6443/TCP is taken by the API on every node")


def test_a_pool_gives_each_service_an_address_of_its_own_and_it_is_kept():
    pool = ("192.168.1.240-241",)
    assert answer(balancer(), pool=pool)[0] == ["192.168.1.240"]
    other = balancer("old", ips=("192.168.1.240",))
    assert answer(balancer(), other, pool=pool)[0] == ["192.168.1.241"]
    assert answer(balancer(ips=("192.168.1.241",)), pool=pool) == (None, "")
    both = [other, balancer("third", ips=("192.168.1.241",))]
    assert answer(balancer(), *both, pool=pool) == (None, "no address of the pool (--lb-pool) is free")


@pytest.mark.parametrize(
    "ask", [{"annotations": {"pikube.io/lb-address": "10.0.0.9"}}, {"load_balancer_ip": "10.0.0.9"}]
)
def test_a_certain_address_can_be_asked_for(ask):
    assert answer(balancer(**ask), pool=("10.0.0.0/28",))[0] == ["10.0.0.9"]
    taken = balancer("old", ips=("10.0.0.9",))
    assert "taken by Service default/old" in answer(balancer(**ask), taken, pool=("10.0.0.0/28",))[1]
    assert "not in the pool" in answer(balancer(**ask), pool=("10.0.1.0/28",))[1]


def test_another_class_is_left_to_its_owner_and_another_type_loses_its_addresses():
    assert answer(balancer(load_balancer_class="metallb.io/l2")) == (None, "")
    assert answer(balancer(type="ClusterIP", ips=("192.168.1.10",)))[0] == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("192.168.1.240-242", ["192.168.1.240", "192.168.1.241", "192.168.1.242"]),
        ("192.168.1.254-192.168.2.0", ["192.168.1.254", "192.168.1.255", "192.168.2.0"]),
        ("10.0.0.8/30", ["10.0.0.9", "10.0.0.10"]),
        ("10.0.0.9", ["10.0.0.9"]),
        ("fd00::10-12", ["fd00::10", "fd00::11", "fd00::12"]),
    ],
)
def test_pools_are_written_as_ranges_or_networks(text, addresses):
    pool = parse_pool([text])
    assert list(pool) == addresses
    assert all(address in pool for address in addresses)
    assert "10.9.9.9" not in pool and not Pool()


@pytest.mark.parametrize("text", ["10.0.0.9-8", "x", "10.0.0.1-fd00::1", "10.0.0.0/8", "10.0.0.1-"])
def test_what_is_no_pool_is_refused(text):
    with pytest.raises(ValueError):
        parse_pool([text])
