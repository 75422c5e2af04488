"""Bodies become objects on the shortest way that says the same as the long one."""

import json

import msgspec
import pytest

from pikube.api.codec import load_yaml
from pikube.api.errors import BadRequest
from pikube.api.kinds.base import Struct
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
