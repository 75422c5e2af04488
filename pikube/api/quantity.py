"""Pure: resource quantities, the numbers of `requests`, `limits`, capacities and quotas.

Enter: `500m`, `1.5Gi`, `12e6`, or the number a YAML file held. Leave: an exact `Amount`, the canonical text
that Kubernetes stores, or millicores and bytes. Called by defaulting, validation, the scheduler, quotas,
metrics and the agent's cgroup limits.

The rules are those of kubernetes apimachinery `pkg/api/resource/quantity.go`: values are kept to a
billionth and rounded away from zero, binary values are capped at 2**63-1, and text comes back in the family
of suffixes it was written in (decimal, binary or exponent).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

DECIMAL, BINARY, EXPONENT = "DecimalSI", "BinarySI", "DecimalExponent"

NANO = 10**9
_BINARY_CAP_NANO = (2**63 - 1) * NANO
_MAX_EXPONENT = 63
"""Beyond 10**63 a quantity is refused: Kubernetes keeps such numbers as text it can do nothing with, and
expanding `1e1000000000` would cost a small board its memory."""

_DECIMAL_SUFFIXES = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL_SUFFIXES.items()}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_NAMES = {0: "", **{power: suffix for suffix, power in _BINARY_SUFFIXES.items()}}

_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_FORMAT_WORDS = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_NUMERIC_WORDS = "unable to parse numeric part of quantity"
_SUFFIX_WORDS = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """Text that is no quantity; the message is the one of Kubernetes."""


class Amount(NamedTuple):
    """An exact value in billionths, the suffix family it is written in, and its canonical text."""

    nano: int
    format: str
    text: str


def parse(quantity: str | int | float) -> Amount:
    """Read a quantity as text or as a JSON number.

    Raises: QuantityError.
    """
    if isinstance(quantity, str):
        return _parse_text(quantity)
    if isinstance(quantity, bool) or not isinstance(quantity, int | float):
        raise QuantityError(_FORMAT_WORDS)
    return _parse_text(repr(quantity))


def canonical(quantity: str | int | float) -> str:
    """The text Kubernetes stores: `0.5` → `500m`, `1024Mi` → `1Gi`, `1.5Gi` → `1536Mi`."""
    return parse(quantity).text


def cpu_millicores(quantity: str | int | float) -> int:
    """Thousandths of a core, rounded away from zero."""
    return _divide_away_from_zero(parse(quantity).nano, 10**6)


def bytes_of(quantity: str | int | float) -> int:
    """Whole units (bytes, pods, …), rounded away from zero."""
    return _divide_away_from_zero(parse(quantity).nano, NANO)


def compare(left: str | int | float, right: str | int | float) -> int:
    """-1, 0 or 1 as left is less than, equal to or greater than right."""
    a, b = parse(left).nano, parse(right).nano
    return (a > b) - (a < b)


def add(left: str | int | float, right: str | int | float) -> str:
    """The sum in left's suffix family, or in right's when left is zero."""
    return _combine(parse(left), parse(right), 1)


def subtract(left: str | int | float, right: str | int | float) -> str:
    """The difference in left's suffix family, or in right's when left is zero."""
    return _combine(parse(left), parse(right), -1)


def from_nano(nano: int, family: str = DECIMAL) -> str:
    """Canonical text of a value in billionths; `family` is DECIMAL, BINARY or EXPONENT."""
    if not nano:
        return "0"
    if family == BINARY and nano % NANO == 0 and not -1024 * NANO < nano < 1024 * NANO:
        return _binary_text(nano // NANO)
    return _decimal_text(nano, family)


def _combine(left: Amount, right: Amount, sign: int) -> str:
    family = left.format if left.nano else right.format
    return from_nano(left.nano + sign * right.nano, family)


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> Amount:
    text = text.strip()
    shape = _SHAPE.fullmatch(text) if text else None
    if shape is None:
        raise QuantityError(_FORMAT_WORDS)
    sign, whole, fraction, suffix = shape[1], shape[2].lstrip("0") or "0", shape[3] or "", shape[4]
    base, exponent, family = _interpret(suffix)
    digits = whole + fraction
    if len(digits) > 4000 or exponent > _MAX_EXPONENT or len(whole) > _MAX_EXPONENT:
        raise QuantityError(_NUMERIC_WORDS)
    nano = _scaled(int(digits), base, exponent, len(fraction))
    if family == BINARY:
        nano = min(nano, _BINARY_CAP_NANO)
    if sign == "-":
        nano = -nano
    if nano and _is_kept_as_written(digits, len(whole), len(fraction), exponent, family):
        return Amount(nano, family, text)
    if family == BINARY and 0 < nano < NANO:
        family = DECIMAL
    return Amount(nano, family, from_nano(nano, family))


def _interpret(suffix: str) -> tuple[int, int, str]:
    """Base (10 or 2), exponent and suffix family."""
    if suffix in _DECIMAL_SUFFIXES:
        return 10, _DECIMAL_SUFFIXES[suffix], DECIMAL
    if suffix in _BINARY_SUFFIXES:
        return 2, _BINARY_SUFFIXES[suffix], BINARY
    if len(suffix) > 1 and suffix[0] in "eE":
        digits = suffix[1:]
        if digits.lstrip("+-").isdigit() and len(digits) < 20:
            return 10, int(digits), EXPONENT
    raise QuantityError(_SUFFIX_WORDS)


def _scaled(mantissa: int, base: int, exponent: int, decimals: int) -> int:
    """mantissa · base**exponent / 10**decimals in billionths, rounded up."""
    if base == 2:
        return _divide_away_from_zero((mantissa << exponent) * NANO, 10**decimals)
    power = exponent + 9 - decimals
    if power >= 0:
        return mantissa * int(10**power)
    if -power > 5000:  # far below a billionth, whatever the digits
        return 1 if mantissa else 0
    return _divide_away_from_zero(mantissa, 10**-power)


def _is_kept_as_written(digits: str, whole: int, decimals: int, exponent: int, family: str) -> bool:
    """Whether Kubernetes keeps the user's own text (`1.250`, `+5`): the shortcut of ParseQuantity.

    What the shortcut takes for canonical is decided by a multiple of eight or of a thousand alone.
    """
    if family == BINARY:
        small = decimals == 0 and 15 - whole - int(exponent * 3 / 10) - 1 >= 0
        return small and exponent % 10 == 0 and int(digits) & 7 != 0
    scale = exponent - decimals
    small = len(digits) <= 18 and scale >= -9
    return small and scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _divide_away_from_zero(value: int, divisor: int) -> int:
    return -(-value // divisor) if value >= 0 else value // divisor


def _decimal_text(nano: int, family: str) -> str:
    digits = str(abs(nano))
    stripped = digits.rstrip("0")
    exponent = len(digits) - len(stripped) - 9
    shift = exponent % 3
    if family != EXPONENT and exponent - shift > 18:
        shift = exponent - 18
    exponent -= shift
    number = ("-" if nano < 0 else "") + stripped + "0" * shift
    if family == EXPONENT:
        return number + (f"e{exponent}" if exponent else "")
    return number + _DECIMAL_NAMES[exponent]


def _binary_text(value: int) -> str:
    power = 0
    while value % 1024 == 0 and power < 60:
        value //= 1024
        power += 10
    return f"{value}{_BINARY_NAMES[power]}"
