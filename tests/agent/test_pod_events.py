"""What a pod's events say of its containers: which part of it they are about, and each wait before another try."""

import msgspec
import pytest
from msgspec import structs

from pikube.agent.pods.decision import Observed
from pikube.agent.pods.events import back_offs, declared, failed_start, field_path, has_begun
from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_container import ContainerStatus
from pikube.api.kinds.core_pod import Pod, PodStatus

POD = msgspec.convert(
    {
        "metadata": {"name": "web", "namespace": "n", "uid": "u"},
        "spec": {
            "initContainers": [{"name": "i", "image": "init"}],
            "containers": [{"name": "c", "image": "app"}],
            "ephemeralContainers": [{"name": "e", "image": "visitor"}],
        },
    },
    Pod,
)


def ended(name, at, identity="x", code=1):
    return Container(
        id=identity, pod_uid="u", name=name, attempt=0, spec_hash="", state="exited", image="", image_id="",
        exit_code=code, finished_at=at,
    )  # fmt: skip


def test_a_container_of_any_kind_is_found_and_placed():
    places = {"i": "spec.initContainers{i}", "c": "spec.containers{c}", "e": "spec.ephemeralContainers{e}"}
    assert {name: field_path(POD, name) for name in places} == places and field_path(POD, "") == ""
    assert [declared(POD, name).image for name in places] == ["init", "app", "visitor"]
    assert declared(POD, "nobody") is None


def test_a_crashed_container_waits_until_its_pause_is_over():
    observed = Observed(containers={"c": (ended("c", 100.0),)})
    ((name, said),) = back_offs(POD, observed, {}, {}, {"c": 2}, 105.0).items()
    assert (name, said) == (
        "c",
        ("x", "Warning", "Back-off restarting failed container c in pod web_n(u)"),
    )
    assert back_offs(POD, observed, {}, {}, {"c": 2}, 110.0) == {}, "ten seconds have passed"
    assert back_offs(POD, observed, {}, {}, {"c": 1}, 100.0) == {}, "the first restart does not wait"


@pytest.mark.parametrize(
    ("name", "code", "waits"), [("c", 0, True), ("i", 1, True), ("i", 0, False), ("e", 1, False)]
)
def test_who_is_not_started_again_does_not_wait(name, code, waits):
    observed = Observed(containers={name: (ended(name, 100.0, code=code),)})
    assert bool(back_offs(POD, observed, {}, {}, {name: 5}, 101.0)) == waits


def test_a_pod_has_begun_once_a_container_of_it_was_there():
    assert not has_begun(POD, {}) and has_begun(POD, {"c": 0})
    status = PodStatus(container_statuses=(ContainerStatus(name="c", container_id="podman://x"),))
    assert has_begun(structs.replace(POD, status=status), {}), "before pikube was started again"


def test_an_image_that_is_pulled_again_later_is_told_once_for_each_failure():
    waiting = {"c": ("ImagePullBackOff", "…"), "i": ("ErrImagePull", "…")}
    first = back_offs(POD, Observed(), waiting, {"c": 1}, {}, 0.0)
    again = back_offs(POD, Observed(), waiting, {"c": 2}, {}, 0.0)
    assert first == {"c": ("1", "Normal", 'Back-off pulling image "app"')} and first != again


def test_a_failed_pull_has_its_reason_and_its_word():
    failed = failed_start("ErrImagePull", 'failed to pull image "x": no such host')
    assert failed == ['Failed to pull image "x": no such host', "Error: ErrImagePull"]
    assert failed_start("CreateContainerError", "no") == ["Error: no"]
