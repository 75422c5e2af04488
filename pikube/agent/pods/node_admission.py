"""Pure: what this board refuses to run at all, in kubelet's words: a pod that is refused has failed for good.

Enter: a pod that has not begun here, what the board can enforce. Leave: the status' reason and message. Called by the
pod's worker before its first start. Sources: kubernetes pkg/kubelet/sysctl/{allowlist,safe_sysctls}.go,
pkg/security/apparmor/validate.go, pkg/kubelet/eviction/eviction_manager.go:Admit, pkg/kubelet/kubelet.go:rejectPod.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pikube.agent.pods.environment import kernel_name_of
from pikube.api.defaulting.pods import qos_class
from pikube.api.kinds.core_container import AppArmorProfile
from pikube.api.kinds.core_node import Taint
from pikube.api.kinds.core_pod import Pod
from pikube.api.tolerations import tolerates

SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
SOURCE = "kubernetes.io/config.source"  # an annotation of static pods
SYSTEM_CRITICAL = 2_000_000_000  # scheduling.SystemCriticalPriority
MEMORY_TAINT = Taint(key="node.kubernetes.io/memory-pressure", effect="NoSchedule")
KERNEL_NAME_CHARS = 64  # uname(2)
IPC = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
NET = ("net.",)


@dataclass(frozen=True, slots=True)
class Enforced:
    """What the board can enforce: sysctls (patterns may end in a star) that its owner allows beyond the safe ones,
    AppArmor."""

    allowed_sysctls: Sequence[str] = ()
    has_apparmor: bool = False
    handlers: AbstractSet[str] = frozenset()  # the OCI runtimes that Podman has here


def refusal(
    pod: Pod, enforced: Enforced, pressures: AbstractSet[str] = frozenset()
) -> tuple[str, str] | None:
    """(reason, message) of a pod that must not run here; None for one that may. `pressures`: conditions of the node
    that are in force."""
    if pressures and not _is_carried_under(pressures, pod):
        return "Evicted", f"Pod was rejected: The node had condition: [{' '.join(sorted(pressures))}]. "
    security = pod.spec.security_context
    for sysctl in security.sysctls if security is not None else ():
        words = _sysctl_problem(pod, sysctl.name.replace("/", "."), enforced.allowed_sysctls)
        if words:
            return "SysctlForbidden", f"Pod was rejected: forbidden sysctl: {words}"
    if not enforced.has_apparmor and any(profile.type != "Unconfined" for profile in _apparmor_profiles(pod)):
        return "AppArmor", "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host"
    return None


def sandbox_problem(pod: Pod, handler: str, handlers: AbstractSet[str], domain: str) -> str:
    """Why an admitted pod gets no sandbox, in the words of kubelet (pkg/kubelet/userns, pkg/kubelet/util/util.go) and
    of containerd; '' when it does. One that wants users of its own, or another runtime, must not run without and
    believe otherwise. `domain` is the cluster's."""
    name = kernel_name_of(pod, domain)
    if len(name) > KERNEL_NAME_CHARS and not pod.spec.host_network:
        words = f"({KERNEL_NAME_CHARS} characters is the max, {len(name)} characters requested)"
        return (
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {name} is too long {words}"
        )
    if handler and handler not in handlers:
        return f'failed to get sandbox runtime: no runtime for "{handler}" is configured'
    if pod.spec.host_users is False:
        words = f'RuntimeClass handler "{handler}" does not support user namespaces'
        return f"can't set `spec.hostUsers: false`, {words}"
    return ""


def is_critical(pod: Pod) -> bool:
    """Static pods and those of the system's priorities, which a board that runs short keeps (types/pod_update.go)."""
    return SOURCE in pod.metadata.annotations or (pod.spec.priority or 0) >= SYSTEM_CRITICAL


def _is_carried_under(pressures: AbstractSet[str], pod: Pod) -> bool:
    if is_critical(pod):
        return True
    is_modest = qos_class(pod.spec) != "BestEffort" or any(
        tolerates(toleration, MEMORY_TAINT) for toleration in pod.spec.tolerations
    )
    return pressures == {"MemoryPressure"} and is_modest


def _sysctl_problem(pod: Pod, name: str, allowed: Sequence[str]) -> str:
    is_known = name in SAFE_SYSCTLS or any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in allowed
    )
    if not is_known:
        return f'"{name}" not allowlisted'
    if name.startswith(NET) and pod.spec.host_network:
        return f'"{name}" not allowed with host net enabled'
    if name.startswith(IPC) and pod.spec.host_ipc:
        return f'"{name}" not allowed with host ipc enabled'
    return ""


def _apparmor_profiles(pod: Pod) -> Iterator[AppArmorProfile]:
    """Those that are asked for by name; a pod that asks for none takes what the board has."""
    security = pod.spec.security_context
    if security is not None and security.app_armor_profile is not None:
        yield security.app_armor_profile
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        own = container.security_context
        if own is not None and own.app_armor_profile is not None:
            yield own.app_armor_profile
