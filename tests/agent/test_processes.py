"""The end of a container's first process, and what killed it."""

import signal
import subprocess

import trio

from pikube.agent.runtime.processes import OomWatch, send_signal, wait_ended


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
