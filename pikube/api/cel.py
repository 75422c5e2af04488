"""Pure: rules in CEL, the Common Expression Language, with the functions that Kubernetes adds to it.

Enter: the text of an expression, then variables. Leaves: a value, or CelError. Called by the validation of custom
objects, by match conditions of webhooks and by admission policies. The library is loaded when the first rule is met.

What it does not know (of optional values, those in plain lists and maps, and `optMap` of what is no chain of members)
makes an expression CelUnsupported, and whoever defines it is refused.
Source: kubernetes apiserver pkg/cel/library.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import re
import sys
import types
from collections.abc import Container, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol
from urllib.parse import urlsplit

from pikube.api import cel_authorizer, quantity
from pikube.api.cel_made import MADE, as_maps
from pikube.api.cel_words import readable


class CelError(Exception):
    """An expression that fails on these variables; the words are the evaluator's."""


class CelUnsupported(CelError):
    """An expression that cannot be read here."""


class CelMissing(CelUnsupported):
    """No expression can be read: there is no library for this processor."""


class _Program(Protocol):
    def execute(self, context: Any) -> Any: ...

    def functions(self) -> list[str]: ...

    def variables(self) -> list[str]: ...


class Expression:
    """A compiled expression. Two evaluations share nothing."""

    __slots__ = ("_names", "_program", "text")

    def __init__(self, text: str, program: _Program, names: frozenset[str]) -> None:
        self.text = text
        self._program = program
        self._names = names

    def check_names(self, declared: Container[str]) -> None:
        """Whether everything that it names is there; CelUnsupported, worded as cel-go words it."""
        for name in sorted(self._names):
            if name not in declared and name not in TYPES:
                at = max(0, self.text.find(name)) + 1
                raise CelUnsupported(
                    f"ERROR: <input>:1:{at}: undeclared reference to '{name}' (in container '')"
                )

    def value(self, variables: Mapping[str, Any]) -> Any:
        """What it is for these variables; CelError."""
        context = _library().Context()
        for name, function in FUNCTIONS.items():
            context.add_function(name, function)
        for name, value in variables.items():
            if isinstance(value, cel_authorizer.Asking):
                for step, function in {**cel_authorizer.STEPS, "check": value.check}.items():
                    context.add_function(step, function)
                value = value.document()
            context.add_variable(name, value)
        try:
            return self._program.execute(context)
        except KeyError as error:
            raise CelError(f"no such key: {error.args[0] if error.args else ''}") from None
        except (ValueError, TypeError, RuntimeError, OverflowError) as error:
            raise CelError(str(error)) from None

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Whether it is true; CelError, also when it is no bool."""
        value = self.value(variables)
        if not isinstance(value, bool):
            raise CelError("must evaluate to bool")
        return value


STANDARD = frozenset((
    "size", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double", "string", "bytes", "duration",
    "timestamp", "type", "dyn", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
    "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
))  # fmt: skip
"""What the library knows by itself."""
FOREIGN = frozenset(("math", "format"))
OPTIONALS = frozenset(("of", "none", "ofNonZeroValue", "hasValue", "value", "or", "orValue"))
"""What is done with optional values."""
KNOWN = STANDARD | OPTIONALS
"""Names that Kubernetes gives a meaning to, and we do not."""


@lru_cache(maxsize=2048)
def compile_expression(text: str) -> Expression:
    """Raises CelUnsupported."""
    made = MADE.search(text)
    if made is not None and as_maps(text) != text:
        raise CelUnsupported(
            f"ERROR: <input>:1:{made.start() + 1}: undeclared reference to '{made[1]}' (in container '')"
        )
    return _compiled(text, readable(text))


@lru_cache(maxsize=256)
def compile_mutation(text: str) -> Expression:
    """One that may make objects: `Object.spec{replicas: 1}` (`cel_made`). Raises CelUnsupported."""
    return _compiled(text, readable(as_maps(text)))


def _compiled(text: str, words: str) -> Expression:
    try:
        program = _library().compile(words)
    except ImportError:
        raise CelMissing("no CEL library is installed for this processor") from None
    except ValueError as error:
        raise CelUnsupported(str(error).partition("\n")[0]) from None
    foreign = [name for name in program.variables() if name in FOREIGN]
    foreign += [
        f
        for f in program.functions()
        if f.isidentifier() and f not in KNOWN and f not in FUNCTIONS and f not in cel_authorizer.STEPS
    ]
    if foreign:
        raise CelUnsupported(f"{foreign[0]!r} is not known here")
    bound = {match[1] for match in _BOUND.finditer(words)}
    return Expression(text, program, frozenset(program.variables()) - bound - {"optional"})


_BOUND = re.compile(r"\.(?:all|exists|exists_one|existsOne|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
TYPES = frozenset(
    ("bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint")
)


UNNAMEABLE = ("true", "false", "null", "in")
_ABSENT: Any = object()


def _optional(here: Any, steps: list[str]) -> Any:
    for step in steps:
        here = here.get(step, _ABSENT) if isinstance(here, dict) else _ABSENT
    return here


def _optional_or(here: Any, steps: list[str], otherwise: Any) -> Any:
    found = _optional(here, steps)
    return otherwise if found is _ABSENT else found


def _optional_items(here: Any, steps: list[str]) -> list[Any]:
    found = _optional(here, steps)
    return [] if found is _ABSENT else [found]


def _optional_first(items: list[Any]) -> Any:
    kind = _library().OptionalValue
    return kind.of(items[0]) if items else kind.none()


def escaped(name: str) -> str:
    """How expressions name a member whose own name they cannot write (kubernetes apiserver pkg/cel/escaping.go)."""
    if name in UNNAMEABLE:
        return f"__{name}__"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and "__" not in name:
        return name
    for char, word in (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__")):
        name = name.replace(char, word)
    return name


def _library() -> Any:
    """The extension module alone: its package imports a command line, which costs 25 MB and a quarter of a second."""
    if "cel.cel" not in sys.modules and "cel" not in sys.modules:
        spec = importlib.util.find_spec("cel")
        if spec is None or spec.origin is None:
            raise ImportError("cel")
        package = types.ModuleType("cel")
        package.__path__ = [spec.origin.rpartition("/")[0]]
        sys.modules["cel"] = package
    from cel import cel

    return cel


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "True", "TRUE", "t", "1"):
        return True
    if value in ("false", "False", "FALSE", "f", "0"):
        return False
    raise ValueError(f"type conversion error from {value!r} to bool")


def _index_of(where: Any, what: Any, start: int = 0) -> int:
    if isinstance(where, str):
        return where.find(what, start)
    return where.index(what) if what in where else -1


def _last_index_of(where: Any, what: Any) -> int:
    if isinstance(where, str):
        return where.rfind(what)
    return max((index for index, item in enumerate(where) if item == what), default=-1)


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if not separator:
        return list(text)
    return text.split(separator, count - 1) if count > 0 else text.split(separator)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise ValueError("index out of range")
    return text[start:stop]


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[0] if match else ""


def _find_all(text: str, pattern: str, count: int = -1) -> list[str]:
    found = [match[0] for match in re.finditer(pattern, text)]
    return found if count < 0 else found[:count]


def _is_sorted(items: list[Any]) -> bool:
    return all(left <= right for left, right in pairwise(items))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) or text.startswith("/")


def _url(text: str) -> dict[str, Any]:
    if not _is_url(text):
        raise ValueError(f"URL parse error during conversion from string: parse {text!r}: invalid URI")
    return {"url": text}


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "/" in text


def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except quantity.QuantityError:
        return False
    return True


def _quantity(text: str) -> dict[str, Any]:
    if not _is_quantity(text):
        raise ValueError(f"quantity parse error during conversion from string: {text}")
    return {"quantity": text}


def _compare(left: Mapping[str, Any], right: Mapping[str, Any]) -> int:
    return quantity.compare(left["quantity"], right["quantity"])


def _format(template: str, values: list[Any]) -> str:
    rest = iter(values)
    return re.sub(
        r"%(?:\.\d+)?[sdfegxXob]|%%", lambda m: "%" if m[0] == "%%" else _shown(m[0], next(rest)), template
    )


def _shown(verb: str, value: Any) -> str:
    if verb == "%s":
        return str(value).lower() if isinstance(value, bool) else str(value)
    return verb % value if verb[-1] in "dfegxXo" else format(value, "b")


FUNCTIONS: dict[str, Any] = {
    "bool": _bool,
    "sets_contains": lambda left, right: all(item in left for item in right),
    "sets_equivalent": lambda left, right: all(x in right for x in left) and all(x in left for x in right),
    "sets_intersects": lambda left, right: any(item in left for item in right),
    "jsonpatch_escapeKey": lambda key: key.replace("~", "~0").replace("/", "~1"),
    "optionalOr": _optional_or,
    "optionalHas": lambda here, steps: _optional(here, steps) is not _ABSENT,
    "optionalItems": _optional_items,
    "optionalFirst": _optional_first,
    "optionalAt": lambda here, steps: _optional_first(_optional_items(here, steps)),
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "replace": _replace,
    "split": _split,
    "join": lambda items, separator="": separator.join(items),
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "charAt": lambda text, at: text[at : at + 1],
    "format": _format,
    "find": _find,
    "findAll": _find_all,
    "isSorted": _is_sorted,
    "sum": sum,
    "min": min,
    "max": max,
    "isURL": _is_url,
    "url": _url,
    "getScheme": lambda url: urlsplit(url["url"]).scheme,
    "getHost": lambda url: urlsplit(url["url"]).netloc.rpartition("@")[2],
    "getHostname": lambda url: urlsplit(url["url"]).hostname or "",
    "getPort": lambda url: str(urlsplit(url["url"]).port or ""),
    "getEscapedPath": lambda url: urlsplit(url["url"]).path,
    "isIP": _is_ip,
    "ip": lambda text: str(ipaddress.ip_address(text)),
    "family": lambda text: ipaddress.ip_address(text).version,
    "isCIDR": _is_cidr,
    "cidr": lambda text: str(ipaddress.ip_network(text)),
    "containsIP": lambda network, address: ipaddress.ip_address(address) in ipaddress.ip_network(network),
    "isQuantity": _is_quantity,
    "quantity": _quantity,
    "isGreaterThan": lambda left, right: _compare(left, right) > 0,
    "isLessThan": lambda left, right: _compare(left, right) < 0,
    "compareTo": _compare,
    "asInteger": lambda value: quantity.bytes_of(value["quantity"]),
    "sign": lambda value: quantity.compare(value["quantity"], "0"),
}
"""By name; a method's first argument is what it is called on."""
