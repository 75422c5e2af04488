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
    name: Annotated[str, Field(1)] = ""
    host_port: Annotated[Int32, Field(2)] = 0
    container_port: Annotated[Int32, Field(3, required=True)] = ALWAYS_INT
    protocol: Annotated[str, Field(4, enum=("TCP", "UDP", "SCTP"), default="TCP")] = ""
    host_ip: Annotated[str, Field(5)] = msgspec.field(name="hostIP", default="")


class VolumeMount(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(2)] = False
    recursive_read_only: Annotated[str | None, Field(7)] = None
    mount_path: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    sub_path: Annotated[str, Field(4)] = ""
    mount_propagation: Annotated[str | None, Field(5, enum=("None", "HostToContainer", "Bidirectional"))] = None
    sub_path_expr: Annotated[str, Field(6)] = ""


class VolumeDevice(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    device_path: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class EnvVar(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2)] = ""
    value_from: Annotated[EnvVarSource | None, Field(3)] = None


class EnvVarSource(Struct):
    field_ref: Annotated[ObjectFieldSelector | None, Field(1, atomic=True)] = None
    resource_field_ref: Annotated[ResourceFieldSelector | None, Field(2, atomic=True)] = None
    config_map_key_ref: Annotated[ConfigMapKeySelector | None, Field(3, atomic=True)] = None
    secret_key_ref: Annotated[SecretKeySelector | None, Field(4, atomic=True)] = None
    file_key_ref: Annotated[FileKeySelector | None, Field(5, atomic=True)] = None


class FileKeySelector(Struct):
    volume_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    key: Annotated[str, Field(3, required=True)] = ALWAYS_STR
    optional: Annotated[bool | None, Field(4, default=False)] = None


class EnvFromSource(Struct):
    prefix: Annotated[str, Field(1)] = ""
    config_map_ref: Annotated[ConfigMapEnvSource | None, Field(2)] = None
    secret_ref: Annotated[SecretEnvSource | None, Field(3)] = None


