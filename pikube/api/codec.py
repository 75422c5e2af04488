"""Pure: objects from the bytes of a request and back: JSON, YAML and protobuf in, canonical JSON out.

Enter: a body, its Content-Type and the class that the URL names. Leaves: a Struct. Every complaint is
the one that kubectl users know (kubernetes apimachinery runtime, sigs.k8s.io/json). Called by the
request path.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec
import yaml

from pikube.api.custom.objects import CustomObject
from pikube.api.custom.shaping import prune
from pikube.api.errors import BadRequest, UnsupportedMediaType
from pikube.api.go_words import base64_problem, json_words, time_problem, yaml_words
from pikube.api.kinds.base import Kind, Struct
from pikube.api.media_types import JSON, PROTOBUF, YAML, body_encoding
from pikube.api.protobuf import decode_message, unwrap
from pikube.api.schema import FieldInfo, fields_by_name, fields_of
from pikube.api.times import as_micro_time, as_time

K = TypeVar("K", bound=Kind)
S = TypeVar("S", bound=Struct)


_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
encode = msgspec.json.encode


def decode_body(body: bytes, content_type: str, cls: type[K]) -> K:
    """The object a client sent to a URL of kind `cls`. BadRequest, UnsupportedMediaType."""
    encoding = body_encoding(content_type)
    if encoding == JSON and b"null" not in body and not issubclass(cls, CustomObject):
        try:
            obj = msgspec.json.decode(body, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # the slow way words what is wrong
        else:
            check_kind(obj.api_version, obj.kind, cls)
            if settle_texts(obj, cls) is None:
                return obj
    return from_builtins(decode_builtins(body, encoding, cls), cls)


def decode_builtins(
    body: bytes, encoding: str, cls: type[Kind], twice: list[str] | None = None
) -> dict[str, Any]:
    """The document as builtins, whatever its encoding; the kind is checked. `twice` takes what YAML has twice."""
    if encoding == PROTOBUF and issubclass(cls, CustomObject):
        raise UnsupportedMediaType.of((JSON, YAML))
    if encoding == PROTOBUF:
        api_version, kind, message = unwrap(body)
        check_kind(api_version, kind, cls)
        document: Any = decode_message(message, cls)
    elif encoding == YAML:
        document = load_yaml(body, cls.names.kind, twice)
    else:
        document = load_json(body, cls.names.kind)
    if document is None:
        document = {}  # Go reads null into an object without a complaint
    if not isinstance(document, dict):
        words = f"json: cannot unmarshal {json_type(document)} into Go value of type {GO_TYPE_META}"
        raise unrecognized(f"couldn't get version/kind; json parse error: {words}", body, cls.names.kind)
    check_kind(_word(document, "apiVersion"), _word(document, "kind"), cls)
    return document


def _word(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


GO_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
SHOWN_BYTES = 30


def unrecognized(words: str, body: bytes, kind: str) -> BadRequest:
    """What cannot be read at all, with its beginning (kubernetes endpoints/handlers/rest.go:transformDecodeError)."""
    if body.startswith(b"{"):
        shown = body[:SHOWN_BYTES].decode("utf-8", "replace") + (" ..." if len(body) > SHOWN_BYTES else "")
    else:
        shown = body[:SHOWN_BYTES].hex() + (" ..." if len(body) > SHOWN_BYTES else "")
    return BadRequest(
        f"the object provided is unrecognized (must be of type {kind}): {words} ({shown or '<empty>'})"
    )


def load_json(body: bytes, kind: str = "Object") -> Any:
    """Parsed JSON; BadRequest with the parser's words."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        words = f"couldn't get version/kind; json parse error: {json_words(body)}"
        raise unrecognized(words, body, kind) from None


