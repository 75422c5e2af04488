"""Shell: the Runtime on Podman: pods, containers and the network of a board.

Enter: the contract's values. Leave: Podman pods and containers that carry our labels. Images and streams are its two
other parts (`podman_images`, `exec`), calls their common base.
"""

from __future__ import annotations

import json
import logging
import platform
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio

from pikube.agent.runtime.calls import words_of
from pikube.agent.runtime.contract import (
    INSTANCE,
    Container,
    ContainerSpec,
    RuntimeFailure,
    RuntimeInfo,
    Sandbox,
    SandboxSpec,
    Size,
)
from pikube.agent.runtime.exec import PodmanStreams
from pikube.agent.runtime.groups import remove_groups
from pikube.agent.runtime.podman_images import PodmanImages
from pikube.agent.runtime.processes import end_sleeping_monitors, is_of, is_there, send_signal
from pikube.agent.runtime.specs import (
    cannot_run,
    container_document,
    infra_name,
    pod_document,
    read_container,
    read_infra,
    read_listed,
    read_pod,
    size_document,
)
from pikube.agent.runtime.turns import Turns
from pikube.agent.runtime.way_out import give_way_out, hold_hardware_address

log = logging.getLogger("pikube.podman")

STARTS = 2  # starts at once: more only queue up on the card of a Pi (podman#11618: timeouts under load)
PATIENCE_S = 30.0  # one that takes longer is no reason for others to wait
CLEAN_UP_S = 10.0
KILLED = 137


