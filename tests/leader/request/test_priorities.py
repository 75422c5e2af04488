"""A pod's priority is that of its class; what it says itself must be the same."""

import pytest

from pikube.api.kinds.core_config import ServiceAccount
from pikube.api.kinds.meta import ObjectMeta

PODS = "/api/v1/namespaces/default/pods"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
WORDS = "must not be provided in pod spec; priority admission controller computed"


@pytest.fixture
async def classes(api):
    await api.plane.client.create(ServiceAccount(metadata=ObjectMeta(name="default", namespace="default")))
    await api("POST", CLASSES, {"metadata": {"name": "patient"}, "value": 7, "preemptionPolicy": "Never"})
    return api


async def make(api, **spec):
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}
    return await api("POST", f"{PODS}?dryRun=All", pod)


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, (0, "PreemptLowerPriority")),
        ({"priority": 0}, (0, "PreemptLowerPriority")),
        ({"priorityClassName": "patient"}, (7, "Never")),
        ({"priorityClassName": "patient", "priority": 7, "preemptionPolicy": "Never"}, (7, "Never")),
        ({"priorityClassName": "system-node-critical"}, (2000001000, "PreemptLowerPriority")),
    ],
)
async def test_a_class_decides(classes, spec, found):
    status, pod = await make(classes, **spec)
    assert status == 201, pod
    assert (pod["spec"]["priority"], pod["spec"]["preemptionPolicy"]) == found


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"priority": 5}, f"the integer value of priority (5) {WORDS} 0"),
        ({"priorityClassName": "patient", "priority": 8}, f"the integer value of priority (8) {WORDS} 7"),
        (
            {"preemptionPolicy": "Never"},
            f"the string value of PreemptionPolicy (Never) {WORDS} PreemptLowerPriority",
        ),
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
    ],
)
async def test_another_one_is_refused(classes, spec, words):
    status, refused = await make(classes, **spec)
    assert status == 403 and f'pods "a" is forbidden: {words}' in refused["message"]


async def test_a_put_of_the_first_manifest_keeps_the_priority(classes):
    """`kubectl replace -f` with the file that the pod was made from."""
    spec = {
        "containers": [{"name": "c", "image": "i"}], "priorityClassName": "patient",
        "serviceAccountName": "default", "automountServiceAccountToken": False,
    }  # fmt: skip
    _, made = await classes("POST", PODS, {"metadata": {"name": "a"}, "spec": spec})
    labelled = {"metadata": {"name": "a", "labels": {"app": "a"}}, "spec": spec}
    status, pod = await classes("PUT", f"{PODS}/a", labelled)
    assert (status, pod["metadata"].get("labels")) == (200, {"app": "a"}), pod
    assert pod["spec"] == made["spec"] and pod["spec"]["priority"] == 7
