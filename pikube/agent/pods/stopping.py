"""Shell: ends a container: the preStop hook, the stop signal, and SIGKILL when the time is over.

Enter: a running container, its grace period, which may be shortened meanwhile. Leave: a process that has ended. One a
pod, called by its worker. Source: kubernetes kuberuntime_container.go:killContainer.
"""

from __future__ import annotations

from typing import Any

import trio

from pikube.agent.pods.probes import ProbeSet
from pikube.agent.pods.view import PodView
from pikube.agent.runtime.contract import Runtime, RuntimeFailure

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

    def shorten(self, grace_s: float) -> None:
        """The pod has less time than was said; counts at once."""
        for scope in self._stopping.values():
            scope.deadline = min(scope.deadline, trio.current_time() + max(grace_s, MIN_LEFT_S))

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