class Podman(PodmanImages, PodmanStreams):
    """Implements contract.Runtime over one API socket."""

    def __init__(self, socket_path: str, instance: str) -> None:
        super().__init__(socket_path)
        self._instance = instance
        self._unsaid: list[str] = []  # of a service that was stuck before anybody could be told
        self._tell_restart: Callable[[str], None] = self._unsaid.append
        self._bridge = ""  # of the pods' network
        self._held_bridge = 0  # the index of the bridge that keeps its hardware address
        self._gateway = ""  # the bridge's IP address, if pods' routes are ours to make
        self._starts = Turns(STARTS, PATIENCE_S)

    def was_restarted(self, words: str) -> None:
        self._tell_restart(words)

    def tell_restarts(self, tell: Callable[[str], None]) -> None:
        """From now on, and what has not been told yet."""
        self._tell_restart = tell
        while self._unsaid:
            tell(self._unsaid.pop(0))

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
        async with self._starts.turn():
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
        if self._bridge and sandbox.is_running and sandbox.address:
            try:
                await trio.to_thread.run_sync(self._connect, sandbox.pid)
            except OSError as error:
                words = f"the pod's default route cannot be made: {error.strerror or error}"
                raise RuntimeFailure(words, "FailedCreatePodSandBox") from error
        return sandbox

    def _connect(self, pid: int) -> None:
        """What Podman leaves out; in a worker thread. A bridge goes with its last pod, the next has another index."""
        index = socket.if_nametoindex(self._bridge)
        if index != self._held_bridge:
            hold_hardware_address(self._bridge)
            self._held_bridge = index
        if self._gateway:
            give_way_out(pid, self._bridge, self._gateway)

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
        await trio.to_thread.run_sync(end_sleeping_monitors, sandbox_id)
        query = {"force": "true", "timeout": "0"}
        await self._remove(f"/pods/{sandbox_id}", query)
        await self.forget_sandbox(sandbox_id)

    async def forget_sandbox(self, sandbox_id: str) -> None:
        await trio.to_thread.run_sync(remove_groups, sandbox_id)

    async def start_container(self, spec: ContainerSpec) -> Container:
        async with self._starts.turn():
            identity = await self._create_container(container_document(spec, self._instance))
            try:
                container = await self._start_created(identity)
            except RuntimeFailure:
                with trio.move_on_after(CLEAN_UP_S, shield=True):  # Podman's failure is nobody's history
                    await self.remove_container(identity)
                raise
        if container is None:
            raise RuntimeFailure(
                f"container {identity[:12]} was removed while it started", "RunContainerError"
            )
        return container

    async def _start_created(self, identity: str) -> Container | None:
        try:
            await self._ask("POST", f"/containers/{identity}/start", reason="RunContainerError")
        except RuntimeFailure as failure:
            code = cannot_run(failure.message)
            container = await self.inspect_container(identity) if code else None
            if container is None:
                raise
            return replace(
                container,
                state="exited",
                exit_code=code,
                started_at=0.0,
                finished_at=time.time(),
                error=failure.message,
            )
        return await self.inspect_container(identity)

    async def _create_container(self, document: dict[str, Any]) -> str:
        """Podman 4.3 loses why a container of a pod with options of its own is refused, and panics
        (pkg/specgen/generate/container_create.go); outside of the pod it is refused in words."""
        try:
            made = await self._ask("POST", "/containers/create", body=document)
            return str(made["Id"])
        except RuntimeFailure as failure:
            if "nil pointer" not in failure.message:
                raise
            alone = {name: value for name, value in document.items() if name != "pod"}
            made = await self._ask("POST", "/containers/create", body=alone)
            await self.remove_container(made["Id"])
            raise failure from None

    async def signal_container(self, container: Container, number: int) -> None:
        """By the kernel: Podman's own stop holds one of its connections for the whole grace period."""
        send_signal(container.pid, container.id, number)

    async def resize_container(self, container_id: str, size: Size) -> None:
        path = f"/containers/{container_id}/update"
        status, content = await self._call("POST", path, body=size_document(size))
        if status >= 400:  # else it is the bare id, which is no JSON
            raise RuntimeFailure(words_of(content), "ResizeError")

    async def remove_container(self, container_id: str) -> None:
        query = {"force": "true", "v": "true", "timeout": "0"}
        await self._remove(f"/containers/{container_id}", query)

    async def _remove(self, path: str, query: Mapping[str, str]) -> None:
        """Asked a second time when refused: the first one may only have found out that a process is gone."""
        status, _ = await self._call("DELETE", path, query=query)
        if status >= 400 and status != 404:
            await self._ask("DELETE", path, query=query, accepted=(404,))

    async def inspect_container(self, container_id: str) -> Container | None:
        return await without_ghost(lambda: self._inspect(container_id))

    async def _inspect(self, container_id: str) -> Container | None:
        document = await self._ask("GET", f"/containers/{container_id}/json", accepted=(404,))
        return read_container(document) if document is not None else None

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
                self._bridge, self._gateway = name, gateway if is_internal else ""
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
        self._bridge, self._gateway = name, gateway if is_internal else ""


async def without_ghost(inspect: Callable[[], Awaitable[Container | None]]) -> Container | None:
    """A container that Podman calls running, though its process and the monitor that would tell of its end are gone
    (memory ran out, or somebody killed both): it has ended, and nobody knows how. One that ended between Podman's
    answer and our look is asked for again: then its monitor has told."""
    container = await inspect()
    if container is not None and _is_ghost(container):
        container = await inspect()
    if container is None or not _is_ghost(container):
        return container
    return replace(
        container,
        state="exited",
        exit_code=KILLED,
        finished_at=time.time(),
        error="its monitor was killed, too",
    )


def _is_ghost(container: Container) -> bool:
    if container.state != "running":
        return False
    return not is_of(container.pid, container.id) and not is_there(container.monitor_pid)


async def remove_stale_bridge(name: str) -> None:
    """A bridge of ours that a crash or a removed Podman storage left behind, and that nothing is plugged into,
    would keep its address range from the network that is made now."""
    ports = Path(f"/sys/class/net/{name}/brif")
    if ports.is_dir() and not any(ports.iterdir()):
        log.info("event=stale_bridge_removed interface=%s", name)
        await trio.run_process(["ip", "link", "delete", name], check=False, capture_stderr=True)


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"
