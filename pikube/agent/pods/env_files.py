"""Pure: a variable out of a file that another container of the pod has written: lines NAME='value'.

Enter: the file's text, a name. Leaves: its value. Called where a container's environment is made. Source: kubernetes
pkg/kubelet/util/env/env_util.go:ParseEnv (a value may go over several lines, and nothing in it is special).
"""

from __future__ import annotations

from collections.abc import Iterator

BLANK = " \t"


class BadEnvFile(ValueError):
    """A file that is not to be read; the message says at which line."""


def value_in(text: str, name: str) -> str:
    """'' for a name that the file does not have. What is behind it is not looked at. Raises BadEnvFile."""
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, raw in lines:
        line = raw.lstrip(BLANK)
        if not line or line.startswith("#"):
            continue
        found, has_value, value = line.partition("=")
        if not has_value:
            raise _bad(number, "missing '='")
        if not found.rstrip(BLANK):
            raise _bad(number, "empty variable name")
        if found != found.rstrip(BLANK):
            raise _bad(number, "whitespace before '=' is not allowed")
        said = "" if value != value.lstrip(BLANK) else _quoted(number, value, lines)
        if found == name:
            return said
    return ""


def _quoted(number: int, value: str, lines: Iterator[tuple[int, str]]) -> str:
    if not value.startswith("'"):
        raise _bad(number, "value must be enclosed in single quotes")
    began, parts, rest = number, [], value[1:]
    while "'" not in rest:
        parts.append(rest)
        number, rest = next(lines, (0, ""))
        if not number:
            words = f"invalid environment variable format starting at line {began}: unclosed single quote"
            raise BadEnvFile(words)
    last, _, behind = rest.partition("'")
    if behind.lstrip(BLANK) and not behind.lstrip(BLANK).startswith("#"):
        raise _bad(number, "unexpected content after closing quote")
    return "\n".join([*parts, last])


def _bad(number: int, words: str) -> BadEnvFile:
    return BadEnvFile(f"invalid environment variable format at line {number}: {words}")
