"""Declaration: what a pod worker asks of the container runtime, as frozen values and one protocol.

Podman implements it (pikube.agent.runtime.podman). A *sandbox* holds a pod's network, IPC and host name;
containers live in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

POD_UID = "io.kubernetes.pod.uid"
POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
CONTAINER_NAME = "io.kubernetes.container.name"
ATTEMPT = "io.kubernetes.container.restartCount"
SPEC_HASH = "io.kubernetes.container.hash"
INSTANCE = "pikube.io/instance"
"""Labels of the CRI, as kubelet sets them; INSTANCE tells the boards of one machine apart."""


class RuntimeFailure(Exception):
    """The runtime refused or failed; the message is its own words. `reason` is what a container status shows."""

    def __init__(self, message: str, reason: str = "CreateContainerError") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class ImageFailure(RuntimeFailure):
    """An image cannot be had: reason ErrImagePull, ErrImageNeverPull or InvalidImageName."""


class RuntimeMissing(Exception):
    """There is no usable runtime on this board; the message says what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """What the containers of a pod share."""

    uid: str
    name: str
    namespace: str
    hostname: str
    network: str  # the runtime's name of the pod network; '' is the host's
    dns_servers: tuple[str, ...] = ()
    dns_searches: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()  # (name, address)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    shares_processes: bool = False
    uses_host_pid: bool = False
    uses_host_ipc: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount; propagation is private, rslave or rshared. A tmpfs has no source. The source of `is_image` is an
    image's id: its files are mounted, read-only."""

    source: str
    target: str
    is_read_only: bool = False
    propagation: str = "rprivate"
    tmpfs_size_bytes: int = 0
    is_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container of a sandbox, everything resolved."""

    sandbox_id: str
    pod_uid: str
    pod_name: str
    pod_namespace: str
    name: str
    attempt: int
    image: str
    image_id: str
    spec_hash: str
    log_path: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    user: str = ""
    groups: tuple[str, ...] = ()
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    is_privileged: bool = False
    is_read_only: bool = False
    has_no_new_privileges: bool = False
    has_tty: bool = False
    has_stdin: bool = False
    cpu_shares: int = 0
    cpu_quota_us: int = 0
    cpu_period_us: int = 100_000
    memory_bytes: int = 0
    oom_score_adjust: int = 0
    process_namespace: str = ""  # 'host', the path of another's, or '' for its own (or the pod's shared one)
    uses_host_ipc: bool = False
    uses_host_network: bool = False
    dns_servers: tuple[
        str, ...
    ] = ()  # with the three of the host's network; without any it sees the host's own
    dns_searches: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    seccomp_profile: str = ""  # a file of the board, 'unconfined', or '' for the runtime's own
    apparmor_profile: str = ""
    selinux_options: tuple[str, ...] = ()
    is_proc_unmasked: bool = False
    stop_signal: int = 0  # 0: the image's own
    grace_s: int = 30  # what it gets to end when the whole board stops
    devices: tuple[tuple[str, str, str], ...] = ()  # (path on the board, path inside, permissions)
    pids_limit: int = 0
    unified: Mapping[str, str] = field(
        default_factory=dict
    )  # files of its control group (v2) and what they say
    runtime: str = ""  # the OCI runtime by name, '' for Podman's own choice


@dataclass(frozen=True, slots=True)
class Size:
    """What a container may use; 0 leaves a limit as it is."""

    cpu_shares: int
    cpu_quota_us: int
    cpu_period_us: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running pod's frame. `address` is '' on the host's network or before it runs."""

    id: str
    uid: str
    name: str
    namespace: str
    is_running: bool
    infra_id: str
    address: str = ""
    pid: int = 0  # of the process that holds the namespaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container as it is: state is created, running or exited; times are seconds since 1970."""

    id: str
    pod_uid: str
    name: str
    attempt: int
    spec_hash: str
    state: str
    image: str
    image_id: str
    exit_code: int = 0
    was_oom_killed: bool = False
    started_at: float = 0.0
    finished_at: float = 0.0
    error: str = ""
    pid: int = 0
    stop_signal: int = 15
    layer_dir: str = ""  # where its own writes are on the board's disk
    log_control: str = ""  # a pipe: its monitor reads there that it must open its log anew
    monitor_pid: int = 0  # of the process that tells the runtime how it ended
    oci_config: str = ""  # the file by which it was started, '' before
    cgroup: str = ""
    """The path of its control group below the hierarchy's root; '' when unknown or not running."""

    @property
    def never_ran(self) -> bool:
        """Its program could not be started; `error` says why."""
        return self.state == "exited" and not self.started_at and bool(self.error)


