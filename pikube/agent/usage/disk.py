"""Shell: what lies in directories of this board, measured when somebody asks, seldom and within bounds.

Enter: paths. Leave: the file systems that they are on, and what is used by them. A walk through a large tree is work
for a card: an answer is good for a minute, as kubelet's (volumeStatsAggPeriod), and a tree of more than MOST_ENTRIES
is not counted. A share whose server is away holds up one thread, and nobody for longer than PATIENCE_S.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import trio

from pikube.agent.usage.disk_reports import FsUse

FRESH_S = 60.0
PATIENCE_S = 3.0  # Prometheus waits for ten
MOST_ENTRIES = 20_000  # a tenth of a second of a Raspberry Pi's time, if the card has been read before


class DiskMeter:
    """Remembers its answers for `fresh_s`, and makes nobody wait longer than `patience_s`."""

    def __init__(
        self,
        measure: Callable[[str], FsUse | None] | None = None,
        *,
        fresh_s: float = FRESH_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._measure = measure or fs_use
        self._fresh_s, self._patience_s = fresh_s, patience_s
        self._known: dict[str, tuple[float, FsUse | None]] = {}
        self._walks = trio.CapacityLimiter(1)

    async def of(self, paths: Iterable[str]) -> dict[str, FsUse]:
        """By path; what is not there, or could not be measured in time, is absent."""
        wanted, now = set(paths), trio.current_time()
        due = sorted(
            path for path in wanted if path not in self._known or now - self._known[path][0] >= self._fresh_s
        )
        if due:
            with trio.move_on_after(self._patience_s):
                await trio.to_thread.run_sync(
                    self._measure_all, due, now, limiter=self._walks, abandon_on_cancel=True
                )
        return {path: use for path in wanted if (use := self._known.get(path, (0.0, None))[1]) is not None}

    def forget_others(self, paths: Iterable[str]) -> None:
        """Only these are there yet."""
        kept = set(paths)
        for path in [path for path in list(self._known) if path not in kept]:
            self._known.pop(path, None)

    def _measure_all(self, paths: list[str], now: float) -> None:
        for path in paths:
            self._known[path] = now, self._measure(path)


def fs_use(path: str) -> FsUse | None:
    """Of a mount its file system's own numbers, of a directory what lies in it."""
    try:
        fs = os.statvfs(path)
        is_whole = os.path.ismount(path)
    except OSError:
        return None
    used: tuple[int | None, int | None]
    if is_whole:
        used = (fs.f_blocks - fs.f_bfree) * fs.f_frsize, fs.f_files - fs.f_ffree
    else:
        used = used_below(Path(path))
    return FsUse(
        capacity_bytes=fs.f_blocks * fs.f_frsize,
        available_bytes=fs.f_bavail * fs.f_frsize,
        inodes=fs.f_files,
        inodes_free=fs.f_ffree,
        used_bytes=used[0],
        inodes_used=used[1],
    )


def used_below(path: Path, most: int = MOST_ENTRIES) -> tuple[int | None, int | None]:
    """(bytes, inodes) of everything below and the directory itself; None for a tree of more entries."""
    total, inodes = 0, set()
    for found in everything_below(path):
        total += found.st_blocks * 512
        inodes.add((found.st_dev, found.st_ino))
        if len(inodes) > most:
            return None, None
    return total, len(inodes) + 1


def disk_bytes(path: Path) -> int:
    """Blocks of everything below, as du counts them; what goes away meanwhile counts nothing."""
    return sum(found.st_blocks * 512 for found in everything_below(path))


def inodes_below(path: Path) -> int:
    """Files, directories and links; one that has two names counts once."""
    return len({(found.st_dev, found.st_ino) for found in everything_below(path)})


def everything_below(path: Path) -> Iterator[os.stat_result]:
    """Of a tree, whatever is not gone when it is looked at."""
    stack = [str(path)]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                found = list(entries)
        except OSError:
            continue
        for entry in found:
            with suppress(OSError):
                yield entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
