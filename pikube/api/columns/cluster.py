"""Pure: the tables of nodes, events and everything else that has no file of its own (printers.go)."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pikube.api.columns.column import (
    AGE,
    CREATED,
    NAME,
    NONE,
    NUMBER,
    UNKNOWN,
    Column,
    Columns,
    age,
    containers_text,
    joined,
    labels_text,
    wide,
)
from pikube.api.quantity import add

ROLE_PREFIX = "node-role.kubernetes.io/"


def _age(obj: Any, now: float) -> str:
    return age(obj.metadata.creation_timestamp, now)


def node_row(obj: Any, now: float) -> list[Any]:
    ready = next((c for c in obj.status.conditions if c.type == "Ready"), None)
    if ready is None:
        words = "Unknown"
    else:
        words = "Ready" if ready.status == "True" else "NotReady"
    if obj.spec.unschedulable:
        words += ",SchedulingDisabled"
    roles = {k[len(ROLE_PREFIX) :] for k in obj.metadata.labels if k.startswith(ROLE_PREFIX)}
    if obj.metadata.labels.get("kubernetes.io/role"):
        roles.add(obj.metadata.labels["kubernetes.io/role"])
    info = obj.status.node_info
    return [
        obj.metadata.name,
        words,
        joined(sorted(role for role in roles if role)),
        _age(obj, now),
        info.kubelet_version,
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.os_image or UNKNOWN,
        info.kernel_version or UNKNOWN,
        info.container_runtime_version or UNKNOWN,
    ]


def _address(obj: Any, type_: str) -> str:
    return next((a.address for a in obj.status.addresses if a.type == type_), NONE)


def namespace_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.status.phase, _age(obj, now)]


def config_map_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, len(obj.data) + len(obj.binary_data), _age(obj, now)]


def secret_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.type, len(obj.data), _age(obj, now)]


def event_row(obj: Any, now: float) -> list[Any]:
    first = obj.first_timestamp or obj.event_time
    last = obj.last_timestamp or first
    count = obj.count or 1  # events of the new API have none
    if obj.series is not None:
        last, count = obj.series.last_observed_time, obj.series.count
    about = obj.involved_object
    source = obj.source.component or obj.reporting_component
    host = obj.source.host or obj.reporting_instance
    return [
        age(last, now),
        obj.type,
        obj.reason,
        f"{about.kind.lower()}/{about.name}" if about.name else about.kind.lower(),
        about.field_path,
        f"{source}, {host}" if host else source,
        obj.message.strip(),
        age(first, now),
        count,
        obj.metadata.name,
    ]


def budget_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    return [
        obj.metadata.name,
        "N/A" if spec.min_available is None else str(spec.min_available),
        "N/A" if spec.max_unavailable is None else str(spec.max_unavailable),
        obj.status.disruptions_allowed,
        _age(obj, now),
    ]


def quota_row(obj: Any, now: float) -> list[Any]:
    used = {name: obj.status.used.get(name, "0") for name in obj.status.hard}
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(used):
        text = f"{name}: {used[name]}/{obj.status.hard[name]}"
        (limits if name.startswith("limits.") else requests).append(text)
    return [obj.metadata.name, ", ".join(requests), ", ".join(limits), _age(obj, now)]


def limit_range_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.metadata.creation_timestamp]


def priority_class_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        obj.value,
        obj.global_default,
        _age(obj, now),
        obj.preemption_policy or "",
    ]


def lease_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.spec.holder_identity or "", _age(obj, now)]


def runtime_class_row(obj: Any, now: float) -> list[Any]:
    return [obj.metadata.name, obj.handler, _age(obj, now)]


def pod_template_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        *containers_text(obj.template.spec),
        labels_text(obj.template.metadata.labels),
    ]


def component_row(obj: Any, now: float) -> list[Any]:
    healthy = next((c for c in obj.conditions if c.type == "Healthy"), None)
    words = "Unknown"
    if healthy is not None:
        words = "Healthy" if healthy.status == "True" else "Unhealthy"
    return [obj.metadata.name, words, healthy.message if healthy else "", healthy.error if healthy else ""]


def plain_row(obj: Any, now: float) -> list[Any]:
    """Kinds that upstream prints with name and age only."""
    return [obj.metadata.name, _age(obj, now)]


def usage_cells(usages: list[dict[str, Any]]) -> list[str]:
    """CPU and memory, summed; what one of them does not know is not known."""
    cells = []
    for name in ("cpu", "memory"):
        amounts = [usage[name] for usage in usages if name in usage]
        known = len(amounts) == len(usages)
        cells.append(reduce(add, amounts, "0") if known else UNKNOWN)
    return cells


PLAIN = Columns((NAME, AGE), plain_row)

TABLES = {
    "NodeMetrics": Columns(
        (NAME, Column("CPU"), Column("Memory"), Column("Window")),
        lambda obj, now: [obj.metadata.name, *usage_cells([obj.usage]), obj.window],
    ),
    "PodMetrics": Columns(
        (NAME, Column("CPU"), Column("Memory"), Column("Window")),
        lambda obj, now: [obj.metadata.name, *usage_cells([c.usage for c in obj.containers]), obj.window],
    ),
    "Node": Columns(
        (NAME, Column("Status"), Column("Roles"), AGE, Column("Version"), wide("Internal-IP"),
         wide("External-IP"), wide("OS-Image"), wide("Kernel-Version"), wide("Container-Runtime")),
        node_row,
    ),
    "Namespace": Columns((NAME, Column("Status"), AGE), namespace_row),
    "ConfigMap": Columns((NAME, Column("Data"), AGE), config_map_row),
    "Secret": Columns((NAME, Column("Type"), Column("Data"), AGE), secret_row),
    "Event": Columns(
        (Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"), wide("Subobject"),
         wide("Source"), Column("Message"), wide("First Seen"), wide("Count"),
         Column("Name", priority=1, format="name")),
        event_row,
    ),
    "PodDisruptionBudget": Columns(
        (NAME, Column("Min Available"), Column("Max Unavailable"), Column("Allowed Disruptions", NUMBER), AGE),
        budget_row,
    ),
    "ResourceQuota": Columns((NAME, Column("Request"), Column("Limit"), AGE), quota_row),
    "LimitRange": Columns((NAME, CREATED), limit_range_row),
    "PriorityClass": Columns(
        (NAME, Column("Value", NUMBER), Column("Global-Default", "boolean"), AGE,
         Column("PreemptionPolicy")),
        priority_class_row,
    ),
    "Lease": Columns((NAME, Column("Holder"), AGE), lease_row),
    "RuntimeClass": Columns((NAME, Column("Handler"), AGE), runtime_class_row),
    "PodTemplate": Columns(
        (NAME, Column("Containers"), Column("Images"), Column("Pod Labels")), pod_template_row
    ),
    "ComponentStatus": Columns((NAME, Column("Status"), Column("Message"), Column("Error")), component_row),
}  # fmt: skip
