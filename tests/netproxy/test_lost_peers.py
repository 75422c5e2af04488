"""Connections whose board was lost end in bounded time; those whose peer only does not read go on."""

import os
import subprocess
import sys

import pytest

from pikube.netproxy.lost_peers import FIELDS, INFO_BYTES, is_gone


def info(retransmits=0, probes=0, unacked=0, last_ack_ms=0):
    words = [0, 0, 0, 0, unacked, *[0] * 7, last_ack_ms]
    return FIELDS.pack(1, 0, retransmits, probes, 0, 0, 0, 0, *words)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (info(), False),
        (info(last_ack_ms=40_000), False),  # idle: nothing is owed
        (info(unacked=3, retransmits=5, last_ack_ms=31_000), True),
        (info(unacked=3, retransmits=5, last_ack_ms=29_000), False),
        (info(unacked=1, last_ack_ms=31_000), False),  # just sent, after a long silence
        (info(probes=1, last_ack_ms=31_000), False),  # the probe is on its way
        (info(probes=2, last_ack_ms=31_000), True),
    ],
)
def test_a_peer_is_gone_that_owes_an_answer_for_too_long(what, expected):
    assert len(what) == INFO_BYTES
    assert is_gone(what, 30.0) is expected


LOST = """
import socket, subprocess, threading
from pikube.netproxy.doors import Counts, TcpDoor
from pikube.netproxy.engine import Engine
from pikube.netproxy.targets import Backend, Backends, Listener
from pikube.netproxy.tcp import Shared
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
servers = [socket.create_server(("127.0.0.1", port)) for port in (7001, 7002)]
engine = Engine()
shared = Shared(engine, silent_s=1.0, sweep_s=0.2)
doors = [
    TcpDoor(shared, Counts(10), Listener("TCP", "127.0.0.1", port),
            Backends("x", (Backend("127.0.0.1", port + 1000),)), print)
    for port in (6001, 6002)
]
threading.Thread(target=engine.run, daemon=True).start()
lost, slow = (socket.create_connection(("127.0.0.1", port), timeout=20) for port in (6001, 6002))
ends = [server.accept()[0] for server in servers]
lost.sendall(b"before")
assert ends[0].recv(6) == b"before"
# a reader that pauses: its window is closed, and it answers every probe
sender = threading.Thread(target=lambda: (ends[1].sendall(b"x" * 20_000_000), ends[1].close()))
sender.start()
rule = "table inet away { chain c { type filter hook input priority 0; tcp dport 7001 drop; tcp sport 7001 drop; }; }"
subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
lost.sendall(b"into the void")
try:
    lost.recv(1)
    raise SystemExit("the connection to a lost backend stands")
except ConnectionResetError:
    pass
got = 0
while chunk := slow.recv(1 << 20):
    got += len(chunk)
assert got == 20_000_000, got
engine.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace")
def test_a_connection_to_a_lost_board_is_reset_and_one_to_a_paused_reader_is_not():
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
