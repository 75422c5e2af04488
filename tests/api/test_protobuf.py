"""Protobuf both ways: what is written is read again, and the bytes are upstream's."""

import base64
import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import examples

from pikube.api.kinds.base import Struct
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_container import EphemeralContainer, Probe
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.extensions import CustomResourceDefinition, JSONSchemaProps
from pikube.api.kinds.metrics import PodMetrics
from pikube.api.protobuf import decode_message, unwrap
from pikube.api.protobuf_writer import encode_document, encode_list, encode_message, frame, varint
from pikube.api.schema import fields_of
from pikube.api.served import SERVED

CLASSES = [info.cls for info in SERVED if issubclass(info.cls, Struct)]
words = st.text("abcé-/", max_size=200)
seconds = st.datetimes(datetime.datetime(1970, 1, 2), datetime.datetime(9999, 1, 1)).map(
    lambda at: at.replace(microsecond=0)
)
SCALARS = {
    "string": words,
    "boolean": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(-1e6, 1e6, width=32),
    "byte": st.binary(max_size=200).map(lambda data: base64.b64encode(data).decode()),
    "date-time": seconds.map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")),
    "micro-time": seconds.map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.000123Z")),
    "quantity": st.sampled_from(["1", "500m", "1Gi"]),
    "int-or-string": st.one_of(st.integers(-(2**31), 2**31 - 1), words),
    "raw": st.sampled_from([1, "a", [1, {"b": None}], {"c": {}}, False]),
    "duration": st.sampled_from(["30s", "1m0s", "1h30m0s", "1.5s", "250ms", "15µs", "0s", "-2m0.25s"]),
}


@st.composite
def documents(draw, cls, depth=4):
    """A document in the shape of a declaration. Empty lists and maps are left out: protobuf has none."""
    known = [field for field in fields_of(cls) if field.facts.number and (depth or field.struct is None)]
    chosen = draw(st.lists(st.sampled_from(known), max_size=5, unique_by=id)) if known else []
    return {field.name: draw(values(field, depth)) for field in chosen}


def as_json(schema):
    """Without what is empty, as a document that stays plain is read."""
    return msgspec.to_builtins(msgspec.convert(schema, JSONSchemaProps))


def values(field, depth):
    if field.facts.either:
        schema = documents(JSONSchemaProps, max(0, depth - 2)).map(as_json)
        other = {"list": st.lists(schema, min_size=1, max_size=2), "bool": st.booleans()}
        one = st.one_of(schema, other.get(field.facts.either, st.lists(words, min_size=1, max_size=2)))
    elif field.struct is not None:
        one = documents(field.struct, depth - 1)
    else:
        one = SCALARS[field.type]
    if field.container == "list":
        return st.lists(one, min_size=1, max_size=3)
    if field.container == "map":
        return st.dictionaries(words, one, min_size=1, max_size=3)
    if field.container == "map-of-lists":
        return st.dictionaries(words, st.lists(one, max_size=3), min_size=1, max_size=3)
    return one


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.names.group}.{cls.names.kind}")
def test_what_is_written_is_read_again(cls):
    @examples(25)
    @given(documents(cls))
    def holds(document):
        assert decode_message(encode_message(document, cls), cls) == document

    holds()


def test_every_field_of_a_kind_has_a_number():
    for cls in CLASSES:
        for field in fields_of(cls):
            assert field.facts.number or field.name in ("kind", "apiVersion"), (cls, field.name)


def test_an_object_as_clients_expect_it():
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
    written = encode_document(document, ConfigMap)
    assert unwrap(written) == ("v1", "ConfigMap", b"\x0a\x03\x0a\x01a\x12\x06\x0a\x01k\x12\x01v")
    assert written.startswith(b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12")
    assert written.endswith(b"\x1a\x00\x22\x00")  # Go always writes encoding and type of the content


def test_a_list_and_a_frame():
    item = b'{"metadata":{"name":"a"}}'
    api_version, kind, message = unwrap(
        encode_list("v1", "SecretList", {"resourceVersion": "7"}, [item], Secret)
    )
    assert (api_version, kind) == ("v1", "SecretList")
    assert message == b"\x0a\x03\x12\x017" + b"\x12\x05\x0a\x03\x0a\x01a"
    assert frame("ADDED", b"xyz") == b"\x00\x00\x00\x0e\x0a\x05ADDED\x12\x05\x0a\x03xyz"


@pytest.mark.parametrize(
    ("cls", "document", "message"),
    [
        (Pod, {"spec": {"priority": -1}}, b"\x12\x0c\xc8\x01" + b"\xff" * 9 + b"\x01"),
        (Pod, {"metadata": {"creationTimestamp": None}, "spec": {}}, b"\x0a\x00\x12\x00"),
        (PodMetrics, {"window": "1m30s"}, b"\x1a\x07\x08" + varint(90 * 10**9)),
        (Secret, {"data": {"b": "AQ==", "a": ""}}, b"\x12\x05\x0a\x01a\x12\x00\x12\x06\x0a\x01b\x12\x01\x01"),
        (  # a probe's handler and an ephemeral container's fields are messages that JSON writes inline
            Probe,
            {"tcpSocket": {"port": 80}, "periodSeconds": 3},
            b"\x20\x03\x0a\x0a\x1a\x08\x0a\x06\x08\x00\x10\x50\x1a\x00",
        ),
        (EphemeralContainer, {"targetContainerName": "a", "tty": True}, b"\x12\x01a\x0a\x03\x90\x01\x01"),
    ],
)
def test_what_is_special(cls, document, message):
    written = encode_message(document, cls)
    assert written == message


def test_a_schema_may_be_something_else_than_a_schema():
    """JSONSchemaPropsOrArray and its kin are messages; the rules of a schema are a plain repeated field."""
    schema = {
        "items": {"type": "string"},
        "additionalProperties": True,
        "dependencies": {"a": ["b"]},
        "x-kubernetes-validations": [{"rule": "true"}],
    }
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}}
    written = encode_message({"spec": {"versions": [version]}}, CustomResourceDefinition)
    assert b"\xc2\x01\x0a\x0a\x08\x2a\x06string" in written  # field 24: {schema = 1: {type = 5}}
    assert b"\xf2\x01\x02\x08\x01" in written  # field 30: {allows = 1}
    assert b"\xe2\x02\x06\x0a\x04true" in written  # field 44: {rule = 1}
    assert decode_message(written, CustomResourceDefinition)["spec"]["versions"] == [version]


def test_what_go_writes_of_a_schema_that_says_nothing_is_nothing():
    """Go writes empty texts and false, too; below `items` they would become a part of what is published."""
    empty = {"type": "string", "id": "", "pattern": "", "uniqueItems": False, "$schema": ""}
    listed = {"type": "array", "items": {**empty, "items": empty}}
    written = encode_message(
        {"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": listed}}]}},
        CustomResourceDefinition,
    )
    [version] = decode_message(written, CustomResourceDefinition)["spec"]["versions"]
    assert version["schema"]["openAPIV3Schema"]["items"] == {"type": "string", "items": {"type": "string"}}
