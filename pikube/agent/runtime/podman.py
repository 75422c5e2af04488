"""Shell: the Runtime on Podman: podman-py in worker threads for short calls, async HTTP for endless ones.

Enter: the contract's values. Leave: Podman pods and containers that carry our labels. Every answer's
status is checked here, because podman-py does so in places only (podman-py containers_create.py).
"""

from __future__ import annotations

import itertools
import json
import logging
import platform
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import trio

from pikube.agent.runtime.contract import (
    INSTANCE,
    Container,
    ContainerSpec,
    Image,
    ImageFailure,
    Progress,
    RuntimeFailure,
    RuntimeInfo,
    Sandbox,
    SandboxSpec,
    no_progress,
)
from pikube.agent.runtime.exec import PodmanSession
from pikube.agent.runtime.images import (
    BadReference,
    auth_header,
    candidates,
    is_on_this_board,
    normalized,
)
from pikube.agent.runtime.processes import is_of, is_there, send_signal
from pikube.agent.runtime.specs import (
    container_document,
    infra_name,
    pod_document,
    read_container,
    read_infra,
    read_listed,
    read_pod,
)
from pikube.agent.runtime.way_out import give_way_out
from pikube.wire.unix_http import UnixHttpError, UnixResponse, open_request

log = logging.getLogger("pikube.podman")

CALLS = 16  # threads that wait for Podman at once; each is a connection of its service
STARTS = 2  # starts at once: more only queue up on the card of a Pi (podman#11618: timeouts under load)
PULLS = 2  # kubelet's default is one at a time, for the same reason
CLEAN_UP_S = 10.0
PING_S = 5.0
ANSWER_S = 10.0
READ_AGAIN_S = (0.2, 1.5)  # a question may be asked again when the service has just died; it is started anew
STUCK_S = 120.0  # a call that waits longer is worth a word in the node's condition
KILLED = 137
UNLIMITED = trio.CapacityLimiter(10**6)  # calls are counted before they take a thread
API_VERSION = "4.0.0"  # the oldest whose answers have what we read; 4.3 and 5.x serve it
API = f"/v{API_VERSION}/libpod"
CALL_S = 300.0  # a start on a worn card under load takes minutes (podman#11618)


