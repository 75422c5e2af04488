"""Bodies become objects on the shortest way that says the same as the long one."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.codec import decode_body, load_json, load_yaml
from pikube.api.errors import BadRequest
from pikube.api.field_validation import field_problems
from pikube.api.kinds.base import Struct
from pikube.api.kinds.core_config import ConfigMap, Event
from pikube.api.schema import fields_of
from pikube.api.served import SERVED


def structs():
    """Every class that a built-in kind is made of."""
    found, todo = set(), [info.cls for info in SERVED if issubclass(info.cls, Struct)]
    while todo:
        cls = todo.pop()
        if cls not in found:
            found.add(cls)
            todo += [field.struct for field in fields_of(cls) if field.struct is not None]
    return sorted(found, key=lambda cls: (cls.__module__, cls.__name__))


def test_a_null_that_a_declaration_takes_means_absent():
    for cls in structs():
        for field in fields_of(cls):
            if field.type == "raw":
                continue  # a document of somebody else's, where null is a value
            try:
                made = msgspec.convert({field.name: None}, cls, strict=True)
            except msgspec.ValidationError:
                continue
            assert getattr(made, field.attribute) == getattr(cls(), field.attribute), (cls, field.name)


def test_json_is_read_as_the_yaml_that_it_is():
    document = {"a": [1, 2.5, None, True], "b": {"c": "2001-01-01", "d": "x\n\U0001f353", "e": ""}}
    assert load_yaml(json.dumps(document).encode()) == document
    assert load_yaml(b"{a: 1, b: [x, 'y']}") == {"a": 1, "b": ["x", "y"]}


@pytest.mark.parametrize("body", [b'{"a": ', b"{" * 100_000, b'{"a": "\xff"}', b'{"a" 1}'])
def test_what_is_neither_is_refused(body):
    with pytest.raises(BadRequest, match="error converting YAML to JSON: yaml: "):
        load_yaml(body)


names = st.sampled_from(["a", "b", '":', "c d"])
values = st.recursive(
    st.one_of(st.none(), st.integers(), st.sampled_from(["", '":', '\\":1', "x : y"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=10,
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])


@given(st.dictionaries(names, values, max_size=3), separators)
def test_what_is_said_once_is_not_said_twice(document, between):
    assert not [p for p in problems(json.dumps(document, separators=between)) if p.startswith("duplicate")]


@given(st.dictionaries(names, values, min_size=1, max_size=3), separators, st.data())
def test_what_is_said_twice_is_found(document, between, data):
    key = data.draw(st.sampled_from(sorted(document)))
    text = json.dumps(document, separators=between)
    twice = f"{text[:-1]},{json.dumps(key)} {between[1]}1}}"
    assert f'unknown field "{key}"' in problems(twice)  # what is unknown, too, is not said to come twice
    assert f'duplicate field "data.{key}"' in problems(f'{{"data":{twice}}}')


def problems(text):
    return field_problems(load_json(text.encode()), ConfigMap, text.encode())


def test_problems_are_told_in_the_order_of_the_document():
    text = """{"zzz": 1, "metadata": {"foo": 1, "name": "a", "name": "b", "ownerReferences": [
        {"kind": "K", "kind": "L", "x": 1}]}, "data": {"x": "1", "x": "2"}, "spec": 1, "spec": 2,
        "data": {"y": "1"}}"""
    assert problems(text) == [
        'unknown field "zzz"',
        'unknown field "metadata.foo"',
        'duplicate field "metadata.name"',
        'duplicate field "metadata.ownerReferences[0].kind"',
        'unknown field "metadata.ownerReferences[0].x"',
        'duplicate field "data.x"',
        'unknown field "spec"',
        'duplicate field "data"',
    ]


@pytest.mark.parametrize(
    ("written", "seconds", "micros"),
    [
        ("2026-11-27T17:50:01Z", "2026-11-27T17:50:01Z", "2026-11-27T17:50:01.000000Z"),
        ("2026-11-27T17:50:01.516Z", "2026-11-27T17:50:01Z", "2026-11-27T17:50:01.516000Z"),
        ("2026-11-27T17:50:01.516123+02:00", "2026-11-27T15:50:01Z", "2026-11-27T15:50:01.516123Z"),
        ("0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00"),
    ],
)
def test_times_are_kept_as_go_writes_them(written, seconds, micros):
    """JavaScript sends milliseconds, Python's isoformat an offset."""
    body = {"eventTime": written, "firstTimestamp": written}
    body["metadata"] = {"managedFields": [{"manager": "m", "time": written}], "annotations": {"a": written}}
    event = decode_body(msgspec.json.encode(body), "application/json", Event)
    assert (event.event_time, event.first_timestamp) == (micros, seconds)
    assert event.metadata.managed_fields[0].time == seconds
    assert event.metadata.annotations == {"a": written}
    assert decode_body(msgspec.json.encode(event), "application/json", Event) == event