def load_yaml(body: bytes, kind: str = "", twice: list[str] | None = None) -> Any:
    """Parsed YAML as JSON builtins: keys become text, times stay text. `twice` takes a sentence about keys that a
    map has more than once. BadRequest, in the words of a create when the `kind` is named."""
    if body.startswith(b"{"):  # JSON is YAML, and a fifth of the work
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(body)
    loader = _loader()
    try:
        document = yaml.load(body, Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        words = f"error converting YAML to JSON: {yaml_words(error)}"
        raise (unrecognized(words, body, kind) if kind else BadRequest(words)) from None
    if twice is not None and loader.repeated:
        twice.append("yaml: unmarshal errors:\n" + "\n".join(loader.repeated))
    return _as_json(document)


def _loader() -> Any:
    class Loader(_YamlLoader):  # type: ignore[misc, valid-type]
        """Timestamps are not resolved: Kubernetes reads them as text. `repeated`: the keys that come twice, as
        go-yaml tells of them."""

        repeated: ClassVar[list[str]] = []

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if key.value in seen:
                        line = key.start_mark.line + 1
                        self.repeated.append(f'  line {line}: key "{key.value}" already set in map')
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    Loader.yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
        for first, rules in _YamlLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


def from_builtins(document: Mapping[str, Any], cls: type[K]) -> K:
    """The typed object; BadRequest names the first field of a wrong type as Go does."""
    anything: Any = cls
    if issubclass(anything, CustomObject):
        return custom_from_builtins(document, anything)  # type: ignore[return-value]
    try:
        return convert(document, cls)
    except WrongType as error:
        names = cls.names
        raise BadRequest(
            f'{names.kind} in version "{names.version}" cannot be handled as a {names.kind}: {error}'
        ) from None


class WrongType(Exception):
    """A value that its field cannot hold, in the words of encoding/json; `field` is None when it is not known.

    `is_element` tells whether the value is in the field's list or map, rather than in its place.
    """

    def __init__(self, words: str, value: Any, field: FieldInfo | None, is_element: bool = False) -> None:
        super().__init__(words)
        self.value = value
        self.field = field
        self.is_element = is_element


def convert(document: Mapping[str, Any], cls: type[S]) -> S:
    """The typed object of a built-in kind. Raises WrongType for the first field that cannot be."""
    try:
        # without a walk through the document: a null that the declaration takes means absent, too
        obj = msgspec.convert(document, cls, strict=True)
    except (msgspec.ValidationError, OverflowError):
        try:
            obj = msgspec.convert(without_nulls(document, cls), cls, strict=True)
        except (msgspec.ValidationError, OverflowError) as error:
            raise _wrong_type(str(error), document, cls) from None
    problem = settle_texts(obj, cls)
    if problem is not None:
        raise problem
    return obj


class _Texts(NamedTuple):
    """A field that holds a time or base64 itself (`says`), or in the structs that it is made of."""

    attribute: str
    field: FieldInfo
    says: Callable[[str], str] | None


_SAYS: dict[str, Callable[[str], str]] = {
    "date-time": time_problem,
    "micro-time": time_problem,
    "byte": base64_problem,
}


_RENDERED: dict[str, Callable[[str], str]] = {"date-time": as_time, "micro-time": as_micro_time}


def settle_texts(obj: Any, cls: type[Struct]) -> WrongType | None:
    """The first text that is not what its field means, a time or base64. Times become what Go writes; `obj` is its
    maker's to change."""
    for attribute, field, says in _texts_of(cls):
        value = getattr(obj, attribute)
        if not value:
            continue
        for one in value if field.is_list else value.values() if field.container else (value,):
            if says is None:
                assert field.struct is not None
                problem = settle_texts(one, field.struct)
                if problem is not None:
                    return problem
            elif one and (words := says(one)):
                return WrongType(words, one, field)
        if field.type in _RENDERED:
            setattr(obj, attribute, _RENDERED[field.type](value))
    return None


@cache
def _texts_of(cls: type[Struct]) -> tuple[_Texts, ...]:
    return _texts_in(cls, frozenset())


def _texts_in(cls: type[Struct], around: frozenset[type[Struct]]) -> tuple[_Texts, ...]:
    """What repeats itself (JSON schemas) has none."""
    found = []
    for field in fields_of(cls):
        if field.type in _SAYS:
            found.append(_Texts(field.attribute, field, _SAYS[field.type]))
        elif field.struct is None or field.struct in around:
            continue
        elif _texts_in(field.struct, around | {cls}):
            found.append(_Texts(field.attribute, field, None))
    return tuple(found)


def custom_from_builtins(document: Mapping[str, Any], cls: type[CustomObject]) -> CustomObject:
    """A custom object: only its metadata is typed, the rest is pruned to what its schema knows."""
    head = from_builtins({"metadata": document.get("metadata") or {}}, cls.head)
    content = copy.deepcopy({name: value for name, value in document.items() if name != "metadata"})
    made = cls.made(head.metadata, content)
    prune(made, cls.facts.schema)
    return made


def without_nulls(value: Any, cls: type[Struct] | None) -> Any:
    """`null` means absent in Go, except inside raw documents."""
    if cls is None or not isinstance(value, dict):
        return value
    known = fields_by_name(cls)
    out = {}
    for name, item in value.items():
        if item is None:
            continue
        field = known.get(name)
        if field is None or field.type == "raw":
            out[name] = item
        elif field.is_list and isinstance(item, list):
            out[name] = [without_nulls(element, field.struct) for element in item if element is not None]
        elif field.container and isinstance(item, dict):
            out[name] = {key: without_nulls(v, field.struct) for key, v in item.items() if v is not None}
        else:
            out[name] = without_nulls(item, field.struct)
    return out


def check_kind(api_version: str, kind: str, cls: type[Kind]) -> None:
    """The document's own apiVersion and kind must be those of the URL; left out they count as said."""
    names = cls.names
    if api_version in ("", names.api_version) and kind in ("", names.kind):
        return
    version, said = api_version or names.api_version, kind or names.kind
    if issubclass(cls, CustomObject):
        is_known, is_same = True, said == names.kind
        why = f"the kind in the data ({said}) does not match the expected kind ({names.kind})"
    else:
        is_known, is_same, why = _foreign(version, said, cls)
    if is_known and is_same:
        raise BadRequest(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({names.api_version})"
        )
    short = version.rpartition("/")[2]
    raise BadRequest(f'{said} in version "{short}" cannot be handled as a {names.kind}: {why}')


def _foreign(version: str, kind: str, cls: type[Kind]) -> tuple[bool, bool, str]:
    """(whether we know that kind, whether it is that of `cls` in another version, why it is not), in the words of
    Kubernetes' scheme, whose name is the place where it is made (apimachinery runtime/error.go, conversion)."""
    from pikube.api.served import SERVED

    known = {(info.names.api_version, info.names.kind) for info in SERVED}
    if (version, kind) not in known:
        where = "pkg/api/legacyscheme/scheme.go:30"
        return False, False, f'no kind "{kind}" is registered for version "{version}" in scheme "{where}"'
    group, _, short = version.rpartition("/")
    internal = (cls.names.group or "core").partition(".")[0]
    is_event = kind == "Event" == cls.names.kind  # two groups, one kind
    is_same = is_event or (kind == cls.names.kind and group == cls.names.group)
    why = f"converting ({short}.{kind}) to ({internal}.{cls.names.kind}): unknown conversion"
    return True, is_same, why


_PATH = re.compile(r"`\$\.?(.*)`$")


def _wrong_type(message: str, document: Any, cls: type[Struct]) -> WrongType:
    """msgspec's complaint in the words of encoding/json."""
    match = _PATH.search(message)
    path = [part for part in re.split(r"\.|\[([^\]]*)\]", match[1] if match else "") if part]
    here: Any = document
    owner: type[Struct] | None = cls
    names: list[str] = []
    field: FieldInfo | None = None
    is_element = False
    for part in path:
        if part == "...":
            here, owner, field = _descend_map(here, field)
            is_element = True
            continue
        if isinstance(here, list) and part.isdigit():
            here = here[int(part)]
            owner = field.struct if field is not None else None
            is_element = True
            continue
        is_element = False
        if owner is not None and part in fields_by_name(owner):
            names.append(part)
            last_owner, field = owner, fields_by_name(owner)[part]
            owner = field.struct
            struct_name = last_owner.__name__
        here = here.get(part) if isinstance(here, Mapping) else None
    if field is None:
        return WrongType(f"json: {message}", here, None)
    return WrongType(
        f"json: cannot unmarshal {json_type(here)} into Go struct field "
        f"{struct_name}.{'.'.join(names)} of type {_go_type(field, here)}",
        here,
        field,
        is_element,
    )


def _descend_map(here: Any, field: FieldInfo | None) -> tuple[Any, type[Struct] | None, FieldInfo | None]:
    """msgspec says `...` for a map's value without naming the key: take the first that is of a wrong type."""
    if isinstance(here, Mapping):
        odd = [item for item in here.values() if not isinstance(item, str)]
        return (odd or [None])[0], field.struct if field is not None else None, field
    return here, None, field


def json_type(value: Any) -> str:
    """What encoding/json calls it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Sequence):
        return "array"
    return "object" if isinstance(value, Mapping) else "null"


_GO = {
    "string": "string", "boolean": "bool", "int32": "int32", "int64": "int64", "number": "float64",
    "date-time": "v1.Time", "micro-time": "v1.MicroTime", "quantity": "resource.Quantity",
    "int-or-string": "intstr.IntOrString", "byte": "[]uint8", "duration": "v1.Duration", "any": "interface {}",
}  # fmt: skip


def _go_type(field: FieldInfo, value: Any) -> str:
    inner = f"v1.{field.struct.__name__}" if field.struct is not None else _GO.get(field.type, field.type)
    if field.is_list and not isinstance(value, list | tuple):
        return f"[]{inner}"
    if field.is_map and not isinstance(value, str | int | float | bool):
        return f"map[string]{inner}"
    return inner
