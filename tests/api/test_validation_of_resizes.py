"""What a write to the subresource resize of a pod may change."""

import copy

import msgspec
import pytest

from pikube.api.kinds.core_pod import Pod
from pikube.api.validation.pods import pod_resize_causes

OLD = {
    "metadata": {"name": "p"},
    "spec": {
        "initContainers": [
            {"name": "i", "image": "x", "resources": {"requests": {"cpu": "1"}}},
            {"name": "s", "image": "x", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
        ],
        "containers": [
            {"name": "c", "image": "x", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}},
        ],
    },
}
C = ("spec", "containers", 0, "resources")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((*C, "requests", "cpu"), "2", None),
        ((*C, "limits", "memory"), "1Mi", None),
        (("spec", "initContainers", 1, "resources", "requests", "cpu"), "2", None),
        (("spec", "containers", 0, "resizePolicy"),
         [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}], None),
        (("spec", "initContainers", 0, "resources", "requests", "cpu"), "2", "init containers cannot be resized"),
        ((*C, "limits"), {}, "resource limits cannot be removed"),
        ((*C, "limits", "ephemeral-storage"), "1Gi", "only cpu and memory resources are mutable"),
        (("spec", "containers", 0, "image"), "y", "only cpu and memory resources are mutable"),
        (("spec", "containers", 0, "name"), "y", "containers may not be added or removed on resize"),
        (("metadata", "annotations"), {}, None),
    ],
)  # fmt: skip
def test_cpu_and_memory_of_what_runs_and_nothing_else(path, value, words):
    document = copy.deepcopy(OLD)
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    causes = pod_resize_causes(msgspec.convert(document, Pod), msgspec.convert(OLD, Pod))
    assert [words in cause.message for cause in causes] == ([True] if words else [])


def test_the_class_of_service_stays_and_static_pods_are_their_files():
    def pod(limits, annotations=None):
        container = {"name": "c", "resources": {"limits": limits, "requests": {"cpu": "1", "memory": "1Mi"}}}
        document = {"metadata": {"annotations": annotations or {}}, "spec": {"containers": [container]}}
        return msgspec.convert(document, Pod)

    burstable, guaranteed = pod({"cpu": "1"}), pod({"cpu": "1", "memory": "1Mi"})
    (cause,) = pod_resize_causes(guaranteed, burstable)
    assert (
        cause.message == 'Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing'
    )
    mirror = pod({"cpu": "1"}, {"kubernetes.io/config.mirror": "x"})
    (cause,) = pod_resize_causes(mirror, mirror)
    assert "static pods cannot be resized" in cause.message
