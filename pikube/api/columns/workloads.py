"""Pure: the tables of apps/v1, batch/v1, autoscaling and ReplicationController (printers.go)."""

from __future__ import annotations

from typing import Any

from pikube.api.columns.column import (
    AGE,
    NAME,
    NONE,
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
        *(containers_text(obj.spec.template.spec) if obj.spec.template else [NONE, NONE]),
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
    if "FailureTarget" in true:
        return "FailureTarget"
    return "SuccessCriteriaMet" if "SuccessCriteriaMet" in true else "Running"


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


def _targets(obj: Any) -> str:
    shown = []
    metrics = obj.spec.metrics
    for index, metric in enumerate(metrics):
        source = metric.resource or metric.container_resource
        if source is None:
            shown.append(UNKNOWN)
            continue
        current = UNKNOWN
        if index < len(obj.status.current_metrics):
            seen = obj.status.current_metrics[index]
            value = (
                (seen.resource or seen.container_resource).current
                if (seen.resource or seen.container_resource)
                else None
            )
            if value is not None:
                current = (
                    f"{value.average_utilization}%"
                    if source.target.average_utilization is not None
                    else str(value.average_value)
                )
        wanted = (
            f"{source.target.average_utilization}%"
            if source.target.average_utilization is not None
            else str(source.target.average_value)
        )
        shown.append(f"{source.name}: {current}/{wanted}")
    if len(shown) > 2:
        return f"{', '.join(shown[:2])} + {len(shown) - 2} more..."
    return ", ".join(shown) or NONE


def autoscaler_v1_row(obj: Any, now: float) -> list[Any]:
    spec, status = obj.spec, obj.status
    current = status.current_cpu_utilization_percentage
    seen = UNKNOWN if current is None else f"{current}%"
    return [
        obj.metadata.name,
        f"{spec.scale_target_ref.kind}/{spec.scale_target_ref.name}",
        f"cpu: {seen}/{spec.target_cpu_utilization_percentage}%",
        UNSET if spec.min_replicas is None else str(spec.min_replicas),
        spec.max_replicas,
        status.current_replicas,
        age(obj.metadata.creation_timestamp, now),
    ]


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


NUMBER = "integer"
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
AUTOSCALERS_V1 = Columns(_HPA, autoscaler_v1_row)
REVISIONS = Columns((NAME, Column("Controller"), Column("Revision"), AGE), revision_row)