@dataclass(frozen=True, slots=True)
class Image:
    """A local image; `repo_digest` is '' for one that was imported. `is_of_a_list`: its name stands for several
    images, of which a registry gives each processor its own."""

    id: str
    repo_digest: str
    architecture: str
    user: str
    size_bytes: int
    names: tuple[str, ...] = ()
    is_of_a_list: bool = False
    layers: tuple[
        str, ...
    ] = ()  # directories with its files, the uppermost first; () where they are not told


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    version: str
    os_image: str
    kernel: str
    architecture: str
    cgroup_version: str
    storage_driver: str


Progress: TypeAlias = Callable[[str], None]
"""Called with the runtime's own words on what a pull does now."""


def no_progress(words: str) -> None:
    """Nobody wants to know."""


class Runtime(Protocol):
    """Raises RuntimeFailure and its subclasses. Every call may be cancelled; the thing asked for then may have
    happened, and `list_all` tells."""

    async def info(self) -> RuntimeInfo: ...

    def problem(self) -> str:
        """Why pods cannot be started now, '' if nothing is known to be wrong. Costs nothing."""
        ...

    def trouble(self) -> str:
        """What may heal by itself before it is a `problem`; '' if nothing is known to be wrong. Costs nothing."""
        ...

    async def answers(self) -> bool:
        """Whether the service answers at all; what it says is part of `trouble` then."""
        ...

    async def ping(self) -> None:
        """Ask something small, so that `problem` is up to date; no failure."""
        ...

    async def list_all(self) -> tuple[list[Sandbox], list[Container]]:
        """Everything of ours, in few calls."""
        ...

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """Running, with its address."""
        ...

    async def inspect_sandbox(self, sandbox: Sandbox) -> Sandbox:
        """As it is, with its address; not running if it is gone."""
        ...

    async def stop_sandbox(self, sandbox: Sandbox) -> None:
        """Give its address back; its ended containers stay."""
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """With everything in it; no failure if it is gone."""
        ...

    async def forget_sandbox(self, sandbox_id: str) -> None:
        """Take away what a removal that was cut off has left of a sandbox; no failure if nothing is."""
        ...

    async def start_container(self, spec: ContainerSpec) -> Container:
        """Create and start. One whose program cannot be run has ended (`never_ran`), as a shell would tell it."""
        ...

    async def signal_container(self, container: Container, number: int) -> None:
        """Send its first process a signal; no failure if it has ended."""
        ...

    async def resize_container(self, container_id: str, size: Size) -> None:
        """From now on; the container runs on. A limit below what it uses is refused."""
        ...

    async def remove_container(self, container_id: str) -> None: ...

    async def inspect_container(self, container_id: str) -> Container | None: ...

    async def find_image(self, reference: str) -> Image | None: ...

    async def pull_image(
        self, reference: str, credential: tuple[str, str] | None = None, progress: Progress = no_progress
    ) -> Image:
        """`credential` is (registry, base64 of user:password); ImageFailure."""
        ...

    async def images(self) -> tuple[list[Image], frozenset[str]]:
        """All images of the board, and the ids of those that any container uses."""
        ...

    async def remove_image(self, image_id: str) -> None:
        """No failure if it is gone or in use."""
        ...

    def exec(
        self, container_id: str, command: Sequence[str], *, has_tty: bool, has_stdin: bool
    ) -> AbstractAsyncContextManager[ExecSession]: ...

    def command(
        self, container: Container, command: Sequence[str]
    ) -> AbstractAsyncContextManager[CommandSession]:
        """A command that nobody types into, of a running container: a probe's or a hook's. It ends with its context
        at the latest."""
        ...

    def attach(
        self, container_id: str, *, has_tty: bool, has_stdin: bool
    ) -> AbstractAsyncContextManager[ExecSession]:
        """The streams of the container's own process, from now on; its exit code is always 0."""
        ...


class CommandSession(Protocol):
    """A running command: frames out."""

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """(1 stdout or 2 stderr, bytes) until the command ends."""
        ...

    async def exit_code(self) -> int: ...

    async def is_sound(self) -> bool:
        """Whether it is the command's own fault that nothing comes any more."""
        ...


class ExecSession(Protocol):
    """A running command: bytes in, frames out."""

    async def send(self, data: bytes) -> None: ...

    async def end_input(self) -> None: ...

    async def resize(self, width: int, height: int) -> None: ...

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """(1 stdout or 2 stderr, bytes) until the command ends."""
        ...

    async def exit_code(self) -> int: ...
