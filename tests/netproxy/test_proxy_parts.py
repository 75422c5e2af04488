"""Where connections go: the table, the balancer, the guard."""

import pytest

from pikube.api.kinds.core_service import (
    ClientIPConfig,
    Service,
    ServicePort,
    ServiceSpec,
    SessionAffinityConfig,
)
from pikube.api.kinds.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.balancer import REST_S, Balancer
from pikube.netproxy.host_network import render_guard
from pikube.netproxy.table import Here, compute_table
from pikube.netproxy.targets import ANY, Backend, Backends, Listener

A, B, C = Backend("10.42.0.1", 80), Backend("10.42.0.2", 80), Backend("10.42.1.3", 80)


def service(**spec):
    base = {
        "cluster_ip": "10.43.0.9", "cluster_ips": ("10.43.0.9",), "type": "NodePort",
        "ports": (ServicePort(name="http", protocol="TCP", port=80, node_port=30080),),
    }  # fmt: skip
    return Service(metadata=ObjectMeta(name="web", namespace="shop"), spec=ServiceSpec(**{**base, **spec}))


def endpoint(backend, node="n1", **conditions):
    return Endpoint(addresses=(backend.address,), node_name=node, conditions=EndpointConditions(**conditions))


def slice_of(*endpoints):
    labels = {"kubernetes.io/service-name": "web"}
    return EndpointSlice(
        metadata=ObjectMeta(name="web-0", namespace="shop", labels=labels),
        address_type="IPv4",
        endpoints=endpoints,
        ports=(EndpointPort(name="http", protocol="TCP", port=80),),
    )


def targets(services, slices, listener):
    return compute_table(services, slices, Here("n1"))[listener].targets


CLUSTER, NODE = Listener("TCP", "10.43.0.9", 80), Listener("TCP", ANY, 30080)


def test_a_service_listens_on_its_address_and_on_its_node_port():
    table = compute_table([service()], [slice_of(endpoint(A, ready=True))], Here("n1"))
    assert set(table) == {CLUSTER, NODE}


def test_only_ready_endpoints_are_used_unless_nothing_else_serves():
    ready, ending = endpoint(A, ready=True), endpoint(B, ready=False, serving=True, terminating=True)
    assert targets([service()], [slice_of(ready, ending)], CLUSTER) == (A,)
    assert targets([service()], [slice_of(ending)], CLUSTER) == (B,)
    assert targets([service()], [slice_of(endpoint(B, ready=False, serving=False))], CLUSTER) == ()


def test_a_local_policy_keeps_traffic_on_the_board():
    slices = [slice_of(endpoint(A, "n1", ready=True), endpoint(C, "n2", ready=True))]
    local = service(external_traffic_policy="Local")
    assert targets([local], slices, NODE) == (A,)
    assert targets([local], slices, CLUSTER) == (A, C)


@pytest.mark.parametrize("spec", [{"type": "ExternalName"}, {"cluster_ip": "None"}, {"cluster_ip": ""}])
def test_services_without_an_address_have_no_listener(spec):
    assert compute_table([service(**spec)], [], Here("n1")) == {}


def test_the_less_busy_of_two_is_chosen_and_all_others_follow():
    numbers = iter([0, 1])
    balancer = Balancer(lambda n: next(numbers))
    backends = Backends("shop/web", (A, B))
    balancer.opened(backends, A, "client", 0.0)
    assert balancer.order(backends, "client", 0.0) == [B, A]


def test_a_backend_that_refused_rests_but_is_tried_when_nothing_else_is_left():
    balancer = Balancer(lambda n: 0)
    backends = Backends("shop/web", (A, B))
    balancer.refused(A, 0.0)
    assert balancer.order(backends, "c", 1.0) == [B, A]
    balancer.refused(B, 1.0)
    assert set(balancer.order(backends, "c", 1.5)) == {A, B}
    assert balancer.order(backends, "c", REST_S + 2)[0] == A


def test_a_client_with_affinity_comes_back_to_its_backend_until_its_time_is_over():
    affinity = SessionAffinityConfig(client_ip=ClientIPConfig(timeout_seconds=60))
    sticky = service(session_affinity="ClientIP", session_affinity_config=affinity)
    slices = [slice_of(endpoint(A, ready=True), endpoint(B, ready=True))]
    backends = compute_table([sticky], slices, Here("n1"))[CLUSTER]
    balancer = Balancer(lambda n: 0)
    balancer.opened(backends, B, "client", 0.0)
    assert balancer.order(backends, "client", 59.0)[0] == B
    assert balancer.order(backends, "client", 61.0)[0] == A


def test_the_guard_names_every_service_port_and_refuses_the_rest():
    text = render_guard("10.43.0.0/16", [CLUSTER, Listener("UDP", "10.43.0.10", 53)])
    assert "10.43.0.9 . tcp . 80, 10.43.0.10 . udp . 53" in text.replace("elements = { ", "")
    assert "reject with tcp reset" in text
    assert "elements" not in render_guard("10.43.0.0/16", [])
