"""Pure: defaults of apps/v1, batch/v1, autoscaling and ReplicationController.

Source: kubernetes pkg/apis/{apps,batch,autoscaling}/v1/defaults.go and pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

from msgspec import structs

from pikube.api.defaulting.pods import default_claim_spec, default_template_spec
from pikube.api.kinds import autoscaling_v2 as hpa
from pikube.api.kinds.apps import (
    DaemonSet,
    Deployment,
    DeploymentStrategy,
    ReplicaSet,
    RollingUpdateDaemonSet,
    RollingUpdateDeployment,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
)
from pikube.api.kinds.autoscaling import HorizontalPodAutoscaler as HorizontalPodAutoscalerV1
from pikube.api.kinds.batch import CronJob, Job, JobSpec
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.kinds.meta import LabelSelector

REVISION_HISTORY = 10
PROGRESS_DEADLINE_S = 600


def default_deployment(obj: Deployment) -> None:
    spec = obj.spec
    if spec.replicas is None:
        spec.replicas = 1
    strategy: DeploymentStrategy = spec.strategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update or RollingUpdateDeployment()
        if rolling.max_unavailable is None:
            rolling.max_unavailable = "25%"
        if rolling.max_surge is None:
            rolling.max_surge = "25%"
        strategy.rolling_update = rolling
    if spec.revision_history_limit is None:
        spec.revision_history_limit = REVISION_HISTORY
    if spec.progress_deadline_seconds is None:
        spec.progress_deadline_seconds = PROGRESS_DEADLINE_S
    default_template_spec(spec.template)


def default_replica_set(obj: ReplicaSet) -> None:
    if obj.spec.replicas is None:
        obj.spec.replicas = 1
    default_template_spec(obj.spec.template)


def default_replication_controller(obj: ReplicationController) -> None:
    """Selector and labels come from the template."""
    if obj.spec.replicas is None:
        obj.spec.replicas = 1
    if obj.spec.template is not None:
        labels = obj.spec.template.metadata.labels
        if not obj.spec.selector:
            obj.spec.selector = dict(labels)
        if not obj.metadata.labels:
            obj.metadata.labels = dict(labels)
        default_template_spec(obj.spec.template)


def default_daemon_set(obj: DaemonSet) -> None:
    spec = obj.spec
    strategy = spec.update_strategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update or RollingUpdateDaemonSet()
        if rolling.max_unavailable is None:
            rolling.max_unavailable = 1
        if rolling.max_surge is None:
            rolling.max_surge = 0
        strategy.rolling_update = rolling
    if spec.revision_history_limit is None:
        spec.revision_history_limit = REVISION_HISTORY
    default_template_spec(spec.template)


def default_stateful_set(obj: StatefulSet) -> None:
    spec = obj.spec
    if spec.replicas is None:
        spec.replicas = 1
    spec.pod_management_policy = spec.pod_management_policy or "OrderedReady"
    strategy = spec.update_strategy
    if not strategy.type:  # who writes the type and no more gets no more (kubernetes SetDefaults_StatefulSet)
        strategy.type = "RollingUpdate"
        strategy.rolling_update = strategy.rolling_update or RollingUpdateStatefulSetStrategy()
    rolling = strategy.rolling_update
    if strategy.type == "RollingUpdate" and rolling is not None and rolling.partition is None:
        rolling.partition = 0
    if spec.revision_history_limit is None:
        spec.revision_history_limit = REVISION_HISTORY
    policy = spec.persistent_volume_claim_retention_policy
    if policy is None:
        policy = spec.persistent_volume_claim_retention_policy = (
            StatefulSetPersistentVolumeClaimRetentionPolicy()
        )
    policy.when_deleted = policy.when_deleted or "Retain"
    policy.when_scaled = policy.when_scaled or "Retain"
    for claim in spec.volume_claim_templates:
        default_claim_spec(claim.spec)
        claim.status.phase = claim.status.phase or "Pending"
    default_template_spec(spec.template)


def default_job_spec(spec: JobSpec) -> None:
    if spec.completions is None and spec.parallelism is None:
        spec.completions = 1
    if spec.parallelism is None:
        spec.parallelism = 1
    if spec.backoff_limit is None:
        spec.backoff_limit = 2**31 - 1 if spec.backoff_limit_per_index is not None else 6
    spec.completion_mode = spec.completion_mode or "NonIndexed"
    if spec.suspend is None:
        spec.suspend = False
    spec.pod_replacement_policy = spec.pod_replacement_policy or (
        "Failed" if spec.pod_failure_policy is not None else "TerminatingOrFailed"
    )
    default_template_spec(spec.template)


CONTROLLER_UID, JOB_NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


def job_labels(obj: Job) -> dict[str, str]:
    """Those of the pods that are the Job's: today's and, for older programs, yesterday's names."""
    uid, name = obj.metadata.uid, obj.metadata.name
    return {CONTROLLER_UID: uid, JOB_NAME: name, "controller-uid": uid, "job-name": name}


