"""Shell: exec and attach: a client's streams joined to those of a command, or of a container's own process.

Enter: the upgrade request and the running container. Leave: upgrade answers. Called by the kubelet API.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl

import trio

from pikube.agent.kept_input import KeptInput
from pikube.agent.runtime.contract import ExecSession, Runtime, RuntimeFailure
from pikube.api.errors import InternalError
from pikube.api.kinds.core_container import Container, EphemeralContainer
from pikube.api.kinds.core_pod import Pod
from pikube.wire.messages import Answer, Request
from pikube.wire.remote_command import RemoteSession, accept_remote_command
from pikube.wire.upgrade import command_streams

SIZES_APART_S = 0.2
"""conmon takes one size at a read: the second of two that come at once, as kubectl attach sends them, was lost every
other time (2.1.6 and 2.1.12, asked by hand), and none of those 50 ms apart."""


def exec_answer(request: Request, runtime: Runtime, container_id: str) -> Answer:
    """Run the query's command in a container. BadRequest, Forbidden for what cannot be agreed on."""
    wanted = command_streams(request.query)
    query = parse_qsl(request.query, keep_blank_values=True)
    command = [value for key, value in query if key in ("command", "command[]")]

    async def run(session: RemoteSession) -> None:
        try:
            async with runtime.exec(
                container_id, command, has_tty=wanted.tty, has_stdin=wanted.stdin
            ) as running:
                await join(session, running, has_tty=wanted.tty, has_stdin=wanted.stdin)
            await session.finish(await running.exit_code())
        except RuntimeFailure as failure:
            raise InternalError.of(f"error executing command in container: {failure.message}") from failure

    return accept_remote_command(request, run)


def attach_answer(
    request: Request,
    runtime: Runtime,
    container_id: str,
    spec: Container | EphemeralContainer,
    kept: KeptInput | None,
) -> Answer:
    """Join the container's own process; whether there is a terminal, or input, its spec says. `kept` is an input that
    stays open when this client leaves."""
    has_stdin = command_streams(request.query).stdin and spec.stdin

    async def run(session: RemoteSession) -> None:
        by_podman = has_stdin and kept is None
        try:
            async with (
                runtime.attach(container_id, has_tty=spec.tty, has_stdin=by_podman) as running,
                trio.open_nursery() as nursery,
            ):
                if has_stdin and kept is not None:
                    nursery.start_soon(_pump_kept, session, kept)
                await join(session, running, has_tty=spec.tty, has_stdin=by_podman)
                nursery.cancel_scope.cancel()
            await session.finish(0)
        except RuntimeFailure as failure:
            raise InternalError.of(f"error attaching to container: {failure.message}") from failure

    return accept_remote_command(request, run)


def container_in(pod: Pod, name: str) -> Container | EphemeralContainer:
    """The spec of a container of any sort; there must be one."""
    spec = pod.spec
    every: list[Container | EphemeralContainer] = [
        *spec.containers,
        *spec.init_containers,
        *spec.ephemeral_containers,
    ]
    return next(container for container in every if container.name == name)


async def join(session: RemoteSession, running: ExecSession, *, has_tty: bool, has_stdin: bool) -> None:
    """Bytes both ways, and terminal sizes, until the process has no more output."""
    async with trio.open_nursery() as nursery:
        if has_stdin:
            nursery.start_soon(_pump_input, session, running)
        if has_tty:
            nursery.start_soon(_pump_sizes, session, running)
        async for number, data in running.output():
            await (session.send_stderr(data) if number == 2 else session.send_stdout(data))
        nursery.cancel_scope.cancel()


async def _pump_input(session: RemoteSession, running: ExecSession) -> None:
    while data := await session.receive_stdin():
        await running.send(data)
    await running.end_input()


async def _pump_kept(session: RemoteSession, kept: KeptInput) -> None:
    """The end of what this client types is not the end of the input."""
    while data := await session.receive_stdin():
        await kept.send(data)


async def _pump_sizes(session: RemoteSession, running: ExecSession) -> None:
    """One after the other; of those that come meanwhile the newest."""
    async for width, height in session.sizes():
        with suppress(RuntimeFailure):  # it has just ended
            await running.resize(width, height)
        await trio.sleep(SIZES_APART_S)
