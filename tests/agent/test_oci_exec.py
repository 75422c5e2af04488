"""Commands in containers by the OCI runtime: how it is reached, what it is given, what becomes of the command."""

import json
from pathlib import Path

import msgspec
import pytest
import trio

from pikube.agent.runtime.contract import RuntimeFailure
from pikube.agent.runtime.oci_exec import (
    Monitor,
    NotBegun,
    open_command,
    process_document,
    read_monitor,
    runtime_words,
)
from pikube.agent.runtime.processes import is_there

ID = "2aaf93b520ba"
LINE = (
    f"/usr/bin/conmon --api-version 1 -c {ID} -u {ID} -r /usr/bin/runc -b /s/overlay-containers/{ID}/userdata -p /p "
    f"-n k8s_c --exit-dir /exits --full-attach -s -l k8s-file:/log --log-level warning "
    f"--runtime-arg --log-format=json --runtime-arg --log --runtime-arg=/run/{ID}/oci-log --runtime-arg --root "
    f"--runtime-arg /run/mine --exit-command /usr/bin/podman --exit-command-arg -c --exit-command-arg other"
)
BUNDLE = f"/s/overlay-containers/{ID}/userdata"


@pytest.mark.parametrize(
    ("line", "monitor"),
    [
        (LINE, Monitor(("/usr/bin/runc", "--systemd-cgroup", "--root", "/run/mine"), BUNDLE)),
        (LINE.replace(" -s ", " "), Monitor(("/usr/bin/runc", "--root", "/run/mine"), BUNDLE)),
        (LINE.replace(f"-c {ID}", "-c other"), None),
        (LINE.replace("-r /usr/bin/runc", ""), None),
        ("/usr/bin/something -c", None),
        ("", None),
    ],
)
def test_a_monitor_says_how_to_reach_the_runtime(line, monitor):
    assert read_monitor(line.replace(" ", "\0").encode(), ID) == monitor


def test_a_command_runs_as_the_container_itself():
    process = {
        "terminal": True,
        "consoleSize": {"width": 1},
        "args": ["web"],
        "user": {"uid": 7},
        "env": ["A=1"],
    }
    made = json.loads(
        process_document(json.dumps({"ociVersion": "1", "process": process}).encode(), ("ls", "-l"))
    )
    assert made == {"terminal": False, "args": ["ls", "-l"], "user": {"uid": 7}, "env": ["A=1"]}
    with pytest.raises(msgspec.MsgspecError):
        process_document(b"{}", ("ls",))


def test_what_the_runtime_says_of_itself(tmp_path):
    log = tmp_path / "log"
    assert runtime_words(log) == ""
    log.write_text('{"level":"warning","msg":"w"}\nnonsense\n')
    assert runtime_words(log) == ""
    log.write_text(
        '{"level":"error","msg":"first"}\n{"level":"error","msg":"exec failed: no x"}\n{"level":"info"}\n'
    )
    assert runtime_words(log) == "exec failed: no x"


@pytest.fixture
def runtime(tmp_path):
    """A runtime that does what a script says; `$7` is where it writes the command's pid, `$2` its log."""
    (tmp_path / "config.json").write_text('{"process": {"args": []}}')

    def made(script):
        program = tmp_path / "runtime"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return Monitor((str(program),), str(tmp_path))

    return made


async def said(session):
    return b"".join([data async for _, data in session.output()])


async def test_output_and_exit_code_are_the_commands(runtime):
    monitor = runtime("echo $$ > $7; echo out; echo err >&2; shift 9; echo $1; exit 3")
    async with open_command(monitor, ID, ("look",)) as session:
        assert await said(session) == f"out\nerr\n{ID}\n".encode()
        assert await session.exit_code() == 3


async def test_a_command_that_the_runtime_cannot_run_has_no_exit_code(runtime):
    monitor = runtime("""echo $$ > $7; echo '{"level":"error","msg":"no such file"}' > $2; exit 255""")
    async with open_command(monitor, ID, ("look",)) as session:
        with pytest.raises(RuntimeFailure, match="no such file"):
            await session.exit_code()


@pytest.mark.parametrize("script", ["exit 1", """echo '{"level":"error","msg":"stopped"}' > $2; exit 1"""])
async def test_a_runtime_that_does_not_begin_says_so(runtime, script):
    with pytest.raises(NotBegun):
        async with open_command(runtime(script), ID, ("look",)):
            pass
    with pytest.raises(NotBegun):
        async with open_command(Monitor(("/no/such/runtime",), "/no"), ID, ("look",)):
            pass


async def test_a_command_that_nobody_waits_for_any_more_is_ended(runtime, tmp_path):
    monitor = runtime(f"echo $$ > $7; cp $7 {tmp_path}/seen; exec sleep 1000")
    with trio.move_on_after(30):
        async with open_command(monitor, ID, ("look",)):
            seen = tmp_path / "seen"
            while not seen.exists() or not seen.read_text():
                await trio.lowlevel.checkpoint()
    assert not is_there(int((tmp_path / "seen").read_text()))
    assert not list(Path("/run").glob("pikube-command-*"))
