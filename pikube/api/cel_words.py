"""Pure: CEL as Kubernetes writes it, in words that the library reads.

Enter and leave: the text of an expression. Called by `cel`. What changes:

- members that are called as CEL's own words: `self.__namespace__`
- optional members whose value or absence is asked for at once: `a.?b.orValue(c)`, `a.?b.hasValue()`,
  `a.?b.optMap(v, f).orValue(c)`
- other optional values: `a.?b`, `a.?b.optMap(v, f)`; what is done with them the library knows
- the functions of the namespaces `sets` and `jsonpatch`
"""

from __future__ import annotations

import re

RESERVED = ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
            "namespace", "return", "var", "void", "while")  # fmt: skip
"""CEL's words that this library takes as names of members all the same."""
_ESCAPED_WORD = re.compile(r"\.__(" + "|".join(RESERVED) + r")__\b")
_TEXT = r"""(?:'[^'\\]*'|"[^"\\]*")"""
_CHAIN = (
    rf"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[(?:{_TEXT}|\d+)\])*)"  # what is there for sure
    rf"((?:\.\?[A-Za-z_]\w*|\[\?{_TEXT}\])(?:\.\??[A-Za-z_]\w*+(?!\s*\()|\[\??{_TEXT}\])*)"  # what may be
)
_OPTIONAL = re.compile(_CHAIN + r"\.(orValue|hasValue|optMap)\(")
_ALONE = re.compile(_CHAIN)
_OPTIONAL_STEP = re.compile(rf"\.\??([A-Za-z_]\w*)|\[\??({_TEXT})\]")
_SPACES = re.compile(r"(?<![\w.])(?:(sets)\.(contains|equivalent|intersects)|(jsonpatch)\.(escapeKey))\s*\(")
_QUOTED = re.compile(_TEXT)
_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*")


def readable(text: str) -> str:
    """The same expression for the library; what cannot be worded otherwise stays, and is refused there."""
    text = _ESCAPED_WORD.sub(r".\1", text)
    text = _SPACES.sub(lambda match: "_".join(filter(None, match.groups())) + "(", text)
    start = 0
    while (match := _OPTIONAL.search(text, start)) is not None:
        replaced = _asked_for(match, text)
        if replaced is None:
            start = match.end()
        else:
            text = replaced
    return _ALONE.sub(lambda match: f"optionalAt({match[1]}, [{_steps(match)}])", text)


def _steps(match: re.Match[str]) -> str:
    return ", ".join(f"'{name}'" if name else quoted for name, quoted in _OPTIONAL_STEP.findall(match[2]))


def _asked_for(match: re.Match[str], text: str) -> str | None:
    """The text with one optional chain in other words; None where there are none."""
    steps = _steps(match)
    before, after = text[: match.start()], text[match.end() :]
    if match[3] == "orValue":
        return f"{before}optionalOr({match[1]}, [{steps}], {after}"
    if match[3] == "hasValue":
        return f"{before}optionalHas({match[1]}, [{steps}]{after}"
    end = closing(after)
    if end is None:
        return None
    variable, comma, body = after[:end].partition(",")
    named = _NAME.fullmatch(variable)
    rest = re.match(r"\s*\.\s*orValue\s*\(", after[end + 1 :])
    if not comma or named is None:
        return None
    if rest is None:
        items = f"optionalItems({match[1]}, [{steps}]).map({named[1]}, {body.strip()})"
        return f"{before}optionalFirst({items}){after[end + 1 :]}"
    tail = after[end + 1 + rest.end() :]
    other = closing(tail)
    if other is None:
        return None
    value = f"[optionalOr({match[1]}, [{steps}], null)].map({named[1]}, {body.strip()})[0]"
    return f"{before}(optionalHas({match[1]}, [{steps}]) ? {value} : ({tail[:other].strip()})){tail[other + 1 :]}"


def closing(text: str) -> int | None:
    """Where the bracket closes that was opened just before the text."""
    depth, at = 1, 0
    while at < len(text):
        quoted = _QUOTED.match(text, at)
        if quoted is not None:
            at = quoted.end()
            continue
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
            if not depth:
                return at
        at += 1
    return None
