"""Pure: a pod's sandbox and containers as the runtime wants them.

Enter: the pod, what was resolved for it (environment, mounts, image). Leave: SandboxSpec and ContainerSpec.
Sources: kubernetes kubelet kuberuntime_container_linux.go, qos/policy.go, cm/helpers_linux.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import msgspec

from pikube.agent.pods.environment import expand, full_name_of, hostname_of, kernel_name_of
from pikube.agent.pods.image_users import ImageUsers, identity, must_know_users
from pikube.agent.runtime.contract import ContainerSpec, Image, Mount, Sandbox, SandboxSpec, Size
from pikube.agent.runtime.signals import signal_number
from pikube.api.defaulting.pods import qos_class
from pikube.api.kinds.core_pod import Pod
from pikube.api.quantity import parse

NANO = 10**9
MIN_SHARES = 2
SHARES_PER_CPU = 1024
PERIOD_US = 100_000
MIN_QUOTA_US = 1_000
NO_USERS = ImageUsers()
HOSTS_HEAD = (
    "# Kubernetes-managed hosts file{}.\n"  # upstream's words: programs and its own tests look for them
)


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """What ClusterFirst means on this board."""

    server: str
    domain: str
    host_servers: tuple[str, ...]
    host_searches: tuple[str, ...]


Names = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


class NotAllowed(Exception):
    """The pod's security settings forbid to start it (CreateContainerConfigError)."""


def sandbox_spec(pod: Pod, network: str, dns: DnsSettings) -> SandboxSpec:
    """The frame of a pod."""
    spec = pod.spec
    servers, searches, options = dns_of(pod, dns)
    security = spec.security_context
    return SandboxSpec(
        uid=pod.metadata.uid,
        name=pod.metadata.name,
        namespace=pod.metadata.namespace,
        hostname=kernel_name_of(pod, dns.domain),
        network="" if spec.host_network else network,
        dns_servers=servers,
        dns_searches=searches,
        dns_options=options,
        sysctls={s.name: s.value for s in security.sysctls} if security else {},
        shares_processes=bool(spec.share_process_namespace),
        uses_host_pid=spec.host_pid,
        uses_host_ipc=spec.host_ipc,
    )


def dns_of(pod: Pod, dns: DnsSettings) -> Names:
    """(servers, searches, options) by dnsPolicy and dnsConfig (kubelet network/dns/dns.go)."""
    spec = pod.spec
    policy = spec.dns_policy
    if policy == "ClusterFirst" and spec.host_network:
        policy = "Default"
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
        servers = [dns.server]
        zone = dns.domain
        searches = [f"{pod.metadata.namespace}.svc.{zone}", f"svc.{zone}", zone, *dns.host_searches]
        options = ["ndots:5"]
    elif policy == "Default":
        servers, searches = list(dns.host_servers), list(dns.host_searches)
    config = spec.dns_config
    if config is not None:
        servers += config.nameservers
        searches += config.searches
        named = {o.name for o in config.options}
        options = [o for o in options if o.partition(":")[0] not in named]
        options += [f"{o.name}:{o.value}" if o.value is not None else o.name for o in config.options]
    return (
        tuple(dict.fromkeys(servers)),
        tuple(dict.fromkeys(searches)),
        tuple(dict.fromkeys(options)),
    )


def dns_on_the_host(pod: Pod, dns: DnsSettings) -> Names:
    """Of a pod on the host's network that wants another resolv.conf than the host has; others have a sandbox."""
    is_hosts_own = pod.spec.dns_policy in ("ClusterFirst", "Default") and pod.spec.dns_config is None
    return dns_of(pod, dns) if pod.spec.host_network and not is_hosts_own else ((), (), ())


def hosts_file(pod: Pod, address: str, domain: str, of_board: str = "") -> str:
    """/etc/hosts of a pod that has a network of its own; of another one it is the board's, and the pod's aliases."""
    aliases = [f"{alias.ip}\t{' '.join(alias.hostnames)}" for alias in pod.spec.host_aliases]
    if pod.spec.host_network:
        return (
            HOSTS_HEAD.format(" (host network)")
            + of_board.rstrip("\n")
            + "\n"
            + "".join(f"{line}\n" for line in aliases)
        )
    name = hostname_of(pod)
    full = f"{found}\t{name}" if (found := full_name_of(pod, domain)) else name
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", f"{address}\t{full}"]
    return HOSTS_HEAD.format("") + "\n".join([*lines, *aliases]) + "\n"


def spec_hash(container: Any) -> str:
    """What of a container makes it another one when it changes: its whole declaration but resources."""
    return hashlib.sha256(msgspec.json.encode(container)).hexdigest()[:16]


