"""Pure: the checks that the level `restricted` adds: hardened as a pod can be.

Enter: a pod's metadata and spec, the policy's minor version. Leave: a finding or none. Called by evaluation. Source:
k8s.io/pod-security-admission policy/check_*.go.
"""

from __future__ import annotations

from pikube.api.kinds.core_pod import PodSpec
from pikube.api.kinds.core_volume import Volume
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.pod_security.baseline import (
    RELAXED_SINCE,
    added_capabilities,
    has_user_namespace,
    unconfined,
    unmasked_proc,
)
from pikube.api.pod_security.finding import (
    AnyContainer,
    AnyContext,
    Check,
    Finding,
    named,
    names_of,
    plural,
    quoted,
    setters,
)

VOLUMES = (
    "config_map", "csi", "downward_api", "empty_dir", "ephemeral", "image", "persistent_volume_claim", "projected",
    "secret",
)  # fmt: skip
OTHER_VOLUMES = {
    "host_path": "hostPath", "gce_persistent_disk": "gcePersistentDisk",
    "aws_elastic_block_store": "awsElasticBlockStore", "git_repo": "gitRepo", "nfs": "nfs", "iscsi": "iscsi",
    "glusterfs": "glusterfs", "rbd": "rbd", "flex_volume": "flexVolume", "cinder": "cinder", "cephfs": "cephfs",
    "flocker": "flocker", "fc": "fc", "azure_file": "azureFile", "vsphere_volume": "vsphereVolume",
    "quobyte": "quobyte", "azure_disk": "azureDisk", "portworx_volume": "portworxVolume", "scale_io": "scaleIO",
    "storageos": "storageos", "photon_persistent_disk": "photonPersistentDisk",
}  # fmt: skip
WINDOWS_SINCE = 25  # from then on what is the kernel's of Linux is not asked of pods for Windows


def is_windows(spec: PodSpec, minor: int) -> bool:
    return minor >= WINDOWS_SINCE and spec.os is not None and spec.os.name == "windows"


def escalation(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    if is_windows(spec, minor):
        return None

    def may(container: AnyContainer) -> bool:
        return container.security_context is None or (
            container.security_context.allow_privilege_escalation is not False
        )

    names = names_of(spec, may)
    words = f"{named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Finding("allowPrivilegeEscalation != false", words) if names else None


def capabilities(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    if is_windows(spec, minor):
        return None

    def keeps(container: AnyContainer) -> bool:
        context = container.security_context
        return context is None or context.capabilities is None or "ALL" not in context.capabilities.drop

    names = names_of(spec, keeps)
    details = [f'{named(names)} must set securityContext.capabilities.drop=["ALL"]'] if names else []
    added = added_capabilities(spec, frozenset({"NET_BIND_SERVICE"}), "")
    details += [added.detail] if added is not None else []
    return Finding("unrestricted capabilities", "; ".join(details)) if details else None


def volumes(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    bad = {volume.name: _type(volume) for volume in spec.volumes if not _is_allowed(volume)}
    if not bad:
        return None
    names, types = sorted(bad), sorted(set(bad.values()))
    what = plural(types, "restricted volume type", "restricted volume types")
    use = plural(names, "uses", "use")
    return Finding(
        "restricted volume types", f"{named(names, 'volume', 'volumes')} {use} {what} {quoted(types)}"
    )


def _is_allowed(volume: Volume) -> bool:
    return any(getattr(volume, name) is not None for name in VOLUMES)


def _type(volume: Volume) -> str:
    return next(
        (name for field, name in OTHER_VOLUMES.items() if getattr(volume, field) is not None), "unknown"
    )


def non_root(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    if minor >= RELAXED_SINCE and has_user_namespace(spec):
        return None
    reason = "runAsNonRoot != true"
    who = setters(spec, lambda context: context.run_as_non_root is False)
    if who:
        return Finding(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    if spec.security_context is not None and spec.security_context.run_as_non_root:
        return None
    names = names_of(spec, lambda c: c.security_context is None or c.security_context.run_as_non_root is None)
    words = f"pod or {named(names)} must set securityContext.runAsNonRoot=true"
    return Finding(reason, words) if names else None


def user(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    if minor >= RELAXED_SINCE and has_user_namespace(spec):
        return None
    who = setters(spec, lambda context: context.run_as_user == 0)
    return Finding("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(meta: ObjectMeta, spec: PodSpec, minor: int) -> Finding | None:
    if is_windows(spec, minor):
        return None
    bad = unconfined(spec)
    if bad is not None:
        return bad

    def is_silent(context: AnyContext | None) -> bool:
        return context is None or context.seccomp_profile is None

    names = names_of(spec, lambda container: is_silent(container.security_context))
    if not is_silent(spec.security_context) or not names:
        return None
    words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Finding("seccompProfile", f"pod or {named(names)} {words}")


CHECKS = (
    Check("allowPrivilegeEscalation", 8, escalation),
    Check("capabilities_restricted", 22, capabilities, "capabilities_baseline"),
    Check("procMount_restricted", 35, unmasked_proc, "procMount"),
    Check("restrictedVolumes", 0, volumes, "hostPathVolumes"),
    Check("runAsNonRoot", 0, non_root),
    Check("runAsUser", 23, user),
    Check("seccompProfile_restricted", 19, seccomp, "seccompProfile_baseline"),
)
