"""Pure: what is wrong with namespaces, roles, classes, leases and volumes.

Sources: kubernetes pkg/apis/{rbac,storage,scheduling,coordination,node,core}/validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import normpath
from typing import Any

from pikube.api import names, quantity
from pikube.api.errors import Cause
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_container import ResourceRequirements
from pikube.api.kinds.core_storage import PersistentVolume, VolumeNodeAffinity
from pikube.api.kinds.node import RuntimeClass
from pikube.api.kinds.rbac import ClusterRole, PolicyRule, Role
from pikube.api.kinds.scheduling import PriorityClass
from pikube.api.kinds.storage import StorageClass
from pikube.api.schema import fields_of
from pikube.api.validation.causes import (
    by_rule,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_negative,
    not_supported,
    required,
)
from pikube.api.validation.containers import resource_causes
from pikube.api.validation.declared import declared_causes
from pikube.api.validation.pod_places import selector_of_nodes_causes, toleration_causes
from pikube.api.validation.selectors import selector_causes
from pikube.api.validation.storage import parameter_causes, provisioner_causes

HIGHEST_PRIORITY = 1_000_000_000  # of what users define: scheduling/types.go:HighestUserDefinablePriority
ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
VOLUME_MODES = ("Block", "Filesystem")
SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def role_causes(obj: Role) -> list[Cause]:
    causes: list[Cause] = []
    for index, rule in enumerate(obj.rules):
        causes += _rule_causes(rule, f"rules[{index}]", is_namespaced=True)
    return causes


def cluster_role_causes(obj: ClusterRole) -> list[Cause]:
    causes: list[Cause] = []
    for index, rule in enumerate(obj.rules):
        causes += _rule_causes(rule, f"rules[{index}]", is_namespaced=False)
    if obj.aggregation_rule is not None:
        here = "aggregationRule.clusterRoleSelectors"
        selectors = obj.aggregation_rule.cluster_role_selectors
        if not selectors:
            words = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            causes.append(required(here, words))
        for index, selector in enumerate(selectors):
            causes += selector_causes(selector, f"{here}[{index}]")
    return causes


def role_update_causes(new: Role, old: Role) -> list[Cause]:
    return role_causes(new)


def cluster_role_update_causes(new: ClusterRole, old: ClusterRole) -> list[Cause]:
    return cluster_role_causes(new)


def _rule_causes(rule: PolicyRule, here: str, *, is_namespaced: bool) -> list[Cause]:
    causes = [] if rule.verbs else [required(f"{here}.verbs", "verbs must contain at least one value")]
    if rule.non_resource_urls:
        urls = list(rule.non_resource_urls)
        if is_namespaced:
            words = "namespaced rules cannot apply to non-resource URLs"
            causes.append(invalid(f"{here}.nonResourceURLs", urls, words))
        if rule.api_groups or rule.resources or rule.resource_names:
            words = "rules cannot apply to both regular resources and non-resource URLs"
            causes.append(invalid(f"{here}.nonResourceURLs", urls, words))
        return causes
    if not rule.api_groups:
        causes.append(required(f"{here}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.resources:
        causes.append(required(f"{here}.resources", "resource rules must supply at least one resource"))
    return causes


def storage_class_causes(obj: StorageClass) -> list[Cause]:
    causes = provisioner_causes("provisioner", obj.provisioner)
    causes += parameter_causes("parameters", obj.parameters)
    if obj.reclaim_policy and obj.reclaim_policy not in ("Delete", "Retain"):
        causes.append(not_supported("reclaimPolicy", obj.reclaim_policy, ("Delete", "Retain")))
    modes = ("Immediate", "WaitForFirstConsumer")
    if obj.volume_binding_mode is None:
        causes.append(required("volumeBindingMode"))
    elif obj.volume_binding_mode not in modes:
        causes.append(not_supported("volumeBindingMode", obj.volume_binding_mode, modes))
    return causes + _topology_causes(obj)


def _topology_causes(obj: StorageClass) -> list[Cause]:
    causes: list[Cause] = []
    terms: list[dict[str, set[str]]] = []
    for number, term in enumerate(obj.allowed_topologies):
        keys: dict[str, set[str]] = {}
        for index, one in enumerate(term.match_label_expressions):
            here = f"allowedTopologies[{number}].matchLabelExpressions[{index}]"
            if not one.values:
                causes.append(required(f"{here}.values"))
            for place, value in enumerate(one.values):
                if value in one.values[:place]:
                    causes.append(duplicate(f"{here}.values[{place}]", value))
            causes += by_rule(f"{here}.key", one.key, names.qualified_name)
            if one.key in keys:
                causes.append(duplicate(f"{here}.key", one.key))
            keys[one.key] = set(one.values)
        if keys in terms:
            causes.append(duplicate(f"allowedTopologies[{number}].matchLabelExpressions", ""))
        terms.append(keys)
    return causes


def namespace_causes(obj: Namespace) -> list[Cause]:
    causes: list[Cause] = []
    for name in obj.spec.finalizers:
        causes += by_rule("spec.finalizers", name, names.qualified_name)
        if "/" not in name and name not in STANDARD_FINALIZERS:
            words = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(invalid("spec.finalizers", name, words))
    return causes


STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def storage_class_update_causes(new: StorageClass, old: StorageClass) -> list[Cause]:
    causes = storage_class_causes(new)
    for name, mine, theirs in (
        ("parameters", new.parameters, old.parameters),
        ("provisioner", new.provisioner, old.provisioner),
        ("reclaimPolicy", new.reclaim_policy, old.reclaim_policy),
    ):
        if mine != theirs:
            causes.append(forbidden(name, f"updates to {name} are forbidden."))
    return causes + immutable("volumeBindingMode", new.volume_binding_mode, old.volume_binding_mode)


def priority_class_causes(obj: PriorityClass) -> list[Cause]:
    name = obj.metadata.name
    causes: list[Cause] = []
    if name.startswith("system-"):
        if SYSTEM_CLASSES.get(name) != obj.value:
            words = "priority class names with 'system-' prefix are reserved for system use only"
            causes.append(forbidden("metadata.name", words))
    elif obj.value > HIGHEST_PRIORITY:
        words = f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"
        causes.append(forbidden("value", words))
    policies = ("Never", "PreemptLowerPriority")
    if obj.preemption_policy is not None and obj.preemption_policy not in policies:
        causes.append(not_supported("preemptionPolicy", obj.preemption_policy, policies))
    return causes


def priority_class_update_causes(new: PriorityClass, old: PriorityClass) -> list[Cause]:
    causes = [forbidden("value", "may not be changed in an update.")] if new.value != old.value else []
    return causes + immutable("preemptionPolicy", new.preemption_policy, old.preemption_policy)


def lease_causes(obj: Lease) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if spec.lease_duration_seconds is not None and spec.lease_duration_seconds <= 0:
        causes.append(
            invalid("spec.leaseDurationSeconds", spec.lease_duration_seconds, "must be greater than 0")
        )
    causes += not_negative("spec.leaseTransitions", spec.lease_transitions)
    if spec.strategy is not None:
        causes += _strategy_causes(spec.strategy, "spec.strategy")
    if spec.preferred_holder and not spec.strategy:
        words = "may only be specified if `strategy` is defined"
        causes.append(forbidden("spec.preferredHolder", words))
    return causes


def _strategy_causes(strategy: str, here: str) -> list[Cause]:
    """Upstream's path says the word twice."""
    if "/" in strategy:
        return by_rule(f"{here}.strategy", strategy, names.qualified_name)
    known = ("OldestEmulationVersion",)
    return [] if strategy in known else [not_supported(f"{here}.strategy", strategy, known)]


