"""Pure: what is odd about what makes pods.

Enter: an object and the one before it. Leave: warnings: a new one's name and template, and a changed one's template
if its generation moved. Called through KindInfo.warn. Source: kubernetes pkg/registry/apps and batch, strategy.go of
each, and pkg/api/job/warnings.go.
"""

from __future__ import annotations

from pikube.api.kinds.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.batch import CronJob, Job, JobSpec
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.kinds.core_pod import PodTemplate
from pikube.api.kinds.meta import Object
from pikube.api.warnings.pods import name_warnings, template_warnings

IN_NAMES = "this is used in Pod names and hostnames"
MANY_COMPLETIONS = 100_000
MANY_AT_ONCE = 10_000

Replicated = Deployment | ReplicaSet | ReplicationController


def replicated_warnings(new: Replicated, old: Replicated | None) -> list[str]:
    if _is_same(new, old):
        return []
    found = [] if old is not None else name_warnings(new.metadata.name, IN_NAMES)
    template = new.spec.template
    return found + (template_warnings(template, "spec.template") if template is not None else [])


def set_warnings(new: DaemonSet | StatefulSet, old: DaemonSet | StatefulSet | None) -> list[str]:
    return [] if _is_same(new, old) else template_warnings(new.spec.template, "spec.template")


def pod_template_warnings(new: PodTemplate, old: PodTemplate | None) -> list[str]:
    return [] if _is_same(new, old) else template_warnings(new.template, "template")


def job_warnings(new: Job, old: Job | None) -> list[str]:
    if _is_same(new, old):
        return []
    found = [] if old is not None else name_warnings(new.metadata.name, IN_NAMES)
    return found + _job_spec(new.spec, "spec")


def cron_job_warnings(new: CronJob, old: CronJob | None) -> list[str]:
    found = [] if old is not None else name_warnings(new.metadata.name, IN_NAMES)
    if not _is_same(new, old):
        found += _job_spec(new.spec.job_template.spec, "spec.jobTemplate.spec")
    if old is not None and "TZ" in new.spec.schedule:
        found.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return found


def _job_spec(spec: JobSpec, path: str) -> list[str]:
    found = []
    is_huge = (spec.completions or 0) > MANY_COMPLETIONS and (spec.parallelism or 0) > MANY_AT_ONCE
    if spec.completion_mode == "Indexed" and is_huge:
        found.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
            "10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return found + template_warnings(spec.template, f"{path}.template")


def _is_same(new: Object, old: Object | None) -> bool:
    return old is not None and new.metadata.generation == old.metadata.generation
