"""Pure: the string formats of structural schemas, and their patterns.

Called by the validation of custom objects. Sources: kubernetes kube-openapi pkg/validation/strfmt; the list of
formats is apiextensions-apiserver's supportedFormats, an unknown one is no demand.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache


@lru_cache(maxsize=1024)
def pattern_of(text: str) -> re.Pattern[str] | None:
    """A Go pattern as Python's; None for the few that Python cannot read, which then demand nothing."""
    text = text.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[0-9A-Za-z]").replace("(?P=", "(?:")
    text = re.sub(r"\[:(\w+):\]", lambda match: _POSIX.get(match[1], ""), text)
    try:
        return re.compile(text)
    except re.error:
        return None


_POSIX = {"alnum": "0-9A-Za-z", "alpha": "A-Za-z", "digit": "0-9", "lower": "a-z", "upper": "A-Z",
          "space": r"\s", "xdigit": "0-9A-Fa-f", "word": r"\w"}  # fmt: skip


def is_of_format(value: str, name: str) -> bool:
    """Whether a text has a format; of formats that nobody knows every text is."""
    check = _CHECKS.get(name.replace("_", "-"))
    if check is None:
        return True
    try:
        return check(value)
    except (ValueError, TypeError, binascii.Error):
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_date_time(value: str) -> bool:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", value):
        return False
    text = re.sub(r"\.(\d{1,6})\d*", lambda match: "." + match[1].ljust(6, "0"), value.upper())
    datetime.fromisoformat(text.replace("Z", "+00:00"))
    return True


def _is_date(value: str) -> bool:
    date.fromisoformat(value)
    return len(value) == 10


def _is_base64(value: str) -> bool:
    base64.b64decode(value, validate=True)
    return True


def _is_ipv4(value: str) -> bool:
    return ipaddress.ip_address(value).version == 4


def _is_ipv6(value: str) -> bool:
    return ipaddress.ip_address(value).version == 6


def _is_cidr(value: str) -> bool:
    ipaddress.ip_network(value, strict=False)
    return "/" in value


_UUID = r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
_CHECKS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_date_time,
    "datetime": _is_date_time,
    "date": _is_date,
    "duration": _matches(r"-?(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w|[a-z]+)\s*)+|0"),
    "byte": _is_base64,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _is_cidr,
    "mac": _matches(r"(?i)[0-9a-f]{2}([:-])([0-9a-f]{2}\1){4}[0-9a-f]{2}"),
    "uuid": _matches(_UUID),
    "uuid3": _matches(_UUID),
    "uuid4": _matches(_UUID),
    "uuid5": _matches(_UUID),
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "uri": _matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+|/.*"),
    "hostname": _matches(r"(?i)[a-z0-9_]([a-z0-9_-]{0,62})?(\.[a-z0-9_]([a-z0-9_-]{0,62})?)*\.?"),
    "hexcolor": _matches(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
}
