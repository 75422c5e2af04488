from __future__ import annotations

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import AT, meta, new_deployment, node, pod
from searches import examples

from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_pod import Pod, PodIP
from pikube.api.kinds.core_service import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Service,
    ServicePort,
    ServiceSpec,
)
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.actions import Create, Delete, Update
from pikube.leader.controllers.deployment import DEPLOYMENTS
from pikube.leader.controllers.endpoint_mirroring import ENDPOINT_MIRRORING
from pikube.leader.controllers.endpoint_slices import ENDPOINT_SLICES, Around, reconcile
from pikube.leader.controllers.replica_set import REPLICA_SETS


def service(ports=None, **spec):
    ports = (ServicePort(name="http", port=80, target_port=8080),) if ports is None else ports
    spec.setdefault("selector", {"app": "web"})
    return Service(
        metadata=meta("web", labels={"team": "red"}),
        spec=ServiceSpec(ports=ports, cluster_ip=spec.pop("cluster_ip", "10.43.0.7"), **spec),
    )


def decide(svc, *pods, **around):
    return check_laws(reconcile, svc, Around(tuple(pods), **around), 0.0)


def slices(actions):
    return [a.obj for a in actions if isinstance(a, Create | Update) and isinstance(a.obj, EndpointSlice)]


def subsets(actions):
    [endpoints] = [a.obj for a in actions if isinstance(a, Create | Update) and isinstance(a.obj, Endpoints)]
    return endpoints.subsets


