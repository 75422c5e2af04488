"""Equality and copies of decoded JSON."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from json_strategies import documents

from pikube.api.equality import copy_of, is_equal


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (True, 1, False),
        ({"a": 0}, {"a": False}, False),
        (1, 1.0, True),
        ([1, [2]], [1, [2]], True),
        ([1], (1,), True),
        ([1, 2], [2, 1], False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": None}, {"b": None}, False),
        (None, False, False),
        ("1", 1, False),
        ({}, [], False),
    ],
)
def test_documents_are_equal_as_json_values(left, right, equal):
    assert is_equal(left, right) is equal
    assert is_equal(right, left) is equal


@given(documents)
def test_a_copy_is_equal_and_shares_nothing(document):
    original, copied = copy.deepcopy(document), copy_of(document)
    assert is_equal(copied, document)
    for value in copied.values():
        if isinstance(value, dict | list):
            value.clear()
    copied.clear()
    assert document == original
