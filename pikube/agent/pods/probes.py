"""Shell: probes and hooks: one small task for each probe of a running container.

Enter: pods and what was observed of them. Leave: which containers are started, ready, unhealthy. A probe's
task ends with its container. Source: kubernetes pkg/kubelet/prober/worker.go.
"""

from __future__ import annotations

import collections
import json
import random
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import trio

from pikube.agent.pods.decision import Observed
from pikube.agent.pods.grpc_health import check_health
from pikube.agent.pods.http_probe import dial_words, probe_http
from pikube.agent.pods.status import CONTAINER_URL
from pikube.agent.runtime.contract import Container, Runtime, RuntimeFailure
from pikube.agent.usage.durations import Durations
from pikube.api.kinds.core_container import ContainerStatus, Probe
from pikube.api.kinds.core_pod import Pod

BEGIN_S = 30.0  # for Podman to begin a command
OUTPUT_BYTES = 1024  # of a failing command's words, kept for the event

Changed = Callable[[str, str, str, str], None]
"""(event type, reason, message, container); an empty reason is only a wake-up."""


class ProbeFailure(Exception):
    """The probe failed; the message goes into the event."""


class ProbeErrored(ProbeFailure):
    """Nobody knows how the container is, because the runtime did not run the command: such a result is thrown away
    (kubernetes pkg/kubelet/prober/worker.go:doProbe), or a Podman that is stuck would cost healthy containers."""


@dataclass(slots=True)
class Watched:
    """One running container and its probes' results."""

    container: Container
    scope: trio.CancelScope
    is_started: bool
    is_ready: bool
    unhealthy: str = ""
    grace_s: int | None = None  # that the failed probe declares for itself
    has: set[str] = field(default_factory=set)
    is_hooking: bool = False
    began_at: float = 0.0  # by Trio's clock
    is_adopted: bool = False  # pikube was started again meanwhile


def known_status(pod: Pod, name: str, container: Container) -> ContainerStatus | None:
    """What was last said of this very container, before pikube was started again: it stays as ready as it was until
    a probe says otherwise, or every restart would take all pods out of their Services."""
    told = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return next((s for s in told if s.name == name and s.container_id == CONTAINER_URL + container.id), None)


