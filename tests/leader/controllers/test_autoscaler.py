"""An autoscaler's decisions: upstream's limits, windows, conditions and words; laws; the loop over a fake API."""

import dataclasses

import pytest
import trio
from fakes.fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import FakeScales, meta, template
from searches import examples
from test_autoscaler_replicas import NOW, scaled, use

from pikube.api.errors import Forbidden
from pikube.api.kinds.apps import Deployment, DeploymentSpec
from pikube.api.kinds.autoscaling_v2 import (
    ContainerResourceMetricSource,
    CrossVersionObjectReference,
    ExternalMetricSource,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec,
    HPAScalingPolicy,
    HPAScalingRules,
    MetricIdentifier,
    MetricSpec,
    MetricStatus,
    MetricTarget,
    ObjectMetricSource,
    PodsMetricSource,
    ResourceMetricSource,
)
from pikube.api.kinds.meta import LabelSelector as LabelSelectorSpec
from pikube.api.selector import from_label_selector
from pikube.informer.actions import PatchObject, RecordEvent, RequeueAfter, Update
from pikube.informer.cache import ObjectKey
from pikube.informer.informer import Informers
from pikube.informer.loop import ControllerLoop
from pikube.informer.recorder import Recorder
from pikube.leader.controllers.autoscaler import SYNC_S, Observed, Scale, decide
from pikube.leader.controllers.autoscaler_behavior import (
    DOWNSCALE_WINDOW_S,
    History,
    Noted,
    allow,
    remember_scaling,
)
from pikube.leader.controllers.autoscaler_controller import autoscaler_controller
from pikube.leader.metrics.summary import BoardUse

SELECTOR = from_label_selector(LabelSelectorSpec(match_labels={"app": "web"}))
KEY = ObjectKey("default", "web")


def cpu(percent=50):
    target = MetricTarget(type="Utilization", average_utilization=percent)
    return MetricSpec(type="Resource", resource=ResourceMetricSource(name="cpu", target=target))


def memory(average="100Mi"):
    target = MetricTarget(type="AverageValue", average_value=average)
    return MetricSpec(type="Resource", resource=ResourceMetricSource(name="memory", target=target))


def autoscaler(least=1, most=10, metrics=None, behavior=None, name="web"):
    return HorizontalPodAutoscaler(
        metadata=meta(name),
        spec=HorizontalPodAutoscalerSpec(
            scale_target_ref=CrossVersionObjectReference(
                kind="Deployment", name="web", api_version="apps/v1"
            ),
            min_replicas=least,
            max_replicas=most,
            metrics=(cpu(),) if metrics is None else metrics,
            behavior=behavior,
        ),
    )


def seen(levels, current=None, history=None, at=1000.0, selector=SELECTOR, rivals=()):
    pods = tuple(scaled(f"web-{i}") for i in range(len(levels)))
    uses = {
        f"web-{i}": {"web": use(level, 50 * 2**20)} for i, level in enumerate(levels) if level is not None
    }
    scale = Scale(Deployment, KEY, len(levels) if current is None else current, selector)
    return Observed(scale, "", pods, uses, rivals, history or History(), at)


def outcome(decision):
    """(replicas set or None, events' reasons, conditions)."""
    patches = [a.patch["spec"]["replicas"] for a in decision.actions if isinstance(a, PatchObject)]
    events = [a.reason for a in decision.actions if isinstance(a, RecordEvent)]
    updates = [a.obj.status for a in decision.actions if isinstance(a, Update)]
    conditions = {c.type: (c.status, c.reason) for u in updates for c in u.conditions}
    return (patches[0] if patches else None), events, conditions