class ConfigMapEnvSource(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    optional: Annotated[bool | None, Field(2)] = None


class SecretEnvSource(Struct):
    name: Annotated[str, Field((1, 1), default="")] = ""
    optional: Annotated[bool | None, Field(2)] = None


class HTTPHeader(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    value: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class HTTPGetAction(Struct):
    path: Annotated[str, Field(1)] = ""
    port: Annotated[IntOrString, Field(2, required=True)] = ALWAYS_INT
    host: Annotated[str, Field(3)] = ""
    scheme: Annotated[str, Field(4, enum=("HTTP", "HTTPS"))] = ""
    http_headers: Annotated[tuple[HTTPHeader, ...], Field(5)] = ()


class TCPSocketAction(Struct):
    port: Annotated[IntOrString, Field(1, required=True)] = ALWAYS_INT
    host: Annotated[str, Field(2)] = ""


class GRPCAction(Struct):
    port: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    service: Annotated[str | None, Field(2, default="")] = None


class ExecAction(Struct):
    command: Annotated[tuple[str, ...], Field(1)] = ()


class SleepAction(Struct):
    seconds: Annotated[Int64, Field(1, required=True)] = ALWAYS_INT


class Probe(Struct):
    exec: Annotated[ExecAction | None, Field((1, 1))] = None
    http_get: Annotated[HTTPGetAction | None, Field((1, 2))] = None
    tcp_socket: Annotated[TCPSocketAction | None, Field((1, 3))] = None
    grpc: Annotated[GRPCAction | None, Field((1, 4))] = None
    initial_delay_seconds: Annotated[Int32, Field(2)] = 0
    timeout_seconds: Annotated[Int32, Field(3)] = 0
    period_seconds: Annotated[Int32, Field(4)] = 0
    success_threshold: Annotated[Int32, Field(5)] = 0
    failure_threshold: Annotated[Int32, Field(6)] = 0
    termination_grace_period_seconds: Annotated[Int64 | None, Field(7)] = None


class ContainerResizePolicy(Struct):
    resource_name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    restart_policy: Annotated[str, Field(2, required=True)] = ALWAYS_STR


class Capabilities(Struct):
    add: Annotated[tuple[str, ...], Field(1)] = ()
    drop: Annotated[tuple[str, ...], Field(2)] = ()


class ResourceRequirements(Struct):
    limits: Annotated[dict[str, Quantity], Field(1)] = MAP
    requests: Annotated[dict[str, Quantity], Field(2)] = MAP
    claims: Annotated[tuple[ResourceClaim, ...], Field(3, list_type="map", list_keys=("name",))] = ()


class ResourceClaim(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    request: Annotated[str, Field(2)] = ""


class Container(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    image: Annotated[str, Field(2)] = ""
    command: Annotated[tuple[str, ...], Field(3)] = ()
    args: Annotated[tuple[str, ...], Field(4)] = ()
    working_dir: Annotated[str, Field(5)] = ""
    ports: Annotated[tuple[ContainerPort, ...], Field(6, merge_key="containerPort", list_type="map", list_keys=("containerPort", "protocol"))] = ()
    env_from: Annotated[tuple[EnvFromSource, ...], Field(19)] = ()
    env: Annotated[tuple[EnvVar, ...], Field(7, merge_key="name", list_type="map", list_keys=("name",))] = ()
    resources: Annotated[ResourceRequirements, Field(8)] = msgspec.field(default_factory=ResourceRequirements)
    resize_policy: Annotated[tuple[ContainerResizePolicy, ...], Field(23)] = ()
    restart_policy: Annotated[str | None, Field(24)] = None
    restart_policy_rules: Annotated[tuple[ContainerRestartRule, ...], Field(25)] = ()
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(9, merge_key="mountPath", list_type="map", list_keys=("mountPath",))] = ()
    volume_devices: Annotated[tuple[VolumeDevice, ...], Field(21, merge_key="devicePath", list_type="map", list_keys=("devicePath",))] = ()
    liveness_probe: Annotated[Probe | None, Field(10)] = None
    readiness_probe: Annotated[Probe | None, Field(11)] = None
    startup_probe: Annotated[Probe | None, Field(22)] = None
    lifecycle: Annotated[Lifecycle | None, Field(12)] = None
    termination_message_path: Annotated[str, Field(13)] = ""
    termination_message_policy: Annotated[str, Field(20, enum=("File", "FallbackToLogsOnError"))] = ""
    image_pull_policy: Annotated[str, Field(14, enum=("Always", "Never", "IfNotPresent"))] = ""
    security_context: Annotated[SecurityContext | None, Field(15)] = None
    stdin: Annotated[bool, Field(16)] = False
    stdin_once: Annotated[bool, Field(17)] = False
    tty: Annotated[bool, Field(18)] = False


class LifecycleHandler(Struct):
    exec: Annotated[ExecAction | None, Field(1)] = None
    http_get: Annotated[HTTPGetAction | None, Field(2)] = None
    tcp_socket: Annotated[TCPSocketAction | None, Field(3)] = None
    sleep: Annotated[SleepAction | None, Field(4)] = None


class Lifecycle(Struct):
    post_start: Annotated[LifecycleHandler | None, Field(1)] = None
    pre_stop: Annotated[LifecycleHandler | None, Field(2)] = None
    stop_signal: Annotated[str | None, Field(3, enum=("SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7", "SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1", "SIGRTMAX"))] = None


class ContainerStateWaiting(Struct):
    reason: Annotated[str, Field(1)] = ""
    message: Annotated[str, Field(2)] = ""


class ContainerStateRunning(Struct):
    started_at: Annotated[Time, Field(1)] = ""


class ContainerStateTerminated(Struct):
    exit_code: Annotated[Int32, Field(1, required=True)] = ALWAYS_INT
    signal: Annotated[Int32, Field(2)] = 0
    reason: Annotated[str, Field(3)] = ""
    message: Annotated[str, Field(4)] = ""
    started_at: Annotated[Time, Field(5)] = ""
    finished_at: Annotated[Time, Field(6)] = ""
    container_id: Annotated[str, Field(7)] = msgspec.field(name="containerID", default="")


class ContainerState(Struct):
    waiting: Annotated[ContainerStateWaiting | None, Field(1)] = None
    running: Annotated[ContainerStateRunning | None, Field(2)] = None
    terminated: Annotated[ContainerStateTerminated | None, Field(3)] = None


class ContainerStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    state: Annotated[ContainerState, Field(2)] = msgspec.field(default_factory=ContainerState)
    last_state: Annotated[ContainerState, Field(3)] = msgspec.field(default_factory=ContainerState)
    ready: Annotated[bool, Field(4, required=True)] = ALWAYS_BOOL
    restart_count: Annotated[Int32, Field(5, required=True)] = ALWAYS_INT
    image: Annotated[str, Field(6, required=True)] = ALWAYS_STR
    image_id: Annotated[str, Field(7, required=True)] = msgspec.field(name="imageID", default_factory=str)
    container_id: Annotated[str, Field(8)] = msgspec.field(name="containerID", default="")
    started: Annotated[bool | None, Field(9)] = None
    allocated_resources: Annotated[dict[str, Quantity], Field(10)] = MAP
    resources: Annotated[ResourceRequirements | None, Field(11)] = None
    volume_mounts: Annotated[tuple[VolumeMountStatus, ...], Field(12, merge_key="mountPath", list_type="map", list_keys=("mountPath",))] = ()
    user: Annotated[ContainerUser | None, Field(13)] = None
    allocated_resources_status: Annotated[tuple[ResourceStatus, ...], Field(14, merge_key="name", list_type="map", list_keys=("name",))] = ()
    stop_signal: Annotated[str | None, Field(15, enum=("SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7", "SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1", "SIGRTMAX"))] = None


class ResourceStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    resources: Annotated[tuple[ResourceHealth, ...], Field(2, list_type="map", list_keys=("resourceID",))] = ()


class ResourceHealth(Struct):
    resource_id: Annotated[str, Field(1, required=True)] = msgspec.field(name="resourceID", default_factory=str)
    health: Annotated[str, Field(2)] = ""
    message: Annotated[str | None, Field(6)] = None


class ContainerUser(Struct):
    linux: Annotated[LinuxContainerUser | None, Field(1)] = None


class LinuxContainerUser(Struct):
    uid: Annotated[Int64, Field(1, required=True)] = ALWAYS_INT
    gid: Annotated[Int64, Field(2, required=True)] = ALWAYS_INT
    supplemental_groups: Annotated[tuple[Int64, ...], Field(3)] = ()


class VolumeMountStatus(Struct):
    name: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    mount_path: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    read_only: Annotated[bool, Field(3)] = False
    recursive_read_only: Annotated[str | None, Field(4)] = None
    volume_status: Annotated[VolumeStatus | None, Field(5)] = None


class VolumeStatus(Struct):
    image: Annotated[ImageVolumeStatus | None, Field(1)] = None


class ImageVolumeStatus(Struct):
    image_ref: Annotated[str, Field(1, required=True)] = ""


class ContainerRestartRule(Struct):
    action: Annotated[str, Field(1, required=True)] = ""
    exit_codes: Annotated[ContainerRestartRuleOnExitCodes | None, Field(2)] = None


class ContainerRestartRuleOnExitCodes(Struct):
    operator: Annotated[str, Field(1, required=True)] = ""
    values: Annotated[tuple[Int32, ...], Field(2, list_type="set")] = ()


class SeccompProfile(Struct):
    type: Annotated[str, Field(1, required=True, enum=("Unconfined", "RuntimeDefault", "Localhost"))] = ALWAYS_STR
    localhost_profile: Annotated[str | None, Field(2)] = None


class AppArmorProfile(Struct):
    type: Annotated[str, Field(1, required=True, enum=("Unconfined", "RuntimeDefault", "Localhost"))] = ALWAYS_STR
    localhost_profile: Annotated[str | None, Field(2)] = None


class EphemeralContainer(Struct):
    name: Annotated[str, Field((1, 1), required=True)] = ALWAYS_STR
    image: Annotated[str, Field((1, 2))] = ""
    command: Annotated[tuple[str, ...], Field((1, 3))] = ()
    args: Annotated[tuple[str, ...], Field((1, 4))] = ()
    working_dir: Annotated[str, Field((1, 5))] = ""
    ports: Annotated[tuple[ContainerPort, ...], Field((1, 6), merge_key="containerPort", list_type="map", list_keys=("containerPort", "protocol"))] = ()
    env_from: Annotated[tuple[EnvFromSource, ...], Field((1, 19))] = ()
    env: Annotated[tuple[EnvVar, ...], Field((1, 7), merge_key="name", list_type="map", list_keys=("name",))] = ()
    resources: Annotated[ResourceRequirements, Field((1, 8))] = msgspec.field(default_factory=ResourceRequirements)
    resize_policy: Annotated[tuple[ContainerResizePolicy, ...], Field((1, 23))] = ()
    restart_policy: Annotated[str | None, Field((1, 24))] = None
    restart_policy_rules: Annotated[tuple[ContainerRestartRule, ...], Field((1, 25))] = ()
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field((1, 9), merge_key="mountPath", list_type="map", list_keys=("mountPath",))] = ()
    volume_devices: Annotated[tuple[VolumeDevice, ...], Field((1, 21), merge_key="devicePath", list_type="map", list_keys=("devicePath",))] = ()
    liveness_probe: Annotated[Probe | None, Field((1, 10))] = None
    readiness_probe: Annotated[Probe | None, Field((1, 11))] = None
    startup_probe: Annotated[Probe | None, Field((1, 22))] = None
    lifecycle: Annotated[Lifecycle | None, Field((1, 12))] = None
    termination_message_path: Annotated[str, Field((1, 13))] = ""
    termination_message_policy: Annotated[str, Field((1, 20), enum=("File", "FallbackToLogsOnError"))] = ""
    image_pull_policy: Annotated[str, Field((1, 14), enum=("Always", "Never", "IfNotPresent"))] = ""
    security_context: Annotated[SecurityContext | None, Field((1, 15))] = None
    stdin: Annotated[bool, Field((1, 16))] = False
    stdin_once: Annotated[bool, Field((1, 17))] = False
    tty: Annotated[bool, Field((1, 18))] = False
    target_container_name: Annotated[str, Field(2)] = ""


class SecurityContext(Struct):
    capabilities: Annotated[Capabilities | None, Field(1)] = None
    privileged: Annotated[bool | None, Field(2)] = None
    se_linux_options: Annotated[SELinuxOptions | None, Field(3)] = None
    windows_options: Annotated[WindowsSecurityContextOptions | None, Field(10)] = None
    run_as_user: Annotated[Int64 | None, Field(4)] = None
    run_as_group: Annotated[Int64 | None, Field(8)] = None
    run_as_non_root: Annotated[bool | None, Field(5)] = None
    read_only_root_filesystem: Annotated[bool | None, Field(6)] = None
    allow_privilege_escalation: Annotated[bool | None, Field(7)] = None
    proc_mount: Annotated[str | None, Field(9, enum=("Default", "Unmasked"))] = None
    seccomp_profile: Annotated[SeccompProfile | None, Field(11)] = None
    app_armor_profile: Annotated[AppArmorProfile | None, Field(12)] = None


class SELinuxOptions(Struct):
    user: Annotated[str, Field(1)] = ""
    role: Annotated[str, Field(2)] = ""
    type: Annotated[str, Field(3)] = ""
    level: Annotated[str, Field(4)] = ""


class WindowsSecurityContextOptions(Struct):
    gmsa_credential_spec_name: Annotated[str | None, Field(1)] = None
    gmsa_credential_spec: Annotated[str | None, Field(2)] = None
    run_as_user_name: Annotated[str | None, Field(3)] = None
    host_process: Annotated[bool | None, Field(4)] = None
