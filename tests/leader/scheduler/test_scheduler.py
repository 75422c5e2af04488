from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from fakes.fake_api import FakeApi
from msgspec import structs
from test_decide import board, new_pod

from pikube.api.errors import InternalError
from pikube.api.image_architecture import mismatch_words
from pikube.api.kinds.core_config import Event
from pikube.api.kinds.core_container import ContainerState, ContainerStateWaiting, ContainerStatus
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Binding, Pod, PodSchedulingGate
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource, Volume
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.kinds.storage import StorageClass
from pikube.informer.informer import Informers
from pikube.informer.recorder import Recorder
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.scheduler.scheduler import Scheduler


@asynccontextmanager
async def scheduling(*boards):
    api = FakeApi()
    for one in boards:
        api.create_nowait(one)
    informers, recorder = Informers(api), Recorder(api)
    scheduler = Scheduler(api, informers, recorder)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        await nursery.start(informers.run)
        await nursery.start(scheduler.run)
        yield api
        nursery.cancel_scope.cancel()


async def settled():
    await trio.testing.wait_all_tasks_blocked(0.001)


def node_of(api, name):
    return api.get_nowait(Pod, name, "default").spec.node_name


def condition(api, name):
    found = condition_of(api.get_nowait(Pod, name, "default").status.conditions, "PodScheduled")
    return found and (found.status, found.reason, found.message)


def said(api):
    return {(event.reason, event.message) for event in api.all_of(Event)}


async def test_a_new_pod_is_bound_and_the_event_says_where(autojump_clock):
    async with scheduling(board("a")) as api:
        api.create_nowait(new_pod())
        await settled()
        assert node_of(api, "new") == "a"
        assert ("Scheduled", "Successfully assigned default/new to a") in said(api)


async def test_pods_of_one_round_see_each_other(autojump_clock):
    async with scheduling(board("a", cpu="2"), board("b", cpu="2")) as api:
        for number in range(5):
            api.create_nowait(new_pod(f"p{number}", cpu="1"))
        await settled()
        where = [node_of(api, f"p{number}") for number in range(5)]
        assert sorted(where) == ["", "a", "a", "b", "b"]


async def test_an_unschedulable_pod_is_told_why_and_bound_when_a_board_comes(autojump_clock):
    async with scheduling(board("a", cpu="1")) as api:
        api.create_nowait(new_pod(cpu="2"))
        await settled()
        message = (
            "0/1 nodes are available: 1 Insufficient cpu. "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        )
        assert condition(api, "new") == ("False", "Unschedulable", message)
        pod = api.get_nowait(Pod, "new", "default")
        seen = condition_of(pod.status.conditions, "PodScheduled").observed_generation
        assert seen == pod.metadata.generation == 1
        assert ("FailedScheduling", message) in said(api)
        writes = api.writes
        await trio.sleep(3600)
        assert api.writes == writes  # it does not try without reason
        api.create_nowait(board("b", cpu="4"))
        await trio.sleep(11)
        assert node_of(api, "new") == "b"
        assert condition(api, "new") == ("True", "", "")


async def test_a_pod_that_ends_makes_room(autojump_clock):
    async with scheduling(board("a", cpu="1")) as api:
        api.create_nowait(new_pod("first", cpu="1"))
        await settled()
        api.create_nowait(new_pod("second", cpu="1"))
        await settled()
        assert node_of(api, "second") == ""
        api.patch_nowait(Pod, "first", "default", {"status": {"phase": "Succeeded"}}, "status")
        await trio.sleep(11)
        assert node_of(api, "second") == "a"


async def test_a_binding_that_fails_is_tried_again(autojump_clock):
    async with scheduling(board("a")) as api:
        refusals = [InternalError("no"), InternalError("no")]
        api.refuse = lambda verb, obj: refusals.pop() if isinstance(obj, Binding) and refusals else None
        api.create_nowait(new_pod())
        await settled()
        assert node_of(api, "new") == ""
        api.create_nowait(board("b"))
        await trio.sleep(11)
        api.create_nowait(board("c"))
        await trio.sleep(11)
        assert node_of(api, "new") != ""


