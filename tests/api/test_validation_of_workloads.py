"""Workloads that kube-apiserver refuses are refused, in its words and in the order in which it looks at them."""

import copy

import pytest

from pikube.api.codec import from_builtins
from pikube.api.kinds.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from pikube.api.kinds.batch import CronJob, Job
from pikube.api.kinds.core_config import ReplicationController
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED

SCHEME = Scheme(SERVED)
POD = {"containers": [{"name": "c", "image": "i"}]}
SELECTOR = {"matchLabels": {"a": "b"}}
ONCE = {"spec": {**POD, "restartPolicy": "Never"}}
STRATEGY = "spec.updateStrategy"
KEPT = "spec.persistentVolumeClaimRetentionPolicy"
LOW = "Invalid value: -1: must be greater than or equal to 0"


def labelled(**more):
    return {"metadata": {"labels": {"a": "b"}}, "spec": {**POD, **more}}


def causes_of(cls, **spec):
    document = {"metadata": {"name": "p"}, "spec": spec}
    obj = from_builtins(copy.deepcopy(document), cls)
    info = SCHEME.by_class(cls)
    info.default(obj)
    return [f"{cause.field}: {cause.message}" for cause in info.validate(obj)]


@pytest.mark.parametrize(
    ("cls", "named"),
    [
        (Deployment, "ReplicaSet"), (ReplicaSet, "ReplicaSet"), (DaemonSet, "DaemonSet"),
        (StatefulSet, "StatefulSet"), (ReplicationController, "ReplicationController"),
    ],
)  # fmt: skip
def test_pods_that_are_replaced_have_no_deadline(cls, named):
    selector = {"a": "b"} if cls is ReplicationController else SELECTOR
    assert causes_of(cls, selector=selector, template=labelled(activeDeadlineSeconds=5)) == [
        f"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in {named} is not Supported"
    ]


REFUSED = {
    "daemon set": (
        DaemonSet, {"updateStrategy": {"type": "Foo"}, "minReadySeconds": -1, "revisionHistoryLimit": -1},
        [f"spec.minReadySeconds: {LOW}", f"spec.revisionHistoryLimit: {LOW}",
         f'{STRATEGY}.type: Unsupported value: "Foo": supported values: "RollingUpdate", "OnDelete"'],
    ),
    "stateful set": (
        StatefulSet,
        {"podManagementPolicy": "Foo", "updateStrategy": {"type": "Foo"}, "replicas": -1, "minReadySeconds": -1,
         "ordinals": {"start": -1}, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Foo"}},
        ["spec.podManagementPolicy: Invalid value: \"Foo\": must be 'OrderedReady' or 'Parallel'",
         f"{STRATEGY}: Invalid value: {{\"type\":\"Foo\"}}: must be 'RollingUpdate' or 'OnDelete'",
         f'{KEPT}.whenDeleted: Unsupported value: "Foo": supported values: "Delete", "Retain"',
         f"spec.replicas: {LOW}", f"spec.minReadySeconds: {LOW}", f"spec.ordinals.start: {LOW}"],
    ),
    "a step of a stateful set": (
        StatefulSet, {"updateStrategy": {"rollingUpdate": {"partition": -1, "maxUnavailable": 0}}},
        [f"{STRATEGY}.rollingUpdate.partition: {LOW}",
         f"{STRATEGY}.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0"],
    ),
    "no steps where nothing is stepped": (
        StatefulSet, {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
        [f'{STRATEGY}.rollingUpdate: Invalid value: {{"partition":1}}: only allowed for updateStrategy'],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cls", "spec", "wanted"), REFUSED.values(), ids=REFUSED)
def test_workloads_that_are_refused(cls, spec, wanted):
    found = causes_of(cls, selector=SELECTOR, template=labelled(), **spec)
    assert len(found) == len(wanted), found
    assert all(text.startswith(start) for text, start in zip(found, wanted, strict=True)), found


JOBS = {
    "mode": ({"completionMode": "Foo"}, ['completionMode: Unsupported value: "Foo": supported values: "NonIndexed", "Indexed"']),
    "too many at once": (
        {"completionMode": "Indexed", "completions": 100001, "parallelism": 100001},
        ["parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"],
    ),
    "replacement": (
        {"podReplacementPolicy": "Foo"},
        ['podReplacementPolicy: Unsupported value: "Foo": supported values: "Failed", "TerminatingOrFailed"'],
    ),
    "nobody's": (
        {"managedBy": "ab"},
        ['managedBy: Invalid value: "ab": must be a domain-prefixed path (such as "acme.io/foo")'],
    ),
    "too long a manager": ({"managedBy": "a.b/" + "c" * 60}, ["managedBy: Too long: may not be more than 63 bytes"]),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "wanted"), JOBS.values(), ids=JOBS)
def test_jobs_that_are_refused(spec, wanted):
    selected = {"selector": {"matchLabels": {"a": "b"}}, "manualSelector": True}
    template = {**ONCE, "metadata": {"labels": {"a": "b"}}}
    assert causes_of(Job, template=template, **selected, **spec) == [f"spec.{text}" for text in wanted]


def test_a_job_of_a_schedule_selects_for_itself():
    job = {"spec": {"template": ONCE, "manualSelector": True, "selector": SELECTOR}}
    found = causes_of(CronJob, schedule="0 * * * *", jobTemplate=job)
    here = "spec.jobTemplate.spec"
    assert found == [
        f'{here}.selector: Invalid value: {{"matchLabels":{{"a":"b"}}}}: `selector` will be auto-generated',
        f'{here}.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ]
