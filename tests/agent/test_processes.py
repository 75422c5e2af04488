"""The end of a container's first process, and what killed it."""

import os
import signal
import subprocess
from dataclasses import replace

import trio

from pikube.agent.runtime.contract import Container
from pikube.agent.runtime.podman import without_ghost
from pikube.agent.runtime.processes import OomWatch, is_of, is_there, send_signal, wait_ended


def test_the_end_of_a_process_is_told_by_the_kernel():
    process = subprocess.Popen(["sleep", "1000"])

    async def main():
        with trio.move_on_after(0.05) as waiting:
            await wait_ended(process.pid, "an id")
        assert waiting.cancelled_caught, "it still runs"
        send_signal(process.pid, "an id", signal.SIGKILL)
        with trio.fail_after(10):
            await wait_ended(process.pid, "an id")

    try:
        trio.run(main)
    finally:
        process.kill()
        process.wait()
    trio.run(wait_ended, process.pid, "an id")  # long gone: at once


def test_the_kernels_log_names_the_container_it_killed(tmp_path):
    log = tmp_path / "kmsg"
    log.write_text(
        "6,1,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/libpod_parent/libpod-abc,task=sh\n"
    )
    assert OomWatch(str(log)).is_in_kernel_log("abc")
    assert not OomWatch(str(log)).is_in_kernel_log("abd")
    assert not OomWatch(str(tmp_path / "none")).is_in_kernel_log("abc")
    assert OomWatch().kills("", "abc") == 0


def test_a_process_that_waits_for_its_parent_has_ended():
    process = subprocess.Popen(["sleep", "100"])
    assert is_there(process.pid) and is_of(process.pid, "anything")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_there(process.pid) and not is_of(process.pid, "anything")
    process.wait()
    assert not is_there(process.pid)


def test_a_container_that_died_with_its_monitor_has_ended_whatever_podman_says():
    ended, alive = subprocess.Popen(["true"]), subprocess.Popen(["sleep", "100"])
    ended.wait()

    def container(pid, monitor):
        return Container(
            id="c", pod_uid="u", name="c", attempt=0, spec_hash="", state="running", image="", image_id="",
            pid=pid, monitor_pid=monitor,
        )  # fmt: skip

    def seen(*answers):
        left = list(answers)

        async def inspect():
            return left.pop(0)

        return trio.run(without_ghost, inspect)

    try:
        dead = container(ended.pid, ended.pid)
        ghost = seen(dead, dead)
        assert (ghost.state, ghost.exit_code) == ("exited", 137) and ghost.finished_at > 0
        for one in (container(ended.pid, alive.pid), container(alive.pid, ended.pid)):
            assert seen(one) is one, "its monitor will tell, or it lives"
        told = replace(dead, state="exited", exit_code=0)
        assert seen(dead, told) is told, "it ended between Podman's answer and our look"
        assert seen(dead, None) is None
    finally:
        alive.kill()
        alive.wait()