class ProbeSet:
    """The probes of one pod; `nursery` is the worker's."""

    def __init__(self, changed: Changed) -> None:
        self.nursery: trio.Nursery | None = None
        self.is_ending = False  # the pod goes: nobody is to be started again for a failed probe
        self._changed = changed
        self._watched: dict[str, Watched] = {}
        self.results: collections.Counter[tuple[str, str, str]] = collections.Counter()
        """How many probes of (container, kind) had which result, for /metrics/probes."""
        self.durations: collections.defaultdict[tuple[str, str], Durations] = collections.defaultdict(
            Durations
        )
        """How long those of (container, kind) took that had an answer other than no."""

    def follow(
        self,
        pod: Pod,
        observed: Observed,
        address: str,
        runtime: Runtime,
        fresh: AbstractSet[str] = frozenset(),
    ) -> None:
        """Begin probes of containers that run, end those of others. The postStart hooks of `fresh` containers (by
        id), which were started just now, come first."""
        spec = pod.spec
        running = {
            name: attempts[-1]
            for name, attempts in observed.containers.items()
            if attempts and attempts[-1].state == "running"
        }
        for name in list(self._watched):
            if name not in running or running[name].id != self._watched[name].container.id:
                self._watched.pop(name).scope.cancel()
        for declared in (*spec.init_containers, *spec.containers):
            container = running.get(declared.name)
            if container is None or declared.name in self._watched or self.nursery is None:
                continue
            probes = {
                "startup": declared.startup_probe,
                "readiness": declared.readiness_probe,
                "liveness": declared.liveness_probe,
            }
            hook = declared.lifecycle.post_start if declared.lifecycle else None
            if container.id not in fresh:
                hook = None
            before = known_status(pod, declared.name, container)
            if before is not None and before.started:
                probes["startup"] = None
            watched = Watched(
                container,
                trio.CancelScope(),
                is_started=probes["startup"] is None and hook is None,
                is_ready=probes["readiness"] is None and probes["startup"] is None and hook is None,
                has={kind for kind, probe in probes.items() if probe is not None},
                is_hooking=hook is not None,
                began_at=trio.current_time() - _age_s(container, fresh),
                is_adopted=container.id not in fresh,
            )
            if before is not None:
                watched.is_ready = before.ready
            self._watched[declared.name] = watched
            if watched.has or hook is not None:
                self.nursery.start_soon(self._run_all, declared, hook, probes, watched, address, runtime)

    def ready_names(self, pod: Pod, observed: Observed) -> set[str]:
        return {name for name, watched in self._watched.items() if watched.is_ready and watched.is_started}

    def started_names(self, pod: Pod, observed: Observed) -> set[str]:
        return {name for name, watched in self._watched.items() if watched.is_started}

    def hooking_names(self) -> set[str]:
        """Containers whose postStart hook is not over."""
        return {name for name, watched in self._watched.items() if watched.is_hooking}

    def unhealthy(self) -> dict[str, str]:
        return {name: watched.unhealthy for name, watched in self._watched.items() if watched.unhealthy}

    def graces_s(self) -> dict[str, int]:
        """The grace periods of containers whose failed probe declares one."""
        return {n: w.grace_s for n, w in self._watched.items() if w.unhealthy and w.grace_s is not None}

    async def run_pre_stop(
        self, hook: Any, container: Container, address: str, runtime: Runtime, declared: Any
    ) -> None:
        """A failure is an event, not an error."""
        try:
            await _run_hook(hook, container, address, runtime, declared)
        except ProbeFailure as failure:
            self._changed("Warning", "FailedPreStopHook", f"PreStopHook failed: {failure}", declared.name)

    async def _run_post_start(
        self, hook: Any, declared: Any, watched: Watched, address: str, runtime: Runtime
    ) -> None:
        """A container whose hook fails is ended."""
        try:
            await _run_hook(hook, watched.container, address, runtime, declared)
        except ProbeFailure as failure:
            watched.unhealthy = "FailedPostStartHook"
            self._changed("Warning", "FailedPostStartHook", f"PostStartHook failed: {failure}", declared.name)

    async def _run_all(
        self,
        declared: Any,
        hook: Any,
        probes: dict[str, Probe | None],
        watched: Watched,
        address: str,
        runtime: Runtime,
    ) -> None:
        with watched.scope:
            startup = probes["startup"]
            if hook is not None:
                await self._run_post_start(hook, declared, watched, address, runtime)
                watched.is_hooking = False
                if watched.unhealthy:
                    return
                watched.is_started = startup is None
                watched.is_ready = startup is None and probes["readiness"] is None
                self._changed("Normal", "", "", declared.name)
            if startup is not None:
                await self._run_one("startup", startup, declared, watched, address, runtime)
                if watched.unhealthy:
                    return
                watched.is_ready = probes["readiness"] is None
                self._changed("Normal", "", "", declared.name)
            async with trio.open_nursery() as nursery:
                for kind in ("readiness", "liveness"):
                    probe = probes[kind]
                    if probe is not None:
                        nursery.start_soon(self._run_one, kind, probe, declared, watched, address, runtime)

    async def _run_one(
        self,
        kind: str,
        probe: Probe,
        declared: Any,
        watched: Watched,
        address: str,
        runtime: Runtime,
    ) -> None:
        """Until the container ends; a startup probe until it succeeded or failed for good."""
        period_s = probe.period_seconds or 10
        await trio.sleep(max(0.0, watched.began_at + probe.initial_delay_seconds - trio.current_time()))
        if watched.is_adopted:  # all probes of a board at once are too many
            await trio.sleep(random.random() * period_s)
        successes = failures = 0
        while kind == "readiness" or not self.is_ending:
            began_at = trio.current_time()
            try:
                timeout_s = float(probe.timeout_seconds or 1)
                await run_handler(probe, watched.container, address, runtime, declared, timeout_s)
            except ProbeErrored as error:
                self.results[declared.name, kind, "unknown"] += 1
                self.durations[declared.name, kind].add(trio.current_time() - began_at)
                words = f"{kind.capitalize()} probe errored and resulted in unknown state: {error}"
                self._changed("Warning", "Unhealthy", words, declared.name)
            except ProbeFailure as failure:
                self.results[declared.name, kind, "failed"] += 1
                successes, failures = 0, failures + 1
                words = f"{kind.capitalize()} probe failed: {failure}"
                self._changed("Warning", "Unhealthy", words, declared.name)
            else:
                self.results[declared.name, kind, "successful"] += 1
                self.durations[declared.name, kind].add(trio.current_time() - began_at)
                successes, failures = successes + 1, 0
            if self._judge(kind, probe, declared, watched, successes, failures):
                return
            await trio.sleep(period_s)

    def _judge(
        self, kind: str, probe: Probe, declared: Any, watched: Watched, successes: int, failures: int
    ) -> bool:
        """Whether this probe has done its part."""
        name = declared.name
        has_failed = failures >= (probe.failure_threshold or 3)
        has_passed = successes >= (probe.success_threshold or 1)
        if kind == "readiness":
            is_ready = True if has_passed else (False if has_failed else watched.is_ready)
            if is_ready != watched.is_ready:
                watched.is_ready = is_ready
                self._changed("Normal", "", "", name)
            return False
        if has_failed:
            watched.unhealthy = f"Container {name} failed {kind} probe, will be restarted"
            watched.grace_s = probe.termination_grace_period_seconds
            watched.is_ready = False
            self._changed("Normal", "", "", name)
            return True
        if kind == "startup" and has_passed:
            watched.is_started = True
            return True
        return False


