"""Pure: sets of fields, in the very form managedFields keep them in (FieldsV1).

Enter and leave: trees such as `{"f:spec": {"f:replicas": {}, "f:ports": {".": {}, "k:{\\"port\\":80}": {}}}}`.
A step is `f:name`, `k:{key object}`, `v:scalar` or `i:index`; a step with nothing below it belongs to the set,
one with steps below it belongs to it only if "." is among them. Called by structured_merge, managed_fields and
apply; nothing is decoded or encoded, and no function changes what it is given.

Laws: union is commutative, associative and idempotent; a − b and a ∩ b part a; a − a is empty (see tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pikube.api.names import quoted

FieldSet = dict[str, Any]

SELF = "."
_encode = msgspec.json.Encoder(order="sorted").encode


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in either."""
    if not right or left == right:
        return left
    if not left:
        return right
    out = dict(left)
    for step, node in right.items():
        out[step] = _union_node(out[step], node) if step in out else node
    return out


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in left only."""
    if not right or not left:
        return left
    out: FieldSet = {}
    for step, node in left.items():
        if step == SELF:
            continue
        if step in right:
            rest = _difference_node(node, right[step])
            if rest is not None:
                out[step] = rest
        else:
            out[step] = node
    return out


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in both."""
    out: FieldSet = {}
    for step, node in left.items():
        if step != SELF and step in right:
            both = _intersection_node(node, right[step])
            if both is not None:
                out[step] = both
    return out


def is_member(node: FieldSet) -> bool:
    """Whether the step above this node belongs to the set itself."""
    return not node or SELF in node


def member(node: FieldSet | None) -> FieldSet:
    """The same node as a member."""
    return node if node is not None and is_member(node) else {SELF: {}, **(node or {})} if node else {}


def paths(fields: FieldSet) -> Iterator[tuple[str, ...]]:
    """Every path in the set, those of one level before those below them."""
    steps = sorted(step for step in fields if step != SELF)
    for step in steps:
        if is_member(fields[step]):
            yield (step,)
    for step in steps:
        for below in paths(fields[step]):
            yield (step, *below)


def contains(fields: FieldSet, path: tuple[str, ...]) -> bool:
    """Whether a path belongs to the set."""
    node: FieldSet | None = fields
    for step in path:
        node = node.get(step) if node is not None else None
    return node is not None and is_member(node)


def shown(path: tuple[str, ...]) -> str:
    """A path as conflicts name it: `.spec.template.spec.containers[name="app"].image`."""
    return "".join(map(_shown_step, path))


def field_step(name: str) -> str:
    """The step to a member."""
    return "f:" + name


def value_step(value: Any) -> str:
    """The step to an item of a set."""
    return "v:" + _encode(value).decode()


def key_step(keys: dict[str, Any]) -> str:
    """The step to an item of a keyed list."""
    return "k:" + _encode(keys).decode()


def normalized(fields: Any) -> FieldSet:
    """A tree from outside with its steps spelled as here, unknown ones left out.

    Raises: ValueError if it is no tree of steps.
    """
    if not isinstance(fields, dict):
        raise ValueError("fieldsV1 must be an object")
    out: FieldSet = {}
    for step, node in fields.items():
        if step == SELF:
            out[SELF] = {}
        elif (spelled := _normalized_step(step)) is not None:
            out[spelled] = normalized(node)
    return {} if out == {SELF: {}} else out


def _normalized_step(step: str) -> str | None:
    kind, text = step[:2], step[2:]
    if kind in ("f:", "i:"):
        return step
    if kind not in ("k:", "v:"):
        if kind[1:] != ":":
            raise ValueError(f"missing colon: {step}")
        return None
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"{step}: {error}") from None
    return kind + _encode(value).decode()


def _union_node(left: FieldSet, right: FieldSet) -> FieldSet:
    if left == right:
        return left
    if not left or not right:
        return member(left or right)
    return union(left, right)


def _difference_node(left: FieldSet, right: FieldSet) -> FieldSet | None:
    rest = difference(left, right) if left else {}
    if is_member(left) and not is_member(right):
        return member(rest or None)
    return (rest if SELF not in rest else {k: v for k, v in rest.items() if k != SELF}) or None


def _intersection_node(left: FieldSet, right: FieldSet) -> FieldSet | None:
    both = intersection(left, right)
    if is_member(left) and is_member(right):
        return member(both or None)
    return both or None


def _shown_step(step: str) -> str:
    kind, text = step[:2], step[2:]
    if kind == "f:":
        return "." + text
    if kind == "i:":
        return f"[{text}]"
    value = msgspec.json.decode(text)
    if kind == "v:":
        return f"[={_shown_value(value)}]"
    return "[" + ",".join(f"{name}={_shown_value(value[name])}" for name in sorted(value)) + "]"


def _shown_value(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else _encode(value).decode()
