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
    """What a Job is to do."""

    parallelism: Annotated[Int32 | None, Field(1, "How many pods run at once at most. 1 when absent.")] = None
    completions: Annotated[Int32 | None, Field(2, "How many pods must succeed. When absent, one success ends the work queue.")] = None
    active_deadline_seconds: Annotated[Int64 | None, Field(3, "Seconds after which the Job is ended as failed.")] = None
    pod_failure_policy: Annotated[PodFailurePolicy | None, Field(11, "What a failed pod means, by its exit code or conditions.")] = None
    success_policy: Annotated[SuccessPolicy | None, Field(16, "When an indexed Job counts as done before all indexes are.")] = None
    backoff_limit: Annotated[Int32 | None, Field(7, "How many pods may fail before the Job does. 6 when absent.")] = None
    backoff_limit_per_index: Annotated[Int32 | None, Field(12, "How often each index may fail.")] = None
    max_failed_indexes: Annotated[Int32 | None, Field(13, "How many indexes may fail before the Job does.")] = None
    selector: Annotated[LabelSelector | None, Field(4, "Selects its pods; made by the server.", atomic=True)] = None
    manual_selector: Annotated[bool | None, Field(5, "Whether the selector is the user's own. Rarely right.")] = None
    template: Annotated[PodTemplateSpec, Field(6, "What its pods are like; restartPolicy is Never or OnFailure.", required=True)] = msgspec.field(default_factory=PodTemplateSpec)
    ttl_seconds_after_finished: Annotated[Int32 | None, Field(8, "Seconds after its end when the Job is deleted.")] = None
    completion_mode: Annotated[str | None, Field(9, "NonIndexed (the default), or Indexed to give each pod a number.", enum=("NonIndexed", "Indexed"))] = None
    suspend: Annotated[bool | None, Field(10, "Run no pods for now.")] = None
    pod_replacement_policy: Annotated[str | None, Field(14, "When a pod is replaced: TerminatingOrFailed (the default) or Failed.", enum=("TerminatingOrFailed", "Failed"))] = None
    managed_by: Annotated[str | None, Field(15, "Who runs this Job; the built-in controller when absent.")] = None


class JobStatus(Struct):
    """What is known of a Job."""

    conditions: Annotated[tuple[JobCondition, ...], Field(1, "What is known of the object's state, one entry a type.", merge_key="type")] = ()
    start_time: Annotated[Time, Field(2, "When it was begun.")] = ""
    completion_time: Annotated[Time, Field(3, "When it succeeded.")] = ""
    active: Annotated[Int32, Field(4, "Pods that are pending or running.")] = 0
    succeeded: Annotated[Int32, Field(5, "Pods that succeeded.")] = 0
    failed: Annotated[Int32, Field(6, "Pods that failed.")] = 0
    terminating: Annotated[Int32 | None, Field(11, "Pods that are on their way out.")] = None
    completed_indexes: Annotated[str, Field(7, "The indexes that succeeded, for example 1,3-5.")] = ""
    failed_indexes: Annotated[str | None, Field(10, "The indexes that failed for good.")] = None
    uncounted_terminated_pods: Annotated[UncountedTerminatedPods | None, Field(8, "Ended pods that are not in the counters yet.")] = None
    ready: Annotated[Int32 | None, Field(9, "Pods that are ready.")] = None