def container_spec(
    pod: Pod,
    container: Any,
    sandbox: Sandbox,
    attempt: int,
    image: Image,
    environment: Mapping[str, str],
    mounts: Sequence[Mount],
    log_path: str,
    memory_capacity_bytes: int,
    *,
    target_pid: int = 0,
    devices: Sequence[tuple[str, str, str]] = (),
    seccomp_dir: str = "",
    has_selinux: bool = False,
    pids_limit: int = 0,
    dns: DnsSettings,
    lowest_oom_score: int = -1000,
    runtime: str = "",
    group_files: AbstractSet[str] = frozenset(),
    users: ImageUsers = NO_USERS,
) -> ContainerSpec:
    """One attempt of one container; `target_pid` is of the container whose processes an ephemeral one sees; `users`
    are those of its image, if `asks_image_users`. Raises NotAllowed."""
    security = container.security_context
    pod_security = pod.spec.security_context
    is_privileged = bool(security and security.privileged)
    user = user_of(pod, container, image)
    capabilities = security.capabilities if security and security.capabilities else None
    size = size_of(container)
    seccomp = (security and security.seccomp_profile) or (pod_security and pod_security.seccomp_profile)
    apparmor = (security and security.app_armor_profile) or (pod_security and pod_security.app_armor_profile)
    selinux = (security and security.se_linux_options) or (pod_security and pod_security.se_linux_options)
    servers, searches, options = dns_on_the_host(pod, dns)
    of_image: tuple[int, ...] = ()
    if asks_image_users(pod, user, image):
        user, of_image = identity(user or image.user or "0", _groups_policy(pod), users)
    groups = [str(group) for group in dict.fromkeys((*of_image, *declared_groups(pod)))]
    return ContainerSpec(
        sandbox_id=sandbox.id,
        pod_uid=pod.metadata.uid,
        pod_name=pod.metadata.name,
        pod_namespace=pod.metadata.namespace,
        name=container.name,
        attempt=attempt,
        image=container.image,
        image_id=image.id,
        spec_hash=spec_hash(container),
        log_path=log_path,
        command=tuple(expand(word, environment) for word in container.command),
        args=tuple(expand(word, environment) for word in container.args),
        env=environment,
        working_dir=container.working_dir,
        mounts=tuple(mounts),
        user=user,
        groups=tuple(groups),
        capabilities_added=tuple(capabilities.add) if capabilities else (),
        capabilities_dropped=tuple(capabilities.drop) if capabilities else (),
        is_privileged=is_privileged,
        is_read_only=bool(security and security.read_only_root_filesystem),
        has_no_new_privileges=bool(security and security.allow_privilege_escalation is False),
        has_tty=container.tty,
        has_stdin=container.stdin,
        cpu_shares=size.cpu_shares,
        cpu_quota_us=size.cpu_quota_us,
        cpu_period_us=size.cpu_period_us,
        memory_bytes=size.memory_bytes,
        oom_score_adjust=max(lowest_oom_score, oom_score(pod, container, memory_capacity_bytes)),
        process_namespace="host" if pod.spec.host_pid else f"/proc/{target_pid}/ns/pid" if target_pid else "",
        uses_host_ipc=pod.spec.host_ipc,
        uses_host_network=pod.spec.host_network,
        dns_servers=servers,
        dns_searches=searches,
        dns_options=options,
        seccomp_profile=seccomp_path(seccomp, seccomp_dir),
        is_proc_unmasked=bool(security and security.proc_mount == "Unmasked"),
        apparmor_profile=apparmor_profile(apparmor),
        selinux_options=selinux_options(selinux) if has_selinux else (),
        stop_signal=stop_signal(container),
        grace_s=pod.spec.termination_grace_period_seconds or 0,
        devices=tuple(devices),
        pids_limit=pids_limit,
        runtime=runtime,
        unified=unified_limits(size, group_files),
    )


def seccomp_path(profile: Any, directory: str) -> str:
    """A file of the board, 'unconfined', or '' for the runtime's own (kubelet: ROOT-DIR/seccomp)."""
    if profile is None or profile.type == "RuntimeDefault":
        return ""
    if profile.type == "Localhost":
        return f"{directory}/{profile.localhost_profile}"
    return "unconfined"


def apparmor_profile(profile: Any) -> str:
    """The name of a profile that the board has loaded, 'unconfined', or '' for the runtime's own."""
    if profile is None or profile.type == "RuntimeDefault":
        return ""
    return profile.localhost_profile or "" if profile.type == "Localhost" else "unconfined"


def selinux_options(options: Any) -> tuple[str, ...]:
    """The parts of a label that are given, as Podman's --security-opt label= takes them."""
    parts = ("user", "role", "type", "level")
    return tuple(
        f"{part}:{value}" for part in parts if options is not None and (value := getattr(options, part))
    )


def stop_signal(container: Any) -> int:
    """lifecycle.stopSignal; 0: the image's own."""
    lifecycle = getattr(container, "lifecycle", None)
    return signal_number((getattr(lifecycle, "stop_signal", None) or "") if lifecycle is not None else "")


