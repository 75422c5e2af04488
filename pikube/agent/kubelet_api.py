"""Shell: the kubelet API of this board: logs, exec, attach, port-forward, usage, health, for the leader only.

Enter: requests of the leader (mTLS). Leave: streams. Built by the agent; on a leader that has its own
agent the same handler is called without a network between.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

import msgspec
import trio

from pikube.agent.container_streams import attach_answer, container_in, exec_answer
from pikube.agent.file_follow import watch_file
from pikube.agent.kept_input import KeptInputs
from pikube.agent.log_lines import LineReader, tail_offset
from pikube.agent.node_logs import node_log
from pikube.agent.pods.log_choice import chosen_attempt
from pikube.agent.pods.manager import PodManager
from pikube.agent.pods.worker import PodWorker
from pikube.agent.runtime.contract import Container, Runtime
from pikube.agent.usage.api import UsageApi
from pikube.api.errors import BadRequest, NotFound, PathNotFound, Resource
from pikube.api.kinds.core_container import Container as DeclaredContainer
from pikube.api.kinds.core_container import ContainerStatus
from pikube.api.kinds.core_pod import Pod, PodSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.log_options import LogWish, parse_log_options
from pikube.wire.messages import Answer, Request, Response, Send, StreamResponse
from pikube.wire.pipe import pipe
from pikube.wire.port_forward import Forwarded, accept_port_forward

READ_BYTES = 256 * 1024
END_CHECK_S = 1.0  # how often a followed log of a quiet container is asked whether the container still runs
PODS = Resource("", "pods")


class KubeletApi:
    """Implements pikube.wire.messages.Handler."""

    def __init__(
        self,
        pods: PodManager,
        runtime: Runtime,
        usage: UsageApi,
        configuration: Mapping[str, Any],
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._pods = pods
        self._runtime = runtime
        self._usage = usage
        self._configuration = configuration
        self._inputs = KeptInputs()
        self._now = wall_clock

    async def __call__(self, request: Request) -> Answer:
        """/containerLogs, /exec, /attach, /portForward by kubelet's own paths; /pods, /runningpods, /configz, /logs,
        /healthz, and what UsageApi tells."""
        parts = request.path.strip("/").split("/")
        match parts:
            case ["healthz"]:
                return Response(200, (("Content-Type", "text/plain"),), (b"ok",))
            case ["pods"]:
                return _json(_pod_list(self._pods.pods()))
            case ["runningpods"]:
                return _json(_pod_list(_running_pod(*entry) for entry in self._pods.containers()))
            case ["configz"]:
                return _json(self._configuration)
            case ["logs", *rest]:
                return await node_log("/".join(rest))
            case ["containerLogs", namespace, pod, container]:
                return self._logs(namespace, pod, container, request.query)
            case ["exec", namespace, pod, container]:
                found = self._running(namespace, pod, container)
                return exec_answer(request, self._runtime, found.id)
            case ["attach", namespace, pod, container]:
                found = self._running(namespace, pod, container)
                spec = container_in(self._worker(namespace, pod).pod, container)
                is_kept = spec.stdin and not spec.tty and not spec.stdin_once
                kept = self._inputs.keep(found.id, found.pid) if is_kept else None
                return attach_answer(request, self._runtime, found.id, spec, kept)
            case ["portForward", namespace, pod]:
                return self._forward(request, namespace, pod)
            case ["stats" | "metrics", *_]:
                measured = await self._usage.answer(request.path, request.query)
                if measured is not None:
                    return measured
        raise PathNotFound()

    def _forward(self, request: Request, namespace: str, pod: str) -> Answer:
        worker = self._worker(namespace, pod)
        if not worker.address:
            raise BadRequest(
                f"unable to forward port because pod is not running. Current status={worker.pod.status.phase}"
            )

        async def forward(forwarded: Forwarded) -> None:
            address = worker.address
            try:
                backend = await trio.open_tcp_stream(address, forwarded.port)
            except OSError as error:
                words = (error.strerror or str(error)).lower()
                await forwarded.fail(
                    f"failed to connect to {address}:{forwarded.port} inside the pod: {words}"
                )
                return
            async with backend:
                await pipe(forwarded.stream, backend)

        return accept_port_forward(request, forward)

    def _worker(self, namespace: str, name: str) -> PodWorker:
        worker = self._pods.worker(namespace, name)
        if worker is None:
            raise NotFound.of(PODS, name)
        return worker

    def _running(self, namespace: str, pod: str, name: str) -> Container:
        attempts = self._worker(namespace, pod).containers.get(name, [])
        if not attempts or attempts[-1].state != "running":
            raise BadRequest(f'container "{name}" in pod "{pod}" is not running')
        return attempts[-1]

    def _logs(self, namespace: str, pod: str, name: str, query: str) -> StreamResponse:
        worker = self._worker(namespace, pod)
        wish = parse_log_options(query)
        attempts = worker.containers.get(name, [])
        attempt = chosen_attempt(attempts, _status_of(worker, name), previous=wish.previous)
        words = f'container "{name}" in pod "{pod}"'
        if attempt is None and wish.previous:
            raise BadRequest(f"previous terminated {words} not found")
        if attempt is None:
            raise BadRequest(f"{words} is waiting to start: {_waiting_reason(worker, name)}")
        path = worker.log_dir / name / f"{attempt}.log"

        async def run(send: Send) -> None:
            await self._send_log(str(path), lambda: _is_running(worker, name, attempt), wish, send)

        return StreamResponse(200, (("Content-Type", "text/plain"),), run)

    async def _send_log(self, path: str, is_running: Callable[[], bool], wish: LogWish, send: Send) -> None:
        reader = LineReader(wish, self._now())
        skip_to_tail = wish.tail_lines
        is_over = False
        while not is_over:
            try:
                file = open(path, "rb")  # noqa: ASYNC230, SIM115 - a local log; what is read is bounded
            except FileNotFoundError:
                await send(b"")
                return
            with file:
                await send(b"")
                if skip_to_tail is not None:
                    await trio.to_thread.run_sync(seek_tail, file, skip_to_tail)
                    skip_to_tail = None
                is_over = await self._send_file(file, path, is_running, reader, wish, send)

    async def _send_file(
        self,
        file: BinaryIO,
        path: str,
        is_running: Callable[[], bool],
        reader: LineReader,
        wish: LogWish,
        send: Send,
    ) -> bool:
        """One file to its end; False if the log goes on in another one."""
        with watch_file(path) as changes:
            while not reader.is_full:
                data = file.read(READ_BYTES)
                if data:
                    await send(reader.feed(data))
                elif not wish.follow or not is_running():
                    await send(reader.feed(file.read(READ_BYTES)))
                    return True
                elif _is_another_file(file, path):
                    await send(reader.feed(file.read()))
                    return False
                else:
                    with trio.move_on_after(END_CHECK_S):
                        await changes.wait()
        return True


def _json(document: Any) -> Response:
    return Response(200, (("Content-Type", "application/json"),), (msgspec.json.encode(document),))


def _pod_list(pods: Iterable[Pod | None]) -> dict[str, Any]:
    items = [pod for pod in pods if pod is not None]
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}


def _running_pod(pod: Pod, containers: Mapping[str, list[Container]]) -> Pod | None:
    """What the runtime knows of a pod that runs (kubecontainer.Pod.ToAPIPod); None for one that does not."""
    running = [
        attempts[-1] for attempts in containers.values() if attempts and attempts[-1].state == "running"
    ]
    meta = pod.metadata
    spec = PodSpec(containers=tuple(DeclaredContainer(name=c.name, image=c.image) for c in running))
    named = ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid)
    return Pod(metadata=named, spec=spec) if running else None


def seek_tail(file: BinaryIO, lines: int, block: int = READ_BYTES) -> None:
    """Go to where the last `lines` lines of a log begin, without reading more of it than twice what that takes."""
    size = file.seek(0, 2)
    while block < size:
        file.seek(size - block)
        data = file.read(block)
        begin = data.find(b"\n") + 1  # the first line of the block may be half of one
        offset = tail_offset(data[begin:], lines) if begin else 0
        if offset:
            file.seek(size - block + begin + offset)
            return
        block *= 2
    file.seek(0)
    file.seek(tail_offset(file.read(size), lines))


def _is_running(worker: PodWorker, name: str, attempt: int) -> bool:
    return any(c.attempt == attempt and c.state == "running" for c in worker.containers.get(name, ()))


def _is_another_file(file: BinaryIO, path: str) -> bool:
    """Whether the log was rotated: conmon writes to a new file of the same name."""
    try:
        return os.stat(path).st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False  # between the rename and the new file


def _status_of(worker: PodWorker, name: str) -> ContainerStatus | None:
    status = worker.pod.status
    every = (
        *status.init_container_statuses,
        *status.container_statuses,
        *status.ephemeral_container_statuses,
    )
    return next((known for known in every if known.name == name), None)


def _waiting_reason(worker: PodWorker, name: str) -> str:
    status = _status_of(worker, name)
    waiting = status.state.waiting if status is not None else None
    return waiting.reason if waiting is not None else "ContainerCreating"
