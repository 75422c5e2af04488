"""Pure: durations as Go writes and reads them: `300ms`, `1h2m3.5s`.

Enters: a text. Leaves: seconds, or what Go says of it. Source: Go time/format.go:ParseDuration.
"""

from __future__ import annotations

import re

from pikube.api.names import quoted

UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)


class BadDuration(ValueError):
    """What Go says of a text that is no duration."""


def parse_duration(text: str) -> float:
    """Seconds. Raises BadDuration."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    sign = -1.0 if text[:1] == "-" else 1.0
    if rest == "0":
        return 0.0
    if not rest:
        raise BadDuration(f"time: invalid duration {quoted(text)}")
    total = 0.0
    while rest:
        part = _PART.match(rest)
        if part is None:
            raise BadDuration(f"time: invalid duration {quoted(text)}")
        number, unit = part.groups()
        if not unit:
            raise BadDuration(f"time: missing unit in duration {quoted(text)}")
        if unit not in UNITS_S:
            raise BadDuration(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
        total += float(number) * UNITS_S[unit]
        rest = rest[part.end() :]
    return sign * total
