"""Custom resources with a scale subresource are scaled by autoscalers and counted by disruption budgets."""

import copy

import pytest
import trio
from custom_kinds import establish
from request_api import Api
from test_custom_objects import CRD, WIDGETS, widget

from pikube.api.kinds.autoscaling_v2 import HorizontalPodAutoscaler
from pikube.api.kinds.policy import PodDisruptionBudget
from pikube.informer.cache import ObjectKey
from pikube.informer.informer import Informers
from pikube.informer.loop import ControllerLoop
from pikube.informer.recorder import Recorder
from pikube.leader.controllers.autoscaler_controller import autoscaler_controller
from pikube.leader.controllers.custom_scale import Missing, NoScale
from pikube.leader.controllers.disruption import disruption_controller

V1 = "/api/v1/namespaces/default"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
MERGE = "application/merge-patch+json"


class NoBoards:
    """Boards that measure nothing: the autoscaler can still keep to its bounds."""

    async def of(self, nodes):
        return {}

    def known(self, node):
        return None


@pytest.fixture
async def widgets(api: Api):
    crd = copy.deepcopy(CRD)
    [version] = crd["spec"]["versions"]
    version["subresources"]["scale"]["labelSelectorPath"] = ".status.selector"
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    status["properties"]["selector"] = {"type": "string"}
    await establish(api, crd)
    _, made = await api("POST", WIDGETS, widget(size=2))
    await api("PATCH", f"{WIDGETS}/w/status", {"status": {"selector": "app=w"}}, content_type=MERGE)
    owner = {
        "apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": made["metadata"]["uid"],
        "controller": True,
    }  # fmt: skip
    for name in ("a", "b"):
        meta = {"name": name, "labels": {"app": "w"}, "ownerReferences": [owner]}
        spec = {"containers": [{"name": "c", "image": "i"}]}
        status, pod = await api("POST", f"{V1}/pods", {"metadata": meta, "spec": spec})
        assert status == 201, pod
        ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        await api("PATCH", f"{V1}/pods/{name}/status", ready, content_type=MERGE)
    return api


async def until(api, cls, is_so):
    """The object `w`, once it is so."""
    listed = await api.plane.client.list(cls, "default")
    found = next(filter(is_so, listed.items), None)
    if found is not None:
        return found
    at = listed.resource_version
    async with api.plane.client.watch(cls, "default", resource_version=at) as events:
        async for event in events:
            if is_so(event.object):
                return event.object
    raise AssertionError


def autoscaler(kind="Widget", name="w", **spec):
    target = {"apiVersion": "example.com/v1", "kind": kind, "name": name}
    return {"metadata": {"name": "w"}, "spec": {"scaleTargetRef": target, "maxReplicas": 9, **spec}}


async def test_budgets_and_autoscalers_follow_the_scale_of_a_custom_resource(widgets):
    client = widgets.plane.client
    informers, recorder = Informers(client), Recorder(client)
    controllers = (
        disruption_controller(widgets.plane.find_scale),
        autoscaler_controller(NoBoards(), trio.current_time, widgets.plane.find_scale),
    )
    loops = [
        ControllerLoop(c, client, informers, recorder, wall_clock=lambda: widgets.now) for c in controllers
    ]
    for loop in loops:
        widgets.plane.custom_kinds.subscribe(loop.add_kind)
    budget = {"metadata": {"name": "w"}, "spec": {
        "minAvailable": "50%", "selector": {"matchLabels": {"app": "w"}},
    }}  # fmt: skip
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        await nursery.start(informers.run)
        for loop in loops:
            await nursery.start(loop.run)
        await widgets("POST", BUDGETS, budget)
        with trio.fail_after(5):
            await until(
                widgets,
                PodDisruptionBudget,
                lambda b: (b.status.expected_pods, b.status.desired_healthy) == (2, 1),
            )
            await widgets("POST", AUTOSCALERS, autoscaler(minReplicas=4))
            found = await until(widgets, HorizontalPodAutoscaler, lambda a: a.status.desired_replicas == 4)
            assert found.status.conditions[0].reason == "SucceededRescale"
            _, scaled = await widgets("GET", f"{WIDGETS}/w")
            assert scaled["spec"] == {"size": 4, "color": "red"} and scaled["metadata"]["generation"] == 2
            # the budget's share is of what the resource wants now, though no pod has changed
            await until(
                widgets,
                PodDisruptionBudget,
                lambda b: (b.status.expected_pods, b.status.desired_healthy) == (4, 2),
            )
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("Widget", "nobody", 'widgets.example.com "nobody" not found'),
        ("Thing", "w", 'no matches for kind "Thing" in group "example.com"'),
    ],
)
async def test_a_target_that_is_not_there_is_said(widgets, kind, name, words):
    client = widgets.plane.client
    informers, recorder = Informers(client), Recorder(client)
    controller = autoscaler_controller(NoBoards(), trio.current_time, widgets.plane.find_scale)
    loop = ControllerLoop(controller, client, informers, recorder, wall_clock=lambda: widgets.now)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        await nursery.start(informers.run)
        await nursery.start(loop.run)
        await widgets("POST", AUTOSCALERS, autoscaler(kind, name))
        with trio.fail_after(5):
            found = await until(widgets, HorizontalPodAutoscaler, lambda a: a.status.conditions)
        [able] = found.status.conditions
        assert (able.status, able.reason) == ("False", "FailedGetScale")
        assert able.message == f"the HPA controller was unable to get the target's current scale: {words}"
        nursery.cancel_scope.cancel()


async def test_a_kind_without_a_scale_has_none(widgets):
    found = widgets.plane.find_scale("batch", "Job", ObjectKey("default", "w"))
    assert found == Missing(NoScale.NO_SUBRESOURCE, "jobs.batch")
