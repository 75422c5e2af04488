from __future__ import annotations

import msgspec
import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from objects import new_deployment, node, template
from searches import examples

from pikube.api.errors import Forbidden
from pikube.api.kinds.apps import Deployment, DeploymentStrategy, ReplicaSet
from pikube.api.kinds.core_pod import Pod
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.controllers.deployment import DEPLOYMENTS, observe, reconcile
from pikube.leader.controllers.deployment_revisions import DESIRED, HISTORY, MAXIMUM, REVISION
from pikube.leader.controllers.pods import is_ready
from pikube.leader.controllers.replica_set import REPLICA_SETS
from pikube.leader.controllers.rounding import fenceposts


def world(deployment=None, *, cuts=(), boards=3, **options):
    it = World([DEPLOYMENTS, REPLICA_SETS], cuts=cuts, **options)
    for number in range(boards):
        it.api.create_nowait(node(f"board{number + 1}"))
    if deployment is not None:
        it.api.create_nowait(deployment)
    return it


def current(it):
    return it.api.get_nowait(Deployment, "web", "default")


def change(it, **spec):
    it.api.patch_nowait(Deployment, "web", "default", {"spec": spec})


def set_image(it, image):
    container = msgspec.to_builtins(template(image).spec.containers[0])
    change(it, template={"spec": {"containers": [container]}})


def sets(it):
    """(revision, replicas) of each ReplicaSet, by revision."""
    found = it.api.all_of(ReplicaSet)
    return sorted((int(rs.metadata.annotations[REVISION]), rs.spec.replicas) for rs in found)


def reason(it, type_="Progressing"):
    condition = condition_of(current(it).status.conditions, type_)
    return condition and (condition.status, condition.reason)


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "wanted"),
    [
        ("25%", "25%", 3, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        ("0%", "10%", 3, (0, 1)),
        (0, 0, 3, (0, 1)),
        (2, 1, 5, (2, 1)),
        ("100%", 0, 4, (4, 0)),
        ("20%", 0, 10, (2, 0)),
    ],
)
def test_percentages_of_surge_round_up_and_of_unavailable_down(surge, unavailable, replicas, wanted):
    assert fenceposts(surge, unavailable, replicas) == wanted


def test_a_new_deployment_gets_a_replica_set_named_by_its_template():
    it = world(new_deployment())
    it.settle()
    [rs] = it.api.all_of(ReplicaSet)
    hash_ = rs.metadata.labels["pod-template-hash"]
    assert rs.metadata.name == f"web-{hash_}"
    assert rs.spec.selector.match_labels == {"app": "web", "pod-template-hash": hash_}
    assert rs.metadata.annotations == {REVISION: "1", DESIRED: "3", MAXIMUM: "4"}
    assert ("ScalingReplicaSet", f"Scaled up replica set {rs.metadata.name} from 0 to 3") in it.events
    deployment = current(it)
    status = deployment.status
    assert (status.replicas, status.updated_replicas, status.available_replicas) == (3, 3, 3)
    assert status.observed_generation == deployment.metadata.generation == 1
    assert deployment.metadata.annotations[REVISION] == "1"
    assert reason(it) == ("True", "NewReplicaSetAvailable")
    assert reason(it, "Available") == ("True", "MinimumReplicasAvailable")


def test_a_quiet_deployment_causes_no_writes():
    it = world(new_deployment())
    it.settle()
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_a_new_image_rolls_and_keeps_the_old_set_for_undo():
    it = world(new_deployment())
    it.settle()
    set_image(it, "web:2")
    it.settle()
    assert sets(it) == [(1, 0), (2, 3)]
    assert {p.spec.containers[0].image for p in it.pods()} == {"web:2"}
    assert reason(it) == ("True", "NewReplicaSetAvailable")


def test_undo_reuses_the_old_set_and_renumbers_it():
    it = world(new_deployment())
    it.settle()
    set_image(it, "web:2")
    it.settle()
    set_image(it, "web:1")  # what kubectl rollout undo sends: the old template
    it.settle()
    assert sets(it) == [(2, 0), (3, 3)]
    [back] = [rs for rs in it.api.all_of(ReplicaSet) if rs.spec.replicas]
    assert back.metadata.annotations[HISTORY] == "1"
    assert current(it).metadata.annotations[REVISION] == "3"


