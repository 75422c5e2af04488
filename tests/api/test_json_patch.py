"""JSON patch and pointers: RFC 6902 in kube-apiserver's dialect, and what happens when a patch fails."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_strategies import documents, names, values

from pikube.api.errors import BadRequest, RequestEntityTooLarge
from pikube.api.json_patch import MAX_OPERATIONS, PatchFailed, json_patch
from pikube.api.pointer import parse_pointer, render_pointer


def add(path, value):
    return {"op": "add", "path": path, "value": value}


@pytest.mark.parametrize(
    ("document", "operation", "result"),
    [
        ({"a": 1}, add("/b", 2), {"a": 1, "b": 2}),
        ({"a": 1}, add("/a", 2), {"a": 2}),
        ({"a": [1, 3]}, add("/a/1", 2), {"a": [1, 2, 3]}),
        ({"a": [1]}, add("/a/-", 2), {"a": [1, 2]}),
        ({"a": [1, 3]}, add("/a/-2", 2), {"a": [1, 2, 3]}),
        ({"a": {}}, add("/a/x~1y~0z", 1), {"a": {"x/y~z": 1}}),
        ({"a": 1}, {"op": "add", "path": "/b"}, {"a": 1, "b": None}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/-1"}, {"a": [1]}),
        ({"a": 1}, {"op": "replace", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": 1}, {"op": "replace", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"op": "replace", "path": "", "value": {"b": 2}}, {"b": 2}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/b"}, {"b": 1}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": {"b": [1]}}, {"op": "test", "path": "/a", "value": {"b": [1]}}, {"a": {"b": [1]}}),
        ({"a": 1}, {"op": "test", "path": "/b", "value": None}, {"a": 1}),
        ({"a": 1}, {"op": "test", "path": "", "value": {"a": 1}}, {"a": 1}),
    ],
)
def test_operations_do_what_they_say(document, operation, result):
    assert json_patch(document, [operation]) == result


@pytest.mark.parametrize(
    ("document", "operation", "why"),
    [
        ({"a": 1}, {"op": "test", "path": "/a", "value": 2}, "testing value /a failed"),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "testing value /a failed"),
        ({"a": 1}, {"op": "remove", "path": "/b"}, "Unable to remove nonexistent key: b"),
        ({"a": 1}, {"op": "remove", "path": ""}, "remove operation does not apply"),
        ({"a": 1}, add("", {}), "add operation does not apply"),
        ({"a": 1}, add("/b/c", 1), "doc is missing path"),
        ({"a": [1]}, add("/a/3", 1), "Unable to access invalid index: 3"),
        ({"a": [1]}, add("/a/x", 1), "not a proper array index"),
        ({"a": [1]}, add("/a/01x", 1), "not a proper array index"),
        ({"a": [1]}, {"op": "replace", "path": "/a/1", "value": 1}, "Unable to access invalid index: 1"),
        ({"a": [1]}, {"op": "replace", "path": "/a/-", "value": 1}, "Unable to access invalid index: -"),
        ({"a": 1}, {"op": "replace", "path": "", "value": 1}, "must be object or array"),
        ({"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, "into itself"),
        ({"a": 1}, {"op": "frobnicate", "path": "/a"}, "Unexpected kind: frobnicate"),
        ({"a": 1}, {"op": "add", "value": 1}, "failed to decode path"),
        ({"a": 1}, {"op": "add", "path": "a", "value": 1}, "failed to decode path"),
        ({"a": 1}, {"op": "add", "path": 5, "value": 1}, "failed to decode path"),
    ],
)
def test_a_patch_that_does_not_apply_is_answered_422_as_kubernetes_words_it(document, operation, why):
    with pytest.raises(PatchFailed) as caught:
        json_patch(document, [operation])
    status = caught.value.to_status()
    assert (status["code"], status["reason"], status["details"]) == (422, "Invalid", {})
    assert status["message"] == "the server rejected our request due to an error in our request"
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({}, "json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
        ("x", "json: cannot unmarshal string into Go value of type jsonpatch.Patch"),
        ([1], "json: cannot unmarshal number into Go value of type jsonpatch.Operation"),
    ],
)
def test_a_patch_of_the_wrong_shape_is_a_bad_request(patch, words):
    with pytest.raises(BadRequest) as caught:
        json_patch({}, patch)
    assert caught.value.message == words


def test_a_patch_of_too_many_operations_is_refused():
    with pytest.raises(
        RequestEntityTooLarge, match="The allowed maximum operations in a JSON patch is 10000"
    ):
        json_patch({}, [add("/a", 1)] * (MAX_OPERATIONS + 1))


def test_copies_cannot_blow_a_document_up():
    doubling = [{"op": "copy", "from": "", "path": f"/{index}"} for index in range(40)]
    with pytest.raises(PatchFailed) as caught:
        json_patch({"a": "x" * 100}, doubling)
    assert "copy operations add more than" in caught.value.why


def test_a_patch_applies_whole_or_not_at_all():
    document = {"a": {"b": 1}}
    with pytest.raises(PatchFailed):
        json_patch(document, [add("/a/c", 2), {"op": "test", "path": "/a/b", "value": 9}])
    assert document == {"a": {"b": 1}}


def test_what_a_patch_adds_is_not_shared_with_the_patch():
    operations = [add("/a", {}), add("/a/b", 1), {"op": "copy", "from": "/a", "path": "/c"}, add("/c/d", 1)]
    assert json_patch({}, operations) == {"a": {"b": 1}, "c": {"b": 1, "d": 1}}
    assert operations[0]["value"] == {}


@given(documents, names, values)
def test_adding_then_testing_then_removing_leaves_the_document(document, name, value):
    path = render_pointer([name])
    if name in document:
        return
    operations = [
        add(path, value),
        {"op": "test", "path": path, "value": value},
        {"op": "remove", "path": path},
    ]
    assert json_patch(document, operations) == document


operations = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": st.sampled_from(["", "/a", "/b", "/a/0", "/a/-", "/a/b", "/a~1b", "x"]),
        "from": st.sampled_from(["", "/a", "/b/0", "/c"]),
        "value": values,
    }
)


@given(documents, st.lists(operations, max_size=5))
def test_any_patch_applies_or_fails_and_changes_nothing_it_was_given(document, patch):
    before = copy.deepcopy((document, patch))
    try:
        json_patch(document, patch)
    except PatchFailed as error:
        assert error.why
    assert (document, patch) == before


@given(st.lists(st.text(max_size=5), max_size=4))
def test_pointers_survive_being_written_and_read(steps):
    assert parse_pointer(render_pointer(steps)) == tuple(steps)