async def test_gated_pods_and_those_of_other_schedulers_are_left_alone(autojump_clock):
    async with scheduling(board("a")) as api:
        api.create_nowait(new_pod("gated", scheduling_gates=(PodSchedulingGate(name="wait"),)))
        api.create_nowait(new_pod("foreign", scheduler_name="mine"))
        await settled()
        assert node_of(api, "gated") == node_of(api, "foreign") == ""
        api.patch_nowait(Pod, "gated", "default", {"spec": {"schedulingGates": None}})
        await settled()
        assert node_of(api, "gated") == "a"


async def test_the_more_important_pod_preempts_and_is_bound_when_the_victim_is_gone(autojump_clock):
    async with scheduling(board("a", cpu="1")) as api:
        api.create_nowait(new_pod("low", cpu="1"))
        await settled()
        api.create_nowait(new_pod("high", cpu="1", priority=100))
        await settled()
        victim = api.get_nowait(Pod, "low", "default")
        assert victim.metadata.deletion_timestamp
        target = condition_of(victim.status.conditions, "DisruptionTarget")
        assert (target.reason, target.observed_generation) == ("PreemptionByScheduler", 1)
        assert api.get_nowait(Pod, "high", "default").status.nominated_node_name == "a"
        api.create_nowait(new_pod("thief", cpu="1"))
        api.delete_nowait(Pod, "low", "default", grace_period_s=0)
        await trio.sleep(11)
        assert (node_of(api, "high"), node_of(api, "thief")) == ("a", "")


async def test_the_important_go_first(autojump_clock):
    async with scheduling() as api:
        for name, priority in (("low", 0), ("high", 10)):
            api.create_nowait(new_pod(name, cpu="1", priority=priority))
        await settled()
        api.create_nowait(board("a", cpu="1"))
        await trio.sleep(11)
        assert (node_of(api, "high"), node_of(api, "low")) == ("a", "")


async def test_a_claim_that_waits_for_its_consumer_learns_the_node(autojump_clock):
    async with scheduling(board("a")) as api:
        api.create_nowait(
            StorageClass(
                metadata=ObjectMeta(name="local-path"),
                provisioner="pikube.io/local-path",
                volume_binding_mode="WaitForFirstConsumer",
            )
        )
        spec = PersistentVolumeClaimSpec(storage_class_name="local-path", access_modes=("ReadWriteOnce",))
        api.create_nowait(
            PersistentVolumeClaim(metadata=ObjectMeta(name="data", namespace="default"), spec=spec)
        )
        volume = Volume(
            name="v", persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name="data")
        )
        api.create_nowait(new_pod(volumes=(volume,)))
        await settled()
        claim = api.get_nowait(PersistentVolumeClaim, "data", "default")
        assert claim.metadata.annotations == {"volume.kubernetes.io/selected-node": "a"}
        assert node_of(api, "new") == ""


@pytest.mark.parametrize("claim", ["nowhere"])
async def test_a_missing_claim_is_named(autojump_clock, claim):
    async with scheduling(board("a")) as api:
        volume = Volume(name="v", persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name=claim))
        api.create_nowait(new_pod(volumes=(volume,)))
        await settled()
        _, _, message = condition(api, "new")
        assert message == '0/1 nodes are available: persistentvolumeclaim "nowhere" not found.'


async def test_a_lost_node_takes_no_more_pods(autojump_clock):
    async with scheduling(board("a")) as api:
        api.delete_nowait(Node, "a")
        await settled()
        api.create_nowait(new_pod())
        await settled()
        assert node_of(api, "new") == ""


async def test_what_a_board_says_of_an_image_is_believed_for_all_of_its_kind_for_a_while(autojump_clock):
    arm, amd = ({"kubernetes.io/arch": arch} for arch in ("arm64", "amd64"))
    async with scheduling(board("a", labels=arm), board("b", labels=arm)) as api:
        api.create_nowait(new_pod("first"))
        await settled()
        pod = api.get_nowait(Pod, "first", "default")
        waiting = ContainerStateWaiting(
            reason="ImagePullBackOff", message="Back-off: " + mismatch_words("web", "amd64", "arm64")
        )
        status = ContainerStatus(name="c", state=ContainerState(waiting=waiting))
        pod = structs.replace(pod, status=structs.replace(pod.status, container_statuses=(status,)))
        api.update_nowait(pod, "status")
        await settled()
        api.create_nowait(new_pod("second"))
        await settled()
        assert node_of(api, "second") == ""
        api.create_nowait(board("c", labels=amd))
        await trio.sleep(15)  # its back-off
        assert node_of(api, "second") == "c"
