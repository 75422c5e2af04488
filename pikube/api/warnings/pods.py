"""Pure: what is odd about a pod or a template.

Enter: a pod that is made, or a template and its path. Leave: warnings. Called through KindInfo.warn and by workloads.
Source: kubernetes pkg/api/pod/warnings.go, pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pikube.api.kinds.core_container import Container, ContainerPort, EphemeralContainer
from pikube.api.kinds.core_pod import Pod, PodSpec, PodTemplateSpec, WeightedPodAffinityTerm
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.names import dns1123_label
from pikube.api.warnings.node_labels import OLD_LABELS, term_warnings
from pikube.api.warnings.pod_volumes import volume_warnings
from pikube.api.warnings.storage import fraction_warnings

CRITICAL = 'non-functional in v1.16+; use the "priorityClassName" field instead'
ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": CRITICAL,
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
APP_ARMOR_OF = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_WORDS = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APP_ARMOR_WORDS = 'deprecated since v1.30; use the "appArmorProfile" field instead'
NO_POD = "a null labelSelector results in matching no pod"
IN_BYTES = ("memory", "ephemeral-storage")

AnyContainer = Container | EphemeralContainer


def pod_warnings(new: Pod, old: Pod | None) -> list[str]:
    """Of a new pod only: people seldom change one."""
    if old is not None:
        return []
    where = "this is used in the Pod's hostname"
    return name_warnings(new.metadata.name, where) + _warnings(new.spec, new.metadata, "")


def name_warnings(name: str, where: str) -> list[str]:
    """A name that is no DNS label is cut or refused where it becomes one."""
    problems = dns1123_label(name)
    if not problems:
        return []
    words = f"metadata.name: {where}, which can result in surprising behavior; a DNS label is recommended"
    return [f"{words}: [{' '.join(problems)}]"]


def template_warnings(template: PodTemplateSpec, path: str) -> list[str]:
    return _warnings(template.spec, template.metadata, f"{path}.")


def _warnings(spec: PodSpec, meta: ObjectMeta, root: str) -> list[str]:
    """`root` is a template's path and a dot, empty for a pod."""
    path, notes = f"{root}spec", f"{root}metadata.annotations"
    found = _placement(spec, path)
    found += [f"{notes}[{key}]: {words}" for key, words in ANNOTATIONS.items() if key in meta.annotations]
    found += volume_warnings(spec.volumes, f"{path}.volumes")
    found += _twice([alias.ip for alias in spec.host_aliases], f"{path}.hostAliases", "ip")
    secrets = [secret.name for secret in spec.image_pull_secrets]
    found += _twice(secrets, f"{path}.imagePullSecrets", "name")
    found += [
        f'{path}.imagePullSecrets[{i}].name: invalid empty name ""' for i, n in enumerate(secrets) if not n
    ]
    found += fraction_warnings(spec.overhead, f"{path}.overhead", IN_BYTES)
    security = spec.security_context
    if SECCOMP in meta.annotations and (security is None or security.seccomp_profile is None):
        found.append(f"{notes}[{SECCOMP}]: {SECCOMP_WORDS}")
    has_app_armor = security is not None and security.app_armor_profile is not None
    for container, at in _containers(spec, path):
        own = container.security_context
        if SECCOMP_OF + container.name in meta.annotations and (own is None or own.seccomp_profile is None):
            found.append(f"{notes}[{SECCOMP_OF}{container.name}]: {SECCOMP_WORDS}")
        is_confined = has_app_armor or (own is not None and own.app_armor_profile is not None)
        if root and not is_confined and APP_ARMOR_OF + container.name in meta.annotations:
            found.append(f"{notes}[{APP_ARMOR_OF}{container.name}]: {APP_ARMOR_WORDS}")
        found += _container(container, at)
    found += _ports(spec, path)
    if spec.termination_grace_period_seconds is not None and spec.termination_grace_period_seconds < 0:
        words = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{path}.terminationGracePeriodSeconds: {words}")
    return found + _neighbours(spec, f"{path}.affinity")


def _containers(spec: PodSpec, path: str) -> Iterator[tuple[AnyContainer, str]]:
    for i, container in enumerate(spec.init_containers):
        yield container, f"{path}.initContainers[{i}]"
    for i, container in enumerate(spec.containers):
        yield container, f"{path}.containers[{i}]"
    for i, added in enumerate(spec.ephemeral_containers):
        yield added, f"{path}.ephemeralContainers[{i}]"


