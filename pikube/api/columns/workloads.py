"""Pure: the tables of apps/v1, batch/v1, autoscaling and ReplicationController (printers.go)."""

from __future__ import annotations

from typing import Any

from pikube.api.columns.column import (
    AGE,
    NAME,
    NONE,
    NUMBER,
    UNKNOWN,
    UNSET,
    Column,
    Columns,
    age,
    containers_text,
    human_duration,
    labels_text,
    selector_text,
    wide,
)
from pikube.api.times import parse_time
from pikube.api.views_autoscaling import AUTOSCALERS as VIEW

WIDE_TEMPLATE = (wide("Containers"), wide("Images"), wide("Selector"))


def _replicas(obj: Any) -> int:
    return 1 if obj.spec.replicas is None else obj.spec.replicas


def deployment_row(obj: Any, now: float) -> list[Any]:
    status = obj.status
    return [
        obj.metadata.name,
        f"{status.ready_replicas}/{_replicas(obj)}",
        status.updated_replicas,
        status.available_replicas,
        age(obj.metadata.creation_timestamp, now),
        *containers_text(obj.spec.template.spec),
        selector_text(obj.spec.selector),
    ]


def replica_set_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        _replicas(obj),
        obj.status.replicas,
        obj.status.ready_replicas,
        age(obj.metadata.creation_timestamp, now),
        *containers_text(obj.spec.template.spec),
        selector_text(obj.spec.selector),
    ]


def controller_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        _replicas(obj),
        obj.status.replicas,
        obj.status.ready_replicas,
        age(obj.metadata.creation_timestamp, now),
        *(containers_text(obj.spec.template.spec) if obj.spec.template else ["", ""]),
        labels_text(obj.spec.selector),
    ]


def daemon_set_row(obj: Any, now: float) -> list[Any]:
    status = obj.status
    return [
        obj.metadata.name,
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_ready,
        status.updated_number_scheduled,
        status.number_available,
        labels_text(obj.spec.template.spec.node_selector),
        age(obj.metadata.creation_timestamp, now),
        *containers_text(obj.spec.template.spec),
        selector_text(obj.spec.selector),
    ]


def stateful_set_row(obj: Any, now: float) -> list[Any]:
    return [
        obj.metadata.name,
        f"{obj.status.ready_replicas}/{_replicas(obj)}",
        age(obj.metadata.creation_timestamp, now),
        *containers_text(obj.spec.template.spec),
    ]


def job_row(obj: Any, now: float) -> list[Any]:
    spec, status = obj.spec, obj.status
    if spec.completions is not None:
        completions = f"{status.succeeded}/{spec.completions}"
    elif (spec.parallelism or 0) > 1:
        completions = f"{status.succeeded}/1 of {spec.parallelism}"
    else:
        completions = f"{status.succeeded}/1"
    duration = ""
    if status.start_time:
        end = parse_time(status.completion_time) if status.completion_time else now
        duration = human_duration(end - parse_time(status.start_time))
    return [
        obj.metadata.name,
        _job_words(obj),
        completions,
        duration,
        age(obj.metadata.creation_timestamp, now),
        *containers_text(spec.template.spec),
        selector_text(spec.selector),
    ]


def _job_words(obj: Any) -> str:
    true = {c.type for c in obj.status.conditions if c.status == "True"}
    for condition, words in (("Complete", "Complete"), ("Failed", "Failed")):
        if condition in true:
            return words
    if obj.metadata.deletion_timestamp:
        return "Terminating"
    if "Suspended" in true:
        return "Suspended"
    return "FailureTarget" if "FailureTarget" in true else "Running"


def cron_job_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    last = obj.status.last_schedule_time
    return [
        obj.metadata.name,
        spec.schedule,
        NONE if spec.time_zone is None else spec.time_zone,
        "True" if spec.suspend else "False",
        len(obj.status.active),
        age(last, now) if last else NONE,
        age(obj.metadata.creation_timestamp, now),
        *containers_text(spec.job_template.spec.template.spec),
        selector_text(spec.job_template.spec.selector),
    ]


def autoscaler_row(obj: Any, now: float) -> list[Any]:
    spec = obj.spec
    target = spec.scale_target_ref
    return [
        obj.metadata.name,
        f"{target.kind}/{target.name}",
        _targets(obj),
        UNSET if spec.min_replicas is None else str(spec.min_replicas),
        spec.max_replicas,
        obj.status.current_replicas,
        age(obj.metadata.creation_timestamp, now),
    ]


