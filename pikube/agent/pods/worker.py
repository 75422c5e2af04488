"""Shell: one pod's task: observe, decide, perform, report, wait.

Enter: the pod as it changes, hints from the runtime. Leave: containers, volumes, status. A worker never
touches another pod, so that one bad pod delays nobody. Called by the manager.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio
from msgspec import structs

from pikube.agent.pods import decision
from pikube.agent.pods.admission import REJECTED, Admission, Leaving
from pikube.agent.pods.board import Board
from pikube.agent.pods.container_specs import declared_groups, sandbox_spec
from pikube.agent.pods.decision import Action, Observed, decide, decide_end
from pikube.agent.pods.events import SANDBOX_CHANGED, back_offs, declared, failed_start, field_path, has_begun
from pikube.agent.pods.first_process import user_of_process
from pikube.agent.pods.fit import DISRUPTED, PREEMPTED, PREEMPTING, leave_s
from pikube.agent.pods.log_places import forget_links
from pikube.agent.pods.log_rotation import forget_logs
from pikube.agent.pods.memory import WorkerMemory, began_at
from pikube.agent.pods.node_admission import sandbox_problem
from pikube.agent.pods.places import PodPlaces
from pikube.agent.pods.probes import ProbeSet
from pikube.agent.pods.reporter import StatusReporter
from pikube.agent.pods.resizer import Resizer
from pikube.agent.pods.sandbox_notes import note, noted
from pikube.agent.pods.starting import StartFailed, Starting
from pikube.agent.pods.status import Report, pod_status, refused_status
from pikube.agent.pods.stopping import MIN_LEFT_S, Stopper
from pikube.agent.pods.termination import last_words
from pikube.agent.pods.view import PodView
from pikube.agent.pods.volume_files import VolumeProblem
from pikube.agent.pods.volumes import PodVolumes
from pikube.agent.runtime.contract import Container, Image, RuntimeFailure
from pikube.agent.usage.disk_reports import PodDisk
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, Conflict, NotFound
from pikube.api.kinds.core_pod import Pod

log = logging.getLogger("pikube.pods")

RETRY_S = 2.0
# kubelet volumes' and sandboxes' back-off, goroutinemap/exponentialbackoff
FIRST_RETRY_S, MAX_RETRY_S = 0.5, 120.0
TOLD_S = 5.0  # the leader may be away
COMPONENT = "kubelet"
CREATE = decision.CreateSandbox()


class PodWorker:
    """`pod` is replaced by the manager, `wake` makes the worker look again."""

    def __init__(
        self,
        board: Board,
        pod: Pod,
        *,
        mirror: Callable[[], Pod | None] | None = None,
        is_new: bool = False,
        neighbours: Callable[[], list[Pod]],
        preempt: Callable[[Iterable[Pod]], Sequence[Leaving]],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.pod = pod
        self._neighbours = neighbours
        self._admission = Admission(board, neighbours, preempt, self.wake)
        self._mirror = mirror
        self._board = board
        self._now = wall_clock
        self._memory = WorkerMemory(began_at=began_at(pod) or wall_clock())
        uid = pod.metadata.uid
        self._view = PodView(
            board.runtime, board.references.runtime_view, board.oom, uid, self.wake, is_new=is_new
        )
        self._volumes = PodVolumes(board.pods_dir / uid)
        self._places = PodPlaces(board, self._volumes, self._say, self._reference_changed, self._pulling)
        self._images: dict[str, tuple[str, str]] = {}
        self._ahead: dict[str, Image | None] = {}  # looked up while the sandbox was made
        self._said_back_off: dict[str, str] = {}
        self._failure: tuple[str, str] | None = None
        self._is_refused = self.is_forced_away = False
        self._disruption = ""
        self._has_left = trio.Event()  # nothing of it runs any more
        self._has_ended_volumes = False
        self._failures = 0  # in a row, of what concerns the whole pod
        self._pull = trio.CancelScope()  # of the newest pull
        self._ends_by: float | None = None  # when the grace period of a pod that must go is over
        self._woken = trio.Event()
        self._reporter = StatusReporter(board.client, mirror or (lambda: self.pod), self._written)
        self._probes = ProbeSet(self._probe_changed)
        self._resizer = Resizer(board, self._memory, self._say)
        self._stopper = Stopper(board.runtime, self._view, self._probes)

    @property
    def containers(self) -> Mapping[str, list[Container]]:
        """Each container's attempts, the newest last."""
        return self._view.containers

    @property
    def address(self) -> str:
        """The pod's address; '' before it has one."""
        if self.pod.spec.host_network:
            return self._board.host_ip()
        return self._view.sandbox.address if self._view.sandbox is not None else ""

    @property
    def probes(self) -> ProbeSet:
        """Its probes, of which the metrics tell."""
        return self._probes

    @property
    def log_dir(self) -> Path:
        return self._volumes.directory / "logs"

    @property
    def is_evictable(self) -> bool:
        """Whether it may be asked to go, and has not been yet."""
        is_going = self._failure is not None or self.pod.metadata.deletion_timestamp
        return not is_going and self.pod.status.phase not in ("Succeeded", "Failed")

    @property
    def holds_room(self) -> bool:
        """Whether what it asks for is taken: from its admission until nothing of it runs. One that was deleted by
        force is no longer there for anybody else (kubelet.go:filterOutInactivePods)."""
        has_begun = self._admission.is_over or bool(self.pod.status.start_time)
        if self._is_refused or self.is_forced_away or not has_begun:
            return False
        is_going = not self.is_evictable or decision.is_over(self.pod, Observed(None, self.containers))
        return not is_going or any(
            c.state == "running" for attempts in self.containers.values() for c in attempts
        )

    def evict(self, words: str, *, by_board: bool = False) -> None:
        """The board cannot carry the pod any more (`by_board`), or it has used more than it may: it fails for good
        and ends at once."""
        self._end_early(decision.EVICTED, words, words if by_board else "")

    def preempt(self) -> None:
        """A critical pod needs the room: it fails for good, and has its grace period."""
        self._end_early(PREEMPTING, PREEMPTED, DISRUPTED)

    async def wait_left(self) -> None:
        """Until a pod that must go has left its room, or has had more than its time for that."""
        with trio.move_on_after(leave_s(self.pod)):
            await self._has_left.wait()

    def _end_early(self, reason: str, words: str, disruption: str) -> None:
        self._failure = (reason, words)
        self._disruption = disruption
        self._say("Warning", reason, words)
        self._pull.cancel()
        self.wake()

    def _pulling(self, scope: trio.CancelScope) -> None:
        """A pull begins: a pod that must go meanwhile does not wait for it."""
        self._pull = scope
        if self.pod.metadata.deletion_timestamp or self._failure is not None:
            scope.cancel()

    def storage_places(self) -> dict[str, list[Path]]:
        """Where each container writes on the board's disk: its layer and its logs."""
        return {
            name: [*(Path(c.layer_dir) for c in attempts if c.layer_dir), self.log_dir / name]
            for name, attempts in self.containers.items()
        }

    def volume_places(self) -> dict[str, list[Path]]:
        """Where its emptyDir volumes are on the board's disk."""
        return {
            volume.name: [self._volumes.path(volume)]
            for volume in self.pod.spec.volumes
            if volume.empty_dir is not None and volume.empty_dir.medium != "Memory"
        }

    def disk(self) -> PodDisk:
        """Where its files are, as far as it can be said what they use."""
        running = {
            name: attempts[-1]
            for name, attempts in self.containers.items()
            if attempts and attempts[-1].state == "running"
        }
        layers = {name: container.layer_dir for name, container in running.items() if container.layer_dir}
        logs = {name: str(self.log_dir / name) for name in running}
        return PodDisk(layers, logs, self._volumes.measured(self.pod, self._places.latest) if running else ())

    def wake(self) -> None:
        """Something may have changed."""
        self._woken.set()

    def changed(self, pod: Pod) -> None:
        """The API has another version of the pod."""
        if (
            pod.metadata.labels != self.pod.metadata.labels
            or pod.metadata.annotations != self.pod.metadata.annotations
            or pod.spec.containers != self.pod.spec.containers
        ):
            self._places.forget()  # downward API files
        self.pod = pod
        grace_s = pod.metadata.deletion_grace_period_seconds
        if grace_s is not None:
            self._stopper.shorten(grace_s)
            if self._ends_by is not None:
                self._ends_by = min(self._ends_by, trio.current_time() + grace_s)
        if pod.metadata.deletion_timestamp:
            self._pull.cancel()
        self.wake()

    def look_again(self) -> None:
        """The runtime may have something else of the pod than we believe."""
        self._view.look_again()
        self.wake()

    async def run(self) -> None:
        """Until the pod is gone from this board and from the API."""
        async with trio.open_nursery() as nursery:
            self._probes.nursery = self._view.nursery = self._admission.nursery = nursery
            nursery.start_soon(self._reporter.run)
            while not await self._round():
                if not self.is_evictable and not self.holds_room:
                    self._has_left.set()
            self._has_left.set()
            nursery.cancel_scope.cancel()

    async def _round(self) -> bool:
        """One look; whether the pod is gone."""
        self._woken = trio.Event()
        wait_s, observed = float("inf"), None
        try:
            observed = await self._observe()
            if self.pod.metadata.deletion_timestamp:
                if await self._end(observed):
                    return True
                wait_s = 0.0
            else:
                wait_s = await self._act(observed)
        except RuntimeFailure as failure:
            self._say("Warning", failure.reason, failure.message)
            log.warning("event=pod_failed pod=%s why=%r", self._name, failure.message)
            self._tell_of(observed)
            self._view.look_again()
            wait_s = retry_s(self._failures)
            self._failures += 1
        except (ApiError, ConnectionLost) as error:
            log.warning("event=api_failed pod=%s why=%r", self._name, str(error))
            self._tell_of(observed)
            wait_s = RETRY_S
        except Exception:
            # one of the three places where every error is caught: one bad pod must not take the others along
            log.exception("event=pod_bug pod=%s", self._name)
            self._view.look_again()
            wait_s = RETRY_S
        with trio.move_on_after(max(0.0, wait_s)):
            await self._woken.wait()
        return False

    def _tell_of(self, observed: Observed | None) -> None:
        """What cannot be done next hides nothing of what has happened: a container has ended all the same."""
        if observed is not None:
            self._report(Observed(self._view.sandbox, self._view.containers))

    @property
    def _name(self) -> str:
        return f"{self.pod.metadata.namespace}/{self.pod.metadata.name}"

    async def _observe(self) -> Observed:
        observed = await self._view.observe()
        self._memory.learn(observed)
        self._probes.is_ending = bool(self.pod.metadata.deletion_timestamp) or self._failure is not None
        self._probes.follow(self.pod, observed, self.address, self._board.runtime, self._memory.fresh)
        self._memory.ready = self._probes.ready_names(self.pod, observed)
        self._memory.started = self._probes.started_names(self.pod, observed)
        self._memory.hooking = self._probes.hooking_names()
        self._memory.unhealthy = self._probes.unhealthy()
        self._memory.graces_s = self._probes.graces_s()
        self._resizer.look(self.pod, observed, self._neighbours)
        for attempts in observed.containers.values():
            for container in attempts:
                if container.state != "created" and container.id not in self._memory.users:
                    self._memory.users[container.id] = user_of_process(container, declared_groups(self.pod))
                if container.state == "exited" and container.id not in self._memory.messages:
                    words = last_words(self._volumes.directory, declared(self.pod, container.name), container)
                    self._memory.messages[container.id] = words
        return observed

    async def _act(self, observed: Observed) -> float:
        """Perform what is decided; seconds until the next look."""
        now = self._now()
        self._memory.clock_seen(now, trio.current_time())
        pod = self.pod
        if not self._admission.is_over:
            await self._admit(observed)
        if self._admission.waits_for_room and self._failure is None:
            self._report(observed)
            return math.inf
        if self._failure is not None:  # known here before the API says it
            spec, reason = pod.spec, self._failure[0]
            if reason == decision.EVICTED:
                spec = structs.replace(spec, termination_grace_period_seconds=0)
            status = structs.replace(pod.status, phase="Failed", reason=reason)
            pod = structs.replace(pod, spec=spec, status=status)
        actions = decide(pod, observed, self._memory.frozen(), now)
        wait_s = min(self._resizer.again_s(), self._board.references.tokens.renews_in_s(self.pod))
        if has_begun(pod, self._memory.attempts) and CREATE in actions:
            self._say("Normal", "SandboxChanged", SANDBOX_CHANGED)
        stops = [action for action in actions if isinstance(action, decision.StopContainer)]
        has_changed = bool(stops)
        for action in actions:
            if isinstance(action, decision.LookAgainAt):
                wait_s = min(wait_s, max(0.05, action.at - now))
            elif action not in stops:
                await self._perform(action)
                has_changed = True
                if isinstance(action, decision.CreateSandbox):
                    break
        await self._stop_together(stops)
        for name in list(self._memory.waiting):
            self._memory.start_waits(name, getattr(declared(self.pod, name), "image", ""), self._now())
        self._say_back_offs(observed, now)
        if has_changed:
            self._report(await self._observe())
            return 0.0
        await self._end_volumes(pod, observed)
        if observed.sandbox is not None and observed.sandbox.is_running and self._places.is_due(self.pod):
            await self._places.refresh(self.pod, self.address)
            wait_s = min(wait_s, self._board.references.tokens.renews_in_s(self.pod))
        self._report(observed)
        return wait_s

    async def _end_volumes(self, pod: Pod, observed: Observed) -> None:
        """Once nothing of a pod that is over runs any more."""
        is_over = pod.status.phase in ("Succeeded", "Failed") or decision.is_over(pod, observed)
        is_running = any(c.state == "running" for attempts in observed.containers.values() for c in attempts)
        if self._has_ended_volumes or not is_over or is_running:
            return
        try:
            await trio.to_thread.run_sync(self._volumes.end)
        except OSError as error:
            raise RuntimeFailure(f"Unable to unmount the pod's volumes: {error}", "FailedUnMount") from error
        self._has_ended_volumes = True

    async def _admit(self, observed: Observed) -> None:
        """Once, before anything of the pod is made."""
        refused = await self._admission.ask(self.pod, observed)
        if refused is not None:
            self._failure = refused
            self._is_refused = True
            self._say("Warning", refused[0], refused[1].removeprefix(REJECTED))

    def _say_back_offs(self, observed: Observed, now: float) -> None:
        """Once for each wait (kubelet says it at each of its syncs)."""
        memory = self._memory
        waits = back_offs(self.pod, observed, memory.waiting, memory.failures, memory.crashes, now)
        for name, (wait, type_, words) in waits.items():
            if self._said_back_off.get(name) != wait:
                self._said_back_off[name] = wait
                self._say(type_, "BackOff", words, container=name)

    async def _perform(self, action: Action) -> None:
        runtime, sandbox = self._board.runtime, self._view.sandbox
        match action:
            case decision.CreateSandbox():
                await self._create_sandbox()
            case decision.RemoveSandbox(why):
                log.info("event=sandbox_removed pod=%s why=%r", self._name, why)
                if self.pod.status.phase == "Failed" or self._failure is not None:
                    # how its containers ended is known from its status only, then
                    with trio.move_on_after(TOLD_S):
                        await self._reporter.flushed()
                if sandbox is not None:
                    await runtime.remove_sandbox(sandbox.id)
                    self._view.took_sandbox(None)
            case decision.StopSandbox():
                if sandbox is not None:
                    await runtime.stop_sandbox(sandbox)
                    self._view.took_sandbox(await runtime.inspect_sandbox(sandbox))
            case decision.StartContainer(name, attempt):
                await self._start(name, attempt)
            case decision.StopContainer(name, identity, grace_s, why):
                words = why or f"Stopping container {name}"
                self._say("Normal", "Killing", words, container=name)
                await self._stopper.stop(identity, declared(self.pod, name), self.address, grace_s)
                await self._view.observe()
            case decision.ResizeContainer(name, identity):
                await self._resizer.resize(declared(self.pod, name), identity)
            case decision.RemoveContainer(identity):
                await runtime.remove_container(identity)
                gone = self._view.find(identity)
                self._view.lost_container(identity)
                if gone is not None and gone.state == "exited":
                    forget_logs(self.log_dir, gone.name, gone.attempt)
                    forget_links(self.log_dir)
            case decision.Fail(reason, message):
                self._failure = (reason, message)
                if reason:
                    self._say("Normal", reason, message)

    async def _create_sandbox(self) -> None:
        self._report(Observed())
        # before the network: a missing Secret costs no sandbox
        await self._places.make(self.pod, self.address)
        try:
            handler = self._board.references.runtime_handler(self.pod)
            handlers, domain = self._board.enforced.handlers, self._board.dns.domain
            problem = sandbox_problem(self.pod, handler, handlers, domain)
        except VolumeProblem as missing:
            problem = str(missing)
        if problem:
            raise RuntimeFailure(f"Failed to create pod sandbox: {problem}", "FailedCreatePodSandBox")
        spec = sandbox_spec(self.pod, self._board.network, self._board.dns)
        sandbox, failures = None, []

        async def create() -> None:
            nonlocal sandbox
            try:
                sandbox = await self._board.runtime.create_sandbox(spec)
            except RuntimeFailure as failure:
                failures.append(failure)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(create)
            for container in (self.pod.spec.init_containers or self.pod.spec.containers)[:1]:
                self._ahead[container.name] = await self._board.starter.look_ahead(container)
        if failures:
            raise failures[0]
        self._view.took_sandbox(sandbox)
        self._failures = 0
        self._memory.forget_failures()
        assert sandbox is not None
        try:
            for before in await trio.to_thread.run_sync(note, self._volumes.directory, sandbox.id):
                await self._board.runtime.forget_sandbox(before)
        except OSError as error:  # a full card is no reason not to start
            log.warning("event=sandbox_not_noted pod=%s why=%r", self._name, error.strerror or str(error))

    def _reference_changed(self) -> None:
        """What the pod names is another now: its files follow, and what failed for it is tried again."""
        self._places.forget()
        self._failures = 0
        self._memory.try_config_again()
        self.wake()

    async def _start(self, name: str, attempt: int) -> None:
        """One attempt; a failure is remembered and reported, and tried again with back-off."""
        asked = declared(self.pod, name)
        places = await self._places.get(self.pod, self.address)
        assert self._view.sandbox is not None and asked is not None
        starting = Starting(
            pod=self.pod,
            container=asked,
            attempt=attempt,
            sandbox=self._view.sandbox,
            address=self.address,
            host_ip=self._board.host_ip(),
            places=places,
            directory=self._volumes.directory,
            target_pid=self._target_pid(asked),
            image=self._ahead.pop(name, None),
        )

        def say(type_: str, reason: str, message: str) -> None:
            self._say(type_, reason, message, container=name)

        def pulling(scope: trio.CancelScope) -> None:
            self._pulling(scope)
            self._report(Observed(self._view.sandbox, self._view.containers))

        try:
            container, image = await self._board.starter.start(starting, say, pulling)
        except StartFailed as failed:
            self._memory.start_failed(name, failed.reason, failed.message, self._now())
            for words in failed_start(failed.reason, failed.message):
                say("Warning", "Failed", words)
            if failed.reason in ("CreateContainerError", "RunContainerError"):
                self._view.look_again()  # perhaps the sandbox was taken from under us
            return
        self._memory.start_succeeded(name)
        if not container.never_ran:
            self._memory.fresh.add(container.id)
            self._memory.sizes[container.id] = asked.resources
        self._view.took_container(container)
        self._images[image.id] = _image_names(image, asked.image)

    def _target_pid(self, container: Any) -> int:
        """A process of the running container that an ephemeral one looks into; 0 for none."""
        attempts = self._view.containers.get(getattr(container, "target_container_name", "") or "", ())
        return attempts[-1].pid if attempts and attempts[-1].state == "running" else 0

    async def _stop_noting(self, stop: decision.StopContainer, failures: list[RuntimeFailure]) -> None:
        try:
            await self._perform(stop)
        except RuntimeFailure as failure:
            failures.append(failure)

    async def _stop_together(self, stops: Sequence[decision.StopContainer]) -> None:
        """One that is slow takes no time from the others. Those that end with their pod share its grace period."""
        failures: list[RuntimeFailure] = []
        async with trio.open_nursery() as nursery:
            for stop in stops:
                ending = stop if stop.why else replace(stop, grace_s=self._grace_left_s(stop.grace_s))
                if not stop.why:
                    self._stopper.begin_hooks(self.pod, self.address, ending.grace_s)
                nursery.start_soon(self._stop_noting, ending, failures)
        if failures:
            raise failures[0]

    async def _end(self, observed: Observed) -> bool:
        """Stop and remove everything, then the API object; whether all is done."""
        grace_s = self.pod.metadata.deletion_grace_period_seconds or 0
        actions = decide_end(self.pod, observed, grace_s)
        stops = [action for action in actions if isinstance(action, decision.StopContainer)]
        if stops:
            await self._stop_together(stops)
            self._report(await self._observe())
            return False
        self._report(Observed(None, observed.containers), is_ending=self._mirror is None)
        for action in actions:
            await self._perform(action)
        for sandbox_id in noted(self._volumes.directory):
            await self._board.runtime.forget_sandbox(sandbox_id)
        try:
            await trio.to_thread.run_sync(self._volumes.remove)
        except OSError as error:
            raise RuntimeFailure(f"Unable to unmount the pod's volumes: {error}", "FailedUnMount") from error
        if self._mirror is not None:
            return True  # its mirror goes with its file
        await self._reporter.flushed()
        meta = self.pod.metadata
        with suppress(NotFound, Conflict):
            await self._board.client.delete(Pod, meta.name, meta.namespace, uid=meta.uid, grace_period_s=0)
        return True

    def _grace_left_s(self, grace_s: int) -> int:
        """All containers of a pod share its grace period: sidecars, which end last, have what the others left of it
        (kuberuntime_termination_order.go)."""
        if self._ends_by is None:
            self._ends_by = trio.current_time() + grace_s
            return grace_s
        return min(grace_s, max(MIN_LEFT_S, math.ceil(self._ends_by - trio.current_time())))

    def _report(self, observed: Observed, *, is_ending: bool = False) -> None:
        """Have the status written if it says something new. `is_ending`: nothing of the pod will ever run again."""
        memory = self._memory
        report = Report(
            pod_ip=self.address if self._view.sandbox is not None else "",
            host_ip=self._board.host_ip(),
            waiting=dict(memory.waiting),
            ready=frozenset(memory.ready),
            images=self._images,
            messages=memory.messages,
            users=memory.users,
            failure=self._failure or ("", ""),
            has_failed=self._failure is not None,
            is_ending=is_ending,
            disruption=self._disruption,
            resize=self._resizer.condition(),
        )
        if self._is_refused and self._failure is not None:
            status = refused_status(self.pod, *self._failure)
        else:
            status = pod_status(self.pod, observed, memory.frozen(), report, self._now())
        if status != self.pod.status:
            self._reporter.post(status)

    def _written(self, pod: Pod) -> None:
        if self._mirror is not None or pod.metadata.uid == self.pod.metadata.uid:
            self.pod = structs.replace(self.pod, status=pod.status)

    def _probe_changed(self, type_: str, reason: str, message: str, container: str) -> None:
        if reason:
            self._say(type_, reason, message, container=container)
        self.wake()

    def _say(self, type_: str, reason: str, message: str, *, container: str = "") -> None:
        path = field_path(self.pod, container)
        self._board.recorder.record(COMPONENT, self.pod, type_, reason, message, field_path=path)


def retry_s(failures: int) -> float:
    """How long to wait after the n-th failure in a row of something that concerns the whole pod."""
    return min(MAX_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures, 10))


def _image_names(image: Image, asked: str) -> tuple[str, str]:
    """(the name that a status shows, the reference with digest)."""
    return image.names[0] if image.names else asked, image.repo_digest or f"sha256:{image.id}"
