"""Where connections go: the table, the balancer, the guard."""

import pytest
from msgspec.structs import replace

from pikube.api.kinds.core_container import Container, ContainerPort
from pikube.api.kinds.core_pod import Pod, PodSpec, PodStatus
from pikube.api.kinds.core_service import (
    ClientIPConfig,
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
    SessionAffinityConfig,
)
from pikube.api.kinds.discovery import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from pikube.api.kinds.meta import ObjectMeta
from pikube.netproxy.balancer import REST_S, Balancer
from pikube.netproxy.host_network import render_guard
from pikube.netproxy.table import NOBODY, Here, compute_table, pod_table
from pikube.netproxy.targets import ANY, DNS_STREAM, DNS_UDP, Backend, Backends, Listener

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
    inside = service(internal_traffic_policy="Local")
    assert targets([inside], slices, CLUSTER) == (A,)
    assert targets([inside], slices, NODE) == (A, C)
    away = [slice_of(endpoint(C, "n2", ready=True))]
    assert targets([inside], away, CLUSTER) == (), "nobody else's, also when there is none here"


def hinted(backend, zones=(), nodes=()):
    hints = EndpointHints(
        for_zones=tuple(ForZone(name=z) for z in zones), for_nodes=tuple(ForNode(name=n) for n in nodes)
    )
    return Endpoint(
        addresses=(backend.address,), conditions=EndpointConditions(ready=True), hints=hints, node_name="n2"
    )


@pytest.mark.parametrize(("endpoints", "wanted"), [
    ((hinted(A, ["east"]), hinted(B, ["west"])), (A,)),
    ((hinted(A, ["east"]), endpoint(B, ready=True)), (A, B)),  # one has none
    ((hinted(A, ["south"]), hinted(B, ["west"])), (A, B)),  # none is for us
    ((hinted(A, ["east"], ["n2"]), hinted(B, ["east"], ["n1"])), (B,)),  # a node's are nearer than a zone's
    ((hinted(A, ["east"], ["n2"]), hinted(B, ["west"], ["n3"])), (A,)),
])  # fmt: skip
def test_hints_choose_near_endpoints_if_all_have_some_and_one_is_ours(endpoints, wanted):
    table = compute_table([service()], [slice_of(*endpoints)], Here("n1", "east"))
    assert table[CLUSTER].targets == wanted


def test_external_and_balancer_addresses_have_the_services_port_and_a_health_port_counts_whom_is_here():
    ingress = LoadBalancerStatus(ingress=(LoadBalancerIngress(ip="192.168.1.240", ip_mode="VIP"),))
    spec = service(
        type="LoadBalancer", external_ips=("203.0.113.5",), external_traffic_policy="Local",
        health_check_node_port=32000, load_balancer_source_ranges=("192.168.0.0/16",),
    )  # fmt: skip
    made = replace(spec, status=ServiceStatus(load_balancer=ingress))
    slices = [slice_of(endpoint(A, "n1", ready=True), endpoint(C, "n2", ready=True))]
    table = compute_table([made], slices, Here("n1"))
    assert table[Listener("TCP", "203.0.113.5", 80)].targets == (A,)
    balanced = table[Listener("TCP", "192.168.1.240", 80)]
    assert (balanced.targets, balanced.sources) == ((A,), ("192.168.0.0/16",))
    assert len(table[Listener("HEALTH", ANY, 32000)].targets) == 1


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
    balancer.refused(A, 0.0, 0.0)
    assert balancer.order(backends, "c", 1.0) == [B, A]
    balancer.refused(B, 1.0, 1.0)
    assert set(balancer.order(backends, "c", 1.5)) == {A, B}
    assert balancer.order(backends, "c", REST_S + 2)[0] == A


def test_a_rest_grows_with_each_trial_and_not_with_each_of_many_clients():
    balancer = Balancer(lambda n: 0)
    backends = Backends("shop/web", (A, B))
    for _ in range(8):  # they came at once, and find it out one after the other
        balancer.refused(A, 0.0, 0.25)
    assert balancer.order(backends, "c", 0.25 + REST_S)[0] == A, "its rest is over: a trial"
    balancer.refused(A, 0.25 + REST_S, 0.5 + REST_S)
    assert balancer.order(backends, "c", 0.25 + 2 * REST_S)[0] == B
    assert balancer.order(backends, "c", 0.5 + 3 * REST_S)[0] == A


