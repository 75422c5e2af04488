"""Shell: the relay process: carries Service traffic of this board, apart from the rest of pikube.

    agent ──(table, over a unix socket)──▶ relay process: doors → connections, flows
          ◀──(ports that cannot be had)──

It is a process of its own because connections and listeners must outlive a restart of pikube, and because an agent
that is busy must not hold up traffic. It reads the table of its last life from disk, so that after a reboot the
doors are open before anything else is; when another relay is there already, a newer one takes over its listening
sockets, and the old one goes when its last connection does. Imports little: its size is what a board pays.
Started by `pikube relay`, which the agent runs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pikube import __version__
from pikube.netproxy.doors import DOORS, Counts, Door, UdpDoor
from pikube.netproxy.engine import INCOMING, Engine
from pikube.netproxy.relay_names import Names
from pikube.netproxy.small_dns import import_dnspython
from pikube.netproxy.targets import (
    DNS_STREAM,
    DNS_UDP,
    TABLE_FILE,
    Backends,
    Listener,
    decode_entry,
    encode_entry,
)
from pikube.netproxy.tcp import Shared

log = logging.getLogger("pikube.relay")

MAX_CONNECTIONS = 16384
RESERVED_DESCRIPTORS = 1024  # doors, datagram flows, pipes
SETTLE_S = 0.2  # changes often come together
SAVE_S = 10.0  # changes within this are one write on the SD card
MESSAGE_BYTES = 1 << 20
DESCRIPTORS_AT_ONCE = 128  # below SCM_MAX_FD, 253
HAND_OVER_S = 5.0

Inherited = dict[Listener, socket.socket]


class Relay:
    """Doors by listener. `report(listener, why)` is told of ports that cannot be had."""

    def __init__(
        self, engine: Engine, names: Names, limit: int, report: Callable[[Listener, str], None]
    ) -> None:
        self._shared = Shared(engine)
        self._names = names
        self._report = report
        self.counts = Counts(limit)
        self.doors: dict[Listener, Door] = {}
        self.failures: dict[Listener, str] = {}

    def put(self, listener: Listener, backends: Backends, inherited: socket.socket | None = None) -> None:
        """Open a door, or let it lead elsewhere."""
        door = self.doors.get(listener)
        if door is None:
            self.doors[listener] = self._make(listener, backends, inherited)
        elif door.backends != backends:
            door.lead_to(backends)

    def _make(self, listener: Listener, backends: Backends, inherited: socket.socket | None) -> Door:
        if listener.protocol not in (DNS_UDP, DNS_STREAM):
            kind = DOORS[listener.protocol]
            return kind(self._shared, self.counts, listener, backends, self._failed, inherited)
        import_dnspython()
        from pikube.netproxy.dns_doors import DNS_DOORS  # late: a relay without names is smaller

        return DNS_DOORS[listener.protocol](
            self._names.resolver(), self._shared, self.counts, listener, backends, self._failed, inherited
        )

    def drop(self, listener: Listener) -> None:
        """Close a door; connections go on."""
        door = self.doors.pop(listener, None)
        if door is not None:
            door.close()
            self.failures.pop(listener, None)

    def replace(self, table: dict[Listener, Backends]) -> None:
        """Exactly these doors."""
        for listener in [known for known in self.doors if known not in table]:
            self.drop(listener)
        for listener, backends in table.items():
            self._shared.engine.call(partial(self.put, listener, backends))

    def statistics(self) -> dict[str, int]:
        """Numbers for people and metrics."""
        flows = sum(door.flows for door in self.doors.values() if isinstance(door, UdpDoor))
        return {
            "doors": len(self.doors),
            "open": self.counts.open,
            "accepted": self.counts.accepted,
            "turned_away": self.counts.turned_away,
            "flows": flows,
            **self._names.statistics(),
        }

    def _failed(self, listener: Listener, why: str) -> None:
        if why:
            self.failures[listener] = why
            log.warning("event=listen_failed address=%s port=%d why=%r", listener.address, listener.port, why)
        else:
            self.failures.pop(listener, None)
        self._report(listener, why)


class Control:
    """The unix socket: agents, one at a time counts, and successors."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._table_file = directory / TABLE_FILE
        self._path = directory / "relay.sock"
        self._is_dirty = False
        self._saved_at = -SAVE_S
        self._is_leaving = False
        self._peers: dict[socket.socket, bytearray] = {}
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        inherited = self._inherit()  # first: the relay before us writes down what it knows when it is asked
        self._names = Names(engine, directory)
        self._relay = Relay(
            engine,
            self._names,
            min(MAX_CONNECTIONS, max(64, (soft - RESERVED_DESCRIPTORS) // 2)),
            self._failed,
        )
        self._open_doors(inherited)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        mask = os.umask(0o077)
        self._listener.bind(str(self._path))
        os.umask(mask)
        self._listener.listen()
        engine.watch(self._listener.fileno(), self._incoming, INCOMING)

    # -- the past ------------------------------------------------------------------------------

    def _inherit(self) -> Inherited:
        """The listening sockets of a relay that runs already; it stops accepting."""
        found: Inherited = {}
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as former:
            former.settimeout(HAND_OVER_S)
            try:
                former.connect(str(self._path))
                former.sendall(b'{"hand_over": true}\n')
                while True:
                    data, descriptors, _, _ = socket.recv_fds(former, MESSAGE_BYTES, DESCRIPTORS_AT_ONCE)
                    if not data:
                        break
                    lists = [keys for keys in map(json.loads, data.splitlines()) if isinstance(keys, list)]
                    named = [Listener(*key) for keys in lists for key in keys]
                    for listener, descriptor in zip(named, descriptors, strict=True):
                        found[listener] = socket.socket(fileno=descriptor)
            except (OSError, ValueError) as error:
                log.debug("event=nothing_to_inherit why=%r", str(error))
        return found

    def _open_doors(self, inherited: Inherited) -> None:
        """As the table of the last life says."""
        try:
            entries = json.loads(self._table_file.read_bytes())
            table = dict(decode_entry(entry) for entry in entries)
        except (OSError, ValueError, TypeError) as error:
            log.info("event=no_table why=%r", str(error))
            table = {}
        for listener, backends in table.items():
            self._engine.call(partial(self._relay.put, listener, backends, inherited.pop(listener, None)))
        for sock in inherited.values():
            sock.close()

    # -- those who call ------------------------------------------------------------------------

    def _incoming(self, events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            peer, _ = self._listener.accept()
            self._peers[peer] = bytearray()
            self._engine.watch(peer.fileno(), lambda events: self._read(peer), INCOMING)
            self._send(peer, {"version": __version__, "pid": os.getpid()})
            for listener, why in self._relay.failures.items():
                self._send(peer, {"listener": list(listener), "why": why})

    def _read(self, peer: socket.socket) -> None:
        buffer = self._peers[peer]
        try:
            data = peer.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up(peer)
            return
        buffer += data
        *lines, rest = buffer.split(b"\n") if b"\n" in data else (buffer,)
        self._peers[peer] = bytearray(rest)
        for line in lines:
            self._obey(peer, json.loads(line))

    def _hang_up(self, peer: socket.socket) -> None:
        if self._peers.pop(peer, None) is not None:
            self._engine.bury(peer)

    def _obey(self, peer: socket.socket, message: dict[str, Any]) -> None:
        if "table" in message:
            self._relay.replace(dict(decode_entry(entry) for entry in message["table"]))
            self._save_later()
        for entry in message.get("put", ()):  # what is wrong with one must not keep the others out
            self._engine.call(partial(self._relay.put, *decode_entry(entry)))
            self._save_later()
        for key in message.get("drop", ()):
            self._relay.drop(Listener(*key))
            self._save_later()
        if "names" in message:
            self._names.learn(message["names"])
            self._save_later()
        if "names_put" in message:
            self._names.change(message["names_put"], message["names_drop"])
            self._save_later()
        if "sync" in message:
            self._send(peer, {"synced": message["sync"], "statistics": self._relay.statistics()})
        if "hand_over" in message:
            self._hand_over(peer)
        if "stop" in message:
            self._relay.replace({})
            self._table_file.unlink(missing_ok=True)
            self._names.remove()
            self._path.unlink(missing_ok=True)
            self._engine.stop()

    def _failed(self, listener: Listener, why: str) -> None:
        for peer in list(self._peers):
            self._send(peer, {"listener": list(listener), "why": why})

    def _send(self, peer: socket.socket, message: dict[str, Any]) -> None:
        """A peer that does not read is let go."""
        data = json.dumps(message).encode() + b"\n"
        try:
            complete = peer.send(data) == len(data)
        except OSError:
            complete = False
        if not complete:
            self._hang_up(peer)

    # -- the future ----------------------------------------------------------------------------

    def _hand_over(self, peer: socket.socket) -> None:
        """Give the sockets away, accept no more, and go when the last connection has."""
        self._save()
        given = [(key, door.socket) for key, door in self._relay.doors.items() if door.socket is not None]
        peer.setblocking(True)
        peer.settimeout(HAND_OVER_S)
        for start in range(0, len(given), DESCRIPTORS_AT_ONCE):
            some = given[start : start + DESCRIPTORS_AT_ONCE]
            keys = json.dumps([list(key) for key, _ in some]).encode() + b"\n"
            socket.send_fds(peer, [keys], [sock.fileno() for _, sock in some if sock is not None])
        self._is_leaving = True
        self._relay.replace({})
        self._engine.forget(self._listener.fileno())
        self._listener.close()
        for known in list(self._peers):
            self._hang_up(known)
        self._leave_when_idle()

    def _leave_when_idle(self) -> None:
        if self._relay.counts.open == 0:
            self._engine.stop()
        else:
            self._engine.after(1.0, self._leave_when_idle)

    def _save_later(self) -> None:
        if not self._is_dirty:
            self._is_dirty = True
            self._engine.after(max(SETTLE_S, self._saved_at + SAVE_S - self._engine.now), self._save)

    def _save(self) -> None:
        """Without fsync: a power cut costs a table that the agent sends again anyway."""
        if not self._is_dirty or self._is_leaving:
            return
        self._is_dirty, self._saved_at = False, self._engine.now
        try:
            self._write()
        except OSError as error:  # the disk is full: later
            log.warning("event=not_saved why=%r", str(error))
            self._save_later()

    def _write(self) -> None:
        self._names.save()
        entries = [encode_entry(listener, door.backends) for listener, door in self._relay.doors.items()]
        draft = self._table_file.with_suffix(".new")
        draft.write_text(json.dumps(entries))
        draft.replace(self._table_file)


def run_relay(directory: Path) -> None:
    """Until told to stop, by message or SIGTERM. Raises OSError when the control socket cannot be made."""
    engine = Engine()
    read_end, write_end = socket.socketpair()
    write_end.setblocking(False)
    signal.set_wakeup_fd(write_end.fileno())
    signal.signal(signal.SIGTERM, lambda number, frame: engine.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent
    engine.watch(read_end.fileno(), lambda events: None, INCOMING)
    Control(engine, directory)
    engine.run()
    engine.close()
