"""Pure: JSON pointers, RFC 6901.

Enter: `/metadata/labels/a~1b`. Leaves: `("metadata", "labels", "a/b")`, and back. Called by JSON patch and by
whoever builds one.
"""

from __future__ import annotations

from collections.abc import Iterable


def parse_pointer(text: str) -> tuple[str, ...] | None:
    """The unescaped steps of a pointer; () is the whole document, None is no pointer."""
    if not text:
        return ()
    if text[0] != "/":
        return None
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))


def render_pointer(steps: Iterable[str]) -> str:
    """The pointer of these steps."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
