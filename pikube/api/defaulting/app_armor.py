"""Pure: the AppArmor profiles that pods of before Kubernetes 1.30 name in annotations.

Enter: a pod that is created, changed in place. Leave: warnings. Called through KindInfo.prepare. Source: kubernetes
pkg/registry/core/pod/strategy.go:applyAppArmorVersionSkew.
"""

from __future__ import annotations

from pikube.api.kinds.core_container import AppArmorProfile, SecurityContext
from pikube.api.kinds.core_pod import Pod

PREFIX = "container.apparmor.security.beta.kubernetes.io/"
LOCALHOST = "localhost/"


def adopt_annotations(pod: Pod) -> list[str]:
    """A container without a field gets what its annotation says, unless its pod says the same already."""
    of_pod = pod.spec.security_context.app_armor_profile if pod.spec.security_context is not None else None
    warnings = []
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        key = PREFIX + container.name
        text = pod.metadata.annotations.get(key)
        security = container.security_context
        if text is None or (security is not None and security.app_armor_profile is not None):
            continue
        profile = profile_of(text)
        if profile is not None and profile == of_pod:
            continue
        warnings.append(
            f'metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead'
        )
        if profile is not None:
            container.security_context = security or SecurityContext()
            container.security_context.app_armor_profile = profile
    return warnings


def profile_of(text: str) -> AppArmorProfile | None:
    """The value of an annotation as a field; None for one that means nothing."""
    if text == "unconfined":
        return AppArmorProfile(type="Unconfined")
    if text == "runtime/default":
        return AppArmorProfile(type="RuntimeDefault")
    name = text.removeprefix(LOCALHOST)
    if text.startswith(LOCALHOST) and name and name == name.strip():
        return AppArmorProfile(type="Localhost", localhost_profile=name)
    return None
