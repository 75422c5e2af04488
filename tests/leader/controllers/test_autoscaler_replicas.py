"""How many replicas a metric asks for: upstream's own cases (replica_calculator_test.go), and laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from objects import pod, requests

from pikube.api.kinds.core_pod import PodCondition
from pikube.api.times import render_time
from pikube.leader.controllers.autoscaler_replicas import (
    MetricProblem,
    Proposal,
    Tolerance,
    Wish,
    group_pods,
    pod_metrics,
    propose,
)
from pikube.leader.metrics.summary import Use

NOW = 1_700_010_000.0


def scaled(name, request="1", *, ready=True, phase="Running", started_s=7200, changed_s=3600, **meta):
    """A pod that started and last changed its readiness so long ago."""
    made = pod(name, phase=phase, **meta)
    container = structs.replace(made.spec.containers[0], resources=requests(cpu=request, memory="100Mi"))
    made.spec.containers = (container,)
    made.status.start_time = render_time(NOW - started_s)
    made.status.conditions = (
        PodCondition(type="Ready", status=str(ready), last_transition_time=render_time(NOW - changed_s)),
    )
    return made


def use(millicores=None, memory=None, window_s=10.0, at=NOW - 1):
    return Use(None if millicores is None else millicores * 10**6, memory, at, window_s)


def case(levels, request="1", current=None, utilization=30, missing=0, unready=0, **more):
    """Pods web-0 … with these CPU levels (None: no metrics)."""
    pods, uses = [], {}
    for index, level in enumerate(levels):
        pods.append(scaled(f"web-{index}", request, **more))
        if level is not None:
            uses[f"web-{index}"] = {"web": use(level)}
    return pods, uses


CPU = Wish("cpu", utilization=30)
HOT = {"ready": False, "started_s": 10, "changed_s": 10}


@pytest.mark.parametrize(
    ("levels", "wish", "expected"),
    [
        ([300, 500, 700], CPU, Proposal(5, 50, 500)),  # TestReplicaCalcScaleUp
        ([100, 300, 500, 250, 250], Wish("cpu", utilization=50), Proposal(3, 28, 280)),  # …ScaleDown
        ([1000, 100, 150], Wish("cpu", utilization=40), Proposal(3, 41, 416)),
        ([950, 950, 950], Wish("cpu", utilization=100), Proposal(3, 95, 950)),  # TestReplicaCalcTolerance
        ([400, None, 500], Wish("cpu", utilization=10), Proposal(9, 45, 450)),
        ([], CPU, "no metrics returned from resource metrics API"),
        ([None, None], CPU, "no metrics returned from resource metrics API"),
        ([1000], Wish("cpu", utilization=100), Proposal(1, 100, 1000)),
        # TestReplicaCalcMissingMetricsNoChangeEq / Gt / Lt
        ([1000, None], Wish("cpu", utilization=100), Proposal(2, 100, 1000)),
        ([1900, None], Wish("cpu", utilization=100), Proposal(2, 190, 1900)),
        ([600, None], Wish("cpu", utilization=100), Proposal(2, 60, 600)),
        ([100, None, 450, None], Wish("cpu", utilization=50), Proposal(4, 27, 275)),
        # missing pods are taken to use as much as a target beyond their requests (…WithTargetHigherThan100)
        ([2000, None], Wish("cpu", utilization=300), Proposal(2, 200, 2000)),
    ],
)
def test_upstreams_cases(levels, wish, expected):
    pods, uses = case(levels)
    if isinstance(expected, str):
        with pytest.raises(MetricProblem, match=expected):
            propose(wish, len(levels), pods, uses, Tolerance(), NOW)
    else:
        assert propose(wish, len(levels), pods, uses, Tolerance(), NOW) == expected


def with_state(levels, states):
    pods, uses = case(levels)
    return [scaled(p.metadata.name, **state) for p, state in zip(pods, states, strict=True)], uses


@pytest.mark.parametrize(
    ("levels", "states", "expected"),
    [
        # TestReplicaCalcScaleUpUnreadyLessScale, …HotCpuLessScale, …UnreadyNoScale, …IgnoresFailedPods,
        # …IgnoresDeletionPods
        ([300, 500, 700], [{"ready": False, "started_s": 60, "changed_s": 60}, {}, {}], Proposal(4, 60, 600)),
        ([300, 500, 700], [{"started_s": 10, "changed_s": 3}, {}, {}], Proposal(4, 60, 600)),
        ([400, 500, 700], [HOT, {}, HOT], Proposal(3, 50, 500)),
        ([500, 700], [{}, {}], Proposal(4, 60, 600)),
        ([500, 700, None, None], [{}, {}, {"phase": "Failed"}, {"phase": "Failed"}], Proposal(4, 60, 600)),
        (
            [500, 700, None, 9000],
            [
                {},
                {},
                {"deletion_timestamp": "2023-11-14T22:13:20Z"},
                {"deletion_timestamp": "2023-11-14T22:13:20Z"},
            ],
            Proposal(4, 60, 600),
        ),
        ([500, 700, None], [{}, {}, {"phase": "Pending"}], Proposal(4, 60, 600)),
    ],
)
def test_pods_that_are_not_ready_hold_back_growth(levels, states, expected):
    pods, uses = with_state(levels, states)
    assert propose(CPU, len(levels), pods, uses, Tolerance(), NOW) == expected


def test_memory_counts_from_the_first_moment_and_averages_need_no_requests():
    pods = [scaled("web-0", started_s=1, changed_s=1, ready=False)]
    uses = {"web-0": {"web": use(memory=300)}}
    wish = Wish("memory", average_milli=100_000)
    assert propose(wish, 1, pods, uses, Tolerance(), NOW) == Proposal(3, None, 300_000)
    pods[0].spec.containers[0].resources.requests.clear()
    assert propose(wish, 1, pods, uses, Tolerance(), NOW).replicas == 3
    with pytest.raises(MetricProblem, match="missing request for memory in container web of Pod web-0"):
        propose(Wish("memory", utilization=50), 1, pods, uses, Tolerance(), NOW)


def test_one_container_may_be_looked_at_alone():
    pods = [scaled("web-0", "500m")]
    uses = {"web-0": {"web": use(250), "sidecar": use(9000)}}
    assert propose(Wish("cpu", "web", utilization=50), 1, pods, uses, Tolerance(), NOW) == Proposal(
        1, 50, 250
    )
    with pytest.raises(MetricProblem, match="container other not present in metrics for pod web-0"):
        propose(Wish("cpu", "other", utilization=50), 1, pods, uses, Tolerance(), NOW)


def test_a_pod_counts_when_all_its_containers_are_known():
    uses = {"a": {"x": use(10), "y": use(None, 5)}, "b": {"x": use(10, 1)}}
    assert set(pod_metrics(CPU, uses)) == {"b"}
    assert set(pod_metrics(Wish("memory", average_milli=1), uses)) == {"b"}
    assert pod_metrics(Wish("other", average_milli=1), uses) == {}


@pytest.mark.parametrize(
    ("state", "at", "is_ready"),
    [
        ({"started_s": 10, "changed_s": 8}, NOW, False),  # less than a window since it became ready
        ({"started_s": 60, "changed_s": 30}, NOW, True),
        ({"started_s": 60, "changed_s": 30, "ready": False}, NOW, False),
        ({"started_s": 3600, "changed_s": 3595, "ready": False}, NOW, False),  # it has never been ready
        ({"started_s": 3600, "changed_s": 60, "ready": False}, NOW, True),  # it was ready once
    ],
)
def test_young_pods_are_not_believed(state, at, is_ready):
    made = scaled("web-0", **state)
    groups = group_pods([made], pod_metrics(CPU, {"web-0": {"web": use(5, at=at)}}), "cpu", NOW)
    assert (groups.ready, bool(groups.unready)) == ((1, False) if is_ready else (0, True))
    memory = group_pods([made], pod_metrics(CPU, {"web-0": {"web": use(5, at=at)}}), "memory", NOW)
    assert memory.ready == 1


LEVELS = st.lists(st.one_of(st.none(), st.integers(0, 4000)), min_size=1, max_size=8)


@given(LEVELS, st.integers(1, 300), st.integers(1, 20))
def test_laws_of_the_calculator(levels, target, current):
    pods, uses = case(levels)
    wish = Wish("cpu", utilization=target)
    try:
        found = propose(wish, current, pods, uses, Tolerance(), NOW)
    except MetricProblem:
        assert not uses
        return
    assert found == propose(wish, current, pods[::-1], uses, Tolerance(), NOW), "order matters"
    assert found.replicas >= 0
    known = [level for level in levels if level is not None]
    assert found.average_milli == sum(known) // len(known)
    if Tolerance().holds(found.utilization / target) and None not in levels:
        assert found.replicas == current
    if None in levels and current == len(levels):  # what is missing never turns the direction round
        ratio = found.utilization / target
        assert found.replicas >= current or ratio < 1.0
        assert found.replicas <= current or ratio > 1.0
