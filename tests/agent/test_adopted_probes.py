"""Containers that ran on while pikube was away keep the readiness that was last told of them."""

import pytest
import trio

from pikube.agent.pods.decision import Observed
from pikube.agent.pods.probes import ProbeSet
from pikube.agent.runtime.contract import Container
from pikube.api.kinds.core_container import Container as Declared
from pikube.api.kinds.core_container import ContainerStatus, Probe, TCPSocketAction
from pikube.api.kinds.core_pod import Pod, PodSpec, PodStatus

UNANSWERED = Probe(tcp_socket=TCPSocketAction(port=9), initial_delay_seconds=3600)


def pod(*, told_id, ready, started, startup=None):
    status = ContainerStatus(name="web", container_id=f"podman://{told_id}", ready=ready, started=started)
    declared = Declared(name="web", readiness_probe=UNANSWERED, startup_probe=startup)
    return Pod(spec=PodSpec(containers=(declared,)), status=PodStatus(container_statuses=(status,)))


def running(id_):
    container = Container(
        id=id_, pod_uid="u", name="web", attempt=0, spec_hash="", state="running", image="", image_id=""
    )
    return Observed(sandbox=None, containers={"web": (container,)})


@pytest.mark.parametrize(
    ("told_id", "ready", "started", "startup", "is_ready"),
    [
        ("c1", True, True, None, True),
        ("c1", False, True, None, False),
        ("c0", True, True, None, False),  # it was restarted meanwhile: another container
        ("c1", True, True, UNANSWERED, True),  # its start was over long ago
        ("c1", False, False, UNANSWERED, False),
    ],
)
async def test_a_restart_of_pikube_takes_no_pod_out_of_its_service(
    told_id, ready, started, startup, is_ready
):
    known = pod(told_id=told_id, ready=ready, started=started, startup=startup)
    async with trio.open_nursery() as nursery:
        probes = ProbeSet(lambda *words: None)
        probes.nursery = nursery
        probes.follow(known, running("c1"), "127.0.0.1", None)
        assert probes.ready_names(known, running("c1")) == ({"web"} if is_ready else set())
        nursery.cancel_scope.cancel()
