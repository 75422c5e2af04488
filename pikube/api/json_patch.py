"""Pure: JSON patch, RFC 6902 (`application/json-patch+json`).

Enter: a document and a list of operations, as builtins. Leaves: the patched document; what was given stays as
it was. Called by the patch handler.

The dialect is the one that kube-apiserver has spoken for years (evanphx/json-patch v4), since clients lean on
it: `replace` of a missing member adds it, `test` of a missing member against null holds, a negative index
counts from the end. Errors are kube-apiserver's too: a patch that cannot be read is 400, one that does not
apply is 422 and says no more than that; what failed stands in `PatchFailed.why`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pikube.api.equality import copy_of, is_equal
from pikube.api.errors import BadRequest, RequestEntityTooLarge, Unprocessable
from pikube.api.pointer import parse_pointer

MAX_OPERATIONS = 10_000
"""kubernetes apiserver `pkg/endpoints/handlers/patch.go:maxJSONPatchOperations`."""
MAX_COPIED_BYTES = 3 * 1024 * 1024
"""What all `copy` operations may add; a few that copy the whole into itself would double it each time."""

_INDEX = re.compile(r"[+-]?[0-9]{1,9}")
_GO_TYPES = ((bool, "bool"), (str, "string"), (int, "number"), (float, "number"), (dict, "object"))


class PatchFailed(Unprocessable):
    """A readable patch that does not apply to this document."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class TestFailed(PatchFailed):
    """A patch that holds only for another document, and says so by `test`."""


def json_patch(document: dict[str, Any], operations: Any) -> Any:
    """The document after all operations, or none of them.

    Raises: BadRequest, RequestEntityTooLarge, PatchFailed.
    """
    _check_shape(operations)
    root = [copy_of(document)]  # one list cell, so that the whole document has a place of its own
    copied_bytes = 0
    for operation in operations:
        kind, path = operation.get("op"), _pointer(operation, "path")
        if kind == "add":
            _add(root, path, copy_of(operation.get("value")))
        elif kind == "remove":
            _remove(root, path)
        elif kind == "replace":
            _replace(root, path, copy_of(operation.get("value")))
        elif kind == "move":
            source = _pointer(operation, "from")
            _add_moved(root, source, path)
        elif kind == "copy":
            value = _get(root, _pointer(operation, "from"))
            copied_bytes += len(msgspec.json.encode(value))
            if copied_bytes > MAX_COPIED_BYTES:
                raise PatchFailed(f"copy operations add more than {MAX_COPIED_BYTES} bytes")
            _add(root, path, copy_of(value))
        elif kind == "test":
            if not is_equal(_get(root, path), operation.get("value")):
                raise TestFailed(f"testing value {operation.get('path')} failed")
        else:
            raise PatchFailed(f"Unexpected kind: {kind}")
    return root[0]


def _check_shape(operations: Any) -> None:
    if not isinstance(operations, list):
        raise BadRequest(_cannot_unmarshal(operations, "jsonpatch.Patch"))
    if len(operations) > MAX_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )
    for operation in operations:
        if not isinstance(operation, dict):
            raise BadRequest(_cannot_unmarshal(operation, "jsonpatch.Operation"))


def _cannot_unmarshal(value: Any, wanted: str) -> str:
    sent = next((name for cls, name in _GO_TYPES if isinstance(value, cls)), "array")
    return f"json: cannot unmarshal {sent} into Go value of type {wanted}"


def _pointer(operation: dict[str, Any], member: str) -> tuple[str, ...]:
    text = operation.get(member)
    steps = parse_pointer(text) if isinstance(text, str) else None
    if steps is None:
        raise PatchFailed(f"{operation.get('op')} operation failed to decode {member}")
    return steps


def _parent(root: list[Any], path: tuple[str, ...]) -> tuple[Any, Any]:
    """The container that holds the last step of a path, and the key or index of it there."""
    container: Any = root
    key: Any = 0
    for step in path:
        container = _member(container, key)
        if isinstance(container, dict):
            key = step
        elif isinstance(container, list):
            key = step if step == "-" else _index(step)
        else:
            raise PatchFailed(f"doc is missing path: /{'/'.join(path)}")
    return container, key


def _index(step: str) -> int:
    if not _INDEX.fullmatch(step):
        raise PatchFailed(f"value was not a proper array index: '{step}'")
    return int(step)


def _member(container: Any, key: Any) -> Any:
    """The value at a key; a missing member of an object reads as null, a missing item fails."""
    if isinstance(container, dict):
        return container.get(key)
    if key == "-" or not -len(container) <= key < len(container):
        raise PatchFailed(f"Unable to access invalid index: {key}")
    return container[key]


def _get(root: list[Any], path: tuple[str, ...]) -> Any:
    return _member(*_parent(root, path))


def _add(root: list[Any], path: tuple[str, ...], value: Any) -> None:
    if not path:
        raise PatchFailed('add operation does not apply: doc is missing path: ""')
    container, key = _parent(root, path)
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        places = len(container) + 1
        if not -places <= key < places:
            raise PatchFailed(f"Unable to access invalid index: {key}")
        container.insert(key + places if key < 0 else key, value)


def _remove(root: list[Any], path: tuple[str, ...]) -> Any:
    """Take the value at a path away and return it."""
    if not path:
        raise PatchFailed('remove operation does not apply: doc is missing path: ""')
    container, key = _parent(root, path)
    if isinstance(container, dict) and key not in container:
        raise PatchFailed(f"Unable to remove nonexistent key: {key}")
    value = _member(container, key)
    del container[key]
    return value


def _replace(root: list[Any], path: tuple[str, ...], value: Any) -> None:
    if not path and not isinstance(value, dict | list):
        raise PatchFailed("replace operation value must be object or array")
    container, key = _parent(root, path)
    _member(container, key)
    container[key] = value


def _add_moved(root: list[Any], source: tuple[str, ...], path: tuple[str, ...]) -> None:
    if len(path) > len(source) and path[: len(source)] == source:
        raise PatchFailed("a value cannot be moved into itself")
    _add(root, path, _remove(root, source))
