"""What an agent asks of its runtime, asked of the real one: pikube.agent.runtime.contract.Runtime, call by call.

The board's own Podman, under another instance's name: what is made here is nobody's pod.
"""

import itertools
import tarfile
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from pikube.agent.runtime.contract import ContainerSpec, ImageFailure, Mount, RuntimeFailure, SandboxSpec
from pikube.agent.runtime.podman import Podman
from pikube.agent.runtime.processes import wait_ended

NUMBERS = itertools.count(1)


@pytest.fixture
def runtime(board):
    return Podman(str(board.directory / "data" / "agent" / "podman.sock"), "contract")


@pytest.fixture
async def sandbox(runtime):
    made = await runtime.create_sandbox(wanted())
    yield made
    with trio.CancelScope(shield=True):
        await runtime.remove_sandbox(made.id)


@pytest.fixture
async def box(runtime, board, sandbox):
    """Makes the specification of a container of the sandbox that runs a script."""
    image = await runtime.find_image("localhost/box:1")

    def spec(script="exec sleep 1000", **more):
        number = next(NUMBERS)
        values = {
            "sandbox_id": sandbox.id, "pod_uid": sandbox.uid, "pod_name": sandbox.name,
            "pod_namespace": sandbox.namespace, "name": "c", "attempt": number, "image": "localhost/box:1",
            "image_id": image.id, "spec_hash": "h", "log_path": str(board.directory / f"contract-{number}.log"),
            "command": ("sh", "-c", script),
        }  # fmt: skip
        return ContainerSpec(**(values | more))

    return spec


def wanted(**more):
    uid = f"contract-{next(NUMBERS)}"
    values = {"uid": uid, "name": "p", "namespace": "contract", "hostname": "p", "network": "pikube0"}
    return SandboxSpec(**(values | more))


async def ended(runtime, container):
    """The container once the runtime knows its end."""
    with trio.fail_after(20):
        await wait_ended(container.pid, container.id)
        while (now := await runtime.inspect_container(container.id)).state == "running":
            pass  # its monitor tells it in a moment
    return now


async def said(session):
    """What a command writes, by stream."""
    found = {1: b"", 2: b""}
    with trio.fail_after(30):
        async for number, data in session.output():
            found[number] += data
    return found


async def test_it_tells_what_it_is(runtime):
    info = await runtime.info()
    assert info.version[0].isdigit() and info.architecture and info.kernel and info.storage_driver
    assert info.cgroup_version in ("v1", "v2")
    await runtime.ping()
    assert (runtime.problem(), runtime.trouble()) == ("", "")


