"""Pure: counts that may be percentages (`maxSurge: 25%`), rounded as Kubernetes does.

Source: kubernetes apimachinery pkg/util/intstr and pkg/controller/deployment/util:ResolveFenceposts.
"""

from __future__ import annotations


def resolve(value: int | str | None, total: int, *, up: bool) -> int:
    """The count that a number or a percentage of `total` stands for; 0 for None or nonsense."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    digits = value.removesuffix("%")
    if digits == value or not digits.isdigit():
        return 0
    share = int(digits) * total
    return -(-share // 100) if up else share // 100


def fenceposts(surge: int | str | None, unavailable: int | str | None, replicas: int) -> tuple[int, int]:
    """(how many more, how many fewer) during a rolling update; never both zero, or nothing could move."""
    more = resolve(surge, replicas, up=True)
    fewer = resolve(unavailable, replicas, up=False)
    if not more and not fewer:
        fewer = 1
    return more, fewer
