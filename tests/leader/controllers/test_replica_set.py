from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.fake_api import START_AT
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import node, pod, replica_set, template

from pikube.api.errors import Forbidden
from pikube.api.kinds.apps import ReplicaSet
from pikube.api.kinds.core_config import ReplicationController, ReplicationControllerSpec
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.actions import Create, Delete, PatchObject, RecordEvent, RequeueAfter, Update
from pikube.leader.controllers.pods import DELETION_COST
from pikube.leader.controllers.replica_set import (
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    Pods,
    on_failure,
    reconcile,
)

NOW = START_AT + 100


def decide(rs, *pods, related=()):
    return check_laws(reconcile, rs, Pods(tuple(pods), tuple(related)), NOW)


def names(actions):
    return [action.key.name for action in actions if isinstance(action, Delete)]


def test_missing_pods_are_made_from_the_template():
    rs = replica_set(replicas=2)
    actions = decide(rs)
    assert [type(a) for a in actions] == [Create, Create]
    made = actions[0].obj
    assert made.metadata.generate_name == "web-1-"
    assert made.metadata.owner_references[0].uid == rs.metadata.uid
    assert made.metadata.owner_references[0].block_owner_deletion
    assert actions[0].said.message == "Created pod: {name}"


def test_ended_and_terminating_pods_do_not_count():
    rs = replica_set(replicas=1)
    gone = pod("a", rs, deletion_timestamp="2023-11-14T22:13:20Z")
    assert len(decide(rs, gone, pod("b", rs, phase="Failed"), pod("c", rs, phase="Succeeded"))) == 1