def size_of(container: Any) -> Size:
    """What a container may use, by its requests and limits."""
    limits, requests = container.resources.limits, container.resources.requests
    return Size(
        cpu_shares(requests.get("cpu"), limits.get("cpu")),
        cpu_quota_us(limits.get("cpu")),
        PERIOD_US,
        _whole(limits.get("memory")),
    )


def unified_limits(size: Size, group_files: AbstractSet[str]) -> dict[str, str]:
    """What kubelet asks of cgroups v2 for every container, as far as the board has such files: all its processes go
    when the kernel takes one for want of memory, and none is swapped out (a memory limit says so already).
    Source: kubernetes kuberuntime_container_linux.go, memorySwap.swapBehavior NoSwap."""
    wanted = {"memory.oom.group": "1"} | ({} if size.memory_bytes else {"memory.swap.max": "0"})
    return {name: value for name, value in wanted.items() if name in group_files}


def apparmor_problem(profile: str, loaded: AbstractSet[str]) -> str:
    """Why a container cannot be confined so, in containerd's words; '' if it can."""
    if profile in ("", "unconfined") or profile in loaded:
        return ""
    return (
        "failed to get container spec opts: failed to generate apparmor spec opts: "
        f"apparmor profile not found {profile}"
    )


def cpu_shares(request: Any, limit: Any) -> int:
    """1024 a CPU; a container that asks for nothing gets the least."""
    amount = request if request is not None else limit
    if amount is None:
        return MIN_SHARES
    return max(MIN_SHARES, parse(amount).nano * SHARES_PER_CPU // NANO)


def cpu_quota_us(limit: Any) -> int:
    """CFS quota of a period of 100 ms; 0 for none."""
    if limit is None:
        return 0
    return max(MIN_QUOTA_US, parse(limit).nano * PERIOD_US // NANO)


def oom_score(pod: Pod, container: Any, capacity_bytes: int) -> int:
    """Who is killed first when memory is short (kubelet qos/policy.go)."""
    kind = qos_class(pod.spec)
    if kind == "Guaranteed" or pod.spec.priority_class_name == "system-node-critical":
        return -997
    if kind == "BestEffort" or not capacity_bytes:
        return 1000
    request = _whole(container.resources.requests.get("memory"))
    score = 1000 - 1000 * request // capacity_bytes
    return min(999, max(3, score))


def _whole(amount: Any) -> int:
    return -(-parse(amount).nano // NANO) if amount is not None else 0


def declared_groups(pod: Pod) -> tuple[int, ...]:
    """What every container of a pod is a member of (kuberuntime/security_context.go)."""
    security = pod.spec.security_context
    if security is None:
        return ()
    return (*(() if security.fs_group is None else (security.fs_group,)), *security.supplemental_groups)


def _groups_policy(pod: Pod) -> str:
    security = pod.spec.security_context
    return (security.supplemental_groups_policy if security is not None else None) or "Merge"


def asks_image_users(pod: Pod, user: str, image: Image) -> bool:
    """Whether a container's groups depend on files of its image in a way that Podman does not by itself do."""
    return must_know_users(user or image.user or "0", _groups_policy(pod))


def user_of(pod: Pod, container: Any, image: Image) -> str:
    """As Podman takes it; '' leaves it to the image. Raises NotAllowed."""
    security, pod_security = container.security_context, pod.spec.security_context
    user = security.run_as_user if security and security.run_as_user is not None else None
    if user is None and pod_security is not None:
        user = pod_security.run_as_user
    group = security.run_as_group if security and security.run_as_group is not None else None
    if group is None and pod_security is not None:
        group = pod_security.run_as_group
    must_not_be_root = security.run_as_non_root if security and security.run_as_non_root is not None else None
    if must_not_be_root is None and pod_security is not None:
        must_not_be_root = pod_security.run_as_non_root
    if must_not_be_root:
        _check_not_root(pod, container, user, image)
    if user is None and group is None:
        return ""
    text = str(user) if user is not None else (image.user or "0")
    return f"{text}:{group}" if group is not None else text


def _check_not_root(pod: Pod, container: Any, user: int | None, image: Image) -> None:
    """kubernetes kuberuntime/security_context.go:verifyRunAsNonRoot, word by word."""
    meta = pod.metadata
    where = f'(pod: "{meta.name}_{meta.namespace}({meta.uid})", container: {container.name})'
    if user == 0:
        raise NotAllowed(f"container's runAsUser breaks non-root policy {where}")
    if user is None:
        name = image.user.partition(":")[0]
        if name in ("", "0", "root"):
            raise NotAllowed(f"container has runAsNonRoot and image will run as root {where}")
        if not name.isdigit():
            raise NotAllowed(
                f"container has runAsNonRoot and image has non-numeric user ({name}), "
                f"cannot verify user is non-root {where}"
            )