def test_a_ready_pod_is_an_endpoint_of_slice_and_endpoints():
    actions = decide(service(), pod("a", ip="10.42.0.5"), zones={"board1": "east"})
    [slice_] = slices(actions)
    assert slice_.metadata.labels == {
        "team": "red",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert slice_.metadata.owner_references[0].kind == "Service"
    [endpoint] = slice_.endpoints
    assert endpoint.addresses == ("10.42.0.5",)
    conditions = endpoint.conditions
    assert (conditions.ready, conditions.serving, conditions.terminating) == (True, True, False)
    assert (endpoint.node_name, endpoint.zone, endpoint.target_ref.name) == ("board1", "east", "a")
    assert [(p.name, p.port, p.protocol) for p in slice_.ports] == [("http", 8080, "TCP")]
    [subset] = subsets(actions)
    assert [a.ip for a in subset.addresses] == ["10.42.0.5"]
    assert [(p.name, p.port) for p in subset.ports] == [("http", 8080)]


@pytest.mark.parametrize(
    ("more", "published", "wanted"),
    [
        ({"ready": False}, False, (False, False, False)),
        ({"ready": False}, True, (True, True, False)),
        ({"deletion_timestamp": AT}, False, (False, True, True)),
        ({"deletion_timestamp": AT, "ready": False}, False, (False, False, True)),
        ({"deletion_timestamp": AT}, True, (True, True, True)),
    ],
)
def test_conditions_tell_ready_serving_and_terminating(more, published, wanted):
    svc = service(publish_not_ready_addresses=published)
    [slice_] = slices(decide(svc, pod("a", ip="10.42.0.5", **more)))
    conditions = slice_.endpoints[0].conditions
    assert (conditions.ready, conditions.serving, conditions.terminating) == wanted


def test_endpoints_keep_those_not_ready_apart_and_leave_terminating_ones_out():
    pods = (
        pod("a", ip="10.42.0.1"),
        pod("b", ip="10.42.0.2", ready=False),
        pod("c", ip="10.42.0.3", deletion_timestamp=AT),
    )
    [subset] = subsets(decide(service(), *pods))
    assert [a.ip for a in subset.addresses] == ["10.42.0.1"]
    assert [a.ip for a in subset.not_ready_addresses] == ["10.42.0.2"]


def test_pods_without_address_and_ended_ones_are_no_endpoints():
    actions = decide(service(), pod("a"), pod("b", ip="10.42.0.2", phase="Succeeded"))
    [slice_] = slices(actions)
    assert slice_.endpoints == ()
    assert subsets(actions) == ()


def test_a_named_port_may_be_another_number_on_another_pod():
    svc = service(ports=(ServicePort(name="web", port=80, target_port="http"),))
    one, other, none = pod("a", ip="10.42.0.1"), pod("b", ip="10.42.0.2"), pod("c", ip="10.42.0.3")
    container = other.spec.containers[0]
    moved = structs.replace(container, ports=(structs.replace(container.ports[0], container_port=81),))
    other.spec.containers = (moved,)
    none.spec.containers = (structs.replace(container, ports=()),)
    actions = decide(svc, one, other, none)
    assert [s.ports[0].port for s in slices(actions)] == [80, 81]
    assert [s.ports[0].port for s in subsets(actions)] == [80, 81]


def test_both_families_get_slices_of_their_own():
    dual = pod("a", ip="10.42.0.1")
    dual.status.pod_ips = (PodIP(ip="10.42.0.1"), PodIP(ip="fd00::1"))
    actions = decide(service(ip_families=("IPv4", "IPv6")), dual)
    assert [(s.address_type, s.endpoints[0].addresses) for s in slices(actions)] == [
        ("IPv4", ("10.42.0.1",)),
        ("IPv6", ("fd00::1",)),
    ]


def test_headless_pods_with_a_hostname_carry_it():
    named = pod("a", ip="10.42.0.1")
    named.spec.hostname, named.spec.subdomain = "db-0", "web"
    actions = decide(service(cluster_ip="None"), named)
    [slice_] = slices(actions)
    assert slice_.endpoints[0].hostname == "db-0"
    assert slice_.metadata.labels["service.kubernetes.io/headless"] == ""
    assert subsets(actions)[0].addresses[0].hostname == "db-0"


def many(count, start=0):
    return [pod(f"p{i:04d}", ip=f"10.42.{i // 250}.{i % 250 + 1}") for i in range(start, start + count)]


def stored(actions, before=()):
    """The slices as they are after the actions."""
    state = {s.metadata.name: s for s in before}
    for action in actions:
        match action:
            case Create(obj) | Update(obj) if isinstance(obj, EndpointSlice):
                state[obj.metadata.name] = obj
            case Delete(_, key):
                del state[key.name]
    return tuple(state.values())


def test_a_slice_holds_a_hundred_endpoints_and_a_change_touches_one():
    svc = service()
    pods = many(250)
    first = stored(decide(svc, *pods))
    assert sorted(len(s.endpoints) for s in first) == [50, 100, 100]
    assert len({s.metadata.name for s in first}) == 3
    fewer = [p for p in pods if p.metadata.name != "p0005"]
    changes = decide(svc, *fewer, slices=first)
    assert len(slices(changes)) == 1
    second = stored(changes, first)
    assert sum(len(s.endpoints) for s in second) == 249
    more = [*fewer, *many(1, start=900)]
    changes = decide(svc, *more, slices=second)
    assert [type(a).__name__ for a in changes[:1]] == ["Update"]
    assert sum(len(s.endpoints) for s in stored(changes, second)) == 250


def test_slices_that_are_empty_go_but_the_last_one_stays():
    svc = service()
    first = stored(decide(svc, *many(120)))
    left = stored(decide(svc, *many(20, start=100), slices=first), first)
    assert [len(s.endpoints) for s in left] == [20]
    none = stored(decide(svc, slices=left), left)
    assert len(none) == 1
    assert none[0].endpoints == ()


pods_of_a_service = st.lists(
    st.builds(
        lambda i, ready, gone: pod(
            f"p{i}", ip=f"10.42.0.{i}", ready=ready, **({"deletion_timestamp": AT} if gone else {})
        ),
        st.integers(1, 9),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=lambda p: p.metadata.name,
    max_size=6,
)


@examples(80)
@given(pods_of_a_service, pods_of_a_service)
def test_from_any_state_one_decision_reaches_the_wanted_one(before, after):
    svc = service()
    first = decide(svc, *before)
    state = stored(first)
    second = decide(svc, *after, slices=state)
    reached = stored(second, state)
    found = {e.target_ref.name: e.conditions.ready for s in reached for e in s.endpoints}
    assert found == {
        p.metadata.name: p.status.conditions[0].status == "True" and not p.metadata.deletion_timestamp
        for p in after
    }
    again = decide(svc, *after, slices=reached)
    assert slices(again) == []


def world(*, cuts=()):
    it = World([DEPLOYMENTS, REPLICA_SETS, ENDPOINT_SLICES, ENDPOINT_MIRRORING], cuts=cuts)
    it.api.create_nowait(node("board1"))
    return it


def as_sent(svc):
    return structs.replace(svc, metadata=ObjectMeta(name="web", namespace="default"))


@examples(30)
@given(st.lists(st.integers(0, 2), max_size=10), st.integers(0, 4))
def test_the_endpoints_follow_the_pods_over_any_interruption(cuts, replicas):
    it = world(cuts=cuts)
    it.api.create_nowait(as_sent(service()))
    it.api.create_nowait(new_deployment(replicas=3))
    it.settle()
    it.api.patch_nowait(Deployment, "web", "default", {"spec": {"replicas": replicas}})
    it.settle()
    addresses = sorted(p.status.pod_ip for p in it.pods())
    [slice_] = it.api.all_of(EndpointSlice)
    assert sorted(e.addresses[0] for e in slice_.endpoints) == addresses
    found = [a.ip for s in it.api.get_nowait(Endpoints, "web", "default").subsets for a in s.addresses]
    assert sorted(found) == addresses
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_a_pod_that_loses_its_label_is_no_endpoint_any_more():
    it = world()
    it.api.create_nowait(as_sent(service()))
    it.api.create_nowait(
        structs.replace(
            pod("a", ip="10.42.0.9"),
            metadata=ObjectMeta(name="a", namespace="default", labels={"app": "web"}),
        )
    )
    it.settle()
    [slice_] = it.api.all_of(EndpointSlice)
    assert len(slice_.endpoints) == 1
    it.api.patch_nowait(Pod, "a", "default", {"metadata": {"labels": {"app": "debug"}}})
    it.settle()
    [slice_] = it.api.all_of(EndpointSlice)
    assert slice_.endpoints == ()


def test_a_service_without_selector_is_left_to_its_user_and_its_endpoints_are_mirrored():
    it = world()
    it.api.create_nowait(as_sent(service(selector={})))
    it.settle()
    assert it.api.all_of(EndpointSlice) == []
    subset = EndpointSubset(
        addresses=(EndpointAddress(ip="192.168.1.5"),),
        not_ready_addresses=(EndpointAddress(ip="192.168.1.6"),),
        ports=(EndpointPort(name="db", port=5432, protocol="TCP"),),
    )
    users = Endpoints(metadata=ObjectMeta(name="web", namespace="default"), subsets=(subset,))
    it.api.create_nowait(users)
    it.settle()
    [slice_] = it.api.all_of(EndpointSlice)
    assert slice_.metadata.labels["endpointslice.kubernetes.io/managed-by"] == (
        "endpointslicemirroring-controller.k8s.io"
    )
    assert [(e.addresses[0], e.conditions.ready) for e in slice_.endpoints] == [
        ("192.168.1.5", True),
        ("192.168.1.6", False),
    ]
    assert it.api.get_nowait(Endpoints, "web", "default").subsets == users.subsets
    it.api.delete_nowait(Endpoints, "web", "default")
    it.settle()
    assert it.api.all_of(EndpointSlice) == []


def test_endpoints_that_ask_for_no_mirror_get_none():
    it = world()
    it.api.create_nowait(as_sent(service(selector={})))
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    subset = EndpointSubset(addresses=(EndpointAddress(ip="192.168.1.5"),))
    it.api.create_nowait(
        Endpoints(metadata=ObjectMeta(name="web", namespace="default", labels=labels), subsets=(subset,))
    )
    it.settle()
    assert it.api.all_of(EndpointSlice) == []