def test_load_above_the_target_scales_up_and_says_so():
    decision = decide(autoscaler(), seen([800, 1000]), NOW)
    replicas, events, conditions = outcome(decision)
    assert replicas == 4 and events == ["SuccessfulRescale"]
    assert conditions == {
        "AbleToScale": ("True", "SucceededRescale"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("False", "DesiredWithinRange"),
    }
    event = next(a for a in decision.actions if isinstance(a, RecordEvent))
    assert event.message == (
        "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    )
    status = next(a for a in decision.actions if isinstance(a, Update)).obj.status
    assert (status.current_replicas, status.desired_replicas) == (2, 4) and status.last_scale_time
    current = status.current_metrics[0].resource.current
    assert (current.average_utilization, current.average_value) == (90, "900m")
    assert isinstance(decision.actions[-1], RequeueAfter)


def test_what_is_right_is_left_alone_and_the_second_look_writes_nothing():
    first = decide(autoscaler(), seen([500, 500]), NOW)
    assert outcome(first)[0] is None
    assert outcome(first)[2]["AbleToScale"] == ("True", "ReadyForNewScale")
    written = next(a for a in first.actions if isinstance(a, Update)).obj
    again = decide(written, seen([500, 500], history=first.history, at=1015.0), NOW + 15)
    assert again.actions == [RequeueAfter(SYNC_S)]


@pytest.mark.parametrize(
    ("levels", "current", "spec", "replicas", "limited"),
    [
        ([4000, 4000], 2, {"most": 10}, 4, "ScaleUpLimit"),  # at most double, or four
        ([4000] * 3, 3, {"most": 10}, 6, "ScaleUpLimit"),
        ([4000] * 3, 3, {"most": 5}, 5, "TooManyReplicas"),
        ([0, 0, 0], 3, {"least": 2}, None, None),  # the first recommendation holds for five minutes
        ([500], 1, {"least": 3, "most": 9}, 3, None),  # below the least
        ([500] * 4, 4, {"least": 1, "most": 2}, 2, None),  # above the most
    ],
)
def test_limits_without_a_behavior(levels, current, spec, replicas, limited):
    decision = decide(autoscaler(**spec), seen(levels, current), NOW)
    found, _, conditions = outcome(decision)
    assert found == replicas
    if limited:
        assert conditions["ScalingLimited"] == ("True", limited)


def test_five_minutes_pass_before_a_set_shrinks():
    history = History((Noted(1000.0, 4),))
    wanted = seen([100] * 4, history=history, at=1000.0 + DOWNSCALE_WINDOW_S)
    decision = decide(autoscaler(), wanted, NOW)
    assert outcome(decision)[0] is None
    assert outcome(decision)[2]["AbleToScale"] == ("True", "ScaleDownStabilized")
    later = seen([100] * 4, history=decision.history, at=1016.0 + DOWNSCALE_WINDOW_S)
    replicas, _, _ = outcome(decide(autoscaler(), later, NOW))
    assert replicas == 1
    words = [a.message for a in decide(autoscaler(), later, NOW).actions if isinstance(a, RecordEvent)]
    assert words == ["New size: 1; reason: All metrics below target"]


def test_zero_replicas_switch_an_autoscaler_off():
    _, _, conditions = outcome(decide(autoscaler(), seen([], 0), NOW))
    assert conditions["ScalingActive"] == ("False", "ScalingDisabled")


def test_a_missing_target_and_a_kind_without_scale_are_told():
    problem = Observed(None, 'deployments.apps "web" not found')
    _, events, conditions = outcome(decide(autoscaler(), problem, NOW))
    assert events == ["FailedGetScale"] and conditions == {"AbleToScale": ("False", "FailedGetScale")}
    status = next(a for a in decide(autoscaler(), problem, NOW).actions if isinstance(a, Update)).obj.status
    assert status.conditions[0].message == (
        'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found'
    )


def test_missing_metrics_are_told_in_upstreams_words():
    decision = decide(autoscaler(), seen([None, None]), NOW)
    _, events, conditions = outcome(decision)
    assert events == ["FailedGetResourceMetric", "FailedComputeMetricsReplicas"]
    assert conditions["ScalingActive"] == ("False", "FailedGetResourceMetric")
    words = [a.message for a in decision.actions if isinstance(a, RecordEvent)]
    why = (
        "failed to get cpu utilization: unable to get metrics for resource cpu: "
        "no metrics returned from resource metrics API"
    )
    assert words == [why, f"invalid metrics (1 invalid out of 1), first error is: {why}"]
    status = next(a for a in decision.actions if isinstance(a, Update)).obj.status
    active = next(c for c in status.conditions if c.type == "ScalingActive")
    assert active.message == f"the HPA was unable to compute the replica count: {why}"
    assert status.current_metrics == (MetricStatus(),)


IDENTITY = MetricIdentifier(name="queue")
VALUE = MetricTarget(type="AverageValue", average_value="5")


@pytest.mark.parametrize(
    ("metric", "reason", "words"),
    [
        (
            MetricSpec(type="Pods", pods=PodsMetricSource(metric=IDENTITY, target=VALUE)),
            "FailedGetPodsMetric",
            "no custom metrics API (custom.metrics.k8s.io) registered",
        ),
        (
            MetricSpec(
                type="Object",
                object=ObjectMetricSource(
                    metric=IDENTITY,
                    target=VALUE,
                    described_object=CrossVersionObjectReference(kind="Service", name="s"),
                ),
            ),
            "FailedGetObjectMetric",
            "no custom metrics API (custom.metrics.k8s.io) registered",
        ),
        (
            MetricSpec(type="External", external=ExternalMetricSource(metric=IDENTITY, target=VALUE)),
            "FailedGetExternalMetric",
            "no external metrics API",
        ),
        (MetricSpec(type="Other"), "InvalidMetricSourceType", 'unknown metric source type "Other"'),
    ],
)
def test_metrics_that_nobody_serves_are_a_condition(metric, reason, words):
    decision = decide(autoscaler(metrics=(metric,)), seen([500]), NOW)
    _, events, conditions = outcome(decision)
    assert conditions["ScalingActive"] == ("False", reason)
    assert events == [reason, "FailedComputeMetricsReplicas"]
    assert words in next(a for a in decision.actions if isinstance(a, RecordEvent)).message


def test_nobody_shrinks_on_half_of_the_truth_but_may_grow():
    unserved = MetricSpec(type="External", external=ExternalMetricSource(metric=IDENTITY, target=VALUE))
    history = History((Noted(0.0, 1),))
    up = decide(autoscaler(metrics=(cpu(), unserved)), seen([1000, 1000]), NOW)
    assert outcome(up)[0] == 4
    status = next(a for a in up.actions if isinstance(a, Update)).obj.status
    assert [metric.type for metric in status.current_metrics] == ["Resource", ""]
    down = decide(autoscaler(metrics=(cpu(), unserved)), seen([10, 10], history=history), NOW)
    assert outcome(down)[0] is None
    assert outcome(down)[2]["ScalingActive"] == ("False", "FailedGetExternalMetric")


def test_the_greediest_metric_wins():
    decision = decide(autoscaler(metrics=(cpu(50), memory("20Mi"))), seen([500, 500]), NOW)
    assert outcome(decision)[0] == 4, "2.5 times the memory: five, but at most double of two"
    assert any("memory resource above target" in getattr(a, "message", "") for a in decision.actions)
    status = next(a for a in decision.actions if isinstance(a, Update)).obj.status
    assert [m.resource.name for m in status.current_metrics] == ["cpu", "memory"]
    assert status.current_metrics[1].resource.current.average_value == "52428800"


def test_one_containers_metric_has_a_status_of_its_own():
    target = MetricTarget(type="Utilization", average_utilization=50)
    source = ContainerResourceMetricSource(name="cpu", container="web", target=target)
    metric = MetricSpec(type="ContainerResource", container_resource=source)
    decision = decide(autoscaler(metrics=(metric,)), seen([500]), NOW)
    status = next(a for a in decision.actions if isinstance(a, Update)).obj.status
    assert status.current_metrics[0].container_resource.container == "web"
    assert status.current_metrics[0].container_resource.current.average_utilization == 50


def test_a_target_without_a_selector_and_rivals_are_refused():
    nothing = from_label_selector(LabelSelectorSpec())
    _, _, conditions = outcome(decide(autoscaler(), seen([500], selector=nothing), NOW))
    assert conditions["ScalingActive"] == ("False", "InvalidSelector")
    decision = decide(autoscaler(), seen([500], rivals=("default/web", "default/other")), NOW)
    _, events, conditions = outcome(decision)
    assert conditions["ScalingActive"] == ("False", "AmbiguousSelector")
    assert events == ["AmbiguousSelector", "FailedComputeMetricsReplicas"]
    first = next(a for a in decision.actions if isinstance(a, RecordEvent))
    assert first.message == (
        "pods by selector app=web are controlled by multiple HPAs: [default/other default/web]"
    )


def rules(window=0, select="Max", policies=(("Percent", 100, 15),), tolerance=None):
    return HPAScalingRules(
        stabilization_window_seconds=window,
        select_policy=select,
        policies=tuple(HPAScalingPolicy(type=t, value=v, period_seconds=p) for t, v, p in policies),
        tolerance=tolerance,
    )


def behavior(up=None, down=None):
    return HorizontalPodAutoscalerBehavior(scale_up=up or rules(), scale_down=down or rules())


@pytest.mark.parametrize(
    ("up", "down", "history", "current", "wanted", "allowed", "able", "limited"),
    [
        (rules(policies=(("Pods", 2, 60),)), None, History(), 4, 10, 6, "ReadyForNewScale", "ScaleUpLimit"),
        # two of them were added in this minute already
        (
            rules(policies=(("Pods", 2, 60),)), None, History(ups=(Noted(970.0, 2),)), 4, 10, 4,
            "ReadyForNewScale", "ScaleUpLimit",
        ),
        (
            rules(policies=(("Pods", 2, 60),)), None, History(ups=(Noted(900.0, 2),)), 4, 10, 6,
            "ReadyForNewScale", "ScaleUpLimit",
        ),
        (
            rules(policies=(("Pods", 1, 60), ("Percent", 100, 60))), None, History(), 4, 20, 8,
            "ReadyForNewScale", "ScaleUpLimit",
        ),
        (
            rules(select="Min", policies=(("Pods", 1, 60), ("Percent", 100, 60))), None, History(), 4, 20, 5,
            "ReadyForNewScale", "ScaleUpLimit",
        ),
        (rules(select="Disabled"), None, History(), 4, 20, 4, "ReadyForNewScale", "ScaleUpLimit"),
        (rules(policies=(("Percent", 10, 60),)), None, History(), 3, 9, 4, "ReadyForNewScale", "ScaleUpLimit"),
        (rules(policies=(("Pods", 99, 60),)), None, History(), 3, 90, 50, "ReadyForNewScale", "TooManyReplicas"),
        (None, rules(policies=(("Pods", 1, 60),)), History(), 5, 2, 4, "ReadyForNewScale", "ScaleDownLimit"),
        (
            None, rules(policies=(("Pods", 1, 60),)), History(downs=(Noted(990.0, 1),)), 5, 2, 5,
            "ReadyForNewScale", "ScaleDownLimit",
        ),
        (None, rules(policies=(("Percent", 50, 60),)), History(), 5, 1, 2, "ReadyForNewScale", "ScaleDownLimit"),
        (
            None, rules(select="Min", policies=(("Percent", 50, 60), ("Pods", 1, 60))), History(), 6, 1, 5,
            "ReadyForNewScale", "ScaleDownLimit",
        ),
        (None, rules(select="Disabled"), History(), 5, 1, 5, "ReadyForNewScale", "ScaleDownLimit"),
        (None, rules(), History(), 5, 0, 1, "ReadyForNewScale", "TooFewReplicas"),
        # windows: the highest of the last minute on the way down, the lowest on the way up
        (
            None, rules(window=60), History(recommendations=(Noted(950.0, 4), Noted(930.0, 5))), 5, 2, 4,
            "ScaleDownStabilized", "DesiredWithinRange",
        ),
        (
            rules(window=60), None, History(recommendations=(Noted(950.0, 6),)), 5, 9, 6,
            "ScaleUpStabilized", "DesiredWithinRange",
        ),
    ],
)  # fmt: skip
def test_policies_and_windows(up, down, history, current, wanted, allowed, able, limited):
    found = allow(behavior(up, down), history, current, wanted, 1, 50, 1000.0)
    assert found.replicas == allowed
    assert found.able[0] == able and found.limited[0] == limited
    assert found.is_limited == (limited != "DesiredWithinRange")
    assert found.history.recommendations[-1] == Noted(1000.0, wanted)


def test_a_window_that_is_not_given_is_five_minutes_downwards():
    down = structs.replace(rules(), stabilization_window_seconds=None)
    history = History(recommendations=(Noted(800.0, 5),))
    assert allow(behavior(down=down), history, 5, 1, 1, 9, 1000.0).replicas == 5


def test_tolerance_may_differ_by_direction():
    narrow = behavior(up=rules(tolerance="0"), down=rules(tolerance="500m"))
    assert outcome(decide(autoscaler(behavior=narrow), seen([530, 530]), NOW))[0] == 3
    assert outcome(decide(autoscaler(), seen([530, 530]), NOW))[0] is None
    history = History((Noted(0.0, 1),))
    wide = seen([260, 260, 260, 260], history=history)
    assert outcome(decide(autoscaler(behavior=narrow), wide, NOW))[0] is None


RULES = st.builds(
    rules,
    window=st.integers(0, 400),
    select=st.sampled_from(["Max", "Min", "Disabled"]),
    policies=st.lists(
        st.tuples(st.sampled_from(["Pods", "Percent"]), st.integers(1, 200), st.integers(1, 120)),
        min_size=1,
        max_size=3,
    ),
)


@examples(200)
@given(
    st.one_of(st.none(), st.builds(HorizontalPodAutoscalerBehavior, scale_up=RULES, scale_down=RULES)),
    st.lists(st.tuples(st.integers(1, 40), st.floats(1, 60)), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(5, 40),
)
def test_laws_of_behavior(how, wishes, least, most):
    """Always within bounds; never further than the wish; what is remembered stays small."""
    history, current, at = History(), least, 1000.0
    for wanted, gap in wishes:
        at += gap
        found = allow(how, history, current, wanted, least, most, at)
        assert least <= found.replicas <= max(most, current)
        if how is not None:
            low, high = sorted((current, max([wanted, *(n.replicas for n in history.recommendations)])))
            lowest = min([wanted, current, *(n.replicas for n in history.recommendations), least])
            assert lowest <= found.replicas <= max(high, least), (low, high)
        history = found.history
        if found.replicas != current:
            history = remember_scaling(how, history, current, found.replicas, at)
        assert len(history.recommendations) <= 401 and len(history.ups) <= 121 and len(history.downs) <= 121
        assert all(n.at >= at - 400 for n in history.recommendations)
        current = found.replicas


@examples(60)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 3000)), max_size=6),
    st.integers(0, 8),
    st.one_of(st.none(), st.builds(HorizontalPodAutoscalerBehavior, scale_up=RULES, scale_down=RULES)),
)
def test_the_laws_of_every_controller(levels, current, how):
    observed = seen(levels, current)
    wished = autoscaler(least=2, most=6, metrics=(cpu(), memory()), behavior=how)
    actions = check_laws(lambda d, o, n: decide(d, o, n).actions, wished, observed, NOW)
    for action in actions:
        if isinstance(action, PatchObject):
            assert (action.cls, action.key, action.subresource) == (Deployment, KEY, "scale")
            assert 2 <= action.patch["spec"]["replicas"] <= 6
        if isinstance(action, Update):
            assert action.obj.metadata.name == "web" and action.subresource == "status"
    updates = [a for a in actions if isinstance(a, Update)]
    if updates and not any(isinstance(a, PatchObject) for a in actions):
        again = decide(updates[0].obj, observed, NOW).actions
        assert not any(isinstance(a, Update) for a in again), "nothing left to write"


