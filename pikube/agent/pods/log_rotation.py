"""Shell: keeps the logs of running containers within a size and a number of files, without losing a line.

A log that is too large is renamed and conmon told to open a new one (its `ctl` pipe, message 2, which CRI-O uses
for the same); the newest old one stays readable for who follows it, older ones are compressed. Source: kubernetes
pkg/kubelet/logs/container_log_manager.go. `kubectl logs` shows the newest file, as upstream.
"""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import trio

log = logging.getLogger("pikube.logs")

LOOK_S = 10.0  # kubelet's containerLogMonitorInterval
REOPEN = b"2 0 0\n"


@dataclass(frozen=True, slots=True)
class LogLimits:
    """kubelet's containerLogMaxSize and containerLogMaxFiles (the file being written counts)."""

    max_bytes: int
    max_files: int


@dataclass(frozen=True, slots=True)
class OpenLog:
    """The log of a running container, and the pipe by which its monitor is told."""

    path: Path
    control: str


class LogRotation:
    """`logs` names those of all running containers."""

    def __init__(
        self,
        logs: Callable[[], Iterable[OpenLog]],
        limits: LogLimits,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._logs = logs
        self._limits = limits
        self._now = wall_clock

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Looks for ever; one stat a container, nothing written unless a log is full."""
        task_status.started()
        while True:
            await trio.sleep(LOOK_S)
            for found in list(self._logs()):
                if _size(found.path) > self._limits.max_bytes:
                    await trio.to_thread.run_sync(self.rotate, found)

    def rotate(self, found: OpenLog) -> None:
        """Begin a new file; on failure the log stays as it is, and the next look tries again."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._now()))
        old = found.path.with_name(f"{found.path.name}.{stamp}")
        try:
            found.path.rename(old)
        except OSError as error:
            log.warning("event=log_not_rotated path=%s why=%r", found.path, error.strerror or str(error))
            return
        try:
            tell_monitor(found.control)
        except OSError as error:
            old.rename(found.path)
            log.warning("event=log_not_rotated path=%s why=%r", found.path, error.strerror or str(error))
            return
        try:
            self._tidy(found.path)
        except OSError as error:  # a full card: the next rotation tidies up
            log.warning("event=old_logs_kept path=%s why=%r", found.path, error.strerror or str(error))

    def _tidy(self, path: Path) -> None:
        """Compress all old files but the newest, and remove the oldest beyond the number."""
        rotated = sorted(path.parent.glob(f"{path.name}.*"), key=lambda p: p.name.removesuffix(".gz"))
        kept = max(0, self._limits.max_files - 1)
        surplus = rotated[: len(rotated) - kept] if len(rotated) > kept else []
        for old in surplus:
            old.unlink(missing_ok=True)
        for old in rotated[len(surplus) : -1]:
            if old.suffix != ".gz":
                _compress(old)


def tell_monitor(control: str) -> None:
    """Have conmon open its log anew. Raises OSError, also when no monitor reads the pipe."""
    descriptor = os.open(control, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(descriptor, REOPEN)
    finally:
        os.close(descriptor)


def forget_logs(log_dir: Path, name: str, attempt: int) -> None:
    """Remove the files of an attempt that nobody can ask for any more."""
    for path in (log_dir / name).glob(f"{attempt}.log*"):
        path.unlink(missing_ok=True)


def _compress(path: Path) -> None:
    draft = path.with_name(f"{path.name}.tmp")
    with path.open("rb") as source, gzip.open(draft, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target)
    draft.rename(path.with_name(f"{path.name}.gz"))
    path.unlink()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
