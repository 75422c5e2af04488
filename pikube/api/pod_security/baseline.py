"""Pure: the checks of the level `baseline`: no known way out of a container.

Enter: a pod's metadata and spec, the policy's minor version. Leave: a finding or none. Called by evaluation. Source:
k8s.io/pod-security-admission policy/check_*.go.
"""

from __future__ import annotations

from pikube.api.kinds.core_container import LifecycleHandler, Probe
from pikube.api.kinds.core_pod import PodSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.pod_security.finding import (
    AnyContainer,
    AnyContext,
    Check,
    Finding,
    containers_of,
    named,
    names_of,
    plural,
    quoted,
    said,
    setters,
)

CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
SYSCTLS = {
    "kernel.shm_rmid_forced": 0, "net.ipv4.ip_local_port_range": 0, "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0, "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27, "net.ipv4.tcp_keepalive_time": 29, "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29, "net.ipv4.tcp_keepalive_probes": 29, "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}  # fmt: skip
"""Which count as safe, and from which minor version on."""
SE_LINUX_TYPES = {
    "": 0,
    "container_t": 0,
    "container_init_t": 0,
    "container_kvm_t": 0,
    "container_engine_t": 31,
}
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD, SECCOMP_CONTAINER = (
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/",
)
CONFINED = ("RuntimeDefault", "Localhost")
RELAXED_SINCE = 35  # pods with a user namespace of their own: root in them is nobody on the node


def has_user_namespace(spec: PodSpec) -> bool:
    return spec.host_users is False


