"""HorizontalPodAutoscalers in both versions: what one has no fields for travels in annotations and comes back."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.kinds import autoscaling as v1
from pikube.api.kinds import autoscaling_v2 as v2
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.api.views_autoscaling import METRICS, to_v1, to_v2

V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
REF = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def cpu(percent):
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}},
}


async def test_an_object_of_v1_has_the_metrics_of_v2(api):
    body = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": REF, "maxReplicas": 3}}
    status, made = await api(
        "POST", V1, {**body, "kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1"}
    )
    assert status == 201 and made["apiVersion"] == "autoscaling/v1"
    assert made["spec"]["minReplicas"] == 1 and made["spec"]["targetCPUUtilizationPercentage"] == 80
    _, other = await api("GET", f"{V2}/web")
    assert other["apiVersion"] == "autoscaling/v2" and other["spec"]["metrics"] == [cpu(80)]
    patch = {"spec": {"targetCPUUtilizationPercentage": 40}}
    kind = "application/merge-patch+json"
    assert (await api("PATCH", f"{V1}/web", patch, content_type=kind))[0] == 200
    _, other = await api("GET", f"{V2}/web")
    assert other["spec"]["metrics"] == [cpu(40)] and "annotations" not in other["metadata"]


async def test_an_object_of_v2_keeps_everything_when_v1_changes_it(api):
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    spec = {"scaleTargetRef": REF, "maxReplicas": 9, "metrics": [MEMORY, cpu(50)], "behavior": behavior}
    body = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": {"name": "web"}}
    _, made = await api("POST", V2, {**body, "spec": spec})
    _, old = await api("GET", f"{V1}/web")
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert json.loads(old["metadata"]["annotations"][METRICS]) == [
        {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "100Mi"}}
    ]
    old["spec"]["maxReplicas"] = 12
    assert (await api("PUT", f"{V1}/web", old))[0] == 200
    _, now = await api("GET", f"{V2}/web")
    assert now["spec"]["maxReplicas"] == 12
    assert now["spec"]["metrics"] == made["spec"]["metrics"]
    assert now["spec"]["behavior"] == made["spec"]["behavior"]
    assert "annotations" not in now["metadata"]
    status, table = await api("GET", V1, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert status == 200 and table["rows"][0]["cells"][0] == "web"


async def test_a_watch_of_either_version_sees_it(api):
    body = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": {"name": "web"}}
    async with api.watching(f"{V1}?watch=true") as events:
        await api("POST", V2, {**body, "spec": {"scaleTargetRef": REF, "maxReplicas": 9}})
        event = await events.receive()
    assert event["type"] == "ADDED" and event["object"]["apiVersion"] == "autoscaling/v1"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"maxReplicas": 0}, ["spec.maxReplicas: Invalid value: 0: must be greater than 0"]),
        (
            {"minReplicas": 5, "maxReplicas": 2},
            ["spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"],
        ),
        ({"minReplicas": 0}, ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"]),
        (
            {"scaleTargetRef": {}},
            ["spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value"],
        ),
        ({"metrics": [{"type": "Pods"}]}, ["spec.metrics[0].pods: Required value"]),
        ({"metrics": [{"type": "Nope"}]}, ['spec.metrics[0].type: Unsupported value: "Nope"']),
        (
            {"metrics": [{**MEMORY, "pods": {"metric": {"name": "x"}, "target": {"type": "Value"}}}]},
            ["spec.metrics[0].pods: Forbidden: must populate the given metric source only"],
        ),
        (
            {
                "metrics": [
                    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}
                ]
            },
            ["must set either a target raw value or a target utilization"],
        ),
        (
            {"metrics": [cpu(0)]},
            ["spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"],
        ),
        (
            {"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 4000}]}}},
            [
                "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
                "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 4000: must be less than or equal",
            ],
        ),
        (
            {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 4000, "selectPolicy": "Some"}}},
            ["stabilizationWindowSeconds: Invalid value: 4000", 'Unsupported value: "Some"'],
        ),
    ],
)
async def test_wrong_autoscalers_are_refused_with_their_fields(api, spec, words):
    body = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": {"name": "web"}}
    status, found = await api("POST", V2, {**body, "spec": {"scaleTargetRef": REF, "maxReplicas": 9, **spec}})
    assert status == 422, found
    for word in words:
        assert word in found["message"]


NAMES = st.sampled_from(["cpu", "memory", "queue"])
TARGETS = st.one_of(
    st.builds(lambda n: v2.MetricTarget(type="Utilization", average_utilization=n), st.integers(1, 200)),
    st.builds(lambda n: v2.MetricTarget(type="AverageValue", average_value=f"{n}m"), st.integers(1, 999)),
)
VALUES = st.one_of(
    st.builds(lambda n: v2.MetricTarget(type="Value", value=str(n)), st.integers(1, 9)),
    st.builds(lambda n: v2.MetricTarget(type="AverageValue", average_value=str(n)), st.integers(1, 9)),
)
SELECTORS = st.sampled_from([None, LabelSelector(match_labels={"a": "b"})])
IDENTITIES = st.builds(lambda s: v2.MetricIdentifier(name="queue", selector=s), SELECTORS)
ABOUT = v2.CrossVersionObjectReference(kind="Service", name="s", api_version="v1")
AVERAGES = st.just(v2.MetricTarget(type="AverageValue", average_value="7"))


def resource(name, target):
    return v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name=name, target=target))


def container_resource(name, target):
    source = v2.ContainerResourceMetricSource(name=name, target=target, container="c")
    return v2.MetricSpec(type="ContainerResource", container_resource=source)


def pods(metric, target):
    return v2.MetricSpec(type="Pods", pods=v2.PodsMetricSource(metric=metric, target=target))


def external(metric, target):
    return v2.MetricSpec(type="External", external=v2.ExternalMetricSource(metric=metric, target=target))


def about_object(metric, target):
    source = v2.ObjectMetricSource(metric=metric, target=target, described_object=ABOUT)
    return v2.MetricSpec(type="Object", object=source)


SPECS = st.one_of(
    st.builds(resource, NAMES, TARGETS),
    st.builds(container_resource, NAMES, TARGETS),
    st.builds(pods, IDENTITIES, AVERAGES),
    st.builds(external, IDENTITIES, VALUES),
    st.builds(about_object, IDENTITIES, VALUES),
)


def is_cpu(metric):
    source = metric.resource
    return source is not None and source.name == "cpu" and source.target.type == "Utilization"


@given(st.lists(SPECS, min_size=1, max_size=4))
def test_no_metric_is_lost_on_the_way_through_v1(metrics):
    obj = v2.HorizontalPodAutoscaler(
        metadata=ObjectMeta(name="web", annotations={"mine": "kept"}),
        spec=v2.HorizontalPodAutoscalerSpec(min_replicas=1, max_replicas=5, metrics=tuple(metrics)),
    )
    old = msgspec.json.decode(msgspec.json.encode(to_v1(obj)), type=v1.HorizontalPodAutoscaler)
    again = to_v2(old)
    expected = [m for m in metrics if not is_cpu(m)] + [m for m in metrics if is_cpu(m)][:1]
    assert [msgspec.json.encode(m) for m in again.spec.metrics] == [msgspec.json.encode(m) for m in expected]
    assert again.metadata.annotations == {"mine": "kept"}


def test_an_annotation_that_says_nothing_stays_one():
    obj = v1.HorizontalPodAutoscaler(metadata=ObjectMeta(name="web", annotations={METRICS: "nonsense"}))
    assert to_v2(obj).metadata.annotations == {METRICS: "nonsense"}


def test_a_metric_that_gave_nothing_keeps_its_place():
    known = v2.MetricStatus(
        type="Resource",
        resource=v2.ResourceMetricStatus(name="cpu", current=v2.MetricValueStatus(average_utilization=5)),
    )
    status = v2.HorizontalPodAutoscalerStatus(current_metrics=(v2.MetricStatus(), known))
    flat = to_v1(v2.HorizontalPodAutoscaler(metadata=ObjectMeta(name="web"), status=status))
    assert flat.status.current_cpu_utilization_percentage == 5
    assert [metric.type for metric in to_v2(flat).status.current_metrics] == ["", "Resource"]
