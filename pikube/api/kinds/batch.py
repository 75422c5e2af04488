"""Declaration: batch/v1.

Field names, types and protobuf numbers are upstream's (module k8s.io/api, v0.36); the words are our own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from pikube.api.kinds.base import ALWAYS_LIST, ALWAYS_STR, Field, Int32, Int64, Names, Struct, Time
from pikube.api.kinds.core_pod import PodTemplateSpec
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.meta import LabelSelector, Object, ObjectMeta


class JobSpec(Struct):
    parallelism: Annotated[Int32 | None, Field(1)] = None
    completions: Annotated[Int32 | None, Field(2)] = None
    active_deadline_seconds: Annotated[Int64 | None, Field(3)] = None
    pod_failure_policy: Annotated[PodFailurePolicy | None, Field(11)] = None
    success_policy: Annotated[SuccessPolicy | None, Field(16)] = None
    backoff_limit: Annotated[Int32 | None, Field(7)] = None
    backoff_limit_per_index: Annotated[Int32 | None, Field(12)] = None
    max_failed_indexes: Annotated[Int32 | None, Field(13)] = None
    selector: Annotated[LabelSelector | None, Field(4, atomic=True)] = None
    manual_selector: Annotated[bool | None, Field(5)] = None
    template: Annotated[PodTemplateSpec, Field(6, required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    ttl_seconds_after_finished: Annotated[Int32 | None, Field(8)] = None
    completion_mode: Annotated[str | None, Field(9, enum=("NonIndexed", "Indexed"))] = None
    suspend: Annotated[bool | None, Field(10)] = None
    pod_replacement_policy: Annotated[str | None, Field(14, enum=("TerminatingOrFailed", "Failed"))] = None
    managed_by: Annotated[str | None, Field(15)] = None


class JobStatus(Struct):
    conditions: Annotated[tuple[JobCondition, ...], Field(1, merge_key="type")] = ()
    start_time: Annotated[Time, Field(2)] = ""
    completion_time: Annotated[Time, Field(3)] = ""
    active: Annotated[Int32, Field(4)] = 0
    succeeded: Annotated[Int32, Field(5)] = 0
    failed: Annotated[Int32, Field(6)] = 0
    terminating: Annotated[Int32 | None, Field(11)] = None
    completed_indexes: Annotated[str, Field(7)] = ""
    failed_indexes: Annotated[str | None, Field(10)] = None
    uncounted_terminated_pods: Annotated[UncountedTerminatedPods | None, Field(8)] = None
    ready: Annotated[Int32 | None, Field(9)] = None


class Job(Object):
    names: ClassVar[Names] = Names("batch", "v1", "Job", "jobs", True, categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Job")
    api_version: str = msgspec.field(default_factory=lambda: "batch/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[JobSpec, Field(2)] = msgspec.field(default_factory=JobSpec)
    status: Annotated[JobStatus, Field(3)] = msgspec.field(default_factory=JobStatus)


class PodFailurePolicyOnExitCodesRequirement(Struct):
    container_name: Annotated[str | None, Field(1)] = None
    operator: Annotated[str, Field(2, required=True, enum=("In", "NotIn"))] = ALWAYS_STR
    values: Annotated[tuple[Int32, ...], Field(3, required=True, list_type="set")] = ALWAYS_LIST


class PodFailurePolicyOnPodConditionsPattern(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2)] = ALWAYS_STR


class PodFailurePolicyRule(Struct):
    action: Annotated[str, Field(1, required=True, enum=("FailJob", "FailIndex", "Ignore", "Count"))] = ALWAYS_STR
    on_exit_codes: Annotated[PodFailurePolicyOnExitCodesRequirement | None, Field(2)] = None
    on_pod_conditions: Annotated[tuple[PodFailurePolicyOnPodConditionsPattern, ...], Field(3)] = ()


class PodFailurePolicy(Struct):
    rules: Annotated[tuple[PodFailurePolicyRule, ...], Field(1, required=True)] = ALWAYS_LIST


class SuccessPolicy(Struct):
    rules: Annotated[tuple[SuccessPolicyRule, ...], Field(1, required=True)] = ALWAYS_LIST


class SuccessPolicyRule(Struct):
    succeeded_indexes: Annotated[str | None, Field(1)] = None
    succeeded_count: Annotated[Int32 | None, Field(2)] = None


class UncountedTerminatedPods(Struct):
    succeeded: Annotated[tuple[str, ...], Field(1, list_type="set")] = ()
    failed: Annotated[tuple[str, ...], Field(2, list_type="set")] = ()


class JobCondition(Struct):
    type: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, required=True)] = ALWAYS_STR
    last_probe_time: Annotated[Time, Field(3)] = ""
    last_transition_time: Annotated[Time, Field(4)] = ""
    reason: Annotated[str, Field(5)] = ""
    message: Annotated[str, Field(6)] = ""


class JobTemplateSpec(Struct):
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[JobSpec, Field(2)] = msgspec.field(default_factory=JobSpec)


class CronJobSpec(Struct):
    schedule: Annotated[str, Field(1, required=True)] = ALWAYS_STR
    time_zone: Annotated[str | None, Field(8)] = None
    starting_deadline_seconds: Annotated[Int64 | None, Field(2)] = None
    concurrency_policy: Annotated[str, Field(3, enum=("Allow", "Forbid", "Replace"))] = ""
    suspend: Annotated[bool | None, Field(4)] = None
    job_template: Annotated[JobTemplateSpec, Field(5, required=True)] = msgspec.field(default_factory=JobTemplateSpec)
    successful_jobs_history_limit: Annotated[Int32 | None, Field(6)] = None
    failed_jobs_history_limit: Annotated[Int32 | None, Field(7)] = None


class CronJobStatus(Struct):
    active: Annotated[tuple[ObjectReference, ...], Field(1)] = ()
    last_schedule_time: Annotated[Time, Field(4)] = ""
    last_successful_time: Annotated[Time, Field(5)] = ""


class CronJob(Object):
    names: ClassVar[Names] = Names("batch", "v1", "CronJob", "cronjobs", True, short=("cj",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "CronJob")
    api_version: str = msgspec.field(default_factory=lambda: "batch/v1")
    metadata: Annotated[ObjectMeta, Field(1)] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CronJobSpec, Field(2, required=True)] = msgspec.field(default_factory=CronJobSpec)
    status: Annotated[CronJobStatus, Field(3)] = msgspec.field(default_factory=CronJobStatus)
