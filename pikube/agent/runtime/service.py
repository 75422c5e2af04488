"""Shell: Podman's API service: an existing socket, or our own child, restarted when it dies.

Containers do not depend on it: each has a monitor of its own, so that a service that ends stops nothing.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from pikube.agent.runtime.contract import RuntimeMissing
from pikube.agent.runtime.podman import Podman

log = logging.getLogger("pikube.podman")

ANSWER_S = 60.0  # a first start on a slow card migrates its database
PROBE_S = 0.05
RESTART_S = 1.0


@dataclass(frozen=True, slots=True)
class PodmanPlace:
    """Where Podman keeps things; '' is its own default. `socket` '' means: start our own service."""

    socket: str
    run_dir: str
    root: str = ""
    runroot: str = ""
    network_dir: str = ""
    containers_conf: str = ""
    instance: str = ""
    registries_conf: str = ""
    auth_file: str = ""

    def prefix(self) -> list[str]:
        """argv of this Podman, before the command."""
        argv = ["podman"]
        for flag, value in (
            ("--root", self.root),
            ("--runroot", self.runroot),
            ("--network-config-dir", self.network_dir),
        ):
            if value:
                argv += [flag, value]
        return argv

    def command(self, socket: str) -> list[str]:
        """argv of our own service."""
        return [*self.prefix(), "system", "service", "--time", "0", f"unix://{socket}"]

    def environment(self) -> dict[str, str]:
        """The environment it runs in."""
        extra = {
            "CONTAINERS_CONF": self.containers_conf,
            "CONTAINERS_REGISTRIES_CONF": self.registries_conf,
            "REGISTRY_AUTH_FILE": self.auth_file,
        }
        return {**os.environ, **{name: value for name, value in extra.items() if value}}


@asynccontextmanager
async def open_podman(place: PodmanPlace) -> AsyncIterator[Podman]:
    """A runtime that answers. Raises RuntimeMissing."""
    if place.socket:
        yield Podman(place.socket, place.instance)
        return
    if shutil.which("podman") is None:
        raise RuntimeMissing(
            "podman is not installed on this board; install it with: "
            "apt install podman netavark aardvark-dns catatonit"
        )
    path = Path(place.run_dir)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = str(path / "podman.sock")
    async with trio.open_nursery() as nursery:
        await nursery.start(_keep_running, place, socket)
        yield Podman(socket, place.instance)
        nursery.cancel_scope.cancel()


async def _keep_running(
    place: PodmanPlace,
    socket: str,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    has_started = False
    pid_file = Path(place.run_dir) / "podman.pid"
    while True:
        stop_leftover(pid_file, socket)
        Path(socket).unlink(missing_ok=True)
        async with trio.open_nursery() as nursery:
            process = await nursery.start(_run, place, socket)
            pid_file.write_text(f"{process.pid}\n")
            if not has_started:
                await _wait_until_it_answers(process, socket)
                has_started = True
                task_status.started()
            code = await process.wait()
            nursery.cancel_scope.cancel()
        log.warning("event=podman_service_ended code=%s restart_s=%.0f", code, RESTART_S)
        await trio.sleep(RESTART_S)


def stop_leftover(pid_file: Path, socket: str) -> None:
    """End the service of a pikube that was killed: nobody could ask it any more, and it holds 45 MB."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if socket.encode() in command:
        log.info("event=leftover_service_ended pid=%d", pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


async def _run(
    place: PodmanPlace,
    socket: str,
    *,
    task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED,
) -> None:
    """The child; cancelled, it gets SIGTERM (trio.run_process)."""
    await trio.run_process(
        place.command(socket),
        env=place.environment(),
        cwd=place.run_dir,  # conmon leaves a file `oom` where it runs
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
        start_new_session=True,  # a Ctrl-C in our terminal is for us
        task_status=task_status,
    )


async def _wait_until_it_answers(process: trio.Process, socket: str) -> None:
    with trio.move_on_after(ANSWER_S):
        while process.returncode is None:
            try:
                async with await trio.open_unix_socket(socket):
                    return
            except OSError:
                await trio.sleep(PROBE_S)
    raise RuntimeMissing("podman's API service does not start on this board; `podman info` says why")