def lease_update_causes(new: Lease, old: Lease) -> list[Cause]:
    return lease_causes(new)


def runtime_class_causes(obj: RuntimeClass) -> list[Cause]:
    causes = by_rule("handler", obj.handler, names.dns1123_label)
    if obj.overhead is not None:
        needs = ResourceRequirements(limits=obj.overhead.pod_fixed)
        causes += resource_causes(needs, "overhead")
    if obj.scheduling is not None:
        for key, value in obj.scheduling.node_selector.items():
            causes += by_rule("scheduling.nodeSelector", key, names.qualified_name)
            causes += by_rule("scheduling.nodeSelector", value, names.label_value)
        causes += toleration_causes(obj.scheduling.tolerations, "scheduling.tolerations")
    return causes


def runtime_class_update_causes(new: RuntimeClass, old: RuntimeClass) -> list[Cause]:
    return immutable("handler", new.handler, old.handler)


_PLAIN_VOLUME_FIELDS = {
    "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions",
    "volumeMode", "nodeAffinity", "volumeAttributesClassName",
}  # fmt: skip


def _sources(obj: PersistentVolume) -> dict[str, Any]:
    spec = obj.spec
    return {
        field.name: getattr(spec, field.attribute)
        for field in fields_of(type(spec))
        if field.name not in _PLAIN_VOLUME_FIELDS and getattr(spec, field.attribute) is not None
    }