def monitors_of_commands(identity):
    """The processes that Podman leaves for a command, which sleep for minutes."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = file.read_bytes()
            if b"--exec-process-spec" in words and identity.encode() in words:
                found.append(words)
    return found


async def test_a_command_of_the_boards_own_leaves_nothing(runtime, sandbox, box):
    started = await runtime.start_container(box(env={"A": "1"}, user="1000:2000"))
    async with runtime.command(
        started, ("sh", "-c", "echo $A; id -u; id -g; echo err >&2; exit 3")
    ) as session:
        with trio.fail_after(20):
            words = b"".join([data async for _, data in session.output()])
            assert sorted(words.split()) == sorted([b"1", b"1000", b"2000", b"err"])
            assert await session.exit_code() == 3 and await session.is_sound()
    async with runtime.command(started, ("sleep", "777")):
        pass
    async with runtime.command(started, ("ps",)) as session:
        assert b"777" not in b"".join([data async for _, data in session.output()])
    assert not monitors_of_commands(started.id)
    with pytest.raises(RuntimeFailure, match="/no/such/program"):
        async with runtime.command(started, ("/no/such/program",)) as session:
            await session.exit_code()
    async with runtime.exec(started.id, ("true",), has_tty=False, has_stdin=False) as session:
        assert not [data async for _, data in session.output()]
    assert monitors_of_commands(started.id), "of somebody who looks himself"
    await runtime.signal_container(started, 9)
    over = await ended(runtime, started)
    with pytest.raises(RuntimeFailure):
        async with runtime.command(over, ("true",)) as session:
            await session.exit_code()
    await runtime.remove_sandbox(sandbox.id)
    assert not monitors_of_commands(started.id)


async def test_a_sandbox_is_made_listed_stopped_and_removed_and_then_there_is_nothing(runtime):
    spec = wanted()
    made = await runtime.create_sandbox(spec)
    try:
        assert made.is_running and made.pid and made.address.startswith("10.42.")
        assert (made.uid, made.name, made.namespace) == (spec.uid, "p", "contract")
        listed, _ = await runtime.list_all()
        assert [s.is_running for s in listed if s.uid == spec.uid] == [True]
        others, _ = await Podman(runtime.socket_path, "somebody-else").list_all()
        assert others == []
        with pytest.raises(RuntimeFailure, match="already") as refused:
            await runtime.create_sandbox(spec)
        assert refused.value.reason == "FailedCreatePodSandBox"
        await runtime.stop_sandbox(made)
        assert not (await runtime.inspect_sandbox(made)).is_running
    finally:
        await runtime.remove_sandbox(made.id)
    assert not (await runtime.inspect_sandbox(made)).is_running
    await runtime.stop_sandbox(made)
    await runtime.remove_sandbox(made.id)
    await runtime.forget_sandbox(made.id)
    listed, containers = await runtime.list_all()
    assert [s for s in listed if s.uid == spec.uid] == [c for c in containers if c.pod_uid == spec.uid] == []


async def test_a_container_is_started_seen_ended_and_removed(runtime, sandbox, box):
    spec = box("echo out; echo err >&2; exit 3", env={"A": "1"})
    started = await runtime.start_container(spec)
    assert started.name == "c" and started.pod_uid == sandbox.uid and started.attempt == spec.attempt
    over = await ended(runtime, started)
    assert (over.state, over.exit_code, over.was_oom_killed) == ("exited", 3, False)
    assert 0 < over.started_at <= over.finished_at
    text = await trio.Path(spec.log_path).read_text()
    assert " stdout F out\n" in text and " stderr F err\n" in text
    _, listed = await runtime.list_all()
    assert [(c.state, c.exit_code, c.spec_hash) for c in listed if c.id == started.id] == [("exited", 3, "h")]
    await runtime.signal_container(over, 15)  # nobody there: no failure
    await runtime.remove_container(started.id)
    assert await runtime.inspect_container(started.id) is None
    await runtime.remove_container(started.id)


async def test_a_signal_reaches_the_first_process(runtime, box):
    started = await runtime.start_container(box("trap 'exit 5' TERM; while true; do sleep 0.05; done"))
    with trio.fail_after(20):
        while b"sleep" not in (await said_by(runtime, started.id, "ps"))[1]:
            pass
    await runtime.signal_container(started, 15)
    assert (await ended(runtime, started)).exit_code == 5


async def said_by(runtime, identity, *command):
    async with runtime.exec(identity, command, has_tty=False, has_stdin=False) as session:
        return await said(session)


@pytest.mark.parametrize("program, code", [("/no/such/program", 127), ("nowhere", 127), ("/etc", 126)])
async def test_what_cannot_be_run_has_ended_as_in_a_shell(runtime, box, program, code):
    ended_at_once = await runtime.start_container(box(command=(program,)))
    assert (ended_at_once.state, ended_at_once.exit_code, ended_at_once.never_ran) == ("exited", code, True)
    assert program in ended_at_once.error
    await runtime.remove_container(ended_at_once.id)


async def test_what_cannot_be_made_is_refused_in_its_own_words_and_leaves_nothing(runtime, sandbox, box):
    with pytest.raises(RuntimeFailure) as refused:
        await runtime.start_container(replace(box(), image_id="0" * 64))
    assert refused.value.reason == "CreateContainerError"
    _, listed = await runtime.list_all()
    assert [c for c in listed if c.pod_uid == sandbox.uid] == []


async def test_mounts_limits_and_the_user_are_as_asked(runtime, board, box):
    shared = board.directory / f"contract-shared-{next(NUMBERS)}"
    shared.mkdir(mode=0o777)
    (shared / "file").write_text("ours")
    spec = box(
        mounts=(Mount(str(shared), "/ro", is_read_only=True), Mount("", "/tmpfs", tmpfs_size_bytes=1 << 20)),
        user="1000:2000", groups=("3000",), working_dir="/tmp", memory_bytes=32 << 20, env={"A": "b c"},
    )  # fmt: skip
    started = await runtime.start_container(spec)
    script = 'id; pwd; echo "$A"; cat /ro/file; echo; echo > /ro/x; cat /proc/mounts'
    words = await said_by(runtime, started.id, "sh", "-c", script)
    lines = words[1].decode().splitlines()
    assert lines[0].split()[:2] == ["uid=1000", "gid=2000"] and "3000" in lines[0]
    assert lines[1:4] == ["/tmp", "b c", "ours"]
    assert b"Read-only" in words[2] and any(line.startswith("tmpfs /tmpfs tmpfs") for line in lines)
    assert started.cgroup and started.monitor_pid and started.log_control


async def test_a_command_has_streams_of_its_own_and_a_code(runtime, box):
    started = await runtime.start_container(box())
    async with runtime.exec(
        started.id, ["sh", "-c", "cat; echo bad >&2; exit 7"], has_tty=False, has_stdin=True
    ) as session:
        async with trio.open_nursery() as nursery:

            async def type_in():
                for _ in range(64):
                    await session.send(b"x" * 65536)
                await session.end_input()

            nursery.start_soon(type_in)
            words = await said(session)
        assert await session.exit_code() == 7
    assert (len(words[1]), set(words[1]), words[2]) == (64 * 65536, {ord("x")}, b"bad\n")
    async with runtime.exec(started.id, ["sh"], has_tty=True, has_stdin=True) as session:
        await session.resize(100, 40)
        await session.send(b"exit 4\n")
        await said(session)
        assert await session.exit_code() == 4
    with pytest.raises(RuntimeFailure, match="no such container"):
        await said_by(runtime, "0" * 64, "true")


async def test_a_command_that_ends_before_it_has_read_says_nothing_of_it(runtime, box):
    started = await runtime.start_container(box())
    async with (
        runtime.exec(started.id, ("true",), has_tty=False, has_stdin=True) as session,
        trio.open_nursery() as nursery,
    ):

        async def type_in():
            for _ in range(100):
                await session.send(b"x" * 65536)

        nursery.start_soon(type_in)
        assert await said(session) == {1: b"", 2: b""}
        assert await session.exit_code() == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("has_tty", [False, True])
async def test_a_command_that_talks_to_nobody_ends(runtime, box, has_tty):
    started = await runtime.start_container(box())
    flood = ("sh", "-c", "while echo flood; do :; done")
    silent = ("sh", "-c", "trap '' HUP; while :; do sleep 1; done")
    async with (
        runtime.exec(started.id, flood, has_tty=has_tty, has_stdin=False) as session,
        aclosing(session.output()) as output,
    ):
        assert (await anext(output))[1].startswith(b"flood")
    async with runtime.exec(started.id, silent, has_tty=has_tty, has_stdin=False):
        await until_ps_has(runtime, started, b"trap")
    await until_ps_has(runtime, started, b"flood", is_there=False)
    await until_ps_has(runtime, started, b"trap")


async def until_ps_has(runtime, container, words, *, is_there=True):
    with trio.fail_after(20):
        while True:
            async with runtime.command(container, ("ps",)) as session:
                listed = b"".join([data async for _, data in session.output()])
            if (words in listed) == is_there:
                return


async def test_people_join_the_containers_own_process(runtime, box):
    started = await runtime.start_container(box(command=("cat",), has_stdin=True))
    async with runtime.attach(started.id, has_tty=False, has_stdin=True) as session:
        await session.send(b"hello\n")
        await session.end_input()
        assert (await said(session))[1] == b"hello\n"
    assert (await ended(runtime, started)).exit_code == 0


async def test_images_are_found_listed_and_stay_while_they_are_used(runtime, board, sandbox, box, tmp_path):
    files = tmp_path / "files.tar"
    with tarfile.open(files, "w") as archive:
        archive.add(__file__, "test")
    found = await runtime.find_image("localhost/box:1")
    assert found.architecture and found.size_bytes and "localhost/box:1" in found.names
    assert await runtime.find_image(f"sha256:{found.id}") == found
    assert await runtime.find_image("localhost/nothing:1") is None
    with pytest.raises(ImageFailure) as bad:
        await runtime.find_image("UPPER/case:1")
    assert bad.value.reason == "InvalidImageName"
    await runtime.start_container(box())
    images, used = await runtime.images()
    assert found.id in {image.id for image in images} and found.id in used
    await runtime.remove_image(found.id)
    assert await runtime.find_image("localhost/box:1") == found
    await runtime.remove_image("0" * 64)
    board.podman("import", "--quiet", str(files), "localhost/named:1")
    board.podman("tag", "localhost/named:1", "localhost/named:2", "localhost/named:3")
    await runtime.remove_image((await runtime.find_image("localhost/named:2")).id)
    assert [await runtime.find_image(f"localhost/named:{number}") for number in (1, 2, 3)] == [None] * 3
    with pytest.raises(ImageFailure, match="connection refused") as refused:
        await runtime.pull_image("127.0.0.1:1/lab/box:1")
    assert refused.value.reason == "ErrImagePull"


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1])
async def test_what_is_cancelled_may_have_happened_and_the_list_tells(runtime, sandbox, box, after_s):
    spec = box()
    with trio.move_on_after(after_s):
        await runtime.start_container(spec)
    with trio.fail_after(20):  # Podman finishes what it has begun
        while True:
            _, listed = await runtime.list_all()
            mine = [c for c in listed if c.pod_uid == sandbox.uid and c.attempt == spec.attempt]
            if all(c.state == "running" for c in mine):
                break
            await runtime.remove_container(next(c.id for c in mine if c.state != "running"))
    again = await runtime.start_container(replace(spec, attempt=next(NUMBERS)))
    assert again.state == "running"
