"""Declaration: Container, its probes, security context and status, core/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from pikube.api.kinds.base import (
    ALWAYS_BOOL,
    ALWAYS_INT,
    ALWAYS_STR,
    MAP,
    Field,
    Int32,
    Int64,
    IntOrString,
    Quantity,
    Struct,
    Time,
)
from pikube.api.kinds.core_references import (
    ConfigMapKeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
    SecretKeySelector,
)


class ContainerPort(Struct):
    """A port that a container listens on. Stating it is a help to readers; an unstated one can be reached as well."""

    name: Annotated[str, Field(1, "A name by which Services and probes can mean this port; unique in the pod.")] = ""
    host_port: Annotated[Int32, Field(2, "The same port on the node itself. Only one pod a node can have it.")] = 0
    container_port: Annotated[Int32, Field(3, "The port's number in the container.", required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(4, "TCP (the default), UDP or SCTP.", enum=("TCP", "UDP", "SCTP"), default="TCP")] = ""
    host_ip: Annotated[str, Field(5, "The address of the node that the host port is bound to; all when empty.")] = msgspec.field(name="hostIP", default="")


class VolumeMount(Struct):
    """A volume of the pod as a directory or file of a container."""

    name: Annotated[str, Field(1, "The volume's name in spec.volumes.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(2, "Mount it so that containers cannot write to it. Off by default.")] = False
    recursive_read_only: Annotated[str | None, Field(7, "For a read-only mount: whether mounts below it are read-only too: Disabled, IfPossible or Enabled.")] = None
    mount_path: Annotated[str, Field(3, "Where the container sees it.", required=True)] = ALWAYS_STR
    sub_path: Annotated[str, Field(4, "A path within the volume to mount in place of its root.")] = ""
    mount_propagation: Annotated[str | None, Field(5, "Whether later mounts pass between node and container: None, HostToContainer or Bidirectional.", enum=("None", "HostToContainer", "Bidirectional"))] = None
    sub_path_expr: Annotated[str, Field(6, "Like subPath, with $(VARIABLE) of the container's environment filled in.")] = ""


class VolumeDevice(Struct):
    """A raw block volume as a device of a container."""

    name: Annotated[str, Field(1, "The volume's name; it is a claim of mode Block.", required=True)] = ALWAYS_STR
    device_path: Annotated[str, Field(2, "The device's path in the container.", required=True)] = ALWAYS_STR


class EnvVar(Struct):
    """An environment variable."""

    name: Annotated[str, Field(1, "The variable's name.", required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2, "Its value; $(NAME) means a variable given before, and $$(NAME) the text itself.")] = ""
    value_from: Annotated[EnvVarSource | None, Field(3, "Where the value comes from, when it is not given here.")] = None


class EnvVarSource(Struct):
    """Where the value of a variable comes from."""

    field_ref: Annotated[ObjectFieldSelector | None, Field(1, "A field of the pod.", atomic=True)] = None
    resource_field_ref: Annotated[ResourceFieldSelector | None, Field(2, "A request or limit of a container.", atomic=True)] = None
    config_map_key_ref: Annotated[ConfigMapKeySelector | None, Field(3, "A key of a ConfigMap.", atomic=True)] = None
    secret_key_ref: Annotated[SecretKeySelector | None, Field(4, "A key of a Secret.", atomic=True)] = None
    file_key_ref: Annotated[FileKeySelector | None, Field(5, "A key of a file in one of the pod's volumes.", atomic=True)] = None


class FileKeySelector(Struct):
    """A key of a file that holds variables."""

    volume_name: Annotated[str, Field(1, "The volume that has the file.", required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, "The file's path in the volume.", required=True)] = ALWAYS_STR
    key: Annotated[str, Field(3, "The variable's key in the file.", required=True)] = ALWAYS_STR
    optional: Annotated[bool | None, Field(4, "Go on without when the file or the key is not there.", default=False)] = None


class EnvFromSource(Struct):
    """A ConfigMap or Secret all of whose keys become variables."""

    prefix: Annotated[str, Field(1, "Put before each key.")] = ""
    config_map_ref: Annotated[ConfigMapEnvSource | None, Field(2, "The ConfigMap.")] = None
    secret_ref: Annotated[SecretEnvSource | None, Field(3, "The Secret.")] = None


class ConfigMapEnvSource(Struct):
    """A ConfigMap for the environment."""

    name: Annotated[str, Field((1, 1), "The ConfigMap's name.", default="")] = ""
    optional: Annotated[bool | None, Field(2, "Go on without when it is not there.")] = None


class SecretEnvSource(Struct):
    """A Secret for the environment."""

    name: Annotated[str, Field((1, 1), "The Secret's name.", default="")] = ""
    optional: Annotated[bool | None, Field(2, "Go on without when it is not there.")] = None


class HTTPHeader(Struct):
    """A header of a request."""

    name: Annotated[str, Field(1, "The header's name.", required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2, "The header's value.", required=True)] = ALWAYS_STR


class HTTPGetAction(Struct):
    """Asks a container by HTTP; 200 to 399 is success."""

    path: Annotated[str, Field(1, "The path to ask for.")] = ""
    port: Annotated[IntOrString, Field(2, "The port's number or name.", required=True)] = ALWAYS_INT
    host: Annotated[str, Field(3, "The host to connect to; the pod's address when empty.")] = ""
    scheme: Annotated[str, Field(4, "HTTP (the default) or HTTPS; certificates are not checked.", enum=("HTTP", "HTTPS"))] = ""
    http_headers: Annotated[tuple[HTTPHeader, ...], Field(5, "Headers of the request.")] = ()


class TCPSocketAction(Struct):
    """Opens a TCP connection; success when that works."""

    port: Annotated[IntOrString, Field(1, "The port's number or name.", required=True)] = ALWAYS_INT
    host: Annotated[str, Field(2, "The host to connect to; the pod's address when empty.")] = ""


class GRPCAction(Struct):
    """Asks the gRPC health service; success when it serves."""

    port: Annotated[Int32, Field(1, "The port's number.", required=True)] = ALWAYS_INT
    service: Annotated[str | None, Field(2, "The service to ask about; the whole server when empty.", default="")] = None


class ExecAction(Struct):
    """Runs a command in the container; success when it exits with 0."""

    command: Annotated[tuple[str, ...], Field(1, "The command and its arguments. No shell is involved.")] = ()


class SleepAction(Struct):
    """Waits."""

    seconds: Annotated[Int64, Field(1, "How long.", required=True)] = ALWAYS_INT


class Probe(Struct):
    """A check of a container that is made again and again."""

    exec: Annotated[ExecAction | None, Field((1, 1), "Check by running a command.")] = None
    http_get: Annotated[HTTPGetAction | None, Field((1, 2), "Check by an HTTP request.")] = None
    tcp_socket: Annotated[TCPSocketAction | None, Field((1, 3), "Check by opening a TCP connection.")] = None
    grpc: Annotated[GRPCAction | None, Field((1, 4), "Check by the gRPC health protocol.")] = None
    initial_delay_seconds: Annotated[Int32, Field(2, "Seconds after the container's start before the first check.")] = 0
    timeout_seconds: Annotated[Int32, Field(3, "Seconds that a check may take. 1 when absent.")] = 0
    period_seconds: Annotated[Int32, Field(4, "Seconds between two checks. 10 when absent.")] = 0
    success_threshold: Annotated[Int32, Field(5, "Successes in a row that make a failed check good again. 1 when absent, and always 1 for liveness and startup.")] = 0
    failure_threshold: Annotated[Int32, Field(6, "Failures in a row that count. 3 when absent.")] = 0
    termination_grace_period_seconds: Annotated[Int64 | None, Field(7, "The grace period when this probe's failure ends the container; the pod's own when absent.")] = None


class ContainerResizePolicy(Struct):
    """What a change of a resource means for a running container."""

    resource_name: Annotated[str, Field(1, "cpu or memory.", required=True)] = ALWAYS_STR
    restart_policy: Annotated[str, Field(2, "NotRequired or RestartContainer.", required=True)] = ALWAYS_STR


class Capabilities(Struct):
    """Linux capabilities beside the runtime's default ones."""

    add: Annotated[tuple[str, ...], Field(1, "Capabilities to give.")] = ()
    drop: Annotated[tuple[str, ...], Field(2, "Capabilities to take away; ALL takes every one.")] = ()


