"""Pure: what an object counts for in a ResourceQuota, and which quotas count it.

Enter: objects of any namespaced kind, quotas. Leave: amounts by resource name: thousandths of a core for cpu, whole
units for all else. Called by the quota controller and by admission, so that both count alike. Source: kubernetes
pkg/quota/v1/evaluator/core, apiserver pkg/quota/v1/generic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pikube.api.default_class import class_of
from pikube.api.defaulting.pods import qos_class
from pikube.api.kinds.core_config import ResourceQuota
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import ScopedResourceSelectorRequirement
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.meta import Object
from pikube.api.pod_requests import Amounts, pod_limits, pod_requests
from pikube.api.quantity import DECIMAL, NANO, bytes_of, cpu_millicores, from_nano, parse

ENDED = ("Succeeded", "Failed")
COUNTED = frozenset(
    ("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "replicationcontrollers",
     "resourcequotas")
)  # fmt: skip
"""Kinds that a quota may count by their bare name; all others by count/NAME.GROUP."""
PLAIN_REQUESTS = ("cpu", "memory", "ephemeral-storage")
CLASS_SUFFIX = ".storageclass.storage.k8s.io/"


def usage_of(obj: Object) -> Amounts:
    """What one object uses of every resource that a quota may name."""
    names = type(obj).names
    group = f".{names.group}" if names.group else ""
    used: Amounts = {f"count/{names.plural}{group}": 1}
    if isinstance(obj, Pod):
        if not _is_over(obj):
            used.update(_pod_usage(obj))
        return used
    if names.plural in COUNTED and not names.group:
        used[names.plural] = 1
    if isinstance(obj, Service):
        used.update(_service_usage(obj))
    elif isinstance(obj, PersistentVolumeClaim):
        used.update(_claim_usage(obj))
    return used


def _is_over(pod: Pod) -> bool:
    return pod.status.phase in ENDED


def _pod_usage(pod: Pod) -> Amounts:
    used: Amounts = {"pods": 1}
    for name, amount in pod_requests(pod.spec).items():
        used[f"requests.{name}"] = amount
        if name in PLAIN_REQUESTS or name.startswith("hugepages-"):
            used[name] = amount
    for name, amount in pod_limits(pod.spec).items():
        if name in PLAIN_REQUESTS:
            used[f"limits.{name}"] = amount
    return used


def _service_usage(service: Service) -> Amounts:
    spec = service.spec
    used: Amounts = {"services.nodeports": 0, "services.loadbalancers": 0}
    if spec.type == "NodePort" or (
        spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is not False
    ):
        used["services.nodeports"] = len(spec.ports)
    if spec.type == "LoadBalancer":
        used["services.loadbalancers"] = 1
    return used


def _claim_usage(claim: PersistentVolumeClaim) -> Amounts:
    size = bytes_of(claim.spec.resources.requests.get("storage", 0))
    used: Amounts = {"requests.storage": size}
    class_ = class_of(claim)
    if class_:
        used[f"{class_}{CLASS_SUFFIX}requests.storage"] = size
        used[f"{class_}{CLASS_SUFFIX}persistentvolumeclaims"] = 1
    return used


def counts(quota: ResourceQuota, obj: Object) -> bool:
    """Whether the quota's scopes include the object; a quota with scopes counts pods only."""
    requirements = [
        *(ScopedResourceSelectorRequirement(scope_name=s, operator="Exists") for s in quota.spec.scopes),
        *(quota.spec.scope_selector.match_expressions if quota.spec.scope_selector is not None else ()),
    ]
    if not requirements:
        return True
    return isinstance(obj, Pod) and all(_is_in_scope(obj, requirement) for requirement in requirements)


def _is_in_scope(pod: Pod, wanted: ScopedResourceSelectorRequirement) -> bool:
    spec, scope = pod.spec, wanted.scope_name
    has_deadline = spec.active_deadline_seconds is not None
    if scope in ("Terminating", "NotTerminating"):
        return has_deadline is (scope == "Terminating")
    if scope in ("BestEffort", "NotBestEffort"):
        return (qos_class(spec) == "BestEffort") is (scope == "BestEffort")
    if scope == "PriorityClass":
        return _chooses(wanted, spec.priority_class_name)
    return scope == "CrossNamespacePodAffinity" and _reaches_out(pod)


def _chooses(wanted: ScopedResourceSelectorRequirement, name: str) -> bool:
    match wanted.operator:
        case "In":
            return name in wanted.values
        case "NotIn":
            return name not in wanted.values
        case "DoesNotExist":
            return not name
    return bool(name)


def _reaches_out(pod: Pod) -> bool:
    affinity = pod.spec.affinity
    terms: list[Any] = []
    for part in (affinity.pod_affinity, affinity.pod_anti_affinity) if affinity is not None else ():
        if part is not None:
            terms += part.required_during_scheduling_ignored_during_execution
            terms += [t.pod_affinity_term for t in part.preferred_during_scheduling_ignored_during_execution]
    return any(term.namespaces or term.namespace_selector is not None for term in terms)


def total(usages: Iterable[Mapping[str, int]], names: Iterable[str]) -> Amounts:
    """The sum of each named resource."""
    found: Amounts = dict.fromkeys(names, 0)
    for usage in usages:
        for name in found.keys() & usage.keys():
            found[name] += usage[name]
    return found


def limit_of(name: str, quantity: str | int | float) -> int:
    """A quota's limit in the units of `usage_of`."""
    return cpu_millicores(quantity) if _is_cpu(name) else bytes_of(quantity)


def render(name: str, amount: int, like: str | int | float = "0") -> str:
    """An amount as Kubernetes writes it, in the family of suffixes that the limit is written in."""
    if _is_cpu(name):
        return from_nano(amount * 10**6, DECIMAL)
    return from_nano(amount * NANO, parse(like).format)


def _is_cpu(name: str) -> bool:
    return name in ("cpu", "requests.cpu", "limits.cpu")