class Podman:
    """Implements contract.Runtime over one API socket."""

    def __init__(self, socket_path: str, instance: str) -> None:
        from podman.api import APIClient  # 11 MB: only boards that run pods pay for it

        self.socket_path = socket_path
        self._instance = instance
        self._api: Any = APIClient(
            base_url=f"http+unix://{quote(socket_path, safe='')}", version=API_VERSION, timeout=CALL_S
        )
        self._api.headers["Connection"] = "close"  # a connection that is kept would keep the service awake
        self._calls = trio.CapacityLimiter(CALLS)
        self._in_flight: dict[int, float] = {}
        self._numbers = itertools.count()
        self._failing = ""
        self._unsaid: list[str] = []  # of a service that was stuck before anybody could be told
        self._tell_restart: Callable[[str], None] = self._unsaid.append
        self._way_out: tuple[str, str] | None = (
            None  # the bridge and its address, if pods' routes are ours to make
        )
        self._starts = trio.CapacityLimiter(STARTS)
        self._pulls = trio.CapacityLimiter(PULLS)

    async def _call(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> tuple[int, bytes]:
        """One short call: (status, body)."""
        call = partial(getattr(self._api, method.lower()), path, params=dict(query or {}))
        if body is not None:
            call = partial(call, data=json.dumps(body), headers={"Content-Type": "application/json"})
        pauses = iter(READ_AGAIN_S if method == "GET" else ())
        while True:
            try:
                response = await self._in_thread(call)
                break
            except OSError as error:  # requests' and podman-py's connection errors are OSErrors
                self._failing = f"podman does not answer: {error}"
                pause_s = next(pauses, None)
                if pause_s is None or "timed out" in str(error):
                    raise RuntimeFailure(self._failing, "RuntimeUnavailable") from error
            await trio.sleep(pause_s)
        self._failing = ""
        return response.status_code, response.content

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        number = next(self._numbers)
        async with self._calls:
            self._in_flight[number] = trio.current_time()
            try:
                return await trio.to_thread.run_sync(call, limiter=UNLIMITED, abandon_on_cancel=True)
            finally:
                del self._in_flight[number]

    def problem(self) -> str:
        waiting_s = self.waiting_s()
        if waiting_s > STUCK_S:
            return f"podman has not answered for {waiting_s:.0f}s"
        return self._failing

    def waiting_s(self) -> float:
        """How long the oldest call has waited."""
        now = trio.current_time()
        return now - min(self._in_flight.values(), default=now)

    async def answers(self) -> bool:
        """Whether a ping is answered; it needs none of the threads, which may all be waiting."""
        with trio.move_on_after(ANSWER_S), suppress(OSError, UnixHttpError):
            async with open_request(self.socket_path, "GET", "/_ping") as response:
                return response.status == 200
        return False

    def was_restarted(self, words: str) -> None:
        self._tell_restart(words)

    def tell_restarts(self, tell: Callable[[str], None]) -> None:
        """From now on, and what has not been told yet."""
        self._tell_restart = tell
        while self._unsaid:
            tell(self._unsaid.pop(0))

    async def ping(self) -> None:
        with trio.move_on_after(PING_S), suppress(RuntimeFailure):
            await self._call("GET", "/_ping")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        accepted: Sequence[int] = (),
        reason: str = "CreateContainerError",
    ) -> Any:
        """The parsed answer of a call that must succeed (or end in one of `accepted`)."""
        status, content = await self._call(method, path, body=body, query=query)
        if status >= 400 and status not in accepted:
            raise RuntimeFailure(words_of(content), reason)
        if status >= 400 or not content:
            return None
        return json.loads(content)

    async def info(self) -> RuntimeInfo:
        document = await self._ask("GET", "/info")
        host = document["host"]
        return RuntimeInfo(
            version=document["version"]["Version"],
            os_image=_os_name(),
            kernel=host["kernel"],
            architecture=host["arch"],
            cgroup_version=host["cgroupVersion"],
            storage_driver=document["store"]["graphDriverName"],
        )

    async def list_all(self) -> tuple[list[Sandbox], list[Container]]:
        label = json.dumps({"label": [f"{INSTANCE}={self._instance}"]})
        pods = await self._ask("GET", "/pods/json", query={"filters": label})
        containers = await self._ask("GET", "/containers/json", query={"filters": label, "all": "true"})
        return (
            [read_pod(pod) for pod in pods or ()],
            [read_listed(c) for c in containers or () if not c.get("IsInfra")],
        )

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        reason = "FailedCreatePodSandBox"
        infra = infra_name(spec.namespace, spec.name, spec.uid)
        async with self._starts:
            made = await self._ask(
                "POST", "/pods/create", body=pod_document(spec, self._instance), reason=reason
            )
            sandbox = Sandbox(made["Id"], spec.uid, spec.name, spec.namespace, True, infra)
            try:
                await self._ask("POST", f"/containers/{infra}/start", reason=reason)
                return await self.inspect_sandbox(sandbox)
            except RuntimeFailure:
                with trio.move_on_after(CLEAN_UP_S, shield=True):
                    await self.remove_sandbox(made["Id"])
                raise

    async def inspect_sandbox(self, sandbox: Sandbox) -> Sandbox:
        if not sandbox.infra_id:  # a Podman that was killed half-way made the pod and no container in it
            return replace(sandbox, is_running=False, pid=0)
        document = await self._ask("GET", f"/containers/{sandbox.infra_id}/json", accepted=(404,))
        if document is None:
            return replace(sandbox, is_running=False, pid=0)
        sandbox = read_infra(sandbox, document)
        if sandbox.is_running and not is_of(sandbox.pid, sandbox.infra_id):
            return replace(sandbox, is_running=False)  # its monitor ended with it, and could not say so
        if self._way_out is not None and sandbox.is_running and sandbox.address:
            try:
                await trio.to_thread.run_sync(give_way_out, sandbox.pid, *self._way_out)
            except OSError as error:
                words = f"the pod's default route cannot be made: {error.strerror or error}"
                raise RuntimeFailure(words, "FailedCreatePodSandBox") from error
        return sandbox

    async def stop_sandbox(self, sandbox: Sandbox) -> None:
        if not sandbox.infra_id:
            return
        await self._ask(
            "POST",
            f"/containers/{sandbox.infra_id}/stop",
            query={"timeout": "0", "ignore": "true"},
            accepted=(304, 404),
        )

    async def remove_sandbox(self, sandbox_id: str) -> None:
        query = {"force": "true", "timeout": "0"}
        await self._remove(f"/pods/{sandbox_id}", query)

    async def start_container(self, spec: ContainerSpec) -> Container:
        async with self._starts:
            made = await self._ask(
                "POST", "/containers/create", body=container_document(spec, self._instance)
            )
            identity = str(made["Id"])
            try:
                await self._ask("POST", f"/containers/{identity}/start", reason="RunContainerError")
                container = await self.inspect_container(identity)
            except RuntimeFailure:
                with trio.move_on_after(CLEAN_UP_S, shield=True):  # one that never ran is nobody's history
                    await self.remove_container(identity)
                raise
        if container is None:
            raise RuntimeFailure(
                f"container {identity[:12]} was removed while it started", "RunContainerError"
            )
        return container

    async def signal_container(self, container: Container, number: int) -> None:
        """By the kernel: Podman's own stop holds one of its connections for the whole grace period."""
        send_signal(container.pid, container.id, number)

    async def remove_container(self, container_id: str) -> None:
        query = {"force": "true", "v": "true", "timeout": "0"}
        await self._remove(f"/containers/{container_id}", query)

    async def _remove(self, path: str, query: Mapping[str, str]) -> None:
        """Asked a second time when refused: the first one may only have found out that a process is gone."""
        status, _ = await self._call("DELETE", path, query=query)
        if status >= 400 and status != 404:
            await self._ask("DELETE", path, query=query, accepted=(404,))

    async def inspect_container(self, container_id: str) -> Container | None:
        document = await self._ask("GET", f"/containers/{container_id}/json", accepted=(404,))
        return without_ghost(read_container(document)) if document is not None else None

    async def find_image(self, reference: str) -> Image | None:
        try:
            names = [reference] if reference.startswith("sha256:") else candidates(reference)
        except BadReference as error:
            raise ImageFailure(
                f'Failed to apply default image tag "{reference}": {error}', "InvalidImageName"
            ) from None
        for name in names:
            document = await self._ask("GET", f"/images/{quote(name, safe='')}/json", accepted=(404,))
            if document is not None:
                return _read_image(document)
        return None

    async def images(self) -> tuple[list[Image], frozenset[str]]:
        listed = await self._ask("GET", "/images/json", query={"all": "false"})
        containers = await self._ask("GET", "/containers/json", query={"all": "true"})  # anybody's
        used = frozenset(c.get("ImageID", "") for c in containers or ())
        return [_read_listed_image(image) for image in listed or ()], used

    async def remove_image(self, image_id: str) -> None:
        await self._ask("DELETE", f"/images/{image_id}", accepted=(404, 409))

    async def pull_image(
        self, reference: str, credential: tuple[str, str] | None = None, progress: Progress = no_progress
    ) -> Image:
        name = normalized(reference)
        query = f"reference={quote(name, safe='')}"
        if is_on_this_board(name):
            query += "&tlsVerify=false"  # as docker does: nobody listens in between
        extra = [("X-Registry-Auth", auth_header(*credential))] if credential else []
        error = ""
        async with self._pulls:
            try:
                async with open_request(
                    self.socket_path, "POST", f"{API}/images/pull?{query}", extra=extra
                ) as response:
                    if response.status >= 400:
                        raise ImageFailure(pull_words(name, words_of(await response.read())), "ErrImagePull")
                    async for line in _lines(response):
                        report = json.loads(line)
                        error = report.get("error") or error
                        progress(str(report.get("stream") or "").strip())
            except (OSError, UnixHttpError) as lost:
                raise ImageFailure(f"podman does not answer: {lost}", "ErrImagePull") from lost
        if error:
            raise ImageFailure(pull_words(name, error), "ErrImagePull")
        image = await self.find_image(reference)
        if image is None:
            raise ImageFailure(f'image "{name}" was pulled and is not there', "ErrImagePull")
        return image

    @asynccontextmanager
    async def exec(
        self, container_id: str, command: Sequence[str], *, has_tty: bool, has_stdin: bool
    ) -> AsyncIterator[PodmanSession]:
        body = {
            "AttachStdin": has_stdin,
            "AttachStdout": True,
            "AttachStderr": not has_tty,
            "Tty": has_tty,
            "Cmd": list(command),
            "DetachKeys": "",  # Podman's default would swallow ctrl-p, which people type in shells
        }
        made = await self._ask("POST", f"/containers/{container_id}/exec", body=body)
        identity = made["Id"]
        start = json.dumps({"Detach": False, "Tty": has_tty}).encode()
        async with self._hijacked(f"/exec/{identity}/start", start) as (stream, leftover):
            yield PodmanSession(_Exec(self, identity), stream, leftover, has_tty)

    @asynccontextmanager
    async def attach(
        self, container_id: str, *, has_tty: bool, has_stdin: bool
    ) -> AsyncIterator[PodmanSession]:
        wished = urlencode(
            {
                "stream": "true",
                "logs": "false",
                "stdin": str(has_stdin).lower(),
                "stdout": "true",
                "stderr": str(not has_tty).lower(),
                "detachKeys": "",
            }
        )
        async with self._hijacked(f"/containers/{container_id}/attach?{wished}") as (stream, leftover):
            yield PodmanSession(_Attached(self, container_id), stream, leftover, has_tty)

    @asynccontextmanager
    async def _hijacked(
        self, target: str, body: bytes = b""
    ) -> AsyncIterator[tuple[trio.SocketStream, bytes]]:
        """The raw stream of a process, and what of it was read with the answer's head."""
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(
                    open_request(self.socket_path, "POST", API + target, body, upgrade=True)
                )
                refusal = await response.read() if response.status >= 400 else b""
            except (OSError, UnixHttpError) as error:
                raise RuntimeFailure(f"podman does not answer: {error}", "RuntimeUnavailable") from error
            if refusal:
                raise RuntimeFailure(words_of(refusal))
            yield response.raw()

    async def ensure_network(
        self, name: str, subnet: str, gateway: str, mtu: int, *, is_internal: bool
    ) -> None:
        """The bridge of this board's pods; made anew if its subnet is another one. `mtu` is the LAN's: pods' packets
        go over it as they are. Not isolated, which Podman 6 would be without a word. To Podman it is internal where
        the host carries pods by its own rules: netavark then runs no iptables, which took a third of each start, and
        gives pods no default route: `way_out` does."""
        found = await self._ask("GET", f"/networks/{name}/json", accepted=(404,))
        if found is not None and any(s.get("subnet") == subnet for s in found.get("subnets") or ()):
            if bool(found.get("internal")) != is_internal:
                status, _ = await self._call("DELETE", f"/networks/{name}")
                is_internal = is_internal if status < 400 else not is_internal  # pods of a former life use it
                found = None if status < 400 else found
            if found is not None:
                self._way_out = (name, gateway) if is_internal else None
                return
        elif found is not None:
            await self._ask("DELETE", f"/networks/{name}", query={"force": "true"}, accepted=(404,))
        await remove_stale_bridge(name)
        body = {
            "name": name,
            "driver": "bridge",
            "network_interface": name,
            "subnets": [{"subnet": subnet, "gateway": gateway}],
            "internal": is_internal,
            "dns_enabled": False,
            "options": {"isolate": "false", "mtu": str(mtu)},
            "labels": {INSTANCE: self._instance},
        }
        await self._ask("POST", "/networks/create", body=body, reason="NetworkNotReady")
        self._way_out = (name, gateway) if is_internal else None

    async def resize(self, what: str, width: int, height: int) -> None:
        """`what` is exec/ID or containers/ID. One that has ended, or has no terminal, has no size."""
        query = {"w": str(width), "h": str(height)}
        await self._call("POST", f"/{what}/resize", query=query)

    async def exec_exit_code(self, exec_id: str) -> int:
        document = await self._ask("GET", f"/exec/{exec_id}/json")
        return int(document.get("ExitCode") or 0)


