"""Shell: the kubelet API of this board: logs, exec, attach, port-forward, usage, health, for the leader only.

Enter: requests of the leader (mTLS). Leave: streams. Built by the agent; on a leader that has its own
agent the same handler is called without a network between.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import trio

from pikube.agent.container_streams import attach_answer, container_in, exec_answer
from pikube.agent.file_follow import watch_file
from pikube.agent.log_lines import LineReader, tail_offset
from pikube.agent.pods.manager import PodManager
from pikube.agent.pods.worker import PodWorker
from pikube.agent.runtime.contract import Container, Runtime
from pikube.agent.usage.api import UsageApi
from pikube.api.errors import BadRequest, NotFound, PathNotFound, Resource
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
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._pods = pods
        self._runtime = runtime
        self._usage = usage
        self._now = wall_clock

    async def __call__(self, request: Request) -> Answer:
        """/containerLogs, /exec, /attach, /portForward by kubelet's own paths; /pods, /healthz, and
        what UsageApi tells."""
        parts = request.path.strip("/").split("/")
        match parts:
            case ["healthz"]:
                return Response(200, (("Content-Type", "text/plain"),), (b"ok",))
            case ["pods"]:
                document = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._pods.pods()}
                return Response(
                    200, (("Content-Type", "application/json"),), (msgspec.json.encode(document),)
                )
            case ["containerLogs", namespace, pod, container]:
                return self._logs(namespace, pod, container, request.query)
            case ["exec", namespace, pod, container]:
                found = self._running(namespace, pod, container)
                return exec_answer(request, self._runtime, found.id)
            case ["attach", namespace, pod, container]:
                found = self._running(namespace, pod, container)
                spec = container_in(self._worker(namespace, pod).pod, container)
                return attach_answer(request, self._runtime, found.id, spec)
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
        words = f'container "{name}" in pod "{pod}"'
        if wish.previous:
            if len(attempts) < 2:
                raise BadRequest(f"previous terminated {words} not found")
            container = attempts[-2]
        elif not attempts:
            reason = _waiting_reason(worker, name)
            raise BadRequest(f"{words} is waiting to start: {reason}")
        else:
            container = attempts[-1]
        path = worker.log_dir / name / f"{container.attempt}.log"

        async def run(send: Send) -> None:
            await self._send_log(str(path), container, wish, send)

        return StreamResponse(200, (("Content-Type", "text/plain"),), run)

    async def _send_log(self, path: str, container: Container, wish: LogWish, send: Send) -> None:
        reader = LineReader(wish, self._now())
        try:
            file = open(path, "rb")  # noqa: ASYNC230, SIM115 - a local log; what is read is bounded
        except FileNotFoundError:
            await send(b"")
            return
        with file:
            await send(b"")
            if wish.tail_lines is not None:
                data = await trio.to_thread.run_sync(file.read)
                file.seek(tail_offset(data, wish.tail_lines))
            with watch_file(path) as changes:
                while not reader.is_full:
                    data = file.read(READ_BYTES)
                    if data:
                        await send(reader.feed(data))
                    elif not wish.follow or await self._has_ended(container):
                        await send(reader.feed(file.read(READ_BYTES)))
                        return
                    else:
                        with trio.move_on_after(END_CHECK_S):
                            await changes.wait()

    async def _has_ended(self, container: Container) -> bool:
        for attempts in list(self._containers_of(container)):
            if attempts.id == container.id:
                return attempts.state == "exited"
        return True

    def _containers_of(self, container: Container) -> list[Container]:
        for pod in self._pods.pods():
            if pod.metadata.uid == container.pod_uid:
                worker = self._pods.worker(pod.metadata.namespace, pod.metadata.name)
                return list(worker.containers.get(container.name, ())) if worker else []
        return []


def _waiting_reason(worker: PodWorker, name: str) -> str:
    statuses = (*worker.pod.status.init_container_statuses, *worker.pod.status.container_statuses)
    for status in statuses:
        if status.name == name and status.state.waiting is not None:
            return status.state.waiting.reason
    return "ContainerCreating"
