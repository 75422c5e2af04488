"""Shell: the agent's end of the relay process: starts it, tells it the table, hears which ports cannot be had.

A relay that runs already is kept, with its connections; one of another version hands over to a new one. The
relay goes on when the agent ends: `stop_relay` is for those who take pikube off a board.
"""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import trio

from pikube import __version__
from pikube.netproxy.targets import TABLE_FILE, Backends, Listener, decode_entry, encode_entry

log = logging.getLogger("pikube.netproxy")

START_S = 15.0  # a cold start of Python on a slow SD card
LOOK_S = 0.02
AGAIN_S = 1.0  # a relay that dies is started again this often at most
MESSAGE_BYTES = 1 << 16

Failed = Callable[[Listener, str], None]


def relay_command(directory: Path) -> list[str]:
    """How this very program is started as a relay."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "pikube"]
    return [*program, "relay", str(directory)]


class RelayLink:
    """`run` never returns. `failed(listener, why)` is told of ports that cannot be had, with '' once they can."""

    def __init__(self, directory: Path, failed: Failed = lambda listener, why: None) -> None:
        self._directory = directory
        self.failed = failed
        self.statistics: dict[str, int] = {}
        self._table: dict[Listener, Backends] | None = None  # None: leave the relay what it has
        self._whole_names: Callable[[], dict[str, Any]] | None = None
        self._stream: trio.SocketStream | None = None
        self._sending = trio.Lock()
        self._asked = 0
        self._answered: dict[int, trio.Event] = {}
        self._children: list[subprocess.Popen[bytes]] = []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started once the relay answers: its doors of last time are open then."""
        has_started = False
        while True:
            try:
                stream, rest = await self._reach()
            except OSError as error:
                log.warning("event=relay_missing why=%r", str(error))
                await trio.sleep(AGAIN_S)
                continue
            async with stream:
                self._stream = stream
                if self._whole_names is not None:
                    await self._send({"names": self._whole_names()})
                if self._table is not None:
                    await self._send({"table": self._entries(self._table.items())})
                if not has_started:
                    has_started = True
                    task_status.started()
                await self._listen(stream, rest)
                self._stream = None  # before it is closed: nobody waits for an answer of one that has gone
            self._children = [child for child in self._children if child.poll() is None]
            log.warning("event=relay_lost")
            await trio.sleep(LOOK_S)

    async def put(self, changed: dict[Listener, Backends], dropped: Iterable[Listener]) -> None:
        """Tell the relay what is new. The first call says all there is."""
        gone = list(dropped)
        if self._table is None:
            self._table = dict(changed)
            await self._send({"table": self._entries(changed.items())})
            return
        for listener in gone:
            self._table.pop(listener, None)
        self._table |= changed
        await self._send({"put": self._entries(changed.items()), "drop": [list(key) for key in gone]})

    async def put_names(self, whole: Callable[[], dict[str, Any]]) -> None:
        """Tell the relay all names, now and whenever it is a new one."""
        self._whole_names = whole
        await self._send({"names": whole()})

    async def change_names(self, put: Mapping[str, Any], drop: Sequence[str]) -> None:
        """Tell it which are new, by their owners."""
        await self._send({"names_put": put, "names_drop": drop})

    async def sync(self) -> dict[str, int]:
        """Until the relay has done what it was told; its statistics."""
        self._asked += 1
        event = self._answered[self._asked] = trio.Event()
        await self._send({"sync": self._asked})
        if self._stream is not None:
            await event.wait()
        return self.statistics

    async def _reach(self) -> tuple[trio.SocketStream, bytes]:
        """A relay of this version, and what it said beyond its greeting. Raises OSError."""
        try:
            stream, greeting, rest = await self._greet()
            if greeting.get("version") == __version__:
                return stream, rest
            await stream.aclose()
            log.info("event=relay_replaced version=%s", greeting.get("version"))
            former = greeting.get("pid")
        except OSError:
            former = None
        child = await trio.to_thread.run_sync(_start, relay_command(self._directory))
        self._children.append(child)
        with trio.move_on_after(START_S):
            while child.poll() is None:
                await trio.sleep(LOOK_S)
                try:
                    stream, greeting, rest = await self._greet()
                except OSError:
                    continue
                if greeting.get("pid") != former:
                    return stream, rest
                await stream.aclose()
        raise OSError(f"the relay process does not answer (exit code {child.poll()})")

    async def _greet(self) -> tuple[trio.SocketStream, dict[str, Any], bytes]:
        raw = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with ExitStack() as unfinished:
            unfinished.callback(raw.close)
            await raw.connect(str(self._directory / "relay.sock"))
            data = b""
            while b"\n" not in data:
                more = await raw.recv(MESSAGE_BYTES)
                if not more:
                    raise OSError("the relay hung up")
                data += more
            unfinished.pop_all()
        line, _, rest = data.partition(b"\n")
        return trio.SocketStream(raw), json.loads(line), rest

    async def _listen(self, stream: trio.SocketStream, buffer: bytes) -> None:
        """Until the relay hangs up."""
        while True:
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                self._hear(json.loads(line))
            try:
                data = await stream.receive_some(MESSAGE_BYTES)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                for event in self._answered.values():
                    event.set()
                return
            buffer += data

    def _hear(self, message: dict[str, Any]) -> None:
        if "synced" in message:
            self.statistics = message["statistics"]
            for number in [n for n in self._answered if n <= message["synced"]]:
                self._answered.pop(number).set()
        elif "listener" in message:
            self.failed(Listener(*message["listener"]), message["why"])

    async def _send(self, message: dict[str, Any]) -> None:
        """A relay that is away gets the whole table when it is back."""
        if self._stream is None:
            return
        async with self._sending:
            try:
                await self._stream.send_all(json.dumps(message).encode() + b"\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

    @staticmethod
    def _entries(items: Iterable[tuple[Listener, Backends]]) -> list[list[Any]]:
        return [encode_entry(listener, backends) for listener, backends in items]


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    """A process that outlives this one."""
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)


def read_table(directory: Path) -> dict[Listener, Backends]:
    """The table of the relay's last life; empty if there is none."""
    try:
        return dict(decode_entry(entry) for entry in json.loads((directory / TABLE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def has_relay(directory: Path) -> bool:
    """Whether one answers. Blocking."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        return sock.connect_ex(str(directory / "relay.sock")) == 0


def stop_relay(directory: Path) -> bool:
    """End the relay and its connections; whether there was one. Blocking, for those who take pikube away."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5.0)
        try:
            sock.connect(str(directory / "relay.sock"))
            sock.sendall(b'{"stop": true}\n')
            while sock.recv(MESSAGE_BYTES):
                pass
        except OSError:
            return False
    return True
