"""Shell: a command in a running container by its OCI runtime alone, for probes and hooks.

Enter: the container, its command. Leaves: a session; the command ends with it. Podman is not asked, because each
command of its API leaves a sleeping conmon for five minutes, which then starts a Podman to forget it (podman
pkg/api/handlers/compat/exec.go:ExitCommandDelay): probes every ten seconds would fill a board with them, and a pod
takes some seconds longer to be removed. How to reach the runtime the container's monitor knows, on its command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import trio

from pikube.agent.runtime.contract import Container, RuntimeFailure
from pikube.agent.runtime.processes import is_of

RUN = "/run"  # in memory on every board
LOOK_S = 0.01
END_S = 5.0
READ_BYTES = 64 * 1024
ARGUMENT = "--runtime-arg"
SYSTEMD = "--systemd-cgroup"


class NotBegun(Exception):
    """The runtime could not begin the command; its own words, '' if there are none."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """What the monitor of a container was told: the runtime with its arguments, the container's bundle."""

    runtime: tuple[str, ...]
    bundle: str


class _Configuration(msgspec.Struct):
    process: dict[str, Any]


def read_monitor(command_line: bytes, identity: str) -> Monitor | None:
    """None for a process that is no monitor of that container."""
    words = iter(command_line.decode("utf-8", "replace").split("\0"))
    values = {"-c": "", "-r": "", "-b": ""}
    arguments: list[str] = []
    for word in words:
        if word in values:
            values[word] = next(words, "")
        elif word == ARGUMENT:
            arguments.append(next(words, ""))
        elif word.startswith(f"{ARGUMENT}="):
            arguments.append(word.removeprefix(f"{ARGUMENT}="))
        elif word == "--exit-command-arg":
            next(words, "")  # of a Podman that cleans up
        elif word == "-s":
            arguments.append(SYSTEMD)
    if values["-c"] != identity or not values["-r"] or not values["-b"]:
        return None
    return Monitor((values["-r"], *_without_log(arguments)), values["-b"])


def _without_log(arguments: Sequence[str]) -> Iterator[str]:
    """A command has a log of its own."""
    words = iter(arguments)
    for word in words:
        if word in ("--log", "--log-format"):
            next(words, "")
        elif not word.startswith(("--log=", "--log-format=")):
            yield word


def monitor_of(container: Container) -> Monitor | None:
    """None if it is not known how to reach the runtime."""
    try:
        line = Path(f"/proc/{container.monitor_pid}/cmdline").read_bytes()
    except OSError:
        return None
    return read_monitor(line, container.id)


def process_document(configuration: bytes, command: Sequence[str]) -> bytes:
    """The container's own process with another command, as `exec --process` takes it. Raises msgspec.MsgspecError."""
    process = msgspec.json.decode(configuration, type=_Configuration).process
    process.pop("consoleSize", None)
    return msgspec.json.encode(process | {"args": list(command), "terminal": False})


class LocalSession:
    """Implements contract.CommandSession."""

    def __init__(self, process: trio.Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        assert self._process.stdout is not None
        while data := await self._process.stdout.receive_some(READ_BYTES):
            yield 1, bytes(data)

    async def exit_code(self) -> int:
        """Raises RuntimeFailure for a command that did not run at all."""
        code = await self._process.wait()
        words = runtime_words(self._log) if code else ""
        if words:
            raise RuntimeFailure(words)
        return code

    async def is_sound(self) -> bool:
        return True


@asynccontextmanager
async def open_command(
    monitor: Monitor, identity: str, command: Sequence[str]
) -> AsyncIterator[LocalSession]:
    """Runs until its context ends, at the latest. Raises NotBegun."""
    try:
        directory = Path(tempfile.mkdtemp(prefix="pikube-command-", dir=RUN))
    except OSError as error:
        raise NotBegun(error.strerror or str(error)) from error
    try:
        log, pid_file, file = directory / "log", directory / "pid", directory / "process.json"
        try:
            configuration = (Path(monitor.bundle) / "config.json").read_bytes()
            file.write_bytes(process_document(configuration, command))
            process = await trio.lowlevel.open_process(
                [
                    *monitor.runtime, "--log", str(log), "--log-format", "json", "exec",
                    "--pid-file", str(pid_file), "--process", str(file), identity,
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except (OSError, msgspec.MsgspecError) as error:
            raise NotBegun(str(error)) from error
        try:
            while process.poll() is None and not pid_file.exists():  # noqa: ASYNC110 - files tell nobody
                await trio.sleep(LOOK_S)
            if not pid_file.exists():
                raise NotBegun(runtime_words(log))
            yield LocalSession(process, log)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + END_S):
                await _end(process, pid_file, identity)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _end(process: trio.Process, pid_file: Path, identity: str) -> None:
    """The runtime ends with the command, but not the other way round."""
    if process.poll() is None:
        with suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if is_of(pid, identity):
                os.kill(pid, signal.SIGKILL)
        with trio.move_on_after(END_S / 2):
            await process.wait()
    if process.poll() is None:
        process.kill()
        await process.wait()
    if process.stdout is not None:
        await process.stdout.aclose()


def runtime_words(log: Path) -> str:
    """What the runtime says of its own failure; '' if it says nothing."""
    try:
        lines = log.read_bytes().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            entry = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError:
            continue
        if entry.get("level") in ("error", "fatal"):
            return str(entry.get("msg", ""))
    return ""
