"""Pure: when a board is short of memory, disk, inodes or processes, and which pods must go first.

Enter: facts of the board, what pods use and asked for, thresholds as kubelet's --eviction-hard writes them. Leave:
the signals that are met, the order of pods. Source: kubernetes pkg/kubelet/eviction/{helpers,defaults_linux}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pikube.api.quantity import BINARY, DECIMAL, from_nano, parse

MEMORY, DISK, INODES, PIDS = "memory.available", "nodefs.available", "nodefs.inodesFree", "pid.available"
SIGNALS = (MEMORY, DISK, INODES, PIDS)
CONDITIONS = {MEMORY: "MemoryPressure", DISK: "DiskPressure", INODES: "DiskPressure", PIDS: "PIDPressure"}
RESOURCES = {MEMORY: "memory", DISK: "ephemeral-storage", INODES: "inodes", PIDS: "pids"}


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of something, and how much there is."""

    available: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """Less than this is too little: a share of the capacity, or a number."""

    share: float = 0.0
    amount: int = 0

    def of(self, capacity: int) -> int:
        return int(capacity * self.share) if self.share else self.amount


@dataclass(frozen=True, slots=True)
class PodUse:
    """What a pod uses and asked for, in bytes or processes; `containers` says it for the event."""

    uid: str
    priority: int
    used: int
    requested: int
    is_critical: bool = False


def parse_thresholds(text: str) -> dict[str, Threshold]:
    """`memory.available<100Mi,nodefs.available<10%`; ValueError for what is none. Signals that are not named are
    not watched, as with kubelet."""
    found = {}
    for part in text.split(","):
        signal, sign, value = part.strip().partition("<")
        if signal == "imagefs.available":
            continue  # one file system holds both on a board
        if not sign or signal not in SIGNALS:
            raise ValueError(
                f"{part.strip()!r} is no eviction threshold: {', '.join(SIGNALS)} < a quantity or a share"
            )
        if value.endswith("%"):
            found[signal] = Threshold(share=float(value[:-1]) / 100)
        else:
            found[signal] = Threshold(amount=parse(value).nano // 10**9)
    return found


def met(thresholds: Mapping[str, Threshold], rooms: Mapping[str, Room]) -> list[str]:
    """The signals under their thresholds, memory first: it kills at once."""
    return [
        signal
        for signal in SIGNALS
        if signal in thresholds
        and (room := rooms.get(signal)) is not None
        and room.available < thresholds[signal].of(room.capacity)
    ]


def conditions(
    signals: Iterable[str], since: Mapping[str, float], now: float, transition_s: float
) -> dict[str, float]:
    """The pressure conditions in force, by the time at which each was last met (monotonic); one must not flap."""
    last = {name: at for name, at in since.items() if now - at < transition_s}
    for signal in signals:
        last[CONDITIONS[signal]] = now
    return last


def ranked(uses: Iterable[PodUse]) -> list[PodUse]:
    """Who goes first: pods that use more than they asked for, then the lower priority, then the larger excess.
    Critical and static pods are never evicted (eviction_manager.go:evictPod)."""
    able = [use for use in uses if not use.is_critical]
    return sorted(able, key=lambda use: (use.used <= use.requested, use.priority, use.requested - use.used))


def eviction_words(signal: str, threshold: int, room: Room, uses: Sequence[tuple[str, int, int]]) -> str:
    """The message of the pod and its event; `uses` are (container, used, requested)."""
    words = (
        f"The node was low on resource: {RESOURCES[signal]}. "
        f"Threshold quantity: {_amount(signal, threshold)}, available: {_amount(signal, room.available)}. "
    )
    for name, used, requested in uses if signal in (MEMORY, DISK) else ():
        if used > requested:
            words += (
                f"Container {name} was using {_amount(signal, used)}, request is {_amount(signal, requested)}, "
                f"has larger consumption of {RESOURCES[signal]}. "
            )
    return words


def _amount(signal: str, number: int) -> str:
    """A quantity as the kubelet's helpers make it: bytes are binary."""
    return from_nano(number * 10**9, BINARY if signal in (MEMORY, DISK) else DECIMAL)