class ResourceRequirements(Struct):
    """How much a container needs and may use."""

    limits: Annotated[dict[str, Quantity], Field(1, "The most it may use: more CPU is throttled, more memory ends it.")] = MAP
    requests: Annotated[dict[str, Quantity], Field(2, "What is set aside for it on a node. The limits when absent.")] = MAP
    claims: Annotated[tuple[ResourceClaim, ...], Field(3, "The resource claims of the pod that this container uses.", list_type="map", list_keys=("name",))] = ()


class ResourceClaim(Struct):
    """A claim of the pod that a container uses."""

    name: Annotated[str, Field(1, "The name in spec.resourceClaims.", required=True)] = ALWAYS_STR
    request: Annotated[str, Field(2, "One request of the claim; all when empty.")] = ""


class Container(Struct):
    """One container of a pod."""

    name: Annotated[str, Field(1, "The container's name, unique in the pod.", required=True)] = ALWAYS_STR
    image: Annotated[str, Field(2, "The image to run.")] = ""
    command: Annotated[tuple[str, ...], Field(3, "What to run in place of the image's entrypoint. $(VARIABLE) is filled in.")] = ()
    args: Annotated[tuple[str, ...], Field(4, "Arguments in place of the image's. $(VARIABLE) is filled in.")] = ()
    working_dir: Annotated[str, Field(5, "The directory to run in; the image's when empty.")] = ""
    ports: Annotated[tuple[ContainerPort, ...], Field(6, "The ports that the container listens on.", merge_key="containerPort", list_type="map", list_keys=("containerPort", "protocol"))] = ()
    env_from: Annotated[tuple[EnvFromSource, ...], Field(19, "ConfigMaps and Secrets whose keys become environment variables.")] = ()
    env: Annotated[tuple[EnvVar, ...], Field(7, "Environment variables.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    resources: Annotated[ResourceRequirements, Field(8, "CPU, memory and other resources that it needs and may use.")] = msgspec.field(default_factory=ResourceRequirements)
    resize_policy: Annotated[tuple[ContainerResizePolicy, ...], Field(23, "What a change of its resources means while it runs.")] = ()
    restart_policy: Annotated[str | None, Field(24, "When this container is restarted, if not as its pod says. For an init container, Always makes it a sidecar: it is started in order and runs on beside the others.")] = None
    restart_policy_rules: Annotated[tuple[ContainerRestartRule, ...], Field(25, "Rules by exit code that decide about a restart before restartPolicy does.")] = ()
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(9, "Volumes of the pod and where the container sees them.", merge_key="mountPath", list_type="map", list_keys=("mountPath",))] = ()
    volume_devices: Annotated[tuple[VolumeDevice, ...], Field(21, "Block devices of the pod.", merge_key="devicePath", list_type="map", list_keys=("devicePath",))] = ()
    liveness_probe: Annotated[Probe | None, Field(10, "When this check fails, the container is restarted.")] = None
    readiness_probe: Annotated[Probe | None, Field(11, "While this check fails, Services send the pod nothing.")] = None
    startup_probe: Annotated[Probe | None, Field(22, "Until this check succeeds, the others wait; when it fails, the container is restarted.")] = None
    lifecycle: Annotated[Lifecycle | None, Field(12, "What is to be done after the start and before the end.")] = None
    termination_message_path: Annotated[str, Field(13, "The file from which the container's last words are read. /dev/termination-log when absent.")] = ""
    termination_message_policy: Annotated[str, Field(20, "File, or FallbackToLogsOnError to take the log's end when the file is empty after a failure.", enum=("File", "FallbackToLogsOnError"))] = ""
    image_pull_policy: Annotated[str, Field(14, "Always, IfNotPresent or Never. Always for the tag latest, else IfNotPresent, when absent.", enum=("Always", "Never", "IfNotPresent"))] = ""
    security_context: Annotated[SecurityContext | None, Field(15, "Privileges and user of this container; counts before the pod's.")] = None
    stdin: Annotated[bool, Field(16, "Keep the standard input open, for attach.")] = False
    stdin_once: Annotated[bool, Field(17, "Close the standard input when the first one attached leaves.")] = False
    tty: Annotated[bool, Field(18, "Give the container a terminal; needs stdin.")] = False


class LifecycleHandler(Struct):
    """What is done at a point of a container's life; exactly one way is given."""

    exec: Annotated[ExecAction | None, Field(1, "Run a command in the container.")] = None
    http_get: Annotated[HTTPGetAction | None, Field(2, "Make an HTTP request.")] = None
    tcp_socket: Annotated[TCPSocketAction | None, Field(3, "Not supported here; kept for older manifests.")] = None
    sleep: Annotated[SleepAction | None, Field(4, "Wait for some seconds.")] = None


class Lifecycle(Struct):
    """What is done at the start and the end of a container."""

    post_start: Annotated[LifecycleHandler | None, Field(1, "Right after the start. When it fails, the container is ended.")] = None
    pre_stop: Annotated[LifecycleHandler | None, Field(2, "Before the container is told to end. Counts towards the grace period.")] = None
    stop_signal: Annotated[str | None, Field(3, "The signal that asks the container to end; the image's, or SIGTERM.", enum=("SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7", "SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1", "SIGRTMAX"))] = None


class ContainerStateWaiting(Struct):
    """A container that does not run yet."""

    reason: Annotated[str, Field(1, "Why, in one word, for example ContainerCreating or CrashLoopBackOff.")] = ""
    message: Annotated[str, Field(2, "Why, in a sentence.")] = ""


class ContainerStateRunning(Struct):
    """A container that runs."""

    started_at: Annotated[Time, Field(1, "Since when.")] = ""


class ContainerStateTerminated(Struct):
    """A container that has ended."""

    exit_code: Annotated[Int32, Field(1, "The code it exited with.", required=True)] = ALWAYS_INT
    signal: Annotated[Int32, Field(2, "The signal that ended it.")] = 0
    reason: Annotated[str, Field(3, "Why, in one word, for example Completed, Error or OOMKilled.")] = ""
    message: Annotated[str, Field(4, "The container's last words.")] = ""
    started_at: Annotated[Time, Field(5, "When it was started.")] = ""
    finished_at: Annotated[Time, Field(6, "When it ended.")] = ""
    container_id: Annotated[str, Field(7, "The runtime's id of it.")] = msgspec.field(name="containerID", default="")


class ContainerState(Struct):
    """The state of a container: exactly one of the three."""

    waiting: Annotated[ContainerStateWaiting | None, Field(1, "It does not run yet.")] = None
    running: Annotated[ContainerStateRunning | None, Field(2, "It runs.")] = None
    terminated: Annotated[ContainerStateTerminated | None, Field(3, "It has ended.")] = None


class ContainerStatus(Struct):
    """What is known of one container."""

    name: Annotated[str, Field(1, "The container's name.", required=True)] = ALWAYS_STR
    state: Annotated[ContainerState, Field(2, "Its state now.")] = msgspec.field(default_factory=ContainerState)
    last_state: Annotated[ContainerState, Field(3, "How it ended before its last restart.")] = msgspec.field(default_factory=ContainerState)
    ready: Annotated[bool, Field(4, "Whether its readiness check succeeds; for an init container, whether it is done.", required=True)] = ALWAYS_BOOL
    restart_count: Annotated[Int32, Field(5, "How often it was started again.", required=True)] = ALWAYS_INT
    image: Annotated[str, Field(6, "The image it runs.", required=True)] = ALWAYS_STR
    image_id: Annotated[str, Field(7, "The digest of that image.", required=True)] = msgspec.field(name="imageID", default_factory=str)
    container_id: Annotated[str, Field(8, "The runtime's id, written podman://ID.")] = msgspec.field(name="containerID", default="")
    started: Annotated[bool | None, Field(9, "Whether it has started and its startup check, if any, has succeeded.")] = None
    allocated_resources: Annotated[dict[str, Quantity], Field(10, "What the node has set aside for it.")] = MAP
    resources: Annotated[ResourceRequirements | None, Field(11, "The requests and limits in force.")] = None
    volume_mounts: Annotated[tuple[VolumeMountStatus, ...], Field(12, "How its volumes are mounted.", merge_key="mountPath", list_type="map", list_keys=("mountPath",))] = ()
    user: Annotated[ContainerUser | None, Field(13, "The user it was started as.")] = None
    allocated_resources_status: Annotated[tuple[ResourceStatus, ...], Field(14, "The health of devices given to it.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    stop_signal: Annotated[str | None, Field(15, "The signal that will ask it to end.", enum=("SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7", "SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1", "SIGRTMAX"))] = None


class ResourceStatus(Struct):
    """The health of one resource of a container."""

    name: Annotated[str, Field(1, "The resource.", required=True)] = ALWAYS_STR
    resources: Annotated[tuple[ResourceHealth, ...], Field(2, "Each single device.", list_type="map", list_keys=("resourceID",))] = ()


class ResourceHealth(Struct):
    """The health of one device."""

    resource_id: Annotated[str, Field(1, "The device.", required=True)] = msgspec.field(name="resourceID", default_factory=str)
    health: Annotated[str, Field(2, "Healthy, Unhealthy or Unknown.")] = ""
    message: Annotated[str | None, Field(6, "More about it.")] = None


class ContainerUser(Struct):
    """The user of a container's first process."""

    linux: Annotated[LinuxContainerUser | None, Field(1, "On Linux.")] = None


class LinuxContainerUser(Struct):
    """User and groups of a process."""

    uid: Annotated[Int64, Field(1, "The user's number.", required=True)] = ALWAYS_INT
    gid: Annotated[Int64, Field(2, "The main group's number.", required=True)] = ALWAYS_INT
    supplemental_groups: Annotated[tuple[Int64, ...], Field(3, "Further groups.")] = ()


class VolumeMountStatus(Struct):
    """How a volume is mounted."""

    name: Annotated[str, Field(1, "The mount's name.", required=True)] = ALWAYS_STR
    mount_path: Annotated[str, Field(2, "Where.", required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3, "Mount it so that containers cannot write to it. Off by default.")] = False
    recursive_read_only: Annotated[str | None, Field(4, "Whether mounts below it are read-only: Disabled or Enabled.")] = None
    volume_status: Annotated[VolumeStatus | None, Field(5, "Facts of the volume's kind.")] = None


class VolumeStatus(Struct):
    """Facts of a mounted volume."""

    image: Annotated[ImageVolumeStatus | None, Field(1, "For an image volume.")] = None


class ImageVolumeStatus(Struct):
    """Facts of an image volume."""

    image_ref: Annotated[str, Field(1, "The digest of the image.", required=True)] = ""


class ContainerRestartRule(Struct):
    """Decides about a restart of an ended container."""

    action: Annotated[str, Field(1, "Restart.", required=True)] = ""
    exit_codes: Annotated[ContainerRestartRuleOnExitCodes | None, Field(2, "The exit codes that the rule is for.")] = None


class ContainerRestartRuleOnExitCodes(Struct):
    """A set of exit codes."""

    operator: Annotated[str, Field(1, "In or NotIn.", required=True)] = ""
    values: Annotated[tuple[Int32, ...], Field(2, "The codes.", list_type="set")] = ()


class SeccompProfile(Struct):
    """Which system calls are allowed."""

    type: Annotated[str, Field(1, "RuntimeDefault, Localhost or Unconfined.", required=True, enum=("Unconfined", "RuntimeDefault", "Localhost"))] = ALWAYS_STR
    localhost_profile: Annotated[str | None, Field(2, "For Localhost: the profile's path below the node's profile directory.")] = None


class AppArmorProfile(Struct):
    """The AppArmor profile of a process."""

    type: Annotated[str, Field(1, "RuntimeDefault, Localhost or Unconfined.", required=True, enum=("Unconfined", "RuntimeDefault", "Localhost"))] = ALWAYS_STR
    localhost_profile: Annotated[str | None, Field(2, "For Localhost: the name of a profile that the node has loaded.")] = None


class EphemeralContainer(Struct):
    """A container that is added to a running pod to look into it. It has no guarantees and is never restarted."""

    name: Annotated[str, Field((1, 1), "The container's name, unique in the pod.", required=True)] = ALWAYS_STR
    image: Annotated[str, Field((1, 2), "The image to run.")] = ""
    command: Annotated[tuple[str, ...], Field((1, 3), "What to run in place of the image's entrypoint. $(VARIABLE) is filled in.")] = ()
    args: Annotated[tuple[str, ...], Field((1, 4), "Arguments in place of the image's. $(VARIABLE) is filled in.")] = ()
    working_dir: Annotated[str, Field((1, 5), "The directory to run in; the image's when empty.")] = ""
    ports: Annotated[tuple[ContainerPort, ...], Field((1, 6), "Not allowed.", merge_key="containerPort", list_type="map", list_keys=("containerPort", "protocol"))] = ()
    env_from: Annotated[tuple[EnvFromSource, ...], Field((1, 19), "ConfigMaps and Secrets whose keys become environment variables.")] = ()
    env: Annotated[tuple[EnvVar, ...], Field((1, 7), "Environment variables.", merge_key="name", list_type="map", list_keys=("name",))] = ()
    resources: Annotated[ResourceRequirements, Field((1, 8), "Not allowed; it uses what the pod has.")] = msgspec.field(default_factory=ResourceRequirements)
    resize_policy: Annotated[tuple[ContainerResizePolicy, ...], Field((1, 23), "What a change of its resources means while it runs.")] = ()
    restart_policy: Annotated[str | None, Field((1, 24), "When this container is restarted, if not as its pod says. For an init container, Always makes it a sidecar: it is started in order and runs on beside the others.")] = None
    restart_policy_rules: Annotated[tuple[ContainerRestartRule, ...], Field((1, 25), "Rules by exit code that decide about a restart before restartPolicy does.")] = ()
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field((1, 9), "Volumes of the pod and where the container sees them.", merge_key="mountPath", list_type="map", list_keys=("mountPath",))] = ()
    volume_devices: Annotated[tuple[VolumeDevice, ...], Field((1, 21), "Block devices of the pod.", merge_key="devicePath", list_type="map", list_keys=("devicePath",))] = ()
    liveness_probe: Annotated[Probe | None, Field((1, 10), "Not allowed.")] = None
    readiness_probe: Annotated[Probe | None, Field((1, 11), "Not allowed.")] = None
    startup_probe: Annotated[Probe | None, Field((1, 22), "Not allowed.")] = None
    lifecycle: Annotated[Lifecycle | None, Field((1, 12), "Not allowed.")] = None
    termination_message_path: Annotated[str, Field((1, 13), "The file from which the container's last words are read. /dev/termination-log when absent.")] = ""
    termination_message_policy: Annotated[str, Field((1, 20), "File, or FallbackToLogsOnError to take the log's end when the file is empty after a failure.", enum=("File", "FallbackToLogsOnError"))] = ""
    image_pull_policy: Annotated[str, Field((1, 14), "Always, IfNotPresent or Never. Always for the tag latest, else IfNotPresent, when absent.", enum=("Always", "Never", "IfNotPresent"))] = ""
    security_context: Annotated[SecurityContext | None, Field((1, 15), "Privileges and user of this container; counts before the pod's.")] = None
    stdin: Annotated[bool, Field((1, 16), "Keep the standard input open, for attach.")] = False
    stdin_once: Annotated[bool, Field((1, 17), "Close the standard input when the first one attached leaves.")] = False
    tty: Annotated[bool, Field((1, 18), "Give the container a terminal; needs stdin.")] = False
    target_container_name: Annotated[str, Field(2, "The container whose processes it is to see; the pod's namespaces when empty.")] = ""


class SecurityContext(Struct):
    """Privileges of one container."""

    capabilities: Annotated[Capabilities | None, Field(1, "Linux capabilities to give or take.")] = None
    privileged: Annotated[bool | None, Field(2, "Run as if directly on the node. Off by default.")] = None
    se_linux_options: Annotated[SELinuxOptions | None, Field(3, "The SELinux label of the container.")] = None
    windows_options: Annotated[WindowsSecurityContextOptions | None, Field(10, "Settings for Windows; without meaning here.")] = None
    run_as_user: Annotated[Int64 | None, Field(4, "The user's number; the image's when absent.")] = None
    run_as_group: Annotated[Int64 | None, Field(8, "The group's number.")] = None
    run_as_non_root: Annotated[bool | None, Field(5, "Refuse to start the container as user 0.")] = None
    read_only_root_filesystem: Annotated[bool | None, Field(6, "Let the container write to volumes only.")] = None
    allow_privilege_escalation: Annotated[bool | None, Field(7, "Whether a process may get more rights than its parent.")] = None
    proc_mount: Annotated[str | None, Field(9, "Default or Unmasked.", enum=("Default", "Unmasked"))] = None
    seccomp_profile: Annotated[SeccompProfile | None, Field(11, "Which system calls are allowed.")] = None
    app_armor_profile: Annotated[AppArmorProfile | None, Field(12, "The AppArmor profile.")] = None


class SELinuxOptions(Struct):
    """An SELinux label."""

    user: Annotated[str, Field(1, "The user part.")] = ""
    role: Annotated[str, Field(2, "The role part.")] = ""
    type: Annotated[str, Field(3, "The type part.")] = ""
    level: Annotated[str, Field(4, "The level part.")] = ""


class WindowsSecurityContextOptions(Struct):
    """Settings for Windows; without meaning here."""

    gmsa_credential_spec_name: Annotated[str | None, Field(1, "The name of a GMSA credential spec.")] = None
    gmsa_credential_spec: Annotated[str | None, Field(2, "The text of a GMSA credential spec.")] = None
    run_as_user_name: Annotated[str | None, Field(3, "The Windows user.")] = None
    host_process: Annotated[bool | None, Field(4, "Whether to run as a host process.")] = None
