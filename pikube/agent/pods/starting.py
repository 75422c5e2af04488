"""Shell: starts one container of a pod: image, environment, mounts, the last-words file, the runtime.

Enter: a pod, a container, an attempt. Leave: the running Container, or what the status says of the failure.
Called by the pod's worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trio

from pikube.agent.pods.container_specs import (
    DnsSettings,
    NotAllowed,
    apparmor_problem,
    asks_image_users,
    container_spec,
    hosts_file,
    user_of,
)
from pikube.agent.pods.environment import ConfigMissing, environment_of, kernel_name_of
from pikube.agent.pods.image_pulls import ImagePulls, Pulling, Say
from pikube.agent.pods.image_users import ImageUsers
from pikube.agent.pods.log_places import link_log, make_log_dir
from pikube.agent.pods.references import References
from pikube.agent.pods.sub_paths import read_below
from pikube.agent.pods.termination import make_message_file, message_file
from pikube.agent.pods.volume_files import VolumeProblem
from pikube.agent.pods.volumes import Place, mounts_of
from pikube.agent.runtime.contract import Container as Running
from pikube.agent.runtime.contract import Image, Mount, Runtime, RuntimeFailure, Sandbox
from pikube.agent.runtime.layers import read_in_layers
from pikube.api.kinds.core_container import Container
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_volume import Volume

log = logging.getLogger("pikube.pods")

CONFIG_ERROR = "CreateContainerConfigError"


class StartFailed(Exception):
    """`reason` and the message are the container's waiting state."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class StartSettings:
    """What all pods of a board share."""

    dns: DnsSettings
    memory_bytes: int
    seccomp_dir: str
    has_selinux: bool = False
    pids_limit: int = 0  # of a container; 0: the runtime's own
    lowest_oom_score: int = -1000  # that this board may give
    group_files: AbstractSet[str] = frozenset()  # of control groups, beyond those that every board has
    loaded_profiles: Callable[[], AbstractSet[str]] = frozenset  # of AppArmor
    logs_dir: Path | None = None  # of all pods' logs; None: each pod's are in its directory


@dataclass(frozen=True, slots=True)
class Starting:
    """What is known when a container is started."""

    pod: Pod
    container: Any
    attempt: int
    sandbox: Sandbox
    address: str
    host_ip: str
    places: Mapping[str, Place]
    directory: Path  # of the pod, DATA-DIR/pods/UID
    target_pid: int = 0  # of the container whose processes an ephemeral one sees
    image: Image | None = None  # known from a moment ago


