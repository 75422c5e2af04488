"""Shell: Podman's API service: an existing socket, or our own child, which sleeps while nobody asks.

The socket is ours, and Podman is started when somebody connects (as systemd does it: LISTEN_FDS), and ends by itself
when nothing is asked for a while: it is 45 MB large, and ends of containers are told by the kernel. Containers do not
depend on it: each has a monitor of its own, so that a service that ends stops nothing, and one that is stuck may be
ended (`overseer.py`).
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from pikube.agent.runtime.contract import RuntimeMissing
from pikube.agent.runtime.overseer import watch_over
from pikube.agent.runtime.podman import Podman
from pikube.wire.unix_http import UnixHttpError, open_request

log = logging.getLogger("pikube.podman")

ANSWER_S = 60.0  # a first start on a slow card migrates its database
IDLE_S = 60  # then the service ends; starting it takes a tenth of a second of CPU
RESTART_S = 1.0
BACKLOG = 128
INHERIT = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&0 </dev/null'
"""The shell's part of socket activation: the socket comes as standard input, and Podman looks for it as 3."""

OF_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""pikube's own line to systemd: Podman and the monitors of containers would say that *they* are ready."""


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

    def command(self) -> list[str]:
        """argv of our own service, which takes its socket from us."""
        return ["sh", "-c", INHERIT, "sh", *self.prefix(), "system", "service", "--time", str(IDLE_S)]

    def environment(self) -> dict[str, str]:
        """The environment it runs in."""
        extra = {
            "CONTAINERS_CONF": self.containers_conf,
            "CONTAINERS_REGISTRIES_CONF": self.registries_conf,
            "REGISTRY_AUTH_FILE": self.auth_file,
        }
        ours = {name: value for name, value in os.environ.items() if name not in OF_SYSTEMD}
        return {**ours, **{name: value for name, value in extra.items() if value}}


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
    place_of_socket = str(path / "podman.sock")
    service = _Service(place, place_of_socket)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run)
        podman = Podman(place_of_socket, place.instance)
        nursery.start_soon(watch_over, podman, service.end)
        yield podman
        nursery.cancel_scope.cancel()


class _Service:
    """Our child: started when somebody connects, again and again."""

    def __init__(self, place: PodmanPlace, path: str) -> None:
        self._place = place
        self._path = path
        self._process: trio.Process | None = None

    def end(self) -> None:
        """At once, whatever it is doing; the next connection starts another one."""
        if self._process is not None:
            self._process.kill()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """For ever; started when Podman has answered once."""
        has_started = False
        pid_file = Path(self._place.run_dir) / "podman.pid"
        stop_leftover(pid_file)
        with listen_at(self._path) as listener:
            while True:
                if has_started:
                    await trio.lowlevel.wait_readable(listener)
                async with trio.open_nursery() as nursery:
                    process = self._process = await nursery.start(_run, self._place, listener)
                    with suppress(OSError):  # a full card: only a killed pikube would miss it
                        pid_file.write_text(f"{process.pid} {_started_at(process.pid)}\n")
                    if not has_started:
                        await _wait_until_it_answers(process, self._path)
                        has_started = True
                        task_status.started()
                    code = await process.wait()
                    self._process = None
                    nursery.cancel_scope.cancel()
                if code:
                    log.warning("event=podman_service_ended code=%s restart_s=%.0f", code, RESTART_S)
                    await trio.sleep(RESTART_S)


@contextmanager
def listen_at(path: str) -> Iterator[socket.socket]:
    """A listening socket for root only."""
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        yield listener


def stop_leftover(pid_file: Path) -> None:
    """End the service of a pikube that was killed: nobody could ask it any more, and it holds 45 MB."""
    try:
        pid, started_at = pid_file.read_text().split()
    except (OSError, ValueError):
        return
    if started_at and _started_at(int(pid)) == started_at:
        log.info("event=leftover_service_ended pid=%s", pid)
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)


def _started_at(pid: int) -> str:
    """What tells a process from another one that got its number later; '' if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


async def _run(
    place: PodmanPlace,
    listener: socket.socket,
    *,
    task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED,
) -> None:
    """The child; cancelled, it gets SIGTERM (trio.run_process)."""
    await trio.run_process(
        place.command(),
        env=place.environment(),
        cwd=place.run_dir,  # conmon leaves a file `oom` where it runs
        stdin=listener,
        stdout=subprocess.DEVNULL,
        check=False,
        start_new_session=True,  # a Ctrl-C in our terminal is for us
        task_status=task_status,
    )


async def _wait_until_it_answers(process: trio.Process, path: str) -> None:
    is_up = False

    async def ask() -> None:
        nonlocal is_up
        with suppress(OSError, UnixHttpError):
            async with open_request(path, "GET", "/_ping") as response:
                is_up = response.status == 200
        nursery.cancel_scope.cancel()

    with trio.move_on_after(ANSWER_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await process.wait()
            nursery.cancel_scope.cancel()
    if not is_up:
        raise RuntimeMissing("podman's API service does not start on this board; `podman info` says why")