def volume_causes(obj: PersistentVolume) -> list[Cause]:
    spec = obj.spec
    causes = access_mode_causes(spec.access_modes, "spec.accessModes", "")
    causes += _capacity_causes(spec.capacity, "spec.capacity")
    policy = spec.persistent_volume_reclaim_policy
    if policy and policy not in RECLAIM_POLICIES:
        causes.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, RECLAIM_POLICIES))
    if spec.node_affinity is not None:
        causes += _affinity_causes(spec.node_affinity, "spec.nodeAffinity")
    sources = _sources(obj)
    if not sources:
        causes.append(required("spec", "must specify a volume type"))
    for name in list(sources)[1:]:
        causes.append(forbidden(f"spec.{name}", "may not specify more than 1 volume type"))
    for name, source in list(sources.items())[:1]:
        causes += declared_causes(source, f"spec.{name}")
    if spec.host_path is not None and ".." in spec.host_path.path.split("/"):
        causes.append(invalid("spec.hostPath.path", spec.host_path.path, "must not contain '..'"))
    if spec.nfs is not None and spec.nfs.path and not spec.nfs.path.startswith("/"):
        causes.append(invalid("spec.nfs.path", spec.nfs.path, "must be an absolute path"))
    if "local" in sources and spec.node_affinity is None:
        causes.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    if spec.host_path is not None and policy == "Recycle" and normpath(spec.host_path.path) == "/":
        words = "may not be 'recycle' for a hostPath mount of '/'"
        causes.append(forbidden("spec.persistentVolumeReclaimPolicy", words))
    if spec.storage_class_name:
        causes += by_rule("spec.storageClassName", spec.storage_class_name, names.dns1123_subdomain)
    return causes + volume_mode_causes(spec.volume_mode, "spec.volumeMode")


def access_mode_causes(modes: Sequence[str], here: str, missing: str) -> list[Cause]:
    """Of volumes and of claims. The path is that of the list."""
    causes = [] if modes else [required(here, missing)]
    causes += [not_supported(here, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if "ReadWriteOncePod" in modes and any(mode != "ReadWriteOncePod" for mode in modes):
        causes.append(forbidden(here, "may not use ReadWriteOncePod with other access modes"))
    return causes


def volume_mode_causes(mode: str | None, here: str) -> list[Cause]:
    """Of volumes and of claims."""
    if mode is None or mode in VOLUME_MODES:
        return []
    return [not_supported(here, mode, VOLUME_MODES)]


def _capacity_causes(capacity: dict[str, Any], here: str) -> list[Cause]:
    causes = [] if capacity else [required(here)]
    if set(capacity) != {"storage"}:
        causes.append(not_supported(here, capacity or None, ("storage",)))
    for name, value in capacity.items():
        if quantity.compare(value, 0) <= 0:
            causes.append(invalid(f"{here}[{name}]", str(value), "must be greater than zero"))
    return causes


def _affinity_causes(affinity: VolumeNodeAffinity, here: str) -> list[Cause]:
    if affinity.required is None:
        return [required(f"{here}.required", "must specify required node constraints")]
    return selector_of_nodes_causes(affinity.required, f"{here}.required")


def volume_update_causes(new: PersistentVolume, old: PersistentVolume) -> list[Cause]:
    if new.spec == old.spec:
        return []
    causes = volume_causes(new)
    if _sources(new) != _sources(old):
        words = "spec.persistentvolumesource is immutable after creation"
        causes.append(forbidden("spec.persistentvolumesource", words))
    causes += immutable("volumeMode", new.spec.volume_mode, old.spec.volume_mode)
    if old.spec.node_affinity is not None:
        causes += immutable("nodeAffinity", new.spec.node_affinity, old.spec.node_affinity)
    return causes