class Starter:
    """One a board."""

    def __init__(
        self, runtime: Runtime, references: References, images: ImagePulls, settings: StartSettings
    ) -> None:
        self._runtime = runtime
        self._references = references
        self._images = images
        self._settings = settings

    async def look_ahead(self, container: Any) -> Image | None:
        """The image of a container that will be started in a moment, if it is on the board."""
        with suppress(RuntimeFailure):
            return await self._runtime.find_image(container.image)
        return None

    async def image_of(self, pod: Pod, volume: Volume, say: Say, pulling: Pulling) -> Place:
        """An image whose files are a volume; pulled like a container's. Raises ImageFailure."""
        source = volume.image
        assert source is not None
        wanted = Container(name=volume.name, image=source.reference, image_pull_policy=source.pull_policy)
        image = await self._images.ensure(
            wanted, lambda: self._references.pull_credentials(pod), say, pulling
        )
        return Place(image.id, is_read_only=True, is_image=True)

    async def start(self, asked: Starting, say: Say, pulling: Pulling) -> tuple[Running, Image]:
        """A container that runs, or has ended since its program cannot be run. Raises StartFailed."""
        pod = asked.pod
        try:
            image = await self._images.ensure(
                asked.container,
                lambda: self._references.pull_credentials(pod),
                say,
                pulling,
                found=asked.image,
            )
            facts = self._references.facts(pod, asked.address, asked.host_ip)
            if any(v.value_from and v.value_from.file_key_ref for v in asked.container.env):
                facts = replace(facts, files=await trio.to_thread.run_sync(_files_of, asked))
            name = "" if pod.spec.host_network else kernel_name_of(pod, self._settings.dns.domain)
            environment = environment_of(pod, asked.container, facts, name)
            mounts, log_path = await trio.to_thread.run_sync(self._prepare, asked, environment)
            users = ImageUsers()
            if asks_image_users(pod, user_of(pod, asked.container, image), image):
                users = await trio.to_thread.run_sync(_users_of, image)
            spec = container_spec(
                pod, asked.container, asked.sandbox, asked.attempt, image, environment, mounts, log_path,
                self._settings.memory_bytes, target_pid=asked.target_pid,
                devices=_devices(asked), seccomp_dir=self._settings.seccomp_dir,
                has_selinux=self._settings.has_selinux, pids_limit=self._settings.pids_limit,
                dns=self._settings.dns,
                lowest_oom_score=self._settings.lowest_oom_score,
                runtime=self._runtime_of(pod), group_files=self._settings.group_files, users=users,
            )  # fmt: skip
        except (ConfigMissing, NotAllowed, VolumeProblem) as problem:
            raise StartFailed(CONFIG_ERROR, str(problem)) from None
        except OSError as error:
            raise StartFailed("CreateContainerError", error.strerror or str(error)) from None
        except RuntimeFailure as failure:
            raise StartFailed(failure.reason, failure.message) from None
        if spec.apparmor_profile:
            unconfined = apparmor_problem(spec.apparmor_profile, self._settings.loaded_profiles())
            if unconfined:
                raise StartFailed("CreateContainerError", unconfined)
        try:
            container = await self._runtime.start_container(spec)
        except RuntimeFailure as failure:
            raise StartFailed(failure.reason, failure.message) from None
        self._link_log(asked, container)
        say("Normal", "Created", f"Created container: {asked.container.name}")
        if container.never_ran:
            say("Warning", "Failed", f"Error: {container.error}")
        else:
            say("Normal", "Started", f"Started container {asked.container.name}")
        return container, image

    def _link_log(self, asked: Starting, container: Running) -> None:
        """For collectors; a container runs without it, too."""
        if self._settings.logs_dir is not None:
            try:
                link_log(self._settings.logs_dir, asked.pod, container)
            except OSError as error:
                log.warning(
                    "event=log_not_linked container=%s why=%r", container.id, error.strerror or str(error)
                )

    def _runtime_of(self, pod: Pod) -> str:
        """By the class of runtime; Podman's own if that was deleted since the sandbox was made."""
        with suppress(VolumeProblem):
            return self._references.runtime_handler(pod)
        return ""

    def _prepare(self, asked: Starting, environment: Mapping[str, str]) -> tuple[list[Mount], str]:
        """Files and directories of one attempt (a worker thread's). Raises VolumeProblem, OSError."""
        name, attempt = asked.container.name, asked.attempt
        sub_paths = asked.directory / "volume-subpaths"
        mounts = mounts_of(asked.container, asked.places, environment, self._hosts(asked), sub_paths)
        target = asked.container.termination_message_path
        if target and target not in {mount.target for mount in mounts}:
            file = make_message_file(message_file(asked.directory, name, attempt))
            mounts.append(Mount(file, target))
        log_path = make_log_dir(asked.directory, asked.pod, self._settings.logs_dir) / name / f"{attempt}.log"
        log_path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        return mounts, str(log_path)

    def _hosts(self, asked: Starting) -> str:
        """The pod's /etc/hosts; '' leaves the board's to a pod on its network that adds nothing. Raises OSError."""
        spec = asked.pod.spec
        if spec.host_network and not spec.host_aliases:
            return ""
        path = asked.directory / "hosts"
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        of_board = Path("/etc/hosts").read_text() if spec.host_network else ""
        path.write_text(hosts_file(asked.pod, asked.address, self._settings.dns.domain, of_board))
        return str(path)


def _files_of(asked: Starting) -> dict[tuple[str, str], str]:
    """The files of volumes in which variables are. Raises VolumeProblem, OSError."""
    found = {}
    for variable in asked.container.env:
        ref = variable.value_from.file_key_ref if variable.value_from is not None else None
        if ref is None:
            continue
        place = asked.places.get(ref.volume_name)
        if place is None or place.is_image:
            raise VolumeProblem(f'cannot find the volume "{ref.volume_name}" referenced by FileKeyRef')
        text = read_below(place.path, ref.path)
        if text is not None:
            found[ref.volume_name, ref.path] = text
    return found


def _users_of(image: Image) -> ImageUsers:
    """Raises OSError."""
    passwd, group = (read_in_layers(image.layers, path) for path in ("/etc/passwd", "/etc/group"))
    return ImageUsers(passwd, group)


def _devices(asked: Starting) -> list[tuple[str, str, str]]:
    """volumeDevices: block devices as they are."""
    found = []
    for device in getattr(asked.container, "volume_devices", ()):
        place = asked.places.get(device.name)
        if place is None:
            raise VolumeProblem(f"volume {device.name} is not there")
        found.append((place.path, device.device_path, "r" if place.is_read_only else "rwm"))
    return found