class Job(Object):
    """Runs pods until enough of them have succeeded."""

    names: ClassVar[Names] = Names("batch", "v1", "Job", "jobs", True, categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "Job")
    api_version: str = msgspec.field(default_factory=lambda: "batch/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[JobSpec, Field(2, "What is wanted of the object.")] = msgspec.field(default_factory=JobSpec)
    status: Annotated[JobStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=JobStatus)


class PodFailurePolicyOnExitCodesRequirement(Struct):
    """Exit codes that a rule is for."""

    container_name: Annotated[str | None, Field(1, "The container; any when absent.")] = None
    operator: Annotated[str, Field(2, "In or NotIn.", required=True, enum=("In", "NotIn"))] = ALWAYS_STR
    values: Annotated[tuple[Int32, ...], Field(3, "The codes.", required=True, list_type="set")] = ALWAYS_LIST


class PodFailurePolicyOnPodConditionsPattern(Struct):
    """A condition of a pod that a rule is for."""

    type: Annotated[str, Field(1, "The condition's type.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "The condition's status.")] = ALWAYS_STR


class PodFailurePolicyRule(Struct):
    """What a certain failure means."""

    action: Annotated[str, Field(1, "FailJob, FailIndex, Ignore or Count.", required=True, enum=("FailJob", "FailIndex", "Ignore", "Count"))] = ALWAYS_STR
    on_exit_codes: Annotated[PodFailurePolicyOnExitCodesRequirement | None, Field(2, "The exit codes that it is for.")] = None
    on_pod_conditions: Annotated[tuple[PodFailurePolicyOnPodConditionsPattern, ...], Field(3, "The conditions that it is for.")] = ()


class PodFailurePolicy(Struct):
    """What failures mean."""

    rules: Annotated[tuple[PodFailurePolicyRule, ...], Field(1, "The rules; the first that fits counts.", required=True)] = ALWAYS_LIST


class SuccessPolicy(Struct):
    """When a Job counts as done."""

    rules: Annotated[tuple[SuccessPolicyRule, ...], Field(1, "The rules; one that is met is enough.", required=True)] = ALWAYS_LIST


class SuccessPolicyRule(Struct):
    """What is enough for success."""

    succeeded_indexes: Annotated[str | None, Field(1, "The indexes that must succeed, for example 0,2-4.")] = None
    succeeded_count: Annotated[Int32 | None, Field(2, "How many of them must succeed.")] = None


class UncountedTerminatedPods(Struct):
    """Ended pods that are not in the counters yet."""

    succeeded: Annotated[tuple[str, ...], Field(1, "Uids of those that succeeded.", list_type="set")] = ()
    failed: Annotated[tuple[str, ...], Field(2, "Uids of those that failed.", list_type="set")] = ()


class JobCondition(Struct):
    """One thing that is known of a Job's state."""

    type: Annotated[str, Field(1, "What the condition is about, in CamelCase.", required=True)] = ALWAYS_STR
    status: Annotated[str, Field(2, "True, False or Unknown.", required=True)] = ALWAYS_STR
    last_probe_time: Annotated[Time, Field(3, "When the condition was last checked.")] = ""
    last_transition_time: Annotated[Time, Field(4, "When the status last changed from one value to another.")] = ""
    reason: Annotated[str, Field(5, "One word in CamelCase that says why, for programs.")] = ""
    message: Annotated[str, Field(6, "A sentence that says why, for people.")] = ""


class JobTemplateSpec(Struct):
    """What the Jobs of a CronJob are like."""

    metadata: Annotated[ObjectMeta, Field(1, "Labels and annotations of the Jobs.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[JobSpec, Field(2, "What the Jobs are to do.")] = msgspec.field(default_factory=JobSpec)


class CronJobSpec(Struct):
    """When and what a CronJob runs."""

    schedule: Annotated[str, Field(1, "The times in cron's five fields, for example */5 * * * *; @daily and the like too.", required=True)] = ALWAYS_STR
    time_zone: Annotated[str | None, Field(8, "The time zone's name, for example Europe/Berlin; that of the leader when absent.")] = None
    starting_deadline_seconds: Annotated[Int64 | None, Field(2, "How late a run may still begin.")] = None
    concurrency_policy: Annotated[str, Field(3, "When the last run still goes on: Allow (the default), Forbid or Replace.", enum=("Allow", "Forbid", "Replace"))] = ""
    suspend: Annotated[bool | None, Field(4, "Begin no runs for now.")] = None
    job_template: Annotated[JobTemplateSpec, Field(5, "What its Jobs are like.", required=True)] = msgspec.field(default_factory=JobTemplateSpec)
    successful_jobs_history_limit: Annotated[Int32 | None, Field(6, "How many Jobs that succeeded are kept. 3 when absent.")] = None
    failed_jobs_history_limit: Annotated[Int32 | None, Field(7, "How many Jobs that failed are kept. 1 when absent.")] = None


class CronJobStatus(Struct):
    """What is known of a CronJob."""

    active: Annotated[tuple[ObjectReference, ...], Field(1, "The Jobs that run.")] = ()
    last_schedule_time: Annotated[Time, Field(4, "When a Job was last begun.")] = ""
    last_successful_time: Annotated[Time, Field(5, "When a Job last succeeded.")] = ""


class CronJob(Object):
    """Makes a Job again and again, at the times of a schedule."""

    names: ClassVar[Names] = Names("batch", "v1", "CronJob", "cronjobs", True, short=("cj",), categories=("all",))
    kind: str = msgspec.field(default_factory=lambda: "CronJob")
    api_version: str = msgspec.field(default_factory=lambda: "batch/v1")
    metadata: Annotated[ObjectMeta, Field(1, "What every object carries: name, namespace, labels, annotations, owners and the rest.")] = msgspec.field(default_factory=ObjectMeta)
    spec: Annotated[CronJobSpec, Field(2, "What is wanted of the object.", required=True)] = msgspec.field(default_factory=CronJobSpec)
    status: Annotated[CronJobStatus, Field(3, "What the system last saw of the object. Users do not write it.")] = msgspec.field(default_factory=CronJobStatus)