SOURCES = {
    "Resource": "resource",
    "ContainerResource": "container_resource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _targets(obj: Any) -> str:
    """What is measured against what is wanted (printers.go:formatHPAMetrics)."""
    seen = obj.status.current_metrics
    shown = [
        _target(metric, seen[index] if index < len(seen) else None)
        for index, metric in enumerate(obj.spec.metrics)
    ]
    if len(shown) > 2:
        return f"{', '.join(shown[:2])} + {len(shown) - 2} more..."
    return ", ".join(shown) or NONE


def _target(metric: Any, status: Any) -> str:
    attribute = SOURCES.get(metric.type, "")
    source = getattr(metric, attribute, None)
    if source is None:
        return "<unknown type>"
    seen = getattr(status, attribute, None)
    now = seen.current if seen is not None else None
    target = source.target
    if metric.type in ("Resource", "ContainerResource"):
        if target.average_value is not None:
            current = UNKNOWN if now is None else str(now.average_value)
            return f"{source.name}: {current}/{target.average_value}"
        current = UNKNOWN if now is None or now.average_utilization is None else f"{now.average_utilization}%"
        wanted = "<auto>" if target.average_utilization is None else f"{target.average_utilization}%"
        return f"{source.name}: {current}/{wanted}"
    if metric.type == "Pods":
        return f"{UNKNOWN if now is None else now.average_value}/{target.average_value}"
    if target.average_value is not None:
        current = UNKNOWN if now is None or now.average_value is None else str(now.average_value)
        return f"{current}/{target.average_value} (avg)"
    return f"{UNKNOWN if now is None else now.value}/{target.value}"


def scale_row(obj: Any, now: float) -> list[Any]:
    since = age(obj.metadata.creation_timestamp, now)
    return [obj.metadata.name, obj.spec.replicas, obj.status.replicas, since]


def revision_row(obj: Any, now: float) -> list[Any]:
    owner = next((ref for ref in obj.metadata.owner_references if ref.controller), None)
    group = owner.api_version.partition("/")[0] if owner and "/" in owner.api_version else ""
    kind = f"{owner.kind.lower()}.{group}" if owner and group else (owner.kind.lower() if owner else "")
    return [
        obj.metadata.name,
        f"{kind}/{owner.name}" if owner else NONE,
        obj.revision,
        age(obj.metadata.creation_timestamp, now),
    ]


SCALED = (NAME, Column("Desired", NUMBER), Column("Current", NUMBER), Column("Ready", NUMBER))

DEPLOYMENTS = Columns(
    (NAME, Column("Ready"), Column("Up-to-date"), Column("Available"), AGE, *WIDE_TEMPLATE),
    deployment_row,
)
REPLICA_SETS = Columns((*SCALED, AGE, *WIDE_TEMPLATE), replica_set_row)
CONTROLLERS = Columns((*SCALED, AGE, *WIDE_TEMPLATE), controller_row)
DAEMON_SETS = Columns(
    (
        *SCALED,
        Column("Up-to-date", NUMBER),
        Column("Available", NUMBER),
        Column("Node Selector"),
        AGE,
        *WIDE_TEMPLATE,
    ),
    daemon_set_row,
)
STATEFUL_SETS = Columns((NAME, Column("Ready"), AGE, wide("Containers"), wide("Images")), stateful_set_row)
JOBS = Columns(
    (NAME, Column("Status"), Column("Completions"), Column("Duration"), AGE, *WIDE_TEMPLATE), job_row
)
CRON_JOBS = Columns(
    (
        NAME,
        Column("Schedule"),
        Column("Timezone"),
        Column("Suspend", "boolean"),
        Column("Active", NUMBER),
        Column("Last Schedule"),
        AGE,
        *WIDE_TEMPLATE,
    ),
    cron_job_row,
)
_HPA = (
    NAME,
    Column("Reference"),
    Column("Targets"),
    Column("MinPods"),
    Column("MaxPods"),
    Column("Replicas"),
    AGE,
)
AUTOSCALERS = Columns(_HPA, autoscaler_row)
AUTOSCALERS_V1 = Columns(_HPA, lambda obj, now: autoscaler_row(VIEW.stored(obj), now))
REVISIONS = Columns((NAME, Column("Controller"), Column("Revision"), AGE), revision_row)
SCALES = Columns((NAME, Column("Desired", NUMBER), Column("Available", NUMBER), AGE), scale_row)
