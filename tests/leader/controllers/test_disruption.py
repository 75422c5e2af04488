from __future__ import annotations

import dataclasses

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import FakeScales, new_deployment, node, pod, replica_set

from pikube.api.errors import Forbidden, TooManyRequests
from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_pod import Pod, PodCondition
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.api.kinds.policy import (
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
)
from pikube.api.times import render_time
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.custom_scale import CustomScale
from pikube.leader.controllers.deployment import DEPLOYMENTS
from pikube.leader.controllers.disruption import Guarded, disruption_controller, reconcile
from pikube.leader.controllers.replica_set import REPLICA_SETS
from pikube.leader.controllers.stale_disruption import STALE_DISRUPTION
from pikube.leader.controllers.stale_disruption import reconcile as stale
from pikube.leader.request.context import LEADER, Context
from pikube.leader.request.eviction import minus_one

SCALES = FakeScales()
DISRUPTION = disruption_controller(SCALES)
NOW = 1_700_000_000.0
KEY = ObjectKey("default", "web")


def budget(labels=None, **spec):
    chosen = LabelSelector(match_labels={"app": "web"} if labels is None else labels)
    return PodDisruptionBudget(
        metadata=ObjectMeta(name="web", namespace="default", generation=1),
        spec=PodDisruptionBudgetSpec(selector=chosen, **spec),
    )


def world(*objects, boards=2):
    it = World([DEPLOYMENTS, REPLICA_SETS, DISRUPTION])
    for number in range(boards):
        it.api.create_nowait(node(f"board{number}"))
    for obj in objects:
        it.api.create_nowait(obj)
    it.settle()
    return it


def status(it):
    return it.api.get_nowait(PodDisruptionBudget, "web", "default").status


def numbers(it):
    found = status(it)
    return found.expected_pods, found.desired_healthy, found.current_healthy, found.disruptions_allowed


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"max_unavailable": 1}, (4, 3, 4, 1)),
        ({"max_unavailable": "30%"}, (4, 2, 4, 2)),
        ({"max_unavailable": 9}, (4, 0, 4, 4)),
        ({"min_available": 3}, (4, 3, 4, 1)),
        ({"min_available": 5}, (4, 5, 4, 0)),
        ({"min_available": "60%"}, (4, 3, 4, 1)),
        ({"min_available": "100%"}, (4, 4, 4, 0)),
        ({}, (4, 0, 4, 4)),
    ],
)
def test_numbers_and_shares_of_a_deployment(spec, expected):
    it = world(new_deployment(replicas=4), budget(**spec))
    assert numbers(it) == expected
    [condition] = status(it).conditions
    words = ("True", "SufficientPods") if expected[3] else ("False", "InsufficientPods")
    assert (condition.type, condition.status, condition.reason) == ("DisruptionAllowed", *words)
    desired, observed = DISRUPTION.observe(it, KEY)
    assert check_laws(reconcile, desired, observed, it.now) == []


def test_the_share_is_of_what_the_deployment_wants_also_in_the_middle_of_a_rollout():
    it = world(new_deployment(replicas=10), budget(max_unavailable="10%"))
    assert numbers(it) == (10, 9, 10, 1)
    deployment = it.api.get_nowait(Deployment, "web", "default")
    it.api.update_nowait(structs.replace(deployment, spec=structs.replace(deployment.spec, replicas=20)))
    it.settle()
    assert numbers(it) == (20, 18, 20, 2)


def test_no_pods_unmanaged_pods_and_owners_without_a_scale_are_said():
    it = world(budget(max_unavailable=1))
    assert ("NoPods", "No matching pods found") in it.events
    assert numbers(it) == (0, 0, 0, 0)

    it = world(pod("alone", node="board0"), budget(max_unavailable=1))
    assert any(reason == "UnmanagedPods" and "app=web" in words for reason, words in it.events)
    it = world(pod("alone", node="board0"), budget(min_available=1))
    assert (numbers(it), it.events) == ((1, 1, 1, 0), [])

    job = structs.replace(replica_set("work"), kind="Job", api_version="batch/v1")
    it = world(pod("one", job, node="board0"), budget(max_unavailable=1))
    words = "jobs.batch does not implement the scale subresource"
    assert (
        "CalculateExpectedPodCountFailed",
        f"Failed to calculate the number of expected pods: {words}",
    ) in (it.events)
    [condition] = status(it).conditions
    assert (condition.reason, condition.message, status(it).disruptions_allowed) == ("SyncFailed", words, 0)


def test_the_share_of_a_custom_resource_is_of_what_its_scale_says():
    rollout = structs.replace(replica_set("canary"), kind="Rollout", api_version="argoproj.io/v1alpha1")
    scale = CustomScale(Pod, ("spec", "replicas"), 4, "app=web", rollout.metadata.uid)
    SCALES.by_name = {"canary": scale}
    pods = [pod(f"canary-{i}", rollout, node="board0") for i in range(4)]
    it = world(*pods, budget(min_available="50%"))
    assert numbers(it) == (4, 2, 4, 2)
    SCALES.by_name = {"canary": dataclasses.replace(scale, uid="another")}
    it = world(*pods, budget(min_available="50%"))
    assert status(it).disruptions_allowed == 0
    [condition] = status(it).conditions
    assert (condition.reason, condition.message) == ("SyncFailed", 'found no controllers for pod "canary-0"')
    stranger = structs.replace(rollout, kind="Thing", api_version="example.org/v1")
    it = world(pod("one", stranger, node="board0"), budget(max_unavailable=1))
    words = 'no matches for kind "Thing" in version "example.org/v1"'
    assert status(it).conditions[0].message == words