class FakeBoards:
    """Boards whose pods all use the same share of a core."""

    def __init__(self, api):
        self.api = api
        self.millicores = 900
        self.asked = []

    async def of(self, nodes):
        self.asked.append(set(nodes))
        return {}

    def known(self, node):
        pods = self.api.all_of(type(scaled("x")))
        return BoardUse(use(), {p.metadata.uid: {"web": use(self.millicores)} for p in pods})


async def test_the_loop_scales_when_metrics_say_so_and_looks_every_fifteen_seconds(autojump_clock):
    api = FakeApi(lambda: NOW)
    boards = FakeBoards(api)
    informers, recorder = Informers(api), Recorder(api)
    loop = ControllerLoop(
        autoscaler_controller(boards, trio.current_time, FakeScales()),
        api,
        informers,
        recorder,
        wall_clock=lambda: NOW,
    )
    await api.create(
        Deployment(
            metadata=meta("web"),
            spec=DeploymentSpec(
                replicas=1, selector=LabelSelectorSpec(match_labels={"app": "web"}), template=template()
            ),
        )
    )
    await api.create(scaled("web-0"))
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        await nursery.start(informers.run)
        await nursery.start(loop.run)
        await trio.sleep(100)
        assert boards.asked == [], "without an autoscaler nobody asks"
        await api.create(autoscaler())
        await trio.sleep(1)
        assert api.all_of(Deployment)[0].spec.replicas == 2
        assert boards.asked == [{"board1"}]
        await trio.sleep(SYNC_S * 4)
        assert 4 <= len(boards.asked) <= 5
        await api.patch(HorizontalPodAutoscaler, "web", "default", {"spec": {"minReplicas": 5}})
        await trio.sleep(1)
        assert api.all_of(Deployment)[0].spec.replicas == 5, "a changed spec is looked at at once"
        await api.delete(HorizontalPodAutoscaler, "web", "default")
        asked = len(boards.asked)
        await trio.sleep(SYNC_S * 4)
        assert len(boards.asked) == asked
        nursery.cancel_scope.cancel()