def _placement(spec: PodSpec, path: str) -> list[str]:
    found = [f"{path}.nodeSelector[{k}]: {OLD_LABELS[k]}" for k in spec.node_selector if k in OLD_LABELS]
    nodes = spec.affinity.node_affinity if spec.affinity is not None else None
    if nodes is not None:
        at = f"{path}.affinity.nodeAffinity"
        required = nodes.required_during_scheduling_ignored_during_execution
        if required is not None:
            where = f"{at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
            found += term_warnings(required.node_selector_terms, where)
        wishes = [wish.preference for wish in nodes.preferred_during_scheduling_ignored_during_execution]
        where = f"{at}.preferredDuringSchedulingIgnoredDuringExecution"
        found += term_warnings(wishes, where, ".preference")
    for i, spread in enumerate(spec.topology_spread_constraints):
        at, key = f"{path}.topologySpreadConstraints[{i}]", spread.topology_key
        found += [f"{at}.topologyKey: {key} is {OLD_LABELS[key]}"] if key in OLD_LABELS else []
        found += [f"{at}.labelSelector: {NO_POD}"] if spread.label_selector is None else []
    return found


def _twice(values: Sequence[str], path: str, field: str) -> list[str]:
    return [
        f'{path}[{i}].{field}: duplicate {field} "{value}"'
        for i, value in enumerate(values)
        if value in values[:i]
    ]


def _container(container: AnyContainer, path: str) -> list[str]:
    found = []
    resources = container.resources
    for name in IN_BYTES:
        found += fraction_warnings(resources.limits, f"{path}.resources.limits", (name,))
        found += fraction_warnings(resources.requests, f"{path}.resources.requests", (name,))
    seen = set()
    for i, variable in enumerate(container.env):
        reference = f"$({variable.name})"
        adds = variable.value_from is None and reference in variable.value and variable.value != reference
        if variable.name in seen and not adds:
            words = f'hides previous definition of "{variable.name}", which may be dropped when using apply'
            found.append(f"{path}.env[{i}]: {words}")
        seen.add(variable.name)
    return found


def _ports(spec: PodSpec, path: str) -> list[str]:
    found = []
    known: dict[tuple[int, str], list[tuple[str, ContainerPort]]] = {}
    for container, at in _containers(spec, path):
        for i, port in enumerate(container.ports):
            where = f"{at}.ports[{i}]"
            if port.host_ip and not port.host_port:
                shown = (
                    f"{{Name:{port.name} HostPort:{port.host_port} ContainerPort:{port.container_port} "
                    f"Protocol:{port.protocol} HostIP:{port.host_ip}}}"
                )
                found.append(f"{where}: hostIP set without hostPort: {shown}")
            others = known.setdefault((port.container_port, port.protocol), [])
            for other_path, other in others:
                how = _conflict(port, other)
                found += [f"{where}: {how} port definition with {other_path}"] if how else []
            others.append((where, port))
    return found


def _conflict(port: ContainerPort, other: ContainerPort) -> str:
    if (port.host_ip, port.host_port) == (other.host_ip, other.host_port):
        return "duplicate"
    if not port.host_port or not other.host_port:
        return "overlapping"
    if port.host_port == other.host_port and bool(port.host_ip) != bool(other.host_ip):
        return "dangerously ambiguous"
    return ""


def _neighbours(spec: PodSpec, path: str) -> list[str]:
    found = []
    near = spec.affinity.pod_affinity if spec.affinity is not None else None
    far = spec.affinity.pod_anti_affinity if spec.affinity is not None else None
    for name, affinity in (("podAffinity", near), ("podAntiAffinity", far)):
        if affinity is None:
            continue
        for i, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
            at = f"{path}.{name}.requiredDuringSchedulingIgnoredDuringExecution[{i}]"
            found += [f"{at}.labelSelector: {NO_POD}"] if term.label_selector is None else []
        wishes: Sequence[WeightedPodAffinityTerm] = (
            affinity.preferred_during_scheduling_ignored_during_execution
        )
        for i, wish in enumerate(wishes):
            at = f"{path}.{name}.preferredDuringSchedulingIgnoredDuringExecution[{i}].podAffinityTerm"
            found += (
                [f"{at}.labelSelector: {NO_POD}"] if wish.pod_affinity_term.label_selector is None else []
            )
    return found