def test_a_client_with_affinity_comes_back_to_its_backend_until_its_time_is_over():
    affinity = SessionAffinityConfig(client_ip=ClientIPConfig(timeout_seconds=60))
    sticky = service(session_affinity="ClientIP", session_affinity_config=affinity)
    slices = [slice_of(endpoint(A, ready=True), endpoint(B, ready=True))]
    backends = compute_table([sticky], slices, Here("n1"))[CLUSTER]
    balancer = Balancer(lambda n: 0)
    balancer.opened(backends, B, "client", 0.0)
    assert balancer.order(backends, "client", 59.0)[0] == B
    assert balancer.order(backends, "client", 61.0)[0] == A


def test_a_client_with_affinity_leaves_a_backend_that_is_dead_and_may_be_sent_to_one_before_it_answers():
    backends = Backends("shop/web", (A, B), affinity_s=60)
    balancer = Balancer(lambda n: n - 1)
    balancer.opened(backends, A, "client", 0.0)
    balancer.refused(A, 0.0, 1.0)
    assert balancer.order(backends, "client", 1.0)[0] == B
    balancer.refused(B, 0.0, 1.0)
    balancer.opened(backends, A, "other", 1.0)
    balancer.remember(backends, B, "client", 1.0)  # a datagram was sent: that is no answer
    assert balancer.order(backends, "third", 1.5)[0] == A, "B goes on resting"


def test_the_guard_names_every_service_port_and_refuses_the_rest():
    text = render_guard("10.43.0.0/16", [CLUSTER, Listener("UDP", "10.43.0.10", 53)])
    assert "elements = { 10.43.0.10 . udp . 53, 10.43.0.9 . tcp . 80 }" in text
    assert "reject with tcp reset" in text
    assert "elements" not in render_guard("10.43.0.0/16", [])


def test_names_are_let_in_by_what_their_packets_are_also_from_memory():
    doors = [Listener(protocol, "10.43.0.10", 53) for protocol in (DNS_UDP, DNS_STREAM, "UDP")]
    text = render_guard("10.43.0.0/16", doors)
    assert "elements = { 10.43.0.10 . tcp . 53, 10.43.0.10 . udp . 53 }" in text


def test_what_is_no_address_or_network_keeps_nothing_else_from_being_served():
    """Who writes a status, and who wrote objects before they were checked, may have written anything."""
    ingress = tuple(LoadBalancerIngress(ip=ip) for ip in ("nonsense", "192.168.1.240"))
    status = ServiceStatus(load_balancer=LoadBalancerStatus(ingress=ingress))
    spec = {"type": "LoadBalancer", "external_ips": ("nonsense", "203.0.113.5")}
    balancer = replace(
        service(**spec, load_balancer_source_ranges=("10.0.0.0/33", " 10.0.0.0/8 ")), status=status
    )
    table = compute_table([balancer], [slice_of(endpoint(A))], Here("n1"))
    assert {key.address for key in table} == {"10.43.0.9", ANY, "192.168.1.240", "203.0.113.5"}
    assert table[Listener("TCP", "192.168.1.240", 80)].sources == ("10.0.0.0/8",)
    closed = replace(
        service(type="LoadBalancer", load_balancer_source_ranges=("10.0.0.0/33",)), status=status
    )
    table = compute_table([closed], [slice_of(endpoint(A))], Here("n1"))
    assert table[Listener("TCP", "192.168.1.240", 80)].sources == (NOBODY,), "not everybody"


def test_a_host_port_on_what_is_no_address_is_left_out():
    ports = tuple(
        ContainerPort(container_port=80, host_port=n, host_ip=ip) for n, ip in ((8080, "x"), (8081, ""))
    )
    pod = Pod(
        metadata=ObjectMeta(name="web", namespace="shop"),
        spec=PodSpec(containers=(Container(name="c", ports=ports),)),
        status=PodStatus(pod_ip="10.42.0.9"),
    )
    assert list(pod_table(pod)) == [Listener("TCP", ANY, 8081)]