@dataclass(frozen=True, slots=True)
class _Exec:
    """Implements exec.Owner for a command."""

    podman: Podman
    id: str

    async def resize(self, width: int, height: int) -> None:
        await self.podman.resize(f"exec/{self.id}", width, height)

    async def exit_code(self) -> int:
        return await self.podman.exec_exit_code(self.id)


@dataclass(frozen=True, slots=True)
class _Attached:
    """Implements exec.Owner for a container's own process: how that ends, its pod's status tells."""

    podman: Podman
    id: str

    async def resize(self, width: int, height: int) -> None:
        await self.podman.resize(f"containers/{self.id}", width, height)

    async def exit_code(self) -> int:
        return 0


def without_ghost(container: Container) -> Container:
    """A container that Podman calls running, though its process and the monitor that would tell of its end are gone
    (memory ran out, or somebody killed both): it has ended, and nobody knows how."""
    if container.state != "running" or is_of(container.pid, container.id) or is_there(container.monitor_pid):
        return container
    return replace(
        container,
        state="exited",
        exit_code=KILLED,
        finished_at=time.time(),
        error="its monitor was killed, too",
    )


async def remove_stale_bridge(name: str) -> None:
    """A bridge of ours that a crash or a removed Podman storage left behind, and that nothing is plugged into,
    would keep its address range from the network that is made now."""
    ports = Path(f"/sys/class/net/{name}/brif")
    if ports.is_dir() and not any(ports.iterdir()):
        log.info("event=stale_bridge_removed interface=%s", name)
        await trio.run_process(["ip", "link", "delete", name], check=False, capture_stderr=True)


