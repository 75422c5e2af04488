"""Pure: what is wrong with the users, profiles and namespaces that a pod asks for.

Source: kubernetes pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.kinds.core_container import AppArmorProfile, Container, EphemeralContainer, SeccompProfile
from pikube.api.kinds.core_pod import PodSpec
from pikube.api.validation.causes import by_rule, duplicate, forbidden, invalid, not_supported, required

SYSCTL_CHARS = 253  # validation.go:SysctlMaxLength
SYSCTL_WORDS = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
SYSCTL = re.compile(SYSCTL_WORDS, re.ASCII)
LARGEST_ID = 2**31 - 1
LINUX_ONLY_POD = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
LINUX_ONLY = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
NOT_FOR_WINDOWS = "cannot be set for a windows pod"


def pod_security_causes(spec: PodSpec, path: str) -> Iterator[Cause]:
    security, here = spec.security_context, f"{path}.securityContext"
    if spec.share_process_namespace and spec.host_pid:
        words = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(f"{path}.shareProcessNamespace", True, words)
    if security is None:
        return
    for name, number in (
        ("fsGroup", security.fs_group),
        ("runAsUser", security.run_as_user),
        ("runAsGroup", security.run_as_group),
    ):
        yield from id_causes(f"{here}.{name}", number)
    for index, group in enumerate(security.supplemental_groups):
        yield from id_causes(f"{here}.supplementalGroups[{index}]", group)
    seen: set[str] = set()
    for index, sysctl in enumerate(security.sysctls):
        place = f"{here}.sysctls[{index}].name"
        if not sysctl.name:
            yield required(place)
        elif len(sysctl.name) > SYSCTL_CHARS or SYSCTL.fullmatch(sysctl.name) is None:
            words = f"must have at most {SYSCTL_CHARS} characters and match regex {SYSCTL_WORDS}"
            yield invalid(place, sysctl.name, words)
        elif sysctl.name in seen:
            yield duplicate(place, sysctl.name)
        seen.add(sysctl.name)
    yield from _profile_causes(security.seccomp_profile, f"{here}.seccompProfile", "seccomp")
    yield from _profile_causes(security.app_armor_profile, f"{here}.appArmorProfile", "AppArmor")


def id_causes(place: str, number: int | None) -> list[Cause]:
    """A user's or a group's number."""
    if number is None or 0 <= number <= LARGEST_ID:
        return []
    return [invalid(place, number, names.range_error(0, LARGEST_ID))]


def _profile_causes(profile: SeccompProfile | AppArmorProfile | None, path: str, kind: str) -> list[Cause]:
    if profile is None:
        return []
    here, local = f"{path}.localhostProfile", profile.localhost_profile
    if profile.type != "Localhost":
        words = f"can only be set when {kind} type is Localhost"
        return [] if local is None else [invalid(here, profile if kind == "seccomp" else local, words)]
    if not local:
        return [required(here, f"must be set when {kind} type is Localhost")]
    if kind == "seccomp":
        return by_rule(here, local, names.relative_path)
    return [invalid(here, local, "must not be padded with whitespace")] if local != local.strip() else []


def container_security_causes(
    container: Container | EphemeralContainer, path: str, spec: PodSpec
) -> Iterator[Cause]:
    """What may be had with or without other privileges only (ValidateSecurityContext, validateMountPropagation)."""
    security, here = container.security_context, f"{path}.securityContext"
    if not (security is not None and security.privileged):
        words = "Bidirectional mount propagation is available only to privileged containers"
        for mount in container.volume_mounts:
            if mount.mount_propagation == "Bidirectional":
                yield forbidden(f"{path}.volumeMounts.mountPropagation", words)
    if security is None:
        return
    yield from id_causes(f"{here}.runAsUser", security.run_as_user)
    yield from id_causes(f"{here}.runAsGroup", security.run_as_group)
    if security.proc_mount == "Unmasked" and spec.host_users is not False:
        yield invalid(f"{here}.procMount", "Unmasked", "`hostUsers` must be false to use `Unmasked`")
    yield from _profile_causes(security.seccomp_profile, f"{here}.seccompProfile", "seccomp")
    if security.allow_privilege_escalation is False:
        words = "cannot set `allowPrivilegeEscalation` to false and"
        if security.privileged:
            yield invalid(here, security, f"{words} `privileged` to true")
        if security.capabilities is not None and "CAP_SYS_ADMIN" in security.capabilities.add:
            yield invalid(here, security, f"{words} `capabilities.Add` CAP_SYS_ADMIN")
    yield from _profile_causes(security.app_armor_profile, f"{here}.appArmorProfile", "AppArmor")


def namespace_causes(spec: PodSpec, path: str) -> Iterator[Cause]:
    """Of a pod with users of its own (validateHostUsers)."""
    if spec.host_users is not False:
        return
    for name, is_host in (
        ("hostNetwork", spec.host_network),
        ("HostPID", spec.host_pid),
        ("HostIPC", spec.host_ipc),
    ):
        if is_host:
            yield forbidden(f"{path}.{name}", "when `pod.Spec.HostUsers` is false")


def os_causes(spec: PodSpec, path: str) -> Iterator[Cause]:
    """What a pod of one system may not ask for (validateLinux, validateWindows)."""
    if spec.os is None:
        return
    if spec.os.name not in ("linux", "windows"):
        if not spec.os.name:
            yield required(f"{path}.os.name", "cannot be empty")
        else:
            yield not_supported(f"{path}.os", spec.os.name, ("linux", "windows"))
        return
    is_windows = spec.os.name == "windows"
    alien = ("windowsOptions",)
    words = NOT_FOR_WINDOWS if is_windows else "windows options cannot be set for a linux pod"
    yield from _set_causes(
        spec.security_context, f"{path}.securityContext", LINUX_ONLY_POD if is_windows else alien, words
    )
    if is_windows:
        hosts = {
            "hostUsers": spec.host_users, "hostPID": spec.host_pid or None, "hostIPC": spec.host_ipc or None,
            "shareProcessNamespace": spec.share_process_namespace,
        }  # fmt: skip
        for name, value in hosts.items():
            if value is not None:
                yield forbidden(f"{path}.{name}", words)
    every: list[tuple[str, Container | EphemeralContainer]] = [
        *((f"initContainers[{n}]", c) for n, c in enumerate(spec.init_containers)),
        *((f"containers[{n}]", c) for n, c in enumerate(spec.containers)),
        *((f"ephemeralContainers[{n}]", c) for n, c in enumerate(spec.ephemeral_containers)),
    ]
    fields = LINUX_ONLY if is_windows else alien
    for place, container in every:
        yield from _set_causes(container.security_context, f"{path}.{place}.securityContext", fields, words)


def _set_causes(security: object, path: str, fields: tuple[str, ...], words: str) -> Iterator[Cause]:
    for name in fields if security is not None else ():
        attribute = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        if getattr(security, attribute) not in (None, ()):
            yield forbidden(f"{path}.{name}", words)
