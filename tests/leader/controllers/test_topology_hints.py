"""Hints in proportion to the zones' processors: what upstream's topology cache promises."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.kinds.core_node import Node, NodeCondition, NodeStatus
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import Endpoint, EndpointConditions
from pikube.api.kinds.meta import ObjectMeta
from pikube.leader.controllers.topology_hints import OVERLOAD, ZONE, cpu_by_zone, is_automatic, with_hints


def node(name, zone, cpu="4", ready="True"):
    return Node(
        metadata=ObjectMeta(name=name, labels={ZONE: zone} if zone else {}),
        status=NodeStatus(allocatable={"cpu": cpu}, conditions=(NodeCondition(type="Ready", status=ready),)),
    )


def endpoints(zones, ready=True):
    return [
        Endpoint(addresses=(f"10.42.0.{at}",), zone=zone or None, conditions=EndpointConditions(ready=ready))
        for at, zone in enumerate(zones)
    ]


def hints(zones, cpus):
    found = with_hints(endpoints(zones), cpus)
    return "".join(e.hints.for_zones[0].name if e.hints else "-" for e in found)


@pytest.mark.parametrize(("annotations", "expected"), [
    ({"service.kubernetes.io/topology-mode": "Auto"}, True),
    ({"service.kubernetes.io/topology-aware-hints": "auto"}, True),
    ({"service.kubernetes.io/topology-mode": "Disabled"}, False),
    ({}, False),
])  # fmt: skip
def test_hints_are_asked_for_by_annotation(annotations, expected):
    assert is_automatic(Service(metadata=ObjectMeta(name="web", annotations=annotations))) is expected


def test_processors_count_where_every_ready_node_has_a_zone():
    assert cpu_by_zone([node("a", "x"), node("b", "y", "500m"), node("c", "", ready="False")]) == {
        "x": 4000,
        "y": 500,
    }
    assert cpu_by_zone([node("a", "x"), node("b", "")]) == {}
    assert cpu_by_zone([node("a", "x"), node("b", "x")]) == {}, "one zone needs no hints"


@pytest.mark.parametrize(("own", "cpus", "expected"), [
    ("xxyy", {"x": 1, "y": 1}, "xxyy"),
    ("xxxx", {"x": 1, "y": 1}, "xxyy"),  # a zone without endpoints gets some
    ("xy", {"x": 3, "y": 1}, "--"),  # nobody can be given to x: more than a fifth too much for it
    ("x", {"x": 1, "y": 1}, "-"),  # fewer than zones
    ("xxyz", {"x": 1, "y": 1}, "xxyy"),  # z has no ready node
    ("xxyy", {}, "----"),
])  # fmt: skip
def test_endpoints_serve_zones_by_their_share(own, cpus, expected):
    assert hints(own, cpus) == expected


def test_an_endpoint_without_a_zone_takes_all_hints_away():
    found = with_hints(endpoints(["x", "y", ""]), {"x": 1, "y": 1})
    assert [e.hints for e in found] == [None] * 3


def test_endpoints_that_are_not_ready_have_no_hints():
    assert with_hints(endpoints("xy", ready=False), {"x": 1, "y": 1})[0].hints is None


@given(
    st.text("xyz", min_size=1, max_size=30),
    st.dictionaries(st.sampled_from("xyz"), st.integers(1, 16), min_size=2),
)
def test_no_zone_is_overloaded_by_more_than_a_fifth(own, cpus):
    found = hints(own, cpus)
    if "-" in found:
        assert set(found) == {"-"}
        return
    count = Counter(found)
    for zone, cpu in cpus.items():
        share = len(own) * cpu / sum(cpus.values())
        assert share / count[zone] <= 1 + OVERLOAD + 1e-9
    assert set(found) <= set(cpus)
