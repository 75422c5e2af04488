from __future__ import annotations

from test_decide import WEB, board, cluster, near, new_pod

from pikube.api.kinds.core_pod import Affinity, PodAntiAffinity
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.api.kinds.policy import PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus
from pikube.leader.scheduler.decide import Unschedulable, schedule
from pikube.leader.scheduler.node_state import PodFacts
from pikube.leader.scheduler.preempt import NEVER, Preemption, preempt
from pikube.leader.scheduler.volumes import NO_VOLUMES


def attempt(pod, state, budgets=()):
    facts = PodFacts(pod)
    decision = schedule(facts, state)
    assert isinstance(decision, Unschedulable)
    return preempt(facts, state, NO_VOLUMES, decision.rejections, budgets)


def victims(result):
    assert isinstance(result, Preemption), result
    return result.node, [facts.pod.metadata.name for facts in result.victims]


def low(name, cpu, priority=0, **more):
    return new_pod(name, cpu=cpu, priority=priority, **more)


def test_the_fewest_lower_pods_go():
    state = cluster(board("a"), a=[low("big", "2"), low("small", "1"), low("other", "1")])
    assert victims(attempt(new_pod(cpu="2", priority=10), state)) == ("a", ["big"])


def test_pods_of_the_same_priority_are_safe():
    state = cluster(board("a"), a=[low("equal", "4", priority=10)])
    message = attempt(new_pod(cpu="1", priority=10), state)
    assert message == "0/1 nodes are available: 1 No preemption victims found for incoming pod."


def test_where_no_preemption_helps_the_message_says_so():
    state = cluster(board("a", unschedulable=True), board("b"))
    message = attempt(new_pod(cpu="9", priority=10), state)
    assert message == "0/2 nodes are available: 2 Preemption is not helpful for scheduling."


def test_the_board_with_the_least_important_victims_is_chosen():
    state = cluster(board("a"), board("b"), a=[low("x", "4", 5)], b=[low("y", "4", 1)])
    assert victims(attempt(new_pod(cpu="1", priority=10), state)) == ("b", ["y"])


def test_a_pod_that_never_preempts_does_not():
    state = cluster(board("a"), a=[low("x", "4")])
    assert attempt(new_pod(cpu="1", priority=10, preemption_policy="Never"), state) == NEVER


def budget(allowed):
    return PodDisruptionBudget(
        metadata=ObjectMeta(name="b", namespace="default"),
        spec=PodDisruptionBudgetSpec(selector=LabelSelector(match_labels={"app": "db"})),
        status=PodDisruptionBudgetStatus(disruptions_allowed=allowed),
    )


def test_pods_that_a_budget_protects_are_spared_where_others_will_do():
    protected = low("protected", "2", labels={"app": "db"})
    state = cluster(board("a"), a=[protected, low("free", "2")])
    assert victims(attempt(new_pod(cpu="2", priority=10), state, [budget(0)])) == ("a", ["free"])


def test_a_board_whose_budget_allows_it_is_chosen():
    one, other = low("x", "4", labels={"app": "db"}), low("y", "4")
    state = cluster(board("a"), board("b"), a=[one], b=[other])
    assert victims(attempt(new_pod(cpu="1", priority=10), state, [budget(0)]))[0] == "b"


def test_neighbours_that_are_not_wanted_can_be_preempted():
    affinity = Affinity(
        pod_anti_affinity=PodAntiAffinity(required_during_scheduling_ignored_during_execution=near())
    )
    state = cluster(board("a"), a=[low("x", "1", labels=WEB.match_labels)])
    assert victims(attempt(new_pod(affinity=affinity, priority=10), state)) == ("a", ["x"])


def test_deciding_changes_nothing():
    state = cluster(board("a"), a=[low("x", "4")])
    before = dict(state.nodes["a"].requested)
    attempt(new_pod(cpu="1", priority=10), state)
    assert state.nodes["a"].requested == before
    assert set(state.nodes) == {"a"}