def test_boards_that_refuse_a_set_s_pods_are_tried_again_ever_more_seldom():
    it = World([REPLICA_SETS])
    it.api.create_nowait(node("board1"))
    it.api.create_nowait(replica_set(replicas=1))
    it.set_running = lambda pod, **_: it.api.patch_nowait(
        Pod, pod.metadata.name, "default", {"status": {"phase": "Failed", "reason": "NodePorts"}}, "status"
    )
    it.settle()
    tries, count = [0], 1
    for at in range(1, 300):
        it.advance(1)
        if len(it.pods(active=False)) > count:
            count += 1
            tries.append(at)
        assert len(it.pods(active=False)) == count
    assert [after - before for before, after in pairwise(tries)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    del it.set_running
    it.advance(60)
    [pod] = it.pods()
    it.api.patch_nowait(Pod, pod.metadata.name, "default", {"status": {"phase": "Failed"}}, "status")
    it.settle()
    assert len(it.pods()) == 1, "what ran is replaced at once"


@pytest.mark.parametrize(
    ("spared", "victim"),
    [
        ({"node": "n1"}, {"node": "", "phase": "Pending", "ready": False}),
        ({"phase": "Running"}, {"phase": "Pending", "ready": False}),
        ({"ready": True}, {"ready": False}),
        ({"annotations": {DELETION_COST: "5"}}, {"annotations": {DELETION_COST: "-1"}}),
        ({"ready_at": "2023-11-14T22:13:20Z"}, {"ready_at": "2023-11-14T22:14:20Z"}),
        (
            {"creation_timestamp": "2023-11-14T22:13:20Z"},
            {"creation_timestamp": "2023-11-14T22:14:20Z"},
        ),
    ],
    ids=["unassigned", "pending", "not ready", "cheap", "ready for less time", "newer"],
)
def test_the_pod_that_matters_least_goes_first(spared, victim):
    rs = replica_set(replicas=1)
    for a, b in (("a", "b"), ("b", "a")):  # whatever their names
        assert names(decide(rs, pod(a, rs, **spared), pod(b, rs, **victim))) == [b]


def test_of_equal_pods_the_one_doubled_up_on_a_node_goes():
    rs = replica_set(replicas=1)
    pods = [pod("a", rs, node="n1"), pod("z", rs, node="n2")]
    sibling = pod("other", None, node="n2")
    assert names(decide(rs, *pods, related=[*pods, sibling])) == ["z"]


def test_an_orphan_that_matches_is_adopted_and_counted():
    rs = replica_set(replicas=1)
    actions = decide(rs, pod("alone"))
    assert isinstance(actions[0], PatchObject)
    assert actions[0].patch["metadata"]["ownerReferences"][0]["name"] == "web-1"
    assert not any(isinstance(a, Create) for a in actions)


def test_a_pod_whose_labels_no_longer_match_is_released_and_replaced():
    rs = replica_set(replicas=1)
    actions = decide(rs, pod("quarantined", rs, labels={"app": "debug"}))
    assert actions[0].patch["metadata"]["ownerReferences"] is None
    assert isinstance(actions[1], Create)


def test_what_others_control_is_left_alone():
    rs, other = replica_set(replicas=0), replica_set("other")
    assert not [a for a in decide(rs, pod("theirs", other)) if not isinstance(a, Update)]


def test_a_set_that_is_going_neither_adopts_nor_scales():
    rs = replica_set(replicas=3)
    rs.metadata.deletion_timestamp = "2023-11-14T22:13:20Z"
    assert [type(a) for a in decide(rs, pod("alone"))] == [Update]


def test_the_status_counts_ready_available_and_labelled_pods():
    rs = replica_set(replicas=3, min_ready_seconds=60)
    pods = (
        pod("old", rs),
        pod("fresh", rs, ready_at="2023-11-14T22:14:50Z", labels={"app": "web", "extra": "1"}),
        pod("sick", rs, ready=False),
    )
    update, again = decide(rs, *pods)
    status = update.obj.status
    assert (status.replicas, status.ready_replicas, status.available_replicas) == (3, 2, 1)
    assert (status.fully_labeled_replicas, status.observed_generation) == (3, 1)
    assert isinstance(again, RequeueAfter)
    assert again.seconds == 50


def test_a_status_that_says_it_all_is_not_written_again():
    rs = replica_set(replicas=1)
    only = pod("only", rs)
    [update] = decide(rs, only)
    assert decide(structs.replace(rs, status=update.obj.status), only) == []


def test_pods_that_are_refused_give_an_event_and_a_condition_that_later_goes():
    rs = replica_set(replicas=1)
    error = Forbidden('pods "web-1-" is forbidden: exceeded quota')
    event, update = on_failure(rs, Pods(()), Create(pod("x")), error, NOW)
    assert isinstance(event, RecordEvent)
    assert (event.reason, event.message) == ("FailedCreate", f"Error creating: {error.message}")
    [condition] = update.obj.status.conditions
    assert (condition.type, condition.reason) == ("ReplicaFailure", "FailedCreate")
    failed = structs.replace(rs, status=update.obj.status)
    again = Forbidden('pods "web-1-abcde" is forbidden: exceeded quota')
    [event] = on_failure(failed, Pods(()), Create(pod("y")), again, NOW + 9)
    assert isinstance(event, RecordEvent)
    [healed] = decide(failed, pod("now-there", rs))
    assert healed.obj.status.conditions == ()


def world(*nodes, cuts=()):
    it = World([REPLICA_SETS, REPLICATION_CONTROLLERS], cuts=cuts)
    for name in nodes or ("board1", "board2"):
        it.api.create_nowait(node(name))
    return it


def as_user_sends(rs):
    return structs.replace(rs, metadata=ObjectMeta(name=rs.metadata.name, namespace="default"))


@given(st.lists(st.integers(0, 4), max_size=6), st.integers(0, 7), st.integers(0, 7))
def test_any_interruption_still_ends_with_exactly_the_wanted_pods(cuts, first, second):
    it = world(cuts=cuts)
    it.api.create_nowait(as_user_sends(replica_set(replicas=first)))
    it.settle()
    it.api.patch_nowait(ReplicaSet, "web-1", "default", {"spec": {"replicas": second}})
    it.settle()
    assert len(it.pods()) == second
    status = it.api.get_nowait(ReplicaSet, "web-1", "default").status
    assert (status.replicas, status.ready_replicas, status.observed_generation) == (
        second, second, 1 + (first != second),
    )  # fmt: skip


def test_a_deleted_pod_and_a_failed_one_are_replaced():
    it = world()
    it.api.create_nowait(as_user_sends(replica_set(replicas=2)))
    it.settle()
    it.api.delete_nowait(Pod, it.pods()[0].metadata.name, "default")
    it.settle()
    assert len(it.pods()) == 2
    assert ("SuccessfulCreate", f"Created pod: {it.pods()[-1].metadata.name}") in it.events


def test_a_replication_controller_does_the_same_with_its_map_selector():
    it = world()
    spec = ReplicationControllerSpec(replicas=2, selector={"app": "web"}, template=template())
    it.api.create_nowait(
        ReplicationController(metadata=ObjectMeta(name="rc", namespace="default"), spec=spec)
    )
    it.settle()
    assert [p.metadata.owner_references[0].kind for p in it.pods()] == ["ReplicationController"] * 2
    assert it.api.get_nowait(ReplicationController, "rc", "default").status.ready_replicas == 2


def test_refused_pods_come_once_they_are_allowed():
    it = world()
    it.api.refuse = lambda verb, obj: Forbidden("exceeded quota") if isinstance(obj, Pod) else None
    it.api.create_nowait(as_user_sends(replica_set(replicas=2)))
    it.settle()
    [condition] = it.api.get_nowait(ReplicaSet, "web-1", "default").status.conditions
    assert (condition.type, condition.message) == ("ReplicaFailure", "exceeded quota")
    it.api.refuse = lambda verb, obj: None
    it.advance(5)
    assert len(it.pods()) == 2
    assert it.api.get_nowait(ReplicaSet, "web-1", "default").status.conditions == ()


def test_a_quiet_set_causes_no_writes():
    it = world()
    it.api.create_nowait(as_user_sends(replica_set(replicas=3)))
    it.settle()
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_refusals_that_each_name_another_pod_do_not_bring_the_set_back_at_once():
    it = world()
    refused = []

    def refuse(verb, obj):
        if not isinstance(obj, Pod):
            return None
        refused.append(obj)
        return Forbidden(f'pods "web-1-{len(refused)}" is forbidden: exceeded quota')

    it.api.refuse = refuse
    it.api.create_nowait(as_user_sends(replica_set(replicas=1)))
    it.settle()
    assert 1 <= len(refused) <= 2
