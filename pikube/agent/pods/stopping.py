"""Shell: ends a container: the preStop hook, the stop signal, and SIGKILL when the time is over.

Enter: a running container, its grace period, which may be shortened meanwhile. Leave: a process that has ended. One a
pod, called by its worker. Source: kubernetes kuberuntime_container.go:killContainer.
"""

from __future__ import annotations

from typing import Any

import trio

from pikube.agent.pods.decision import is_sidecar
from pikube.agent.pods.probes import ProbeSet
from pikube.agent.pods.view import PodView
from pikube.agent.runtime.contract import Container, Runtime, RuntimeFailure
from pikube.api.kinds.core_pod import Pod

MIN_LEFT_S = 2  # to end by itself, however little is granted or left by a hook (minimumGracePeriodInSeconds)
KILL_S = 30.0  # a process in uninterruptible sleep (a share that is away) does not even end by SIGKILL
SIGKILL = 9


class Stopper:
    """Several containers may be ended at once."""

    def __init__(self, runtime: Runtime, view: PodView, probes: ProbeSet) -> None:
        self._runtime = runtime
        self._view = view
        self._probes = probes
        self._stopping: dict[str, trio.CancelScope] = {}
        self._hooks: dict[str, trio.Event] = {}  # of sidecars, that have begun before their turn

    def shorten(self, grace_s: float) -> None:
        """The pod has less time than was said; counts at once."""
        for scope in self._stopping.values():
            scope.deadline = min(scope.deadline, trio.current_time() + max(grace_s, MIN_LEFT_S))

    def begin_hooks(self, pod: Pod, address: str, grace_s: float) -> None:
        """The pod ends: preStop hooks of sidecars begin with those of the others, their signals come in their turn
        (kuberuntime_container.go:killContainer waits behind the hook)."""
        for declared in pod.spec.init_containers:
            attempts = self._view.containers.get(declared.name, ())
            has_hook = declared.lifecycle is not None and declared.lifecycle.pre_stop is not None
            if not has_hook or not is_sidecar(declared) or not attempts or attempts[-1].state != "running":
                continue
            container = attempts[-1]
            if container.id in self._hooks or container.id in self._stopping or grace_s <= 0:
                continue
            self._hooks[container.id] = trio.Event()
            assert self._view.nursery is not None
            self._view.nursery.start_soon(self._run_hook, declared, container, address, grace_s)

    async def _run_hook(self, declared: Any, container: Container, address: str, grace_s: float) -> None:
        with trio.move_on_after(grace_s):
            hook = declared.lifecycle.pre_stop
            await self._probes.run_pre_stop(hook, container, address, self._runtime, declared)
        self._hooks[container.id].set()

    async def stop(self, identity: str, declared: Any, address: str, grace_s: float) -> None:
        """Until the container's process is gone. Raises RuntimeFailure when it does not go."""
        container = self._view.find(identity)
        if container is None:
            return
        scope = self._stopping[identity] = trio.CancelScope(deadline=trio.current_time() + grace_s)
        try:
            lifecycle = getattr(declared, "lifecycle", None)
            hook = lifecycle.pre_stop if lifecycle else None
            if hook is not None and grace_s > 0:
                with scope:
                    if identity in self._hooks:
                        await self._hooks[identity].wait()
                    else:
                        await self._probes.run_pre_stop(hook, container, address, self._runtime, declared)
            least = trio.current_time() + MIN_LEFT_S
            scope = self._stopping[identity] = trio.CancelScope(deadline=max(scope.deadline, least))
            await self._runtime.signal_container(container, container.stop_signal)
            with trio.CancelScope(deadline=scope.deadline) as scope:
                self._stopping[identity] = scope
                await self._view.process_ended(identity)
            if scope.cancelled_caught:
                await self._kill(identity)
        finally:
            del self._stopping[identity]

    async def _kill(self, identity: str) -> None:
        container = self._view.find(identity)
        if container is None:
            return
        await self._runtime.signal_container(container, SIGKILL)
        with trio.move_on_after(KILL_S) as killing:
            await self._view.process_ended(identity)
        if killing.cancelled_caught:
            words = f"container {container.name} does not end after SIGKILL (process {container.pid})"
            raise RuntimeFailure(words, "FailedKillPod")
