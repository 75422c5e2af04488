"""Pure: metrics in the text that Prometheus reads.

Enter: families of samples. Leave: bytes. Called by the leader's /metrics and the kubelet API. Source: Prometheus
exposition formats, text-based format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


@dataclass(slots=True)
class Family:
    """One metric: type is counter, gauge or histogram."""

    name: str
    type: str
    help: str
    lines: list[str] = field(default_factory=list)

    def add(self, value: float, labels: Labels | None = None, *, at_ms: int = 0, suffix: str = "") -> None:
        """One sample; `at_ms` when it is not of this moment, `suffix` for the parts of a histogram."""
        text = f"{self.name}{suffix}{_labels(labels)} {_number(value)}"
        self.lines.append(f"{text} {at_ms}" if at_ms else text)

    def add_histogram(
        self, bounds: Iterable[float], counts: Iterable[int], total: float, labels: Labels | None = None
    ) -> None:
        """`counts` is one longer than `bounds`: how many fell at or below each bound, and above the last."""
        so_far = 0
        for bound, count in zip((*bounds, float("inf")), counts, strict=True):
            so_far += count
            self.add(so_far, {**(labels or {}), "le": _number(bound)}, suffix="_bucket")
        self.add(total, labels, suffix="_sum")
        self.add(so_far, labels, suffix="_count")


def render(families: Iterable[Family]) -> bytes:
    """The document; families without samples are left out."""
    out: list[str] = []
    for family in families:
        if family.lines:
            out.append(f"# HELP {family.name} {_escape_help(family.help)}")
            out.append(f"# TYPE {family.name} {family.type}")
            out += family.lines
    return "\n".join([*out, ""]).encode()


def _labels(labels: Labels | None) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