def _age_s(container: Container, fresh: AbstractSet[str]) -> float:
    """How long a container of a former life has run: delays count from its start. Whatever the clock says, no delay
    becomes longer."""
    return 0.0 if container.id in fresh else max(0.0, time.time() - container.started_at)


async def _run_hook(hook: Any, container: Container, address: str, runtime: Runtime, declared: Any) -> None:
    if hook.sleep is not None:
        await trio.sleep(hook.sleep.seconds)
    else:
        await run_handler(hook, container, address, runtime, declared, float("inf"))


async def run_handler(
    handler: Any, container: Container, address: str, runtime: Runtime, declared: Any, timeout_s: float
) -> None:
    """One probe or hook: exec, httpGet, tcpSocket or grpc. Raises ProbeFailure."""
    if handler.exec is not None:
        await _run_exec(runtime, container, handler.exec.command, timeout_s)
        return
    with trio.move_on_after(timeout_s) as deadline:
        if handler.http_get is not None:
            action = handler.http_get
            port = _port_number(action.port, declared)
            await probe_http(action, action.host or address, port, timeout_s, ProbeFailure)
        elif handler.tcp_socket is not None:
            action = handler.tcp_socket
            await _connect(action.host or address, _port_number(action.port, declared))
        elif getattr(handler, "grpc", None) is not None:
            await check_health(address, handler.grpc.port, handler.grpc.service or "", ProbeFailure)
    if deadline.cancelled_caught:
        raise ProbeFailure("context deadline exceeded")


async def _run_exec(
    runtime: Runtime, container: Container, command: tuple[str, ...], timeout_s: float
) -> None:
    """The time counts from when the command runs: that the runtime takes a second to begin one, as on a Pi Zero, is
    not the container's fault."""
    output, code, is_sound = b"", 0, True
    try:
        async with AsyncExitStack() as stack:
            with trio.move_on_after(BEGIN_S) as beginning:
                session = await stack.enter_async_context(runtime.command(container, command))
            if beginning.cancelled_caught:
                raise ProbeErrored(f"the runtime did not begin the command within {BEGIN_S:g}s")
            with trio.move_on_after(timeout_s) as deadline:
                async for _, data in session.output():
                    output = (output + data)[:OUTPUT_BYTES]
            if deadline.cancelled_caught:
                is_sound = await session.is_sound()
            else:
                code = await session.exit_code()
    except RuntimeFailure as failure:
        raise ProbeErrored(failure.message) from None
    if not is_sound:
        raise ProbeErrored("podman fell silent while the command ran")
    if deadline.cancelled_caught:
        raise ProbeFailure(f"command timed out after {timeout_s:g}s")
    if code:
        raise ProbeFailure(output.decode("utf-8", "replace").strip() or f"command exited with {code}")


async def _connect(host: str, port: int) -> None:
    try:
        stream = await trio.open_tcp_stream(host, port)
    except OSError as error:
        raise ProbeFailure(dial_words(host, port, error)) from None
    await stream.aclose()


def _port_number(port: int | str, declared: Any) -> int:
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for named in declared.ports:
        if named.name == port:
            return int(named.container_port)
    raise ProbeErrored(
        f"strconv.Atoi: parsing {json.dumps(port)}: invalid syntax"
    )  # Go's words for a name of no port
