"""Pure: the OpenAPI v2 documents of others as a part of ours, for kubectl before 1.27 and generators of clients.

Enter: a document that an extension API server gave, ours. Leave: what of the first concerns its group and version,
and the one document of all. Whatever does not have the shape of such a document is left out, so that no extension
breaks ours. Called by the leader's aggregation and its documents. Source: kube-openapi pkg/aggregator/aggregator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pikube.api.openapi_shapes import MESSAGES, ONE_OF, REF, Part, X, chosen

DEFINITIONS = "#/definitions/"
PARAMETERS = "#/parameters/"
GVK = "x-kubernetes-group-version-kind"
DEEPEST = 100  # levels; what is deeper is no schema that anybody wrote
DEEPEST_VALUE = 20
LARGEST = 1 << 63

Document = dict[str, Any]
Rename = Callable[[str], str]


def part_of(document: Any, group: str, version: str) -> Document:
    """The paths of one group and version, with the definitions and parameters that they need. ValueError for what is
    no document of version 2."""
    if not isinstance(document, dict) or document.get("swagger") != "2.0":
        raise ValueError("this is no OpenAPI document of version 2.0")
    named = {name: document.get(name) for name in ("paths", "definitions", "parameters")}
    clean = _body("Document", {name: value for name, value in named.items() if value}, _same, 0)
    return _of_paths(clean, lambda path: path.startswith(f"/apis/{group}/{version}/"))


def merged(ours: Document, parts: Iterable[Document]) -> Document:
    """Everything in one document. Our paths come first; a definition that says something else than another of its
    name gets a name of its own."""
    out = {**ours, "parameters": dict(ours.get("parameters", {}))}
    out |= {name: dict(ours[name]) for name in ("paths", "definitions")}
    for part in parts:
        new = _of_paths(part, lambda path: path not in out["paths"])
        names: dict[str, str] = {}
        for kind, prefix in (("definitions", DEFINITIONS), ("parameters", PARAMETERS)):
            names |= {prefix + a: prefix + b for a, b in _new_names(new[kind], out[kind]).items()}
        new = _body("Document", new, lambda ref, names=names: names.get(ref, ref), 0)  # type: ignore[misc]
        for kind, prefix in (("definitions", DEFINITIONS), ("parameters", PARAMETERS)):
            for name, value in new[kind].items():
                name = names.get(prefix + name, prefix + name).removeprefix(prefix)
                out[kind][name] = _with_kinds(out[kind].get(name, value), value)
        out["paths"] |= new["paths"]
    for kind in ("paths", "definitions", "parameters"):
        out[kind] = dict(sorted(out[kind].items()))
    return out if out["parameters"] else {name: value for name, value in out.items() if name != "parameters"}


def _of_paths(document: Document, is_wanted: Callable[[str], bool]) -> Document:
    """A clean document with some of its paths, and what they need."""
    paths = {path: item for path, item in document.get("paths", {}).items() if is_wanted(path)}
    needed: set[str] = set()

    def note(ref: str) -> str:
        if ref not in needed:
            needed.add(ref)
            _body("Document", _behind(document, ref), note, 0)
        return ref

    _body("Document", {"paths": paths}, note, 0)
    found: Document = {"paths": paths}
    for kind, prefix in (("definitions", DEFINITIONS), ("parameters", PARAMETERS)):
        found[kind] = {n: value for n, value in document.get(kind, {}).items() if prefix + n in needed}
    return found


def _behind(document: Document, ref: str) -> Document:
    """What a reference leads to."""
    for kind, prefix in (("definitions", DEFINITIONS), ("parameters", PARAMETERS)):
        name = ref.removeprefix(prefix)
        if ref.startswith(prefix) and name in document.get(kind, {}):
            return {kind: {name: document[kind][name]}}
    return {}


def _new_names(theirs: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, str]:
    """Of definitions that say something else than those that have their names."""
    names: dict[str, str] = {}
    used = set(taken)
    for name, value in theirs.items():
        if name not in taken or _without_kinds(taken[name]) == _without_kinds(value):
            continue
        number, new = 2, f"{name}_v2"
        while new in taken and _without_kinds(taken[new]) != _without_kinds(value):
            number, new = number + 1, f"{name}_v{number + 1}"
        while new not in taken and (new in used or new in theirs):
            number, new = number + 1, f"{name}_v{number + 1}"
        names[name] = new
        used.add(new)
    return names


def _without_kinds(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != GVK}


def _with_kinds(schema: Document, other: Document) -> Document:
    """A definition that two documents have, for the kinds of both."""
    kinds, more = schema.get(GVK), other.get(GVK)
    if not isinstance(more, list) or kinds == more:
        return schema
    kinds = kinds if isinstance(kinds, list) else []
    return {**schema, GVK: [*kinds, *(kind for kind in more if kind not in kinds)]}


def _same(ref: str) -> str:
    return ref


def _body(shape: str, value: Mapping[str, Any], rename: Rename, depth: int) -> Document:
    """A message with all that has its shape, and other references."""
    parts = MESSAGES[shape]
    out: Document = {}
    for name, inner in value.items():
        part = parts.get(name)
        if part is None:
            if name.startswith(X) and X in parts and _is_flat(inner, DEEPEST_VALUE):
                out[name] = inner
        elif name == REF:
            out |= {REF: rename(inner)} if isinstance(inner, str) else {}
        elif (clean := _field(part, inner, rename, depth)) is not None:
            out[name] = clean
    return out


def _field(part: Part, value: Any, rename: Rename, depth: int) -> Any:
    if part.many == "list":
        items = value if isinstance(value, list) else ()
        cleaned = (_one(part.shape, item, rename, depth) for item in items)
        return [item for item in cleaned if item is not None] or None
    if part.many == "map":
        entries = value.items() if isinstance(value, dict) else ()
        named = ((name, _one(part.shape, inner, rename, depth)) for name, inner in entries)
        return {name: inner for name, inner in named if inner is not None}
    return _one(part.shape, value, rename, depth)


def _one(shape: str, value: Any, rename: Rename, depth: int) -> Any:
    """None for what does not have the shape."""
    if shape in ONE_OF:
        shape, _ = chosen(shape, value)
    match shape:
        case "any":
            return value if _is_flat(value, DEEPEST_VALUE) else None
        case "text":
            return value if isinstance(value, str) else None
        case "bool":
            return value if isinstance(value, bool) else None
        case "int":
            is_one = isinstance(value, int) and not isinstance(value, bool) and -LARGEST <= value < LARGEST
            return value if is_one else None
        case "number":
            is_one = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
            return value if is_one else None
    if not shape or not isinstance(value, dict) or depth >= DEEPEST:
        return None
    return _body(shape, value, rename, depth + 1)


def _is_flat(value: Any, depth: int) -> bool:
    """Whether a default or an example has few levels."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_flat(one, depth - 1) for one in inner)
    return True