def test_an_empty_selector_means_every_pod_and_none_means_no_pod():
    alone = pod("alone", node="board0", labels={"x": "y"})
    assert numbers(world(alone, budget(labels={}, min_available=0))) == (1, 0, 1, 1)
    nobody = budget(min_available=0)
    nobody = structs.replace(nobody, spec=structs.replace(nobody.spec, selector=None))
    assert numbers(world(alone, nobody)) == (0, 0, 0, 0)


def test_an_eviction_that_never_happens_counts_again_after_two_minutes():
    it = world(pod("alone", node="board0"), budget(min_available=0))
    found = it.api.get_nowait(PodDisruptionBudget, "web", "default")
    taken = minus_one(structs.replace(found), it.pods()[0], Context(user=LEADER, now=it.now))
    it.api.update_nowait(taken, "status")
    it.settle()
    assert numbers(it) == (1, 0, 0, 0)
    it.advance(121)
    assert numbers(it) == (1, 0, 1, 1)
    assert ("NotDeleted", "Pod was expected by PDB default/web to be deleted but it wasn't") in it.events


def spent(**status):
    found = budget(min_available=1)
    found.status = PodDisruptionBudgetStatus(observed_generation=1, **status)
    return found


@pytest.mark.parametrize(
    ("found", "error", "words", "retry_s"),
    [
        (
            spent(desired_healthy=1, current_healthy=1),
            TooManyRequests,
            "The disruption budget web needs 1 healthy pods and has 1 currently",
            0,
        ),
        (
            structs.replace(spent(), metadata=ObjectMeta(name="web", generation=2)),
            TooManyRequests,
            "The disruption budget web is still being processed by the server.",
            10,
        ),
        (spent(disruptions_allowed=-1), Forbidden, "pdb disruptions allowed is negative", 0),
    ],
)
def test_what_an_eviction_is_told(found, error, words, retry_s):
    with pytest.raises(error) as raised:
        minus_one(found, pod("web-1"), Context(user=LEADER, now=NOW))
    said = [cause.message for cause in raised.value.causes] + [raised.value.message]
    assert any(words in text for text in said)
    assert raised.value.retry_after_s == retry_s


@given(
    ready=st.lists(st.booleans(), max_size=8),
    going=st.sets(st.integers(0, 7)),
    wanted=st.integers(0, 9),
    share=st.one_of(st.integers(0, 9), st.sampled_from(["0%", "1%", "50%", "100%"])),
    by_max=st.booleans(),
    taken=st.sets(st.integers(0, 7)),
)
def test_what_is_allowed_never_takes_more_than_the_budget(ready, going, wanted, share, by_max, taken):
    owner = replica_set(replicas=wanted)
    pods = tuple(
        pod(f"p{i}", owner, ready=is_ready, deletion_timestamp=render_time(NOW) if i in going else "")
        for i, is_ready in enumerate(ready)
    )
    found = budget(**({"max_unavailable": share} if by_max else {"min_available": share}))
    found.status = PodDisruptionBudgetStatus(disrupted_pods={f"p{i}": render_time(NOW) for i in taken})
    observed = Guarded(pods, (("uid", "uid", wanted),) if pods else ())
    actions = check_laws(reconcile, found, observed, NOW)
    [status] = [action.obj.status for action in actions if hasattr(action, "obj")]
    healthy = [p for i, p in enumerate(pods) if ready[i] and i not in going and i not in taken]
    assert status.current_healthy == len(healthy)
    assert 0 <= status.disruptions_allowed <= max(0, len(healthy) - status.desired_healthy)
    assert set(status.disrupted_pods) <= {p.metadata.name for p in pods if isinstance(p, Pod)}


def test_a_pod_that_was_to_go_and_did_not_is_no_target_any_more():
    it = World([STALE_DISRUPTION], has_boards=False)
    condition = PodCondition(
        type="DisruptionTarget", status="True", last_transition_time=render_time(it.now), reason="Preempted"
    )
    for name in ("stays", "goes"):
        made = pod(name)
        status = structs.replace(made.status, conditions=(*made.status.conditions, condition))
        it.api.create_nowait(structs.replace(made, status=status))
    it.api.delete_nowait(Pod, "goes", "default")
    it.settle()

    def status_of(name):
        found = it.api.get_nowait(Pod, name, "default").status.conditions
        return next(c.status for c in found if c.type == "DisruptionTarget")

    it.advance(119)
    assert status_of("stays") == "True"
    it.advance(2)
    assert (status_of("stays"), status_of("goes")) == ("False", "True")
    stays = it.api.get_nowait(Pod, "stays", "default")
    over = next(c for c in stays.status.conditions if c.type == "DisruptionTarget")
    assert (over.reason, over.observed_generation) == ("", stays.metadata.generation)
    assert check_laws(stale, stays, None, it.now) == []
    assert check_laws(stale, stays, None, it.now - 1e9) == []
