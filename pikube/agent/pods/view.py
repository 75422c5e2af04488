"""Shell: what the runtime has of one pod: looked at once, then kept true by the ends of processes and by what the
worker itself does, so that neither a start nor an idle pod costs listings.

Enter: a shared listing, inspections, pidfds. Leave: Observed, and a wake-up when a process ended. A full look
follows when the manager found a difference, or when something failed half-way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import trio

from pikube.agent.pods.decision import Observed
from pikube.agent.runtime.contract import Container, Runtime, Sandbox
from pikube.agent.runtime.processes import OomWatch, is_of, wait_ended

SETTLE_S = 5.0  # conmon writes the exit code a moment after the process has ended
FIRST_PAUSE_S, MAX_PAUSE_S = 0.005, 0.2
KILLED = 137

Look = Callable[[str], Awaitable[tuple[Sandbox | None, list[Container]]]]


@dataclass(slots=True)
class _Watch:
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    has_ended: trio.Event = field(default_factory=trio.Event)


class PodView:
    """One a worker; `nursery` is the worker's. Of a pod that is new to this board nothing is there to be found."""

    def __init__(
        self,
        runtime: Runtime,
        look: Look,
        oom: OomWatch,
        uid: str,
        wake: Callable[[], None],
        *,
        is_new: bool = False,
    ) -> None:
        self.sandbox: Sandbox | None = None
        self.containers: dict[str, list[Container]] = {}
        self.nursery: trio.Nursery | None = None
        self._runtime = runtime
        self._look = look
        self._oom = oom
        self._uid = uid
        self._wake = wake
        self._is_stale = not is_new
        self._ended: set[str] = set()
        self._killed_for_memory: set[str] = set()
        self._watched: dict[str, _Watch] = {}

    def __repr__(self) -> str:
        return f"<PodView {self._uid} {'stale' if self._is_stale else 'true'} {sorted(self.containers)}>"

    def look_again(self) -> None:
        """Something may be otherwise than we believe."""
        self._is_stale = True

    async def observe(self) -> Observed:
        """The pod as it is. Raises RuntimeFailure; then the next call looks at everything."""
        if self._is_stale:
            await self._look_at_everything()
        while self._ended:
            await self._see_the_end(next(iter(self._ended)))
        return Observed(self.sandbox, {name: tuple(found) for name, found in self.containers.items()})

    def took_sandbox(self, sandbox: Sandbox | None) -> None:
        """A sandbox was made, changed or removed (None), with everything in it."""
        if sandbox is None:
            for identity in list(self._watched):
                self._unwatch(identity)
            self.containers = {}
            self._killed_for_memory.clear()
        self.sandbox = sandbox
        if sandbox is not None and sandbox.is_running:
            self._watch(sandbox.infra_id, sandbox.pid, "")

    def took_container(self, container: Container) -> None:
        """A container was started, or is another one now."""
        old = self.find(container.id)
        if old is not None and old.never_ran and container.state == "created":
            return  # to the runtime it still waits for its start
        if container.state == "exited" and container.exit_code == KILLED and not container.was_oom_killed:
            known = container.id in self._killed_for_memory
            if known or self._oom.is_in_kernel_log(container.id):
                container = replace(container, was_oom_killed=True)
        attempts = self.containers.setdefault(container.name, [])
        attempts[:] = sorted(
            [*(c for c in attempts if c.id != container.id), container], key=lambda c: c.attempt
        )
        if container.state == "running":
            self._watch(container.id, container.pid, container.cgroup)
        else:
            self._unwatch(container.id)

    def lost_container(self, identity: str) -> None:
        """A container was removed."""
        self._unwatch(identity)
        self._killed_for_memory.discard(identity)
        for name, attempts in list(self.containers.items()):
            attempts[:] = [c for c in attempts if c.id != identity]
            if not attempts:
                del self.containers[name]

    async def process_ended(self, identity: str) -> None:
        """Until the first process of a container is gone."""
        watch = self._watched.get(identity)
        if watch is not None:
            await watch.has_ended.wait()

    def find(self, identity: str) -> Container | None:
        """A container by its id."""
        for attempts in self.containers.values():
            for container in attempts:
                if container.id == identity:
                    return container
        return None

    async def inspect(self, identity: str) -> None:
        """Look at one container."""
        container = await self._runtime.inspect_container(identity)
        if container is None:
            self.lost_container(identity)
        else:
            self.took_container(container)

    async def _look_at_everything(self) -> None:
        self._is_stale = False
        self._ended.clear()
        with ExitStack() as unfinished:
            unfinished.callback(self.look_again)
            sandbox, listed = await self._look(self._uid)
            known = sandbox or self.sandbox  # a listing that others change meanwhile may leave something out
            if known is not None:
                now = await self._runtime.inspect_sandbox(known)
                sandbox = now if now.is_running or sandbox is not None else None
            self.took_sandbox(sandbox)
            here = {container.id for container in listed}
            for missed in [c for attempts in self.containers.values() for c in attempts if c.id not in here]:
                await self.inspect(missed.id)
            for container in listed:
                if not self._is_known(container):
                    await self.inspect(container.id)
            unfinished.pop_all()

    def _is_known(self, container: Container) -> bool:
        """An ended container does not change; one that runs as the same process is the same."""
        for old in self.containers.get(container.name, ()):
            if old.id == container.id and old.state == container.state:
                return old.state == "exited" or (old.state == "running" and old.pid == container.pid)
            if old.id == container.id and old.state == "exited":  # of which the runtime has not heard yet
                return not is_of(container.pid, container.id)
        return False

    async def _see_the_end(self, identity: str) -> None:
        """A process has ended: wait until the runtime knows it, too."""
        if self.sandbox is not None and identity == self.sandbox.infra_id:
            self._ended.discard(identity)
            await self._look_at_everything()
            return
        before = self.find(identity)
        pause_s, began_at = FIRST_PAUSE_S, trio.current_time()
        while before is not None:
            await self.inspect(identity)
            now = self.find(identity)
            if now is None or now.state != "running" or now.pid != before.pid:
                break
            if trio.current_time() - began_at > SETTLE_S:
                self._is_stale = True
                break
            await trio.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 2)
        self._ended.discard(identity)

    def _watch(self, identity: str, pid: int, cgroup: str) -> None:
        if self.nursery is None or not pid or identity in self._watched:
            return
        watch = self._watched[identity] = _Watch()
        self.nursery.start_soon(self._wait, watch, identity, pid, cgroup)

    def _unwatch(self, identity: str) -> None:
        watch = self._watched.pop(identity, None)
        if watch is not None:
            watch.scope.cancel()
            watch.has_ended.set()

    async def _wait(self, watch: _Watch, identity: str, pid: int, cgroup: str) -> None:
        with watch.scope:
            await wait_ended(pid, identity)
            watch.has_ended.set()
            if self._oom.kills(cgroup, identity):
                self._killed_for_memory.add(identity)
            self._watched.pop(identity, None)
            self._ended.add(identity)
            self._wake()
