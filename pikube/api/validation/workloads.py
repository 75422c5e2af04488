"""Pure: what is wrong with workloads: apps/v1, batch/v1, ReplicationController, autoscaling, disruption budgets.

Sources: kubernetes pkg/apis/{apps,batch,autoscaling,policy}/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from pikube.api import names
from pikube.api.cron import CronError, load_zone, parse_cron
from pikube.api.defaulting.workloads import job_labels
from pikube.api.errors import Cause
from pikube.api.kinds.apps import ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.batch import CronJob, Job, JobSpec
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.kinds.core_pod import PodTemplate, PodTemplateSpec
from pikube.api.kinds.core_volume import EmptyDirVolumeSource, Volume
from pikube.api.kinds.meta import LabelSelector
from pikube.api.kinds.policy import PodDisruptionBudget
from pikube.api.selector import from_label_selector, from_map
from pikube.api.validation.causes import (
    by_rule,
    forbidden,
    immutable,
    invalid,
    not_negative,
    not_supported,
    required,
    too_long,
)
from pikube.api.validation.conditions import condition_causes
from pikube.api.validation.declared import declared_causes
from pikube.api.validation.job_policies import policy_causes
from pikube.api.validation.pods import pod_spec_causes
from pikube.api.validation.selectors import selector_causes

NO_MATCH = "`selector` does not match template `labels`"
STATEFUL_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
STATEFUL_MUTABLE = (
    "replicas", "ordinals", "template", "update_strategy", "revision_history_limit",
    "persistent_volume_claim_retention_policy", "min_ready_seconds",
)  # fmt: skip


MOST_AT_ONCE = 100_000  # apis/batch/validation:maxParallelismForIndexedJob


def _owned_template(
    selector: LabelSelector | None, template: PodTemplateSpec, kind: str = "deployment", path: str = "spec"
) -> list[Cause]:
    """A selector and the template whose pods it must choose; `kind` as upstream's words name it."""
    causes: list[Cause] = []
    labels = template.metadata.labels
    no_match = invalid(f"{path}.template.metadata.labels", labels or None, NO_MATCH)
    if selector is None:
        # what is not there selects nothing (metav1.LabelSelectorAsSelector), and daemon sets are not asked for it
        causes += [no_match] if kind == "daemonset" else [required(f"{path}.selector"), no_match]
    else:
        problems = selector_causes(selector, f"{path}.selector")
        causes += problems
        if not problems and not selector.match_labels and not selector.match_expressions:
            causes.append(invalid(f"{path}.selector", selector, f"empty selector is invalid for {kind}"))
        if not problems and not from_label_selector(selector).matches(labels):
            causes.append(no_match)
    causes += template_causes(template, f"{path}.template", always=True)
    return causes + _no_deadline_causes(template, f"{path}.template", OWNERS.get(kind, "ReplicaSet"))


OWNERS = {"daemonset": "DaemonSet", "statefulset": "StatefulSet"}


def _no_deadline_causes(template: PodTemplateSpec, path: str, kind: str) -> list[Cause]:
    """Pods that are replaced never end in time."""
    if template.spec.active_deadline_seconds is None:
        return []
    words = f"activeDeadlineSeconds in {kind} is not Supported"
    return [forbidden(f"{path}.spec.activeDeadlineSeconds", words)]


def template_causes(template: PodTemplateSpec, path: str, *, always: bool) -> list[Cause]:
    """A pod template; `always` for workloads whose pods never end."""
    causes = []
    for key, value in template.metadata.labels.items():
        causes += by_rule(f"{path}.metadata.labels", key, names.qualified_name)
        causes += by_rule(f"{path}.metadata.labels", value, names.label_value)
    causes += pod_spec_causes(template.spec, f"{path}.spec")
    if template.spec.ephemeral_containers:
        words = "ephemeral containers not allowed in pod template"
        causes.append(forbidden(f"{path}.spec.ephemeralContainers", words))
    if always and template.spec.restart_policy != "Always":
        causes.append(not_supported(f"{path}.spec.restartPolicy", template.spec.restart_policy, ["Always"]))
    return causes


def pod_template_causes(obj: PodTemplate) -> list[Cause]:
    return template_causes(obj.template, "template", always=False)


def pod_template_update_causes(new: PodTemplate, old: PodTemplate) -> list[Cause]:
    return pod_template_causes(new)


def revision_causes(obj: ControllerRevision) -> list[Cause]:
    causes = [required("data", "data is mandatory")] if obj.data is None else []
    return causes + not_negative("revision", obj.revision)


def revision_update_causes(new: ControllerRevision, old: ControllerRevision) -> list[Cause]:
    return not_negative("revision", new.revision) + immutable("data", new.data, old.data)


