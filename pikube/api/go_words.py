"""Pure: how Go reads texts, and what it says of those that it cannot read: JSON, YAML, times, base64. Clients show
these words, and people search for them.

Enter: the text that was refused. Leave: words. Sources: Go encoding/json scanner.go, time/format.go, encoding/base64;
go-yaml decode.go:fail.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from typing import Any

import yaml

LITERALS = ("true", "false", "null")
CONTEXTS = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}
"""Of Python's complaint and Go's."""
HEX = tuple("0123456789abcdefABCDEF")
END = "unexpected end of JSON input"
BOOLS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def parse_bool(text: str) -> bool | None:
    """As strconv.ParseBool reads it; None when it cannot."""
    return BOOLS.get(text)


def json_words(body: bytes) -> str:
    """What encoding/json says of bytes that are no JSON."""
    text = body.decode("latin-1")  # positions are those of bytes, as in Go
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return _json_words(text, error)
    except RecursionError:
        return f"invalid character {_quoted(text.lstrip()[:1])} exceeded max depth"
    except _ConstantError as error:
        return f"invalid character {_quoted(str(error)[0])} looking for beginning of value"
    return "invalid UTF-8 in string literal"  # Go is lenient here, we are not


class _ConstantError(Exception):
    """NaN and Infinity, which Python takes."""


def json_object_words(body: bytes) -> str:
    """What encoding/json says of bytes that are to be a map; '' when they are one."""
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except ValueError:
        return json_words(body)
    kinds = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    if found is None or isinstance(found, dict):
        return ""
    return f"json: cannot unmarshal {kinds[type(found)]} into Go value of type map[string]interface {{}}"


def _refuse_constant(name: str) -> Any:
    raise _ConstantError(name)


def _json_words(text: str, error: json.JSONDecodeError) -> str:
    kind, at = error.msg, error.pos
    if kind == "Unterminated string starting at":
        return END
    if kind == "Invalid \\escape":
        at += 1  # Python names the backslash, Go what follows it
    elif kind == "Invalid \\uXXXX escape":
        at = next((n for n in range(at + 1, at + 5) if text[n : n + 1] not in HEX), at)
    if kind == "Expecting value":
        found = re.match(r"-|[a-z]+", text[at:])
        word = found[0] if found else ""
        literal = next((one for one in LITERALS if word and one[0] == word[0]), "")
        if literal or word == "-":
            shared = next((n for n, c in enumerate(literal) if text[at + n : at + n + 1] != c), 1)
            expecting = f" (expecting {_quoted(literal[shared])})" if literal else ""
            where = f"in literal {literal}{expecting}" if literal else "in numeric literal"
            found_instead = (
                text[at + shared : at + shared + 1] or " "
            )  # Go adds a space to what ends too early
            return f"invalid character {_quoted(found_instead)} {where}"
    while text[at : at + 1] in (" ", "\t", "\r", "\n") and kind != "Invalid control character at":
        at += 1
    if at >= len(text):
        return END
    if kind == "Expecting ',' delimiter":
        where = "after object key:value pair" if _is_in_object(text[:at]) else "after array element"
    else:
        where = CONTEXTS.get(kind, "looking for beginning of value")
    return f"invalid character {_quoted(text[at])} {where}"


def _is_in_object(before: str) -> bool:
    """Whether the innermost thing that is open is an object."""
    opened = []
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', before):
        if mark in "[{":
            opened.append(mark)
        elif mark in "]}":
            opened.pop()
    return opened[-1:] == ["{"]


def _quoted(character: str) -> str:
    if character == "'":
        return "'\\''"
    if character == '"':
        return "'\"'"
    return f"'{json.dumps(character, ensure_ascii=False)[1:-1]}'"


def yaml_words(error: Exception) -> str:
    """What go-yaml says where PyYAML raised `error`."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return "yaml: " + " ".join(str(error).split())
    line = 0
    for mark in (error.problem_mark, error.context_mark):
        if mark is not None and mark.line:
            line = mark.line + isinstance(error, yaml.scanner.ScannerError)
            break
    return f"yaml: line {line}: {error.problem}" if line else f"yaml: {error.problem}"


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_LAYOUT = (
    *((r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T")),
    *((r"\d\d", "15"), (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d(?:[.,]\d+)?", "05")),
    (r"Z|[+-]\d\d:\d\d", "Z07:00"),
)


@lru_cache(maxsize=256)
def time_problem(text: str) -> str:
    """What time.Parse says of a text that is no RFC 3339 time; "" for one that is."""
    if _TIME.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            part = str(error).split()[0]  # "month must be in 1..12", "day is out of range for month"
            part = part if part in ("month", "day", "hour", "minute", "second") else "day"
            return f'parsing time "{text}": {part} out of range'
        return ""
    head, rest = f'parsing time {json.dumps(text)} as "2006-01-02T15:04:05Z07:00"', text
    for pattern, element in _LAYOUT:
        found = re.match(pattern, rest)
        if found is None:
            return f'{head}: cannot parse {json.dumps(rest)} as "{element}"'
        rest = rest[found.end() :]
    return f"parsing time {json.dumps(text)}: extra text: {json.dumps(rest)}"


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def base64_problem(text: str) -> str:
    """What encoding/base64 says of a text that is not in its standard form; "" for one that is. Line ends are
    nothing to it."""
    if _BASE64.fullmatch(text):
        return ""
    plain = text.replace("\r", "").replace("\n", "")
    found = _BASE64.match(plain)
    assert found is not None
    if found.end() == len(plain):
        return ""
    at = found.end()
    while at < len(plain) and (plain[at] in "+/" or (plain[at].isascii() and plain[at].isalnum())):
        at += 1
    if plain[at:] == "=" and at % 4 == 2:  # one more is missing
        return f"illegal base64 data at input byte {len(plain)}"
    if at == len(plain):  # too short: Go names the beginning of the group
        at = found.end()
    return f"illegal base64 data at input byte {at}"
