"""What Podman 4.3 and 5.4 answered to the same questions: one pod, a container that runs and one that has ended."""

import copy
import json
from pathlib import Path

import pytest

from pikube.agent.runtime.specs import (
    read_container,
    read_image,
    read_infra,
    read_listed,
    read_listed_image,
    read_pod,
)

ANSWERS = sorted(Path(__file__).parent.glob("podman_answers/*.json"))


@pytest.fixture(params=ANSWERS, ids=lambda path: path.stem)
def answers(request):
    return json.loads(request.param.read_text())


def test_both_versions_are_here():
    assert {path.stem.partition(".")[0] for path in ANSWERS} == {"4", "5"}


def test_a_sandbox_is_read_alike(answers):
    (listed,) = [read_pod(pod) for pod in answers["pods"]]
    assert (listed.uid, listed.namespace, listed.name, listed.is_running) == ("uid-1", "default", "web", True)
    sandbox = read_infra(listed, answers["infra"])
    assert sandbox.address.startswith("10.42.0.") and sandbox.pid > 0 and sandbox.infra_id == listed.infra_id


def test_containers_are_read_alike_in_lists_and_one_by_one(answers):
    listed = {c.name: c for c in (read_listed(each) for each in answers["containers"] if not each["IsInfra"])}
    running, exited = read_container(answers["running"]), read_container(answers["exited"])
    for one, name, state, code in ((running, "run", "running", 0), (exited, "end", "exited", 3)):
        assert (one.pod_uid, one.name, one.attempt, one.spec_hash) == ("uid-1", name, 2, "abc")
        assert (one.state, one.exit_code, one.image) == (state, code, "localhost/box:1")
        short = listed[name]
        assert (short.id, short.state, short.exit_code, short.attempt) == (one.id, state, code, 2)
        assert abs(short.started_at - one.started_at) < 1
    assert running.pid > 0 and running.id in running.cgroup and running.log_control.endswith("/ctl")
    assert running.stop_signal == 2, "Podman 4 writes a number, Podman 5 a name"
    assert exited.finished_at > 0 and exited.pid == 0


def test_images_and_networks_are_read_alike(answers):
    image = read_image(answers["image"])
    assert (image.architecture, image.names) == ("amd64", ("localhost/box:1",)) and image.size_bytes > 10**6
    listed = {name: each for each in map(read_listed_image, answers["images"]) for name in each.names}
    assert listed["localhost/box:1"].id == image.id
    network = answers["network"]
    assert network["internal"] is True and network["subnets"][0]["subnet"] == "10.42.0.0/24"


def test_a_container_that_ended_at_once_has_not_ended_before_it_began(answers):
    document = copy.deepcopy(answers["exited"])
    document["State"] |= {"StartedAt": "2026-11-26T10:00:00.5Z", "FinishedAt": "2026-11-26T10:00:00.4Z"}
    found = read_container(document)
    assert found.finished_at == found.started_at > 0