def app_armor(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    def is_bad(context: AnyContext) -> bool:
        profile = context.app_armor_profile
        return profile is not None and profile.type not in CONFINED

    notes = sorted(
        f'{key}="{value}"'
        for key, value in meta.annotations.items()
        if key.startswith(APP_ARMOR)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    bad = {c.app_armor_profile.type for c in said(spec) if c.app_armor_profile is not None and is_bad(c)}
    values = [*sorted(bad), *notes]
    if not values:
        return None
    who = setters(spec, is_bad)
    everybody = [*([who] if who else []), *([plural(notes, "annotation", "annotations")] if notes else [])]
    return Finding(
        plural(values, "forbidden AppArmor profile", "forbidden AppArmor profiles"),
        f"{' and '.join(everybody)} must not set AppArmor profile type to {quoted(values)}",
    )


def capabilities(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    return added_capabilities(spec, CAPABILITIES, "non-default capabilities")


def added_capabilities(spec: PodSpec, allowed: frozenset[str], reason: str) -> Finding | None:
    def added(container: AnyContainer) -> set[str]:
        context = container.security_context
        return set(context.capabilities.add) - allowed if context and context.capabilities else set()

    names = names_of(spec, lambda container: bool(added(container)))
    if not names:
        return None
    bad = sorted(set().union(*(added(container) for container in containers_of(spec))))
    return Finding(
        reason, f"{named(names)} must not include {quoted(bad)} in securityContext.capabilities.add"
    )


def host_namespaces(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    asked = (("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc))
    used = [name for name, is_used in asked if is_used]
    return Finding("host namespaces", ", ".join(f"{name}=true" for name in used)) if used else None


def host_paths(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    names = [volume.name for volume in spec.volumes if volume.host_path is not None]
    return Finding("hostPath volumes", named(names, "volume", "volumes")) if names else None


def host_ports(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    names = names_of(spec, lambda container: any(port.host_port for port in container.ports))
    if not names:
        return None
    ports = sorted({str(port.host_port) for c in containers_of(spec) for port in c.ports if port.host_port})
    what = f"{plural(ports, 'hostPort', 'hostPorts')} {', '.join(ports)}"
    return Finding("hostPort", f"{named(names)} {plural(names, 'uses', 'use')} {what}")


def probe_hosts(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    hosts = {container.name: _hosts(container) for container in containers_of(spec)}
    names = sorted(name for name, found in hosts.items() if found)
    if not names:
        return None
    bad = sorted(set().union(*hosts.values()))
    what = plural(bad, "probe or lifecycle host", "probe or lifecycle hosts")
    return Finding(
        "probe or lifecycle host", f"{named(names)} {plural(names, 'uses', 'use')} {what} {quoted(bad)}"
    )


def _hosts(container: AnyContainer) -> set[str]:
    """Where its probes and hooks connect to, other than to the pod."""
    asks: list[Probe | LifecycleHandler | None] = [
        container.liveness_probe,
        container.readiness_probe,
        container.startup_probe,
    ]
    if container.lifecycle is not None:
        asks += [container.lifecycle.post_start, container.lifecycle.pre_stop]
    ways = [way for ask in asks if ask is not None for way in (ask.http_get, ask.tcp_socket)]
    return {way.host for way in ways if way is not None and way.host}


def privileged(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    names = names_of(spec, lambda c: c.security_context is not None and bool(c.security_context.privileged))
    return (
        Finding("privileged", f"{named(names)} must not set securityContext.privileged=true")
        if names
        else None
    )


def proc_mount(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    is_relaxed = minor >= RELAXED_SINCE and has_user_namespace(spec)
    return None if is_relaxed else unmasked_proc(meta, spec, minor)


def unmasked_proc(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    def mounted(container: AnyContainer) -> str:
        context = container.security_context
        return (context.proc_mount or "Default") if context is not None else "Default"

    names = names_of(spec, lambda container: mounted(container) != "Default")
    if not names:
        return None
    bad = sorted({mounted(container) for container in containers_of(spec)} - {"Default"})
    return Finding("procMount", f"{named(names)} must not set securityContext.procMount to {quoted(bad)}")


def se_linux(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    allowed = {name for name, since in SE_LINUX_TYPES.items() if since <= minor}

    def is_bad(context: AnyContext) -> bool:
        options = context.se_linux_options
        return options is not None and (
            options.type not in allowed or bool(options.user) or bool(options.role)
        )

    who = setters(spec, is_bad)
    if not who:
        return None
    options = [context.se_linux_options for context in said(spec) if context.se_linux_options is not None]
    types = sorted({option.type for option in options} - allowed)
    what = [named(types, "type", "types")] if types else []
    what += ["user may not be set"] if any(option.user for option in options) else []
    what += ["role may not be set"] if any(option.role for option in options) else []
    return Finding("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(what)}")


def seccomp(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    return unconfined(spec) if minor >= 19 else _seccomp_notes(meta, spec)


def unconfined(spec: PodSpec) -> Finding | None:
    """Who says a profile other than the runtime's or a file's."""

    def is_bad(context: AnyContext) -> bool:
        return context.seccomp_profile is not None and context.seccomp_profile.type not in CONFINED

    who = setters(spec, is_bad)
    if not who:
        return None
    types = {c.seccomp_profile.type for c in said(spec) if c.seccomp_profile is not None and is_bad(c)}
    return Finding(
        "seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {quoted(sorted(types))}"
    )


def _seccomp_notes(meta: ObjectMeta, spec: PodSpec) -> Finding | None:
    keys = [SECCOMP_POD, *(SECCOMP_CONTAINER + container.name for container in containers_of(spec))]
    bad = sorted(
        f'{key}="{meta.annotations[key]}"'
        for key in keys
        if key in meta.annotations
        and meta.annotations[key] not in ("runtime/default", "docker/default")
        and not meta.annotations[key].startswith("localhost/")
    )
    if not bad:
        return None
    return Finding("seccompProfile", f"forbidden {plural(bad, 'annotation', 'annotations')} {', '.join(bad)}")


def sysctls(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    asked = spec.security_context.sysctls if spec.security_context is not None else ()
    bad = [sysctl.name for sysctl in asked if SYSCTLS.get(sysctl.name, minor + 1) > minor]
    return Finding("forbidden sysctls", ", ".join(bad)) if bad else None


def windows_host(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    def is_bad(context: AnyContext) -> bool:
        return context.windows_options is not None and bool(context.windows_options.host_process)

    who = setters(spec, is_bad)
    words = f"{who} must not set securityContext.windowsOptions.hostProcess=true"
    return Finding("hostProcess", words) if who else None


CHECKS = (
    Check("appArmorProfile", 0, app_armor),
    Check("capabilities_baseline", 0, capabilities),
    Check("hostNamespaces", 0, host_namespaces),
    Check("hostPathVolumes", 0, host_paths),
    Check("hostPorts", 0, host_ports),
    Check("hostProbesAndHostLifecycle", 34, probe_hosts),
    Check("privileged", 0, privileged),
    Check("procMount", 0, proc_mount),
    Check("seLinuxOptions", 0, se_linux),
    Check("seccompProfile_baseline", 0, seccomp),
    Check("sysctls", 0, sysctls),
    Check("windowsHostProcess", 0, windows_host),
)
