"""What a status says of a container that has ended: its own words, or the end of its log."""

import msgspec
import pytest

from pikube.agent.pods.decision import Memory, Observed
from pikube.agent.pods.status import Report, pod_status
from pikube.agent.pods.termination import last_words, message_file
from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_container import Container as Declared
from pikube.api.kinds.core_pod import Pod

FALL_BACK = Declared(name="c", termination_message_policy="FallbackToLogsOnError")


def ended(name="c", code=1, attempt=0):
    return Container(
        id=f"{name}{attempt}", pod_uid="u", name=name, attempt=attempt, spec_hash="", state="exited", image="",
        image_id="", exit_code=code, started_at=1.0, finished_at=2.0,
    )  # fmt: skip


def written(directory, *lines, words=b""):
    log = directory / "logs" / "c" / "0.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"".join(b"2026-11-24T15:39:59.510523313+00:00 stdout " + line + b"\n" for line in lines))
    if words:
        message_file(directory, "c", 0).parent.mkdir(parents=True)
        message_file(directory, "c", 0).write_bytes(words)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"F one", b"F two"], "one\ntwo\n"),
        ([b"F one", b"P two"], "one\ntwo"),  # the last line has no end yet
        ([b"P o", b"F ne"], "one\n"),
        ([b"F 10%\r50%\r100%", b"F done"], "10%\r50%\r100%\ndone\n"),
        ([b"F %d" % n for n in range(100)], "".join(f"{n}\n" for n in range(20, 100))),
        ([b"F " + b"x" * 300] * 20, ("x" * 300 + "\n") * 20),
    ],
)
def test_the_end_of_the_log_is_told_of_one_that_failed_without_a_word(tmp_path, lines, words):
    written(tmp_path, *lines)
    assert last_words(tmp_path, FALL_BACK, ended()) == words[-2048:]
    assert last_words(tmp_path, FALL_BACK, ended(code=0)) == ""
    assert last_words(tmp_path, Declared(name="c"), ended()) == ""


def test_its_own_words_come_first_and_are_cut_at_their_begin(tmp_path):
    written(tmp_path, b"F log", words=b"a" * 100 + b"b" * 4096)
    assert last_words(tmp_path, FALL_BACK, ended()) == "b" * 4096


@pytest.mark.parametrize(("count", "most"), [(1, 4096), (3, 4096), (6, 2048), (12, 1024)])
def test_containers_of_a_pod_share_the_room_for_last_words(count, most):
    names = [f"c{number}" for number in range(count)]
    document = {"spec": {"restartPolicy": "Never", "containers": [{"name": name} for name in names]}}
    wanted = msgspec.convert(document, Pod)
    observed = Observed(None, {name: (ended(name), ended(name, attempt=1)) for name in names})
    messages = {f"{name}{attempt}": "é" * 2048 for name in names for attempt in (0, 1)}
    status = pod_status(wanted, observed, Memory(), Report(messages=messages), 3.0)
    for told in status.container_statuses:
        assert told.state.terminated.message == told.last_state.terminated.message == "é" * (most // 2)