async def _lines(response: UnixResponse) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in response.chunks():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def words_of(content: bytes) -> str:
    """The message of an error answer."""
    try:
        document = json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace").strip() or "podman gave no reason"
    if isinstance(document, dict):
        return str(document.get("message") or document.get("cause") or document)
    return str(document)


def pull_words(name: str, words: str) -> str:
    """The pull error as kubelet's events word it."""
    return f'failed to pull image "{name}": {" ".join(words.split())}'


def _read_image(document: Mapping[str, Any]) -> Image:
    digests = document.get("RepoDigests") or ()
    return Image(
        id=document["Id"],
        repo_digest=digests[0] if digests else "",
        architecture=document.get("Architecture", ""),
        user=(document.get("Config") or {}).get("User", "") or document.get("User", ""),
        size_bytes=int(document.get("Size") or 0),
        names=tuple(document.get("RepoTags") or ()),
        is_of_a_list=_is_of_a_list(document),
    )


def _read_listed_image(document: Mapping[str, Any]) -> Image:
    return Image(
        id=document["Id"],
        repo_digest=next(iter(document.get("RepoDigests") or ()), ""),
        architecture="",
        user="",
        size_bytes=int(document.get("Size") or 0),
        names=tuple(document.get("RepoTags") or document.get("Names") or ()),
        is_of_a_list=_is_of_a_list(document),
    )


def _is_of_a_list(document: Mapping[str, Any]) -> bool:
    """Podman notes the digest of the list beside that of the image itself."""
    return len({digest.partition("@")[2] for digest in document.get("RepoDigests") or ()}) > 1


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"
