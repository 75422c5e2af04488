"""Pure: what a Job's pods say: which run, which ended how, of which index, and what a failure means.

Enter: the Job and its pods. Leaves: a `Tally`, and new pods. Called by job.py.
Source: kubernetes pkg/controller/job/{job_controller.go,indexed_job_utils.go,pod_failure_policy.go}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from pikube.api.kinds.batch import Job, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule
from pikube.api.kinds.core_container import Container, EnvVar, EnvVarSource
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import ObjectFieldSelector
from pikube.api.times import parse_time
from pikube.informer.cache import key_of
from pikube.leader.controllers.pods import ENDED, is_active, pod_from_template, with_labels

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
FIRST_DELAY_S, MAX_DELAY_S = 10.0, 600.0  # kubernetes DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff


@dataclass(slots=True)
class Tally:
    """Pods by what they are: `succeeded` and `failed` still have the finalizer, so they may not be counted
    yet. `ignored` failed in a way that the policy does not count; `fail_job` says why one of them ends it all."""

    active: list[Pod] = field(default_factory=list)
    terminating: list[Pod] = field(default_factory=list)
    succeeded: list[Pod] = field(default_factory=list)
    failed: list[Pod] = field(default_factory=list)
    ignored: list[Pod] = field(default_factory=list)
    failed_for_good: set[int] = field(default_factory=set)  # indexes, by the rule FailIndex
    fail_job: str = ""


def tally(job: Job, pods: Iterable[Pod]) -> Tally:
    """Sort a Job's pods."""
    found = Tally()
    for pod in sorted(pods, key=key_of):
        if pod.status.phase not in ENDED and pod.metadata.deletion_timestamp:
            found.terminating.append(pod)
        if has_failed(job, pod):
            _failed(job, pod, found)
        elif pod.status.phase == "Succeeded":
            if is_tracked(pod):
                found.succeeded.append(pod)
        elif is_active(pod):
            found.active.append(pod)
    return found


def is_tracked(pod: Pod) -> bool:
    """Whether it has the finalizer that keeps it until it is counted."""
    return TRACKING in pod.metadata.finalizers


def has_failed(job: Job, pod: Pod) -> bool:
    """Failed, or going without having succeeded (it may never get to say so), unless only truly failed pods are
    to be replaced."""
    if pod.status.phase == "Failed":
        return True
    meta = pod.metadata
    if not meta.deletion_timestamp or pod.status.phase == "Succeeded":
        return False
    return job.spec.pod_replacement_policy != "Failed" or meta.deletion_grace_period_seconds == 0


def _failed(job: Job, pod: Pod, found: Tally) -> None:
    rule, number = _matching_rule(job, pod)
    action = rule.action if rule is not None else "Count"
    if action == "Ignore":
        found.ignored.append(pod)
        return
    index = index_of(pod)
    if action == "FailIndex" and index is not None:
        found.failed_for_good.add(index)
    if not is_tracked(pod):
        return
    found.failed.append(pod)
    if action == "FailJob" and not found.fail_job and rule is not None:
        found.fail_job = _why(pod, rule, number)


def _matching_rule(job: Job, pod: Pod) -> tuple[PodFailurePolicyRule | None, int]:
    policy = job.spec.pod_failure_policy
    if policy is None or pod.status.phase != "Failed":
        return None, -1
    for number, rule in enumerate(policy.rules):
        if rule.on_exit_codes is not None:
            if _exit_code(pod, rule.on_exit_codes) is not None:
                return rule, number
        elif any(
            c.type == pattern.type and c.status == (pattern.status or "True")
            for pattern in rule.on_pod_conditions
            for c in pod.status.conditions
        ):
            return rule, number
    return None, -1


def _exit_code(pod: Pod, wanted: PodFailurePolicyOnExitCodesRequirement) -> tuple[str, int] | None:
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        ended = status.state.terminated
        if ended is None or not ended.exit_code or wanted.container_name not in (None, "", status.name):
            continue
        if (ended.exit_code in wanted.values) is (wanted.operator == "In"):
            return status.name, ended.exit_code
    return None


