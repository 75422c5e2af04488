"""Shell: one pod's task: observe, decide, perform, report, wait.

Enter: the pod as it changes, hints from the runtime. Leave: containers, volumes, status. A worker never
touches another pod, so that one bad pod delays nobody. Called by the manager.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio
from msgspec import structs

from pikube.agent.pods import decision
from pikube.agent.pods.container_specs import (
    DnsSettings,
    NotAllowed,
    container_spec,
    hosts_file,
    sandbox_spec,
)
from pikube.agent.pods.decision import Action, Observed, decide, decide_end
from pikube.agent.pods.environment import ConfigMissing, environment_of
from pikube.agent.pods.memory import WorkerMemory
from pikube.agent.pods.probes import ProbeSet
from pikube.agent.pods.references import References
from pikube.agent.pods.status import Report, pod_status
from pikube.agent.pods.volume_files import VolumeProblem, volume_files
from pikube.agent.pods.volumes import Place, PodVolumes, mounts_of
from pikube.agent.runtime.contract import Container, Image, ImageFailure, Runtime, RuntimeFailure, Sandbox
from pikube.agent.runtime.images import architecture_problem
from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ApiError, Conflict, NotFound
from pikube.api.kinds.core_pod import Pod, PodStatus
from pikube.informer.recorder import Recorder

log = logging.getLogger("pikube.pods")

RETRY_S = 2.0
FIRST_RETRY_S, MAX_RETRY_S = (
    0.5,
    120.0,
)  # kubelet volumes' and sandboxes' back-off, goroutinemap/exponentialbackoff
END_RETRY_S = 2.0
COMPONENT = "kubelet"


@dataclass(frozen=True, slots=True)
class Board:
    """What all pods of this board share."""

    client: Client
    runtime: Runtime
    recorder: Recorder
    references: References
    node_name: str
    network: str
    dns: DnsSettings
    pods_dir: Path
    memory_bytes: int
    architecture: str
    host_ip: Callable[[], str]


class PodWorker:
    """`pod` is replaced by the manager, `wake` makes the worker look again."""

    def __init__(self, board: Board, pod: Pod, *, wall_clock: Callable[[], float] = time.time) -> None:
        self.pod = pod
        self.containers: Mapping[str, list[Container]] = {}
        self.address = ""
        self._board = board
        self._now = wall_clock
        self._memory = WorkerMemory(began_at=wall_clock())
        self._sandbox: Sandbox | None = None
        self._images: dict[str, tuple[str, str]] = {}
        self._messages: dict[str, str] = {}
        self._failure = ("", "")
        self._failures = 0  # in a row, of what concerns the whole pod
        self._woken = trio.Event()
        self._volumes = PodVolumes(board.pods_dir / pod.metadata.uid)
        self._sent: PodStatus | None = None
        self._probes = ProbeSet(self._probe_changed)

    def wake(self) -> None:
        """Something may have changed."""
        self._woken.set()

    @property
    def log_dir(self) -> Path:
        return self._volumes.directory / "logs"

    async def run(self) -> None:
        """Until the pod is gone from this board and from the API."""
        async with trio.open_nursery() as nursery:
            self._probes.nursery = nursery
            while not await self._round():
                continue
            nursery.cancel_scope.cancel()

    async def _round(self) -> bool:
        """One look; whether the pod is gone."""
        self._woken = trio.Event()
        wait_s = float("inf")
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
            wait_s = retry_s(self._failures)
            self._failures += 1
        except (ApiError, ConnectionLost) as error:
            log.warning("event=api_failed pod=%s why=%r", self._name, str(error))
            wait_s = END_RETRY_S
        except Exception:
            # one of the three places where every error is caught: one bad pod must not take the others along
            log.exception("event=pod_bug pod=%s", self._name)
            wait_s = RETRY_S
        with trio.move_on_after(max(0.0, wait_s)):
            await self._woken.wait()
        return False

    @property
    def _name(self) -> str:
        return f"{self.pod.metadata.namespace}/{self.pod.metadata.name}"

    async def _observe(self) -> Observed:
        sandbox, containers = await self._board.references.runtime_view(self.pod.metadata.uid)
        detailed: dict[str, list[Container]] = {}
        for container in sorted(containers, key=lambda c: c.attempt):
            known = self._known(container)
            full = known or await self._board.runtime.inspect_container(container.id)
            if full is not None:
                detailed.setdefault(full.name, []).append(full)
        if sandbox is not None and (self._sandbox is None or self._sandbox.id != sandbox.id):
            self.address = await self._address(sandbox)
        self._sandbox = sandbox
        self.containers = detailed
        observed = Observed(sandbox, detailed)
        self._memory.learn(observed)
        self._probes.follow(self.pod, observed, self._address_for_probes(), self._board.runtime)
        self._memory.ready = self._probes.ready_names(self.pod, observed)
        self._memory.started = self._probes.started_names(self.pod, observed)
        self._memory.unhealthy = self._probes.unhealthy()
        return observed

    def _known(self, container: Container) -> Container | None:
        """An ended container does not change: what we know of it is enough."""
        for old in self.containers.get(container.name, ()):
            if old.id == container.id and old.state == "exited":
                return old
            if old.id == container.id and old.state == container.state == "running":
                return old
        return None

    async def _address(self, sandbox: Sandbox) -> str:
        if self.pod.spec.host_network:
            return self._board.host_ip()
        return await self._board.runtime.sandbox_address(sandbox) if sandbox.is_running else ""

    def _address_for_probes(self) -> str:
        return self.address

    async def _act(self, observed: Observed) -> float:
        """Perform what is decided; seconds until the next look."""
        now = self._now()
        actions = decide(self.pod, observed, self._memory.frozen(), now)
        wait_s = self._board.references.tokens.renews_in_s(self.pod)
        has_changed = False
        for action in actions:
            if isinstance(action, decision.LookAgainAt):
                wait_s = min(wait_s, max(0.05, action.at - now))
            else:
                await self._perform(action)
                has_changed = True
                if isinstance(action, decision.CreateSandbox | decision.Fail):
                    break
        for name in list(self._memory.waiting):
            self._memory.start_waits(name, self._now())
        if has_changed:
            await self._report(observed if not actions else await self._observe())
            return 0.0
        if observed.sandbox is not None and self._has_api_volumes():
            await self._refresh_volumes()
        await self._report(observed)
        return wait_s

    async def _perform(self, action: Action) -> None:
        match action:
            case decision.CreateSandbox():
                await self._report(Observed())
                await self._create_sandbox()
            case decision.RemoveSandbox(why):
                log.info("event=sandbox_removed pod=%s why=%r", self._name, why)
                if self._sandbox is not None:
                    await self._board.runtime.remove_sandbox(self._sandbox.id)
                    self._sandbox = None
            case decision.StartContainer(name, attempt):
                await self._start(name, attempt)
            case decision.StopContainer(name, identity, grace_s, why):
                words = why or f"Stopping container {name}"
                self._say("Normal", "Killing", words, container=name)
                await self._stop(name, identity, grace_s)
            case decision.RemoveContainer(identity):
                await self._board.runtime.remove_container(identity)
            case decision.Fail(reason, message):
                self._failure = (reason, message)

    async def _create_sandbox(self) -> None:
        spec = sandbox_spec(self.pod, self._board.network, self._board.dns)
        places = await self._make_volumes()
        del places  # made before the network, so that a missing Secret costs no sandbox
        await self._board.runtime.create_sandbox(spec)
        self._failures = 0

    async def _make_volumes(self) -> dict[str, Place]:
        """Places by volume name; RuntimeFailure (FailedMount) says what is missing."""
        references = self._board.references
        places = {}
        name = "kube-api-access"
        try:
            await references.follow(self.pod, self._reference_changed)
            facts = references.facts(self.pod, self.address, self._board.host_ip())
            tokens = await references.tokens.of(self.pod)
            for volume in self.pod.spec.volumes:
                name = volume.name
                source, bound = references.bound_volume(self.pod, volume)
                files = volume_files(self.pod, source, facts, tokens)
                if source is not volume:
                    source = structs.replace(source, persistent_volume_claim=volume.persistent_volume_claim)
                places[name] = await trio.to_thread.run_sync(
                    self._volumes.make, self.pod, source, bound, files
                )
        except VolumeProblem as problem:
            words = f'MountVolume.SetUp failed for volume "{name}" : {problem}'
            raise RuntimeFailure(words, "FailedMount") from None
        return places

    def _reference_changed(self) -> None:
        """What the pod names is another now: its files follow, and what failed for it is tried again."""
        self._memory.try_config_again()
        self._failures = 0
        self.wake()

    async def _refresh_volumes(self) -> None:
        try:
            await self._make_volumes()
        except RuntimeFailure as failure:
            self._say("Warning", failure.reason, failure.message)

    def _has_api_volumes(self) -> bool:
        return any(v.config_map or v.secret or v.projected or v.downward_api for v in self.pod.spec.volumes)

    async def _start(self, name: str, attempt: int) -> None:
        """One attempt; a failure is remembered and reported, and tried again with back-off."""
        spec = self.pod.spec
        every: list[Any] = [*spec.init_containers, *spec.containers, *spec.ephemeral_containers]
        container = next(c for c in every if c.name == name)
        try:
            await self._start_or_raise(container, attempt)
        except ConfigMissing as missing:
            self._start_failed(name, "CreateContainerConfigError", str(missing), "Failed")
        except NotAllowed as refused:
            self._start_failed(name, "CreateContainerConfigError", str(refused), "Failed")
        except ImageFailure as failure:
            self._start_failed(name, failure.reason, failure.message, "Failed")
        except RuntimeFailure as failure:
            self._start_failed(name, failure.reason, failure.message, "Failed")
        else:
            self._memory.start_succeeded(name)

    def _start_failed(self, name: str, reason: str, message: str, event: str) -> None:
        self._memory.start_failed(name, reason, message, self._now())
        self._say(
            "Warning", event, f"Error: {message}" if reason != "ErrImagePull" else message, container=name
        )

    async def _start_or_raise(self, container: Any, attempt: int) -> None:
        board = self._board
        assert self._sandbox is not None
        image = await self._ensure_image(container)
        places = await self._make_volumes()
        facts = board.references.facts(self.pod, self.address, board.host_ip())
        environment = environment_of(self.pod, container, facts)
        hosts = await trio.to_thread.run_sync(self._write_hosts)
        try:
            mounts = mounts_of(container, places, environment, hosts)
        except VolumeProblem as problem:
            raise RuntimeFailure(str(problem), "CreateContainerConfigError") from None
        log_path = self.log_dir / container.name / f"{attempt}.log"
        log_path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        spec = container_spec(
            self.pod, container, self._sandbox, attempt, image, environment, mounts, str(log_path),
            board.memory_bytes,
        )  # fmt: skip
        await board.runtime.start_container(spec)
        self._say("Normal", "Created", f"Created container: {container.name}", container=container.name)
        self._say("Normal", "Started", f"Started container {container.name}", container=container.name)

    def _write_hosts(self) -> str:
        if self.pod.spec.host_network:
            return ""
        path = self._volumes.directory / "hosts"
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.write_text(hosts_file(self.pod, self.address, self._board.dns.domain))
        return str(path)

    async def _ensure_image(self, container: Any) -> Image:
        runtime, reference = self._board.runtime, container.image
        policy = container.image_pull_policy
        image = await runtime.find_image(reference)
        if image is None and policy == "Never":
            raise ImageFailure(
                f'Container image "{reference}" is not present with pull policy of Never', "ErrImageNeverPull"
            )
        is_local = image is not None and any(name.startswith("localhost/") for name in image.names)
        if image is None or (policy == "Always" and not is_local):
            self._say("Normal", "Pulling", f'Pulling image "{reference}"', container=container.name)
            await self._report_waiting(container.name)
            began_at = trio.current_time()
            credentials = self._board.references.pull_credentials(self.pod)
            image = await runtime.pull_image(reference, credentials)
            took_s = trio.current_time() - began_at
            words = f'Successfully pulled image "{reference}" in {took_s:.3f}s. Image size: {image.size_bytes} bytes.'
            self._say("Normal", "Pulled", words, container=container.name)
        else:
            words = f'Container image "{reference}" already present on machine'
            self._say("Normal", "Pulled", words, container=container.name)
        problem = architecture_problem(reference, image.architecture, self._board.architecture)
        if problem:
            raise ImageFailure(problem, "ErrImagePull")
        name = image.names[0] if image.names else reference
        self._images[image.id] = (name, image.repo_digest or f"sha256:{image.id}")
        return image

    async def _report_waiting(self, name: str) -> None:
        await self._report(Observed(self._sandbox, self.containers))

    async def _stop(self, name: str, identity: str, grace_s: int) -> None:
        spec = self.pod.spec
        container = next((c for c in (*spec.init_containers, *spec.containers) if c.name == name), None)
        began_at = trio.current_time()
        hook = container.lifecycle.pre_stop if container is not None and container.lifecycle else None
        if hook is not None and grace_s > 0:
            with trio.move_on_after(grace_s):
                await self._probes.run_hook(hook, identity, self.address, self._board.runtime, container)
        left_s = max(0, round(grace_s - (trio.current_time() - began_at)))
        await self._board.runtime.stop_container(identity, max(left_s, 2) if hook else left_s)

    async def _end(self, observed: Observed) -> bool:
        """Stop and remove everything, then the API object; whether all is done."""
        grace_s = self.pod.metadata.deletion_grace_period_seconds or 0
        actions = decide_end(self.pod, observed, grace_s)
        stops = [action for action in actions if isinstance(action, decision.StopContainer)]
        if stops:
            async with trio.open_nursery() as nursery:
                for stop in stops:
                    nursery.start_soon(self._perform, stop)
            await self._report(await self._observe())
            return False
        for action in actions:
            await self._perform(action)
        await self._report(Observed(None, self.containers))
        try:
            await trio.to_thread.run_sync(self._volumes.remove)
        except OSError as error:
            raise RuntimeFailure(f"Unable to unmount the pod's volumes: {error}", "FailedUnMount") from error
        meta = self.pod.metadata
        with suppress(NotFound, Conflict):
            await self._board.client.delete(Pod, meta.name, meta.namespace, uid=meta.uid, grace_period_s=0)
        return True

    async def _report(self, observed: Observed) -> None:
        """Write the status if it says something new."""
        memory = self._memory
        report = Report(
            pod_ip=self.address if self._sandbox is not None else "",
            host_ip=self._board.host_ip(),
            waiting=dict(memory.waiting),
            ready=frozenset(memory.ready),
            images=self._images,
            messages=self._messages,
            failure=self._failure,
        )
        status = pod_status(self.pod, observed, memory.frozen(), report, self._now())
        if status in (self._sent, self.pod.status):
            return
        update = structs.replace(
            self.pod, status=status, metadata=structs.replace(self.pod.metadata, resource_version="")
        )
        try:
            changed = await self._board.client.update(update, subresource="status")
        except NotFound:
            return
        self._sent = status
        if changed.metadata.uid == self.pod.metadata.uid:
            self.pod = structs.replace(self.pod, status=changed.status)

    def _probe_changed(self, type_: str, reason: str, message: str, container: str) -> None:
        if reason:
            self._say(type_, reason, message, container=container)
        self.wake()

    def _say(self, type_: str, reason: str, message: str, *, container: str = "") -> None:
        path = ""
        if container:
            is_init = any(c.name == container for c in self.pod.spec.init_containers)
            path = f"spec.{'initContainers' if is_init else 'containers'}{{{container}}}"
        self._board.recorder.record(COMPONENT, self.pod, type_, reason, message, field_path=path)


def retry_s(failures: int) -> float:
    """How long to wait after the n-th failure in a row of something that concerns the whole pod."""
    return min(MAX_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures, 10))
