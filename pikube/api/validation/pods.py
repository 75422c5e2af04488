"""Pure: what is wrong with a pod spec, in Kubernetes' words (pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from pikube.api import names
from pikube.api.defaulting.pods import qos_class
from pikube.api.errors import Cause
from pikube.api.kinds.core_container import Container, ResourceRequirements
from pikube.api.kinds.core_pod import Pod, PodSpec
from pikube.api.validation.causes import by_rule, forbidden, invalid, required
from pikube.api.validation.containers import containers_causes
from pikube.api.validation.declared import declared_causes
from pikube.api.validation.pod_order import in_order
from pikube.api.validation.pod_places import (
    affinity_causes,
    gate_causes,
    node_selector_causes,
    spread_causes,
    toleration_causes,
)
from pikube.api.validation.pod_security import namespace_causes, os_causes, pod_security_causes
from pikube.api.validation.pod_volumes import volume_causes

MIRROR = "kubernetes.io/config.mirror"
IMMUTABLE_POD = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
    "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
MOST_NAMESERVERS, MOST_SEARCHES, MOST_SEARCH_CHARS = 3, 32, 2048


def pod_causes(pod: Pod) -> list[Cause]:
    """A new pod."""
    spec = pod.spec
    causes = pod_spec_causes(spec, "spec") + _image_causes(spec)
    if spec.ephemeral_containers:
        causes.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.node_name and spec.scheduling_gates:
        words = "cannot be set until all schedulingGates have been cleared"
        causes.append(forbidden("spec.nodeName", words))
    return causes


def _image_causes(spec: PodSpec) -> list[Cause]:
    """What is asked of pods and not of templates (validateContainersOnlyForPod)."""
    words = "must not have leading or trailing whitespace"
    return [
        invalid(f"spec.{kind}[{index}].image", container.image, words)
        for kind, containers in (("containers", spec.containers), ("initContainers", spec.init_containers))
        for index, container in enumerate(containers)
        if container.image != container.image.strip()
    ]


def pod_update_causes(new: Pod, old: Pod) -> list[Cause]:
    """A running pod keeps its spec but for images, the deadline, tolerations that are added."""
    causes = pod_spec_causes(new.spec, "spec") + _image_causes(new.spec)
    if new.spec == old.spec:
        return causes
    if len(new.spec.containers) != len(old.spec.containers):
        causes.append(forbidden("spec.containers", "pod updates may not add or remove containers"))
        return causes
    causes += _deadline_causes(new.spec.active_deadline_seconds, old.spec.active_deadline_seconds)
    if not _is_allowed_change(new.spec, old.spec):
        causes.append(forbidden("spec", IMMUTABLE_POD))
    return causes


def _deadline_causes(new: int | None, old: int | None) -> list[Cause]:
    """A deadline may only come nearer."""
    place = "spec.activeDeadlineSeconds"
    if new is None and old is not None:
        return [invalid(place, None, "must not update from a positive integer to nil value")]
    if new is not None and old is not None and new > old:
        return [invalid(place, new, "must be less than or equal to previous value")]
    return []


def pod_door_causes(new: Pod, old: Pod) -> list[Cause]:
    """What of a pod changes through its subresources only (binding, resize, ephemeralcontainers)."""
    mine, theirs = new.spec, old.spec
    is_same = (
        mine.node_name == theirs.node_name
        and mine.ephemeral_containers == theirs.ephemeral_containers
        and _sizes(mine) == _sizes(theirs)
    )
    return [] if is_same else [forbidden("spec", IMMUTABLE_POD)]


def pod_resize_causes(new: Pod, old: Pod) -> list[Cause]:
    """What a write through the subresource `resize` may change: cpu and memory of containers that run
    (kubernetes validation.go:ValidatePodResize)."""
    if MIRROR in old.metadata.annotations:
        return [forbidden("", "static pods cannot be resized")]
    mine, theirs = _every_container(new.spec), _every_container(old.spec)
    if [c.name for c in mine] != [c.name for c in theirs]:
        return [forbidden("spec.containers", "containers may not be added or removed on resize")]
    causes: list[Cause] = []
    for place, container, before in zip(_places(new.spec), mine, theirs, strict=True):
        causes += _removed(f"{place}.resources", container.resources, before.resources)
        if _is_init(place, container) and container.resources != before.resources:
            causes.append(forbidden(place, "resources of init containers cannot be resized"))
        same = structs.replace(container, resources=before.resources, resize_policy=before.resize_policy)
        if same != before or _others(container.resources) != _others(before.resources):
            causes.append(forbidden("spec", "only cpu and memory resources are mutable"))
    if not causes and qos_class(new.spec) != qos_class(old.spec):
        words = "Pod QOS Class may not change as a result of resizing"
        causes.append(invalid("spec", qos_class(new.spec), words))
    return causes


def _every_container(spec: PodSpec) -> tuple[Container, ...]:
    return (*spec.containers, *spec.init_containers)


def _is_init(place: str, container: Container) -> bool:
    return place.startswith("spec.init") and container.restart_policy != "Always"


def _places(spec: PodSpec) -> list[str]:
    return [
        *(f"spec.containers[{n}]" for n in range(len(spec.containers))),
        *(f"spec.initContainers[{n}]" for n in range(len(spec.init_containers))),
    ]


def _removed(place: str, new: ResourceRequirements, old: ResourceRequirements) -> list[Cause]:
    return [
        forbidden(f"{place}.{which}", f"resource {which} cannot be removed")
        for which in ("limits", "requests")
        if set(getattr(old, which)) - set(getattr(new, which))
    ]


def _others(resources: ResourceRequirements) -> tuple[Any, ...]:
    rest = [
        {name: amount for name, amount in amounts.items() if name not in ("cpu", "memory")}
        for amounts in (resources.limits, resources.requests)
    ]
    return (*rest, resources.claims)


def _sizes(spec: PodSpec) -> list[tuple[Any, Any]]:
    return [(c.resources, c.resize_policy) for c in (*spec.containers, *spec.init_containers)]


def _is_allowed_change(new: PodSpec, old: PodSpec) -> bool:

    same_images = [
        structs.replace(
            mine, image=theirs.image, resources=theirs.resources, resize_policy=theirs.resize_policy
        )
        for mine, theirs in zip(new.containers, old.containers, strict=True)
    ]
    same_init = [
        structs.replace(mine, image=theirs.image, resources=theirs.resources)
        for mine, theirs in zip(new.init_containers, old.init_containers, strict=False)
    ]
    added = [t for t in new.tolerations if t not in old.tolerations]
    gone = [t for t in old.tolerations if t not in new.tolerations]
    gates = [g for g in new.scheduling_gates if g not in old.scheduling_gates]
    if gone or gates:
        return False
    munged = structs.replace(
        new,
        containers=tuple(same_images),
        init_containers=tuple(same_init) if len(new.init_containers) == len(old.init_containers) else (),
        active_deadline_seconds=old.active_deadline_seconds,
        tolerations=old.tolerations if added else new.tolerations,
        scheduling_gates=old.scheduling_gates,
        node_name=old.node_name,
        ephemeral_containers=new.ephemeral_containers
        if new.ephemeral_containers[: len(old.ephemeral_containers)] == old.ephemeral_containers
        else (),
        termination_grace_period_seconds=old.termination_grace_period_seconds
        if new.termination_grace_period_seconds == 1
        else new.termination_grace_period_seconds,
    )
    return munged == structs.replace(old, ephemeral_containers=new.ephemeral_containers)


def pod_spec_causes(spec: PodSpec, path: str) -> list[Cause]:
    """A pod spec at `path` (`spec`, `spec.template.spec`), in the order in which upstream tells them."""
    own_words = tuple(f"{path}.{name}" for name in ("affinity", "topologySpreadConstraints", "os"))
    causes = [c for c in declared_causes(spec, path) if not c.field.startswith(own_words)]
    causes += volume_causes(spec.volumes, f"{path}.volumes")
    causes += containers_causes(spec, path)
    causes += node_selector_causes(spec, path)
    causes += pod_security_causes(spec, path)
    causes += affinity_causes(spec.affinity, f"{path}.affinity")
    causes += _dns_causes(spec, f"{path}.dnsConfig")
    causes += gate_causes(spec, path)
    causes += spread_causes(spec.topology_spread_constraints, f"{path}.topologySpreadConstraints")
    causes += namespace_causes(spec, path)
    deadline_s = spec.active_deadline_seconds
    if deadline_s is not None and not 0 < deadline_s < 2**31:
        place = f"{path}.activeDeadlineSeconds"
        causes.append(invalid(place, deadline_s, names.range_error(1, 2**31 - 1)))
    for field, value, rule in (
        ("serviceAccountName", spec.service_account_name, names.dns1123_subdomain),
        ("nodeName", spec.node_name, names.dns1123_subdomain),
        ("hostname", spec.hostname, names.dns1123_label),
        ("subdomain", spec.subdomain, names.dns1123_label),
        ("priorityClassName", spec.priority_class_name, names.dns1123_subdomain),
        ("runtimeClassName", spec.runtime_class_name, names.dns1123_subdomain),
    ):
        if value:
            causes += by_rule(f"{path}.{field}", value, rule)
    causes += toleration_causes(spec.tolerations, f"{path}.tolerations")
    for index, alias in enumerate(spec.host_aliases):
        causes += by_rule(f"{path}.hostAliases[{index}].ip", alias.ip, names.ip_address)
        for number, hostname in enumerate(alias.hostnames):
            place = f"{path}.hostAliases[{index}].hostnames[{number}]"
            causes += by_rule(place, hostname, names.dns1123_subdomain)
    return [*in_order(causes, path), *os_causes(spec, path)]


def _dns_causes(spec: PodSpec, path: str) -> list[Cause]:
    config, here = spec.dns_config, f"{path}.nameservers"
    if spec.dns_policy == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.nameservers:
            words = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(here, words)]
    if config is None:
        return []
    causes: list[Cause] = []
    if len(config.nameservers) > MOST_NAMESERVERS:
        words = f"must not have more than {MOST_NAMESERVERS} nameservers"
        causes.append(invalid(here, config.nameservers, words))
    for index, server in enumerate(config.nameservers):
        causes += by_rule(f"{here}[{index}]", server, names.ip_address)
    here = f"{path}.searches"
    if len(config.searches) > MOST_SEARCHES:
        words = f"must not have more than {MOST_SEARCHES} search paths"
        causes.append(invalid(here, config.searches, words))
    if len(" ".join(config.searches)) > MOST_SEARCH_CHARS:
        words = (
            f"must not have more than {MOST_SEARCH_CHARS} characters (including spaces) in the search list"
        )
        causes.append(invalid(here, config.searches, words))
    for index, search in enumerate(config.searches):
        if search != ".":
            causes += by_rule(f"{here}[{index}]", search.removesuffix("."), names.loose_dns1123_subdomain)
    for index, option in enumerate(config.options):
        if not option.name:
            causes.append(required(f"{path}.options[{index}]", "must not be empty"))
    return causes