def _why(pod: Pod, rule: PodFailurePolicyRule, number: int) -> str:
    ending = f"matching FailJob rule at index {number}"
    if rule.on_exit_codes is not None:
        found = _exit_code(pod, rule.on_exit_codes)
        assert found is not None
        container, code = found
        return f"Container {container} for pod {key_of(pod)} failed with exit code {code} {ending}"
    types = {pattern.type for pattern in rule.on_pod_conditions}
    type_ = next((c.type for c in pod.status.conditions if c.type in types), "")
    return f"Pod {key_of(pod)} has condition {type_} {ending}"


def index_of(pod: Pod) -> int | None:
    """The completion index of an Indexed Job's pod."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isdigit() else None


def index_failures(pods: Iterable[Pod], job: Job, ignored: Sequence[Pod]) -> dict[int, int]:
    """How often each index failed; each pod carries the count of those before it."""
    found: dict[int, int] = {}
    spared = {pod.metadata.uid for pod in ignored}
    for pod in pods:
        index = index_of(pod)
        if index is None:
            continue
        text = pod.metadata.annotations.get(FAILURES, "0")
        count = int(text) if text.isdigit() else 0
        if has_failed(job, pod) and pod.metadata.uid not in spared:
            count += 1
        found[index] = max(found.get(index, 0), count)
    return found


def restarts(pods: Iterable[Pod]) -> int:
    """Restarts of containers in pods that run, which count as failures where pods restart themselves."""
    return sum(
        status.restart_count
        for pod in pods
        if pod.status.phase in ("Running", "Pending")
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    )


def delay_s(job: Job, pods: Iterable[Pod], now: float) -> float:
    """How long to wait before the next pod: 10 s after a failure, doubling with each since the last success."""
    failures: list[float] = []
    last_success = 0.0
    for pod in pods:
        if pod.status.phase == "Succeeded":
            last_success = max(last_success, ended_at(pod))
        elif has_failed(job, pod):
            failures.append(ended_at(pod))
    recent = [at for at in failures if at > last_success]
    if not recent:
        return 0.0
    wanted_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** (len(recent) - 1))
    passed_s = now - max(recent)
    return max(0.0, wanted_s - passed_s) if passed_s >= 0 else wanted_s


def ended_at(pod: Pod) -> float:
    """When the pod ended, by its containers; else when it began to go or was made."""
    times = [
        status.state.terminated.finished_at
        for status in pod.status.container_statuses
        if status.state.terminated is not None and status.state.terminated.finished_at
    ]
    text = max(times, default="") or pod.metadata.deletion_timestamp or pod.metadata.creation_timestamp
    return parse_time(text) if text else 0.0


def new_pod(job: Job, index: int | None, failures: int = 0) -> Pod:
    """A pod of the Job, held by the tracking finalizer; of an Indexed Job with its index in name, host name,
    label, annotation and environment."""
    template = job.spec.template
    if index is None:
        pod = pod_from_template(template, job)
        return _tracked(pod)
    text = str(index)
    pod = pod_from_template(with_labels(template, {INDEX: text}), job)
    meta = pod.metadata
    annotations = {**meta.annotations, INDEX: text}
    if job.spec.backoff_limit_per_index is not None:
        annotations[FAILURES] = str(failures)
    name = f"{job.metadata.name}-{index}"
    meta = structs.replace(meta, annotations=annotations, generate_name=f"{name}-")
    spec = structs.replace(
        pod.spec,
        hostname=pod.spec.hostname or name[:63],
        containers=tuple(map(_with_index, pod.spec.containers)),
        init_containers=tuple(map(_with_index, pod.spec.init_containers)),
    )
    return _tracked(structs.replace(pod, metadata=meta, spec=spec))


def _tracked(pod: Pod) -> Pod:
    finalizers = (*pod.metadata.finalizers, TRACKING)
    return structs.replace(pod, metadata=structs.replace(pod.metadata, finalizers=finalizers))


def _with_index(container: Container) -> Container:
    name = "JOB_COMPLETION_INDEX"
    if any(variable.name == name for variable in container.env):
        return container
    path = f"metadata.labels['{INDEX}']"
    source = EnvVarSource(field_ref=ObjectFieldSelector(api_version="v1", field_path=path))
    return structs.replace(container, env=(*container.env, EnvVar(name=name, value_from=source)))