def default_job(obj: Job) -> None:
    """A Job has the labels of its pods if it has none of its own."""
    spec = obj.spec
    default_job_spec(spec)
    if spec.manual_selector is None:
        spec.manual_selector = False
    if not obj.metadata.labels and spec.template.metadata.labels:
        obj.metadata.labels = dict(spec.template.metadata.labels)


def claim_pods(obj: Job) -> list[str]:
    """The selector and the labels that make a new job own its pods come from its uid, unless the user says that the
    selector is his own. What he wrote without saying so stays, and is refused where it is another's
    (kubernetes registry/batch/job/strategy.go:generateSelector). No warnings."""
    spec = obj.spec
    if not spec.manual_selector:
        labels = {**job_labels(obj), **spec.template.metadata.labels}
        spec.template.metadata = structs.replace(spec.template.metadata, labels=labels)
        wanted = spec.selector or LabelSelector()
        matched = {CONTROLLER_UID: obj.metadata.uid, **wanted.match_labels}
        spec.selector = structs.replace(wanted, match_labels=matched)
    default_job(obj)
    return []


def default_cron_job(obj: CronJob) -> None:
    spec = obj.spec
    spec.concurrency_policy = spec.concurrency_policy or "Allow"
    if spec.suspend is None:
        spec.suspend = False
    if spec.successful_jobs_history_limit is None:
        spec.successful_jobs_history_limit = 3
    if spec.failed_jobs_history_limit is None:
        spec.failed_jobs_history_limit = 1
    default_template_spec(spec.job_template.spec.template)


def default_autoscaler(obj: hpa.HorizontalPodAutoscaler) -> None:
    """CPU at 80 % when no metric is named; the rules of behaviour that is partly given."""
    spec = obj.spec
    if spec.min_replicas is None:
        spec.min_replicas = 1
    if not spec.metrics:
        target = hpa.MetricTarget(type="Utilization", average_utilization=80)
        source = hpa.ResourceMetricSource(name="cpu", target=target)
        spec.metrics = (hpa.MetricSpec(type="Resource", resource=source),)
    if spec.behavior is not None:
        behavior = spec.behavior
        behavior.scale_up = _scaling_rules(
            behavior.scale_up,
            0,
            (
                hpa.HPAScalingPolicy(type="Pods", value=4, period_seconds=15),
                hpa.HPAScalingPolicy(type="Percent", value=100, period_seconds=15),
            ),
        )
        behavior.scale_down = _scaling_rules(
            behavior.scale_down,
            None,
            (hpa.HPAScalingPolicy(type="Percent", value=100, period_seconds=15),),
        )


def default_autoscaler_v1(obj: HorizontalPodAutoscalerV1) -> None:
    if obj.spec.min_replicas is None:
        obj.spec.min_replicas = 1


def _scaling_rules(
    rules: hpa.HPAScalingRules | None,
    window_s: int | None,
    policies: tuple[hpa.HPAScalingPolicy, ...],
) -> hpa.HPAScalingRules:
    rules = rules or hpa.HPAScalingRules()
    if rules.stabilization_window_seconds is None:
        rules.stabilization_window_seconds = window_s
    rules.select_policy = rules.select_policy or "Max"
    rules.policies = rules.policies or policies
    return rules
