"""Logs stay within their limits without losing a line, and each request finds the attempt that it means."""

import gzip
import io
import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.agent.kubelet_api import seek_tail
from pikube.agent.log_lines import tail_offset
from pikube.agent.pods.log_choice import chosen_attempt
from pikube.agent.pods.log_rotation import LogLimits, LogRotation, OpenLog, forget_logs
from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_container import ContainerStatus


def test_a_full_log_is_renamed_its_monitor_told_and_old_files_are_few_and_compressed(tmp_path):
    path, control = tmp_path / "0.log", tmp_path / "ctl"
    os.mkfifo(control)
    monitor = os.open(control, os.O_RDWR)
    clock = iter(range(100))
    rotation = LogRotation(list, LogLimits(10, 3), wall_clock=lambda: float(next(clock)))
    for number in range(4):
        path.write_text(f"line {number}")
        rotation.rotate(OpenLog(path, str(control)))
        assert os.read(monitor, 64) == b"2 0 0\n"
        assert not path.exists(), "conmon makes the new file"
    old, newest = sorted(p for p in tmp_path.iterdir() if p.name.startswith("0.log."))
    assert newest.read_text() == "line 3"
    assert old.suffix == ".gz" and gzip.decompress(old.read_bytes()) == b"line 2"
    forget_logs(tmp_path.parent, tmp_path.name, 0)
    assert not list(tmp_path.glob("0.log*"))


def test_without_a_monitor_the_log_stays_where_it_is(tmp_path):
    path = tmp_path / "0.log"
    path.write_text("kept")
    LogRotation(list, LogLimits(1, 2)).rotate(OpenLog(path, str(tmp_path / "ctl")))
    assert path.read_text() == "kept" and list(tmp_path.iterdir()) == [path]


class CountedFile(io.BytesIO):
    """Knows how much of it was read."""

    read_bytes = 0

    def read(self, *argv):
        data = super().read(*argv)
        self.read_bytes += len(data)
        return data


LINES = st.lists(st.tuples(st.sampled_from("FP"), st.integers(0, 40)), max_size=30)


@given(LINES, st.integers(0, 12), st.integers(1, 200), st.booleans())
def test_the_end_of_a_log_is_found_from_its_end(lines, wanted, block, is_whole):
    data = b"".join(b"2026-01-01T00:00:00.0+00:00 stdout %s %s\n" % (t.encode(), b"x" * n) for t, n in lines)
    data = data if is_whole else data[:-1]
    file = io.BytesIO(data)
    seek_tail(file, wanted, block)
    assert file.tell() == tail_offset(data, wanted)


def test_the_end_of_a_large_log_costs_no_more_than_it_is():
    line = b"2026-01-01T00:00:00.0+00:00 stdout F some words\n"
    file = CountedFile(line * 100_000)
    seek_tail(file, 10)
    assert file.read() == line * 10
    assert file.read_bytes < 1_000_000


def attempt(number, state):
    return Container(
        id=f"c{number}",
        pod_uid="u",
        name="c",
        attempt=number,
        spec_hash="",
        state=state,
        image="",
        image_id="",
    )


def status(count=0, waiting=False, identity="podman://x"):
    state = {"waiting": {"reason": "CrashLoopBackOff"}} if waiting else {}
    return msgspec.convert(
        {"name": "c", "restartCount": count, "containerID": identity, "state": state}, ContainerStatus
    )


@pytest.mark.parametrize(
    ("attempts", "known", "newest", "previous"),
    [
        ((), None, None, None),
        ((), status(identity=""), None, None),
        ((), status(3), 3, 3),
        ([attempt(0, "running")], status(), 0, None),
        ([attempt(0, "exited")], status(waiting=True), 0, 0),
        ([attempt(0, "exited"), attempt(1, "running")], status(1), 1, 0),
        ([attempt(4, "exited"), attempt(5, "exited")], status(5, waiting=True), 5, 5),
        ([attempt(5, "running")], status(5), 5, 4),
        ([attempt(4, "exited"), attempt(5, "created")], status(4, waiting=True), 4, 4),
    ],
)
def test_the_log_that_is_meant(attempts, known, newest, previous):
    assert chosen_attempt(attempts, known, previous=False) == newest
    assert chosen_attempt(attempts, known, previous=True) == previous