def deployment_causes(obj: Deployment) -> list[Cause]:
    spec = obj.spec
    causes = not_negative("spec.replicas", spec.replicas)
    causes += _owned_template(spec.selector, spec.template)
    causes += not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    causes += not_negative("spec.revisionHistoryLimit", spec.revision_history_limit)
    causes += declared_causes(spec.strategy, "spec.strategy")
    rolling = spec.strategy.rolling_update
    if spec.strategy.type == "Recreate" and rolling is not None:
        words = "may not be specified when strategy `type` is 'Recreate'"
        causes.append(forbidden("spec.strategy.rollingUpdate", words))
    elif spec.strategy.type == "RollingUpdate" and rolling is not None:
        here = "spec.strategy.rollingUpdate"
        causes += share_causes(rolling.max_unavailable, f"{here}.maxUnavailable", at_most_all=True)
        causes += share_causes(rolling.max_surge, f"{here}.maxSurge")
        if _is_zero(rolling.max_unavailable) and _is_zero(rolling.max_surge):
            words = "may not be 0 when `maxSurge` is 0"
            causes.append(invalid(f"{here}.maxUnavailable", rolling.max_unavailable, words))
    deadline = spec.progress_deadline_seconds
    if deadline is not None and deadline <= spec.min_ready_seconds:
        causes.append(
            invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return causes


def deployment_update_causes(new: Deployment, old: Deployment) -> list[Cause]:
    if new.spec == old.spec:
        return []
    return [*deployment_causes(new), *immutable("spec.selector", new.spec.selector, old.spec.selector)]


def replica_set_causes(obj: ReplicaSet) -> list[Cause]:
    spec = obj.spec
    return [
        *not_negative("spec.replicas", spec.replicas),
        *not_negative("spec.minReadySeconds", spec.min_ready_seconds),
        *_owned_template(spec.selector, spec.template),
    ]


def replica_set_update_causes(new: ReplicaSet, old: ReplicaSet) -> list[Cause]:
    if new.spec == old.spec:
        return []
    return [*replica_set_causes(new), *immutable("spec.selector", new.spec.selector, old.spec.selector)]


def replication_controller_causes(obj: ReplicationController) -> list[Cause]:
    spec = obj.spec
    causes = not_negative("spec.replicas", spec.replicas)
    if not spec.selector:
        causes.append(required("spec.selector"))
    if spec.template is None:
        return [*causes, required("spec.template")]
    if spec.selector and not from_map(spec.selector).matches(spec.template.metadata.labels):
        causes.append(
            invalid("spec.template.metadata.labels", spec.template.metadata.labels or None, NO_MATCH)
        )
    causes += template_causes(spec.template, "spec.template", always=True)
    return causes + _no_deadline_causes(spec.template, "spec.template", "ReplicationController")


def daemon_set_causes(obj: DaemonSet) -> list[Cause]:
    spec = obj.spec
    causes = _owned_template(spec.selector, spec.template, "daemonset")
    causes += not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    causes += not_negative("spec.revisionHistoryLimit", spec.revision_history_limit)
    causes += declared_causes(spec.update_strategy, "spec.updateStrategy")
    rolling = spec.update_strategy.rolling_update
    if rolling is not None:
        here = "spec.updateStrategy.rollingUpdate"
        causes += share_causes(rolling.max_unavailable, f"{here}.maxUnavailable", at_most_all=True)
        causes += share_causes(rolling.max_surge, f"{here}.maxSurge", at_most_all=True)
        if _is_zero(rolling.max_unavailable) and _is_zero(rolling.max_surge):
            causes.append(required(f"{here}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
        elif not _is_zero(rolling.max_unavailable) and not _is_zero(rolling.max_surge):
            words = "may not be set when maxUnavailable is non-zero"
            causes.append(invalid(f"{here}.maxSurge", rolling.max_surge, words))
    return causes


def daemon_set_update_causes(new: DaemonSet, old: DaemonSet) -> list[Cause]:
    if new.spec == old.spec:
        return []
    return [*daemon_set_causes(new), *immutable("spec.selector", new.spec.selector, old.spec.selector)]


def stateful_set_causes(obj: StatefulSet) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if spec.pod_management_policy not in ("OrderedReady", "Parallel"):
        words = "must be 'OrderedReady' or 'Parallel'"
        causes.append(invalid("spec.podManagementPolicy", spec.pod_management_policy, words))
    here, strategy = "spec.updateStrategy", spec.update_strategy
    rolling = strategy.rolling_update
    if strategy.type not in ("RollingUpdate", "OnDelete"):
        causes.append(invalid(here, strategy, "must be 'RollingUpdate' or 'OnDelete'"))
    elif rolling is not None and strategy.type == "OnDelete":
        words = "only allowed for updateStrategy 'RollingUpdate'"
        causes.append(invalid(f"{here}.rollingUpdate", rolling, words))
    elif rolling is not None:
        causes += not_negative(f"{here}.rollingUpdate.partition", rolling.partition)
        place = f"{here}.rollingUpdate.maxUnavailable"
        causes += share_causes(rolling.max_unavailable, place, at_most_all=True)
        if rolling.max_unavailable is not None and _is_zero(rolling.max_unavailable):
            causes.append(invalid(place, rolling.max_unavailable, "cannot be 0"))
    kept = spec.persistent_volume_claim_retention_policy
    for name, what in (("whenDeleted", kept.when_deleted), ("whenScaled", kept.when_scaled)) if kept else ():
        if what not in ("Delete", "Retain"):
            place = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            causes.append(not_supported(place, what, ("Delete", "Retain")))
    causes += not_negative("spec.replicas", spec.replicas)
    causes += not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    if spec.ordinals is not None:
        causes += not_negative("spec.ordinals.start", spec.ordinals.start)
    causes += not_negative("spec.revisionHistoryLimit", spec.revision_history_limit)
    return causes + _owned_template(spec.selector, _with_claims(obj), "statefulset")


def _with_claims(obj: StatefulSet) -> PodTemplateSpec:
    """The template as its pods will have it: with a volume for each claim, in place of one of that name."""
    claims = {claim.metadata.name for claim in obj.spec.volume_claim_templates}
    if not claims:
        return obj.spec.template
    spec = obj.spec.template.spec
    kept = tuple(volume for volume in spec.volumes if volume.name not in claims)
    added = tuple(Volume(name=name, empty_dir=EmptyDirVolumeSource()) for name in sorted(claims))
    return structs.replace(obj.spec.template, spec=structs.replace(spec, volumes=(*kept, *added)))


def stateful_set_update_causes(new: StatefulSet, old: StatefulSet) -> list[Cause]:
    if new.spec == old.spec:
        return []
    causes = stateful_set_causes(new)
    kept = structs.replace(new.spec, **{name: getattr(old.spec, name) for name in STATEFUL_MUTABLE})
    if kept != old.spec:
        causes.append(forbidden("spec", STATEFUL_IMMUTABLE))
    return causes


def job_causes(obj: Job) -> list[Cause]:
    causes = job_spec_causes(obj.spec, "spec")
    selector = obj.spec.selector
    labels = obj.spec.template.metadata.labels
    if selector is None:
        causes.append(required("spec.selector", ""))
    elif not obj.spec.manual_selector:
        causes += _generated_selector_causes(obj, selector)
    if selector is None or not from_label_selector(selector).matches(labels):
        causes.append(invalid("spec.template.metadata.labels", labels or None, NO_MATCH))
    return causes


def _generated_selector_causes(obj: Job, selector: LabelSelector) -> list[Cause]:
    """A copy of a Job must not take the pods of the one it was copied from
    (kubernetes apis/batch/validation:validateGeneratedSelector)."""
    labels, wanted = obj.spec.template.metadata.labels, job_labels(obj)
    causes = [
        invalid(f"spec.template.metadata.labels[{name}]", labels, f"must be '{value}'")
        for name, value in wanted.items()
        if labels.get(name) != value
    ]
    if not from_label_selector(selector).matches(wanted):
        causes.append(invalid("spec.selector", selector, "`selector` not auto-generated"))
    return causes


def job_spec_causes(spec: JobSpec, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name, value in (
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ):
        causes += not_negative(f"{path}.{name}", value)
    if spec.completion_mode not in (None, "NonIndexed", "Indexed"):
        causes.append(
            not_supported(
                f"{path}.completionMode", spec.completion_mode, ["NonIndexed", "Indexed"], is_sorted=False
            )
        )
    if spec.completion_mode == "Indexed" and spec.completions is None:
        causes.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if spec.completion_mode == "Indexed" and (spec.parallelism or 0) > MOST_AT_ONCE:
        words = f"must be less than or equal to {MOST_AT_ONCE} when completion mode is Indexed"
        causes.append(invalid(f"{path}.parallelism", spec.parallelism, words))
    offered = ("Failed", "TerminatingOrFailed")
    if spec.pod_replacement_policy not in (None, "", *offered):
        causes.append(not_supported(f"{path}.podReplacementPolicy", spec.pod_replacement_policy, offered))
    if spec.managed_by is not None:
        causes += _manager_causes(spec.managed_by, f"{path}.managedBy")
    causes += policy_causes(spec, path)
    causes += template_causes(spec.template, f"{path}.template", always=False)
    if spec.template.spec.restart_policy not in ("OnFailure", "Never"):
        causes.append(required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return causes


def _manager_causes(name: str, path: str) -> list[Cause]:
    """Of whoever runs a Job: `example.com/name`."""
    domain, slash, rest = name.partition("/")
    causes = []
    if not domain or not slash or not rest:
        words = 'must be a domain-prefixed path (such as "acme.io/foo")'
        causes.append(invalid(path, name, words))
    else:
        causes += by_rule(path, domain, names.dns1123_subdomain) + by_rule(path, rest, names.http_path)
    return [*causes, too_long(path, 63)] if len(name) > 63 else causes


def job_update_causes(new: Job, old: Job) -> list[Cause]:
    if new.spec == old.spec:
        return []
    causes = job_causes(new)
    causes += immutable("spec.selector", new.spec.selector, old.spec.selector)
    causes += immutable("spec.completionMode", new.spec.completion_mode, old.spec.completion_mode)
    if new.spec.completion_mode != "Indexed":
        causes += immutable("spec.completions", new.spec.completions, old.spec.completions)
    if not (old.spec.suspend and old.status.start_time == ""):
        causes += immutable("spec.template", new.spec.template, old.spec.template)
    return causes


def cron_job_causes(obj: CronJob) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if not spec.schedule:
        causes.append(required("spec.schedule"))
    else:
        causes += _cron_causes("spec.schedule", spec.schedule, parse_cron)
    if spec.time_zone == "":
        causes.append(invalid("spec.timeZone", "", "timeZone must be nil or non-empty string"))
    elif spec.time_zone is not None and spec.time_zone.lower() == "local":
        words = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        causes.append(invalid("spec.timeZone", spec.time_zone, words))
    elif spec.time_zone is not None:
        causes += _cron_causes("spec.timeZone", spec.time_zone, load_zone)
    if spec.concurrency_policy not in ("Allow", "Forbid", "Replace"):
        offered = ["Allow", "Forbid", "Replace"]
        causes.append(not_supported("spec.concurrencyPolicy", spec.concurrency_policy, offered))
    causes += not_negative("spec.startingDeadlineSeconds", spec.starting_deadline_seconds)
    causes += not_negative("spec.successfulJobsHistoryLimit", spec.successful_jobs_history_limit)
    causes += not_negative("spec.failedJobsHistoryLimit", spec.failed_jobs_history_limit)
    if len(obj.metadata.name) > 52:
        causes.append(invalid("metadata.name", obj.metadata.name, "must be no more than 52 characters"))
    here, job = "spec.jobTemplate.spec", spec.job_template.spec
    causes += job_spec_causes(job, here)
    if job.selector is not None:
        causes.append(invalid(f"{here}.selector", job.selector, "`selector` will be auto-generated"))
    if job.manual_selector:
        causes.append(not_supported(f"{here}.manualSelector", True, ("nil", "false"), is_sorted=False))
    return causes


def _cron_causes(path: str, text: str, read: Callable[[str], object]) -> list[Cause]:
    try:
        read(text)
    except CronError as error:
        return [invalid(path, text, str(error))]
    return []


def budget_causes(obj: PodDisruptionBudget) -> list[Cause]:
    spec = obj.spec
    causes: list[Cause] = []
    if spec.min_available is not None and spec.max_unavailable is not None:
        words = "minAvailable and maxUnavailable cannot be both set"
        causes.append(invalid("spec", spec, words))
    causes += share_causes(spec.min_available, "spec.minAvailable", at_most_all=True)
    causes += share_causes(spec.max_unavailable, "spec.maxUnavailable", at_most_all=True)
    return causes + selector_causes(spec.selector, "spec.selector") + declared_causes(spec, "spec")


def budget_status_causes(new: PodDisruptionBudget, old: PodDisruptionBudget) -> list[Cause]:
    status = new.status
    return [
        *condition_causes(status.conditions, "status.conditions"),
        *not_negative("status.disruptionsAllowed", status.disruptions_allowed),
        *not_negative("status.currentHealthy", status.current_healthy),
        *not_negative("status.desiredHealthy", status.desired_healthy),
        *not_negative("status.expectedPods", status.expected_pods),
    ]


def share_causes(value: int | str | None, path: str, *, at_most_all: bool = False) -> list[Cause]:
    """A count or a percentage."""
    if value is None:
        return []
    if isinstance(value, int):
        return not_negative(path, value)
    problems = by_rule(path, value, names.percent)
    if problems or not at_most_all or int(value.rstrip("%")) <= 100:
        return problems
    return [invalid(path, value, "must not be greater than 100%")]


def _is_zero(value: Any) -> bool:
    return value in (0, "0%", None)