def test_scaling_makes_no_revision():
    it = world(new_deployment())
    it.settle()
    change(it, replicas=5)
    it.settle()
    assert sets(it) == [(1, 5)]
    [rs] = it.api.all_of(ReplicaSet)
    assert rs.metadata.annotations[DESIRED] == "5"


def test_a_set_scaled_by_hand_is_scaled_back():
    it = world(new_deployment())
    it.settle()
    [rs] = it.api.all_of(ReplicaSet)
    for wrong in (1, 7):
        it.api.patch_nowait(ReplicaSet, rs.metadata.name, "default", {"spec": {"replicas": wrong}})
        it.settle()
        assert sets(it) == [(1, 3)]


def test_change_cause_and_other_annotations_go_to_the_set_but_not_last_applied():
    it = world(new_deployment())
    annotations = {
        "kubernetes.io/change-cause": "first",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    it.api.patch_nowait(Deployment, "web", "default", {"metadata": {"annotations": annotations}})
    it.settle()
    [rs] = it.api.all_of(ReplicaSet)
    assert rs.metadata.annotations["kubernetes.io/change-cause"] == "first"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in rs.metadata.annotations


def test_history_is_cut_to_its_limit():
    it = world(new_deployment(revision_history_limit=1))
    for number in range(1, 5):
        set_image(it, f"web:{number}")
        it.settle()
    assert sets(it) == [(3, 0), (4, 3)]


def test_recreate_ends_every_old_pod_before_it_starts_a_new_one():
    it = world(new_deployment(strategy=DeploymentStrategy(type="Recreate")))
    it.settle()
    it.dead = {"board1", "board2", "board3"}  # pods linger
    set_image(it, "web:2")
    it.settle()
    assert sets(it) == [(1, 0)]
    assert {p.spec.containers[0].image for p in it.pods(active=False)} == {"web:1"}
    it.dead = set()
    it.settle()
    assert sets(it) == [(1, 0), (2, 3)]
    assert reason(it) == ("True", "NewReplicaSetAvailable")


def test_a_paused_deployment_scales_but_does_not_roll_until_it_is_resumed():
    it = world(new_deployment())
    it.settle()
    change(it, paused=True)
    set_image(it, "web:2")
    it.settle()
    assert sets(it) == [(1, 3)]
    assert reason(it) == ("Unknown", "DeploymentPaused")
    change(it, replicas=4)
    it.settle()
    assert sets(it) == [(1, 4)]
    change(it, paused=False)
    it.settle()
    assert sets(it) == [(1, 0), (2, 4)]


class NeverReady(World):
    """Boards whose pods run and never get ready."""

    def set_running(self, pod, *, is_ready=True):
        super().set_running(pod, is_ready=pod.spec.containers[0].image != "web:bad")


def stuck(**spec):
    it = NeverReady([DEPLOYMENTS, REPLICA_SETS])
    it.api.create_nowait(node("board1"))
    it.api.create_nowait(new_deployment(replicas=4, **spec))
    it.settle()
    set_image(it, "web:bad")
    it.settle()
    return it


def test_a_rollout_halts_at_pods_that_never_get_ready_and_the_old_ones_serve_on():
    it = stuck(surge=1, unavailable=1)
    assert sets(it) == [(1, 3), (2, 2)]
    assert current(it).status.available_replicas == 3
    assert reason(it, "Available") == ("True", "MinimumReplicasAvailable")


def test_no_progress_within_the_deadline_is_said_and_a_good_image_heals_it():
    it = stuck(progress_deadline_seconds=60)
    it.advance(30)
    assert reason(it) == ("True", "ReplicaSetUpdated")
    it.advance(40)
    assert reason(it) == ("False", "ProgressDeadlineExceeded")
    set_image(it, "web:3")
    it.settle()
    assert reason(it) == ("True", "NewReplicaSetAvailable")


def test_undo_works_in_the_middle_of_a_rollout():
    it = stuck()
    set_image(it, "web:1")
    it.settle()
    assert [size for _, size in sets(it)] == [0, 4]
    assert reason(it) == ("True", "NewReplicaSetAvailable")


def test_scaling_in_mid_rollout_is_shared_in_proportion():
    it = stuck(surge=1, unavailable=1)  # 3 old and 2 new of 4
    change(it, replicas=8)
    it.settle()
    assert sum(size for _, size in sets(it)) == 9
    assert all(size > before for (_, size), before in zip(sets(it), (3, 2), strict=True))


def test_scaling_to_zero_takes_every_set_down():
    it = stuck()
    change(it, replicas=0)
    it.settle()
    assert [size for _, size in sets(it)] == [0, 0]
    assert it.pods() == []


def test_pods_count_only_after_min_ready_seconds():
    it = world(new_deployment(min_ready_seconds=30))
    it.settle()
    assert current(it).status.available_replicas == 0
    assert reason(it, "Available") == ("False", "MinimumReplicasUnavailable")
    it.advance(31)
    assert current(it).status.available_replicas == 3


def test_a_name_that_is_taken_by_another_gets_another_hash():
    it = world(new_deployment(), has_boards=False)
    it.settle()
    [rs] = it.api.all_of(ReplicaSet)
    it.api.delete_nowait(Deployment, "web", "default")
    it.settle()
    it.api.create_nowait(new_deployment())  # its template makes the same name, which the old set still has
    it.settle()
    it.advance(5)
    mine = [r for r in it.api.all_of(ReplicaSet) if r.metadata.name != rs.metadata.name]
    assert len(mine) == 1
    assert current(it).status.collision_count == 1


def test_a_set_that_is_refused_is_told_in_condition_and_event():
    it = world()
    it.api.refuse = lambda verb, obj: Forbidden("no sets") if isinstance(obj, ReplicaSet) else None
    it.api.create_nowait(new_deployment())
    it.settle()
    assert reason(it) == ("False", "ReplicaSetCreateError")
    assert {name for name, _ in it.events} == {"ReplicaSetCreateError"}


def test_refused_pods_are_told_as_replica_failure():
    it = world()
    it.api.refuse = lambda verb, obj: Forbidden("exceeded quota") if isinstance(obj, Pod) else None
    it.api.create_nowait(new_deployment())
    it.settle()
    assert reason(it, "ReplicaFailure") == ("True", "FailedCreate")


@examples(60)
@given(
    cuts=st.lists(st.integers(0, 3), max_size=12),
    replicas=st.integers(1, 6),
    surge=st.sampled_from([0, 1, 2, "25%", "100%"]),
    unavailable=st.sampled_from([0, 1, "25%", "50%"]),
)
def test_any_interruption_of_a_rollout_converges_within_its_bounds(cuts, replicas, surge, unavailable):
    it = world(new_deployment(replicas=replicas, surge=surge, unavailable=unavailable))
    it.settle()
    more, fewer = fenceposts(surge, unavailable, replicas)
    most, fewest = [replicas], [replicas]

    def watch_bounds(verb, obj):
        most.append(len(it.pods()) + (verb == "create"))
        is_hit = verb == "delete" and is_ready(obj) and not obj.metadata.deletion_timestamp
        fewest.append(sum(map(is_ready, it.pods())) - is_hit)

    it.api.refuse = lambda verb, obj: watch_bounds(verb, obj) if isinstance(obj, Pod) else None
    it.cut_after(cuts)
    set_image(it, "web:2")
    it.settle(200)
    assert sets(it) == [(1, 0), (2, replicas)]
    assert len(it.pods()) == replicas
    assert max(most) <= replicas + more
    assert min(fewest) >= replicas - fewer


@examples(40)
@given(st.lists(st.sampled_from(["image", "scale", "pause", "resume", "kill"]), max_size=8))
def test_after_any_history_the_laws_hold_and_the_wanted_pods_run(steps):
    it = world(new_deployment())
    for number, step in enumerate(steps):
        match step:
            case "image":
                set_image(it, f"web:{number % 3}")
            case "scale":
                change(it, replicas=number + 1)
            case "pause":
                change(it, paused=True)
            case "resume":
                change(it, paused=False)
            case "kill" if it.pods():
                it.api.delete_nowait(Pod, it.pods()[0].metadata.name, "default")
        it.settle(100)
        seen = observe(it, it.cache(Deployment).keys().pop())
        assert seen is not None
        check_laws(reconcile, *seen, it.now)
    change(it, paused=False)
    it.settle(100)
    wanted = current(it)
    assert len(it.pods()) == wanted.spec.replicas
    assert {p.spec.containers[0].image for p in it.pods()} == {wanted.spec.template.spec.containers[0].image}
