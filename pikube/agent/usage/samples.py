"""Pure: from totals at instants to rates: what was used a second, and over which window that is true.

Enter: samples, the monotonic time. Leave: rates. Called by the meter. A rate needs two samples; who asks seldom gets
a short window, who asks often one of up to WINDOW_S, because a few milliseconds say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pikube.agent.usage.cgroups import MemoryUse

APART_S = 5.0  # samples that are kept lie so far apart: one is taken at each request
WINDOW_S = 20.0  # older ones tell of another time; the autoscaler asks every 15 s
FRESH_S = 1.0  # asked again so soon, the same answer is given
SHORT_S = 1.0  # the window that is measured when nothing is known


@dataclass(frozen=True, slots=True)
class ContainerTotals:
    """One running container. `started_at` is in seconds since 1970."""

    id: str
    started_at: float
    cpu_ns: int | None
    memory: MemoryUse | None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything at one instant: `at` is monotonic, `wall_at` seconds since 1970."""

    at: float
    wall_at: float
    board_cpu_ns: int | None
    board_memory: MemoryUse | None
    available_bytes: int | None
    containers: Mapping[str, ContainerTotals]


@dataclass(frozen=True, slots=True)
class Rate:
    """CPU nanoseconds a second, which are nanocores, over the last `window_s` seconds."""

    nanocores: int
    window_s: float


def keep(samples: Sequence[Sample], new: Sample) -> tuple[Sample, ...]:
    """The samples worth keeping, oldest first. `new` stands for the last one if that lies too near to the one before
    it, and the youngest that is older than the window stays until another one is as old as APART_S."""
    recent = [sample for sample in samples if new.at - sample.at <= WINDOW_S]
    if len(recent) >= 2 and recent[-1].at - recent[-2].at < APART_S:
        recent.pop()
    return (*recent, new)


def board_rate(samples: Sequence[Sample]) -> Rate | None:
    """The board's CPU use up to the last sample."""
    last = samples[-1]
    for first in samples[:-1]:
        rate = _rate(first.board_cpu_ns, last.board_cpu_ns, last.at - first.at)
        if rate is not None:
            return rate
    return None


def container_rate(samples: Sequence[Sample], identity: str) -> Rate | None:
    """A container's CPU use up to the last sample. One that is younger than the samples used nothing at its start."""
    last = samples[-1]
    now = last.containers[identity]
    for first in samples[:-1]:
        before = first.containers.get(identity)
        if before is not None:
            rate = _rate(before.cpu_ns, now.cpu_ns, last.at - first.at)
            if rate is not None:
                return rate
    age_s = last.wall_at - now.started_at
    if SHORT_S <= age_s <= WINDOW_S:
        return _rate(0, now.cpu_ns, age_s)
    return None


def wants_second(samples: Sequence[Sample]) -> bool:
    """Whether something in the last sample has no rate yet, so that another has to be taken a moment later."""
    last = samples[-1]
    if last.board_cpu_ns is not None and board_rate(samples) is None:
        return True
    return any(
        totals.cpu_ns is not None and container_rate(samples, identity) is None
        for identity, totals in last.containers.items()
    )


def _rate(before: int | None, after: int | None, seconds: float) -> Rate | None:
    if before is None or after is None or after < before or seconds < SHORT_S * 0.9:
        return None
    return Rate(round((after - before) / seconds), seconds)
