"""What is said of patches that do not fit."""

import pytest

from pikube.api.errors import BadRequest, Invalid
from pikube.api.kinds.apps import Deployment
from pikube.api.merge_patch import merge_patch
from pikube.api.patch_result import JSON_PATCH, STRATEGIC_PATCH, go_shown, read_patch, typed_result
from pikube.api.strategic_merge import strategic_merge

MERGE_PATCH = "application/merge-patch+json"
BEFORE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "c"}]}}},
}


def refusal(body, kind=STRATEGIC_PATCH, mode="Strict"):
    with pytest.raises((Invalid, BadRequest)) as caught:
        change, repeated = read_patch(body, kind, mode)
        merge = (
            merge_patch(BEFORE, change)
            if kind == MERGE_PATCH
            else strategic_merge(BEFORE, change, Deployment)
        )
        typed_result(merge, change, kind, Deployment, mode, repeated)
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"spec":{"replicas":"3"}}', "unrecognized type: int32"),
        (b'{"spec":{"replicas":1.5}}', "cannot convert float64 to int32"),
        (b'{"spec":{"paused":1}}', "unrecognized type: bool"),
        (b'{"metadata":{"labels":{"a":1}}}', "cannot convert int64 to string"),
        (b'{"metadata":{"labels":{"a":true}}}', "unrecognized type: string"),
        (b'{"metadata":{"labels":"a"}}', "cannot restore map from string"),
        (b'{"metadata":{"finalizers":{"a":"b"}}}', "cannot restore slice from map"),
        (b'{"spec":{"template":[]}}', "cannot restore struct from: slice"),
        (b'{"spec":{"replica":1}}', 'strict decoding error: unknown field "spec.replica"'),
        (b'{"spec":{"replicas":1,"replicas":2}}', 'strict decoding error: duplicate field "spec.replicas"'),
    ],
)
def test_a_strategic_patch_is_refused_as_the_converter_does(body, words):
    change, _ = read_patch(body, STRATEGIC_PATCH, "Strict")
    assert refusal(body) == f' "" is invalid: patch: Invalid value: "{go_shown(change)}": {words}'


def test_a_merge_patch_is_refused_as_the_decoder_does():
    words = refusal(b'{"spec":{"replicas":"3"}}', MERGE_PATCH)
    assert words.startswith(' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"apps/v1\\"')
    assert words.endswith(
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
    )


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (
            b'"x"',
            STRATEGIC_PATCH,
            "json: cannot unmarshal string into Go value of type map[string]interface {}",
        ),
        (
            b"[]",
            MERGE_PATCH,
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (b"{", JSON_PATCH, "error decoding patch: unexpected end of JSON input"),
    ],
)
def test_what_is_no_patch_is_a_bad_request(body, kind, words):
    assert refusal(body, kind) == words


def test_warnings_say_what_strict_would_refuse():
    body = b'{"spec":{"replica":1,"paused":true,"paused":true}}'
    change, repeated = read_patch(body, MERGE_PATCH, "Warn")
    after = merge_patch(BEFORE, change)
    obj, warnings = typed_result(after, change, MERGE_PATCH, Deployment, "Warn", repeated)
    assert obj.spec.paused
    assert warnings == ['duplicate field "spec.paused"', 'unknown field "spec.replica"']
    change, repeated = read_patch(body, MERGE_PATCH, "Ignore")
    assert typed_result(after, change, MERGE_PATCH, Deployment, "Ignore", repeated)[1] == []


def test_documents_are_shown_as_go_prints_them():
    assert go_shown({"b": [1, "x", None], "a": {"c": True}}) == "map[a:map[c:true] b:[1 x <nil>]]"
