"""JSON merge patch: the examples of RFC 7386 and its laws."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from json_strategies import documents

from pikube.api.equality import is_equal
from pikube.api.errors import BadRequest
from pikube.api.merge_patch import diff, merge_patch


# RFC 7386 appendix A, as far as both sides are objects.
@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc_hold(document, patch, result):
    assert merge_patch(document, patch) == result


def test_objects_in_new_lists_lose_their_nulls_as_in_kubernetes():
    assert merge_patch({"a": 1}, {"a": [None, {"b": None, "c": [{"d": None}]}]}) == {"a": [None, {"c": [{}]}]}


@pytest.mark.parametrize("patch", [[], "x", 1, None, True])
def test_a_patch_that_is_no_object_is_a_bad_request(patch):
    with pytest.raises(BadRequest):
        merge_patch({}, patch)


@given(documents, documents)
def test_the_difference_of_two_objects_turns_one_into_the_other(old, new):
    assert is_equal(merge_patch(old, diff(old, new)), new)


@given(documents)
def test_an_object_differs_not_from_itself(document):
    assert diff(document, document) == {}


@given(documents, documents)
def test_patching_twice_is_patching_once(document, patch):
    once = merge_patch(document, patch)
    assert is_equal(merge_patch(once, patch), once)


@given(documents, documents)
def test_patching_changes_neither_the_object_nor_the_patch(document, patch):
    before = copy.deepcopy((document, patch))
    merge_patch(document, patch)
    diff(document, patch)
    assert (document, patch) == before
