"""The control plane is killed again and again while clients write and watch: what they were told must hold."""

import contextlib
import socket
import subprocess
import sys
import threading

import pytest
from board import ROOT, wait_until
from history import (
    LOST,
    PATH,
    Door,
    Session,
    Watcher,
    Writer,
    check_no_gap,
    check_one_story,
    check_outcome,
    check_session,
)

KILLS = 2
WRITES_BETWEEN = 60


class ControlPlane:
    """A leader without an agent, on a port of the loopback."""

    def __init__(self, directory):
        self.kubeconfig = directory / "kubeconfig"
        self._log = directory / "log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._command = [
            *(
                sys.executable,
                "-m",
                "pikube",
                "leader",
                "--no-agent",
                "--no-discovery",
                "--node-ip",
                "127.0.0.1",
            ),
            *(
                "--bind-address",
                "127.0.0.1",
                "--https-listen-port",
                str(port),
                "--data-dir",
                str(directory / "data"),
            ),
            *("--write-kubeconfig", str(self.kubeconfig)),
        ]
        self._process = None

    def start(self):
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=ROOT)
        wait_until(self._is_ready, what="an API that answers", timeout_s=60)

    def _is_ready(self):
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        with contextlib.suppress(*LOST):
            return Door(self.kubeconfig).ask("GET", PATH)[0] == 200
        return False

    def kill(self):
        self._process.kill()
        self._process.wait(timeout=30)


@pytest.fixture
def plane(tmp_path):
    plane = ControlPlane(tmp_path)
    plane.start()
    yield plane
    plane.kill()


def test_no_acknowledged_write_is_lost_and_no_watch_has_a_gap(plane):
    door, stop = Door(plane.kubeconfig), threading.Event()
    writers = [Writer(door, number, stop) for number in range(3)]
    watchers = [Watcher(door, stop) for _ in range(2)]
    for thread in (*writers, *watchers):
        thread.start()
    for _ in range(KILLS):
        goal = sum(writer.acknowledged for writer in writers) + WRITES_BETWEEN
        wait_until(
            lambda goal=goal: sum(w.acknowledged for w in writers) >= goal, what="writes", timeout_s=60
        )
        plane.kill()
        plane.start()
    stop.set()
    for thread in (*writers, *watchers):
        thread.join(timeout=20)
        assert not thread.is_alive()
    _, listed = door.ask("GET", PATH)
    found = {one["metadata"]["name"]: one.get("data", {}).get("value") for one in listed["items"]}
    every = [write for writer in writers for write in writer.writes]
    sessions = [session for watcher in watchers for session in watcher.sessions]
    assert sum(len(session.events) for session in sessions) > WRITES_BETWEEN
    for writer in writers:
        check_outcome(writer.writes, found)
    for session in sessions:
        check_session(session)
        check_no_gap(session, every)
    check_one_story(sessions)


STORY = [("ADDED", "a", 5, "x"), ("MODIFIED", "a", 7, "y"), ("DELETED", "a", 9, "y")]


def test_the_checks_accept_a_true_story():
    check_session(Session(4, {}, STORY))
    check_no_gap(Session(4, {}, STORY), [("w", "x", 5), ("w", "y", 7), ("w", "z", 12)])
    check_one_story([Session(4, {}, STORY), Session(5, {"a": 5}, STORY[1:])])
    check_outcome([("a", "x", 5), ("a", "y", 7), ("b", "u", None)], {"a": "y"})


@pytest.mark.parametrize(
    "lie",
    [
        lambda: check_session(Session(4, {}, [STORY[0], STORY[0]])),
        lambda: check_session(Session(6, {}, STORY)),
        lambda: check_session(Session(4, {}, STORY[1:])),
        lambda: check_no_gap(Session(4, {}, STORY), [("w", "x", 6)]),
        lambda: check_one_story([Session(4, {}, STORY), Session(4, {}, [("ADDED", "a", 5, "other")])]),
        lambda: check_outcome([("a", "x", 5), ("a", "y", 7)], {"a": "x"}),
        lambda: check_outcome([("a", "x", 5), ("a", None, 0)], {"a": "x"}),
        lambda: check_outcome([("a", "x", 7), ("a", "y", 5)], {"a": "y"}),
    ],
)
def test_the_checks_notice_a_lie(lie):
    with pytest.raises(AssertionError):
        lie()