async def test_a_scale_that_is_refused_is_told_and_not_remembered(autojump_clock):
    def refuse(verb, obj):
        if isinstance(obj, Deployment) and verb != "create":
            return Forbidden("no")
        return None

    api = FakeApi(lambda: NOW, refuse)
    boards = FakeBoards(api)
    informers, recorder = Informers(api), Recorder(api)
    controller = autoscaler_controller(boards, trio.current_time, FakeScales())
    loop = ControllerLoop(controller, api, informers, recorder, wall_clock=lambda: NOW)
    await api.create(
        Deployment(
            metadata=meta("web"),
            spec=DeploymentSpec(
                replicas=1, selector=LabelSelectorSpec(match_labels={"app": "web"}), template=template()
            ),
        )
    )
    await api.create(scaled("web-0"))
    await api.create(autoscaler(behavior=behavior()))
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        await nursery.start(informers.run)
        await nursery.start(loop.run)
        await trio.sleep(5)
        status = api.all_of(HorizontalPodAutoscaler)[0].status
        able = next(c for c in status.conditions if c.type == "AbleToScale")
        assert (able.status, able.reason) == ("False", "FailedUpdateScale")
        assert "unable to update the target scale" in able.message
        nursery.cancel_scope.cancel()
    desired, observed = controller.observe(informers, KEY)
    assert observed.history.ups == ()
    assert dataclasses.replace(observed, scale=None).scale is None
    assert desired.spec.max_replicas == 10
