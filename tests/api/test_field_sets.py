"""Sets of fields: their laws, their spelling, their paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.field_sets import (
    contains,
    difference,
    intersection,
    key_step,
    member,
    normalized,
    paths,
    shown,
    union,
    value_step,
)

STEPS = ["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"']


def from_paths(wanted):
    tree: dict = {}
    for path in wanted:
        tree = union(tree, nested(path))
    return tree


def nested(path):
    node: dict = {}
    for step in reversed(path[1:]):
        node = {step: node}
    return {path[0]: node}


field_sets = st.sets(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3).map(tuple), max_size=6).map(
    from_paths
)


@given(field_sets, field_sets)
def test_the_operations_are_those_of_sets_of_paths(left, right):
    a, b = set(paths(left)), set(paths(right))
    assert set(paths(union(left, right))) == a | b
    assert set(paths(difference(left, right))) == a - b
    assert set(paths(intersection(left, right))) == a & b


@given(field_sets, field_sets, field_sets)
def test_union_is_commutative_and_associative(a, b, c):
    assert union(a, b) == union(b, a)
    assert union(union(a, b), c) == union(a, union(b, c))
    assert union(a, a) == a


@given(field_sets, field_sets)
def test_a_set_is_the_part_it_shares_and_the_part_it_does_not(a, b):
    assert union(difference(a, b), intersection(a, b)) == a
    assert difference(a, a) == {}
    assert intersection(difference(a, b), b) == {}


@given(field_sets)
def test_a_set_contains_exactly_its_paths(fields):
    inside = set(paths(fields))
    for first in STEPS:
        assert contains(fields, (first,)) == ((first,) in inside)
        for second in STEPS:
            assert contains(fields, (first, second)) == ((first, second) in inside)


@given(field_sets)
def test_a_set_spelled_as_here_needs_no_spelling(fields):
    assert normalized(fields) == fields


def test_a_step_of_its_own_and_steps_below_it_are_told_apart():
    assert union({"f:a": {}}, {"f:a": {"f:b": {}}}) == {"f:a": {".": {}, "f:b": {}}}
    assert difference({"f:a": {".": {}, "f:b": {}}}, {"f:a": {}}) == {"f:a": {"f:b": {}}}
    assert difference({"f:a": {".": {}, "f:b": {}}}, {"f:a": {"f:b": {}}}) == {"f:a": {}}
    assert member(None) == {}
    assert member({"f:b": {}}) == {".": {}, "f:b": {}}


def test_paths_read_as_in_conflicts():
    path = ("f:spec", "f:ports", key_step({"protocol": "TCP", "port": 80}), "f:name")
    assert shown(path) == '.spec.ports[port=80,protocol="TCP"].name'
    assert shown(("f:metadata", "f:finalizers", value_step("a/b"))) == '.metadata.finalizers[="a/b"]'
    assert shown(("f:metadata", "f:labels", "f:example.com/app")) == ".metadata.labels.example.com/app"
    assert shown(("i:3",)) == "[3]"


def test_steps_from_outside_are_spelled_anew_and_unknown_ones_left_out():
    sent = {"f:a": {'k:{"b": 1, "a": "x"}': {".": {}}}, "q:new": {}, "v: 1": {}}
    assert normalized(sent) == {"f:a": {'k:{"a":"x","b":1}': {}}, "v:1": {}}


@pytest.mark.parametrize("sent", [[], "x", {"f:a": 1}, {"nocolon": {}}, {"k:{": {}}])
def test_what_is_no_set_is_refused(sent):
    with pytest.raises(ValueError):
        normalized(sent)
