"""An input that is held open between two who write to it."""

import subprocess
import sys

import trio

from pikube.agent.kept_input import KeptInputs

READER = (
    "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)\nprint('over', flush=True)"
)


def reader(stdin=subprocess.PIPE):
    return subprocess.Popen([sys.executable, "-c", READER], stdin=stdin, stdout=subprocess.PIPE, text=True)


async def test_what_was_closed_by_others_stays_open_for_the_next():
    with reader() as process:
        inputs = KeptInputs()
        kept = inputs.keep("one", process.pid)
        process.stdin.close()  # as conmon does when the first one leaves
        await kept.send(b"first\n")
        assert process.stdout.readline() == "got first\n"
        assert inputs.keep("one", process.pid) is kept
        await kept.send(b"second\n")
        assert process.stdout.readline() == "got second\n"
        kept.close()
        assert process.stdout.readline() == "over\n"


async def test_more_than_a_pipe_holds_waits_and_two_who_write_do_not_cut_each_other():
    with reader() as process:
        kept = KeptInputs().keep("one", process.pid)
        lines = []

        async def write(letter):
            await kept.send(letter.encode() * 100_000 + b"\n")

        def read():
            lines.extend(process.stdout.readline().split()[1] for _ in range(2))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, read)
            nursery.start_soon(write, "a")
            nursery.start_soon(write, "b")
        assert sorted(lines) == ["a" * 100_000, "b" * 100_000]
        kept.close()
        process.stdin.close()


async def test_a_process_without_a_pipe_has_no_input_to_keep_and_one_that_is_gone_keeps_none():
    with reader(stdin=subprocess.DEVNULL) as process:
        assert KeptInputs().keep("one", process.pid) is None
    inputs = KeptInputs()
    with reader() as process:
        kept = inputs.keep("one", process.pid)
        process.kill()
        process.wait()
        await kept.send(b"x" * 200_000)
        assert inputs.keep("one", process.pid) is None
