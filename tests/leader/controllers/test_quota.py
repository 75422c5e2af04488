from __future__ import annotations

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import node, pod, template
from searches import examples

from pikube.api.kinds.core_config import (
    ConfigMap,
    LimitRangeItem,
    ResourceQuota,
    ResourceQuotaSpec,
)
from pikube.api.kinds.core_container import Container, ResourceRequirements
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import ScopedResourceSelectorRequirement, ScopeSelector
from pikube.api.kinds.core_service import Service, ServicePort, ServiceSpec
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import PersistentVolumeClaimSpec, VolumeResourceRequirements
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.resource_quota import Used, quota_controller, reconcile
from pikube.leader.quota_usage import counts, usage_of
from pikube.leader.request.limits import apply_defaults, claim_problems, pod_problems
from pikube.leader.request.quota import missing_words

KINDS = (Pod, Service, ConfigMap, PersistentVolumeClaim, ResourceQuota)


def quota(hard, **spec):
    return ResourceQuota(
        metadata=ObjectMeta(name="all", namespace="default"), spec=ResourceQuotaSpec(hard=hard, **spec)
    )


def asking(name="web", *, cpu="", memory="", limit="", phase="Running", **spec):
    wanted = {k: v for k, v in (("cpu", cpu), ("memory", memory)) if v}
    resources = ResourceRequirements(requests=wanted, limits={"memory": limit} if limit else {})
    made = pod(name, node="board1", phase=phase)
    containers = (structs.replace(template().spec.containers[0], resources=resources),)
    return structs.replace(made, spec=structs.replace(made.spec, containers=containers, **spec))


def world(*objects):
    it = World([quota_controller(KINDS)], has_boards=False)
    it.api.create_nowait(node("board1"))
    for obj in objects:
        it.api.create_nowait(obj)
    it.settle()
    return it


def used(it):
    return it.api.get_nowait(ResourceQuota, "all", "default").status.used


def test_compute_objects_and_storage_are_summed_and_follow_what_comes_and_goes():
    service = Service(
        metadata=ObjectMeta(name="web", namespace="default"),
        spec=ServiceSpec(type="NodePort", ports=(ServicePort(port=80), ServicePort(port=81))),
    )
    claim = PersistentVolumeClaim(
        metadata=ObjectMeta(name="data", namespace="default"),
        spec=PersistentVolumeClaimSpec(
            storage_class_name="fast", resources=VolumeResourceRequirements(requests={"storage": "2Gi"})
        ),
    )
    hard = {
        "pods": "10", "requests.cpu": "2", "memory": "1Gi", "limits.memory": "2Gi", "count/pods": "20",
        "services": "5", "services.nodeports": "5", "services.loadbalancers": "1", "configmaps": "3",
        "count/services": "9", "requests.storage": "10Gi", "persistentvolumeclaims": "4",
        "fast.storageclass.storage.k8s.io/requests.storage": "5Gi", "resourcequotas": "1",
        "count/deployments.apps": "3",
    }  # fmt: skip
    it = world(
        quota(hard),
        asking("a", cpu="250m", memory="64Mi", limit="128Mi"),
        asking("b", cpu="1", memory="64Mi"),
        asking("over", cpu="7", phase="Succeeded"),
        service,
        claim,
        ConfigMap(metadata=ObjectMeta(name="c", namespace="default")),
        ConfigMap(metadata=ObjectMeta(name="c", namespace="other")),
    )
    assert used(it) == {
        "pods": "2", "requests.cpu": "1250m", "memory": "128Mi", "limits.memory": "128Mi", "count/pods": "3",
        "services": "1", "services.nodeports": "2", "services.loadbalancers": "0", "configmaps": "1",
        "count/services": "1", "requests.storage": "2Gi", "persistentvolumeclaims": "1",
        "fast.storageclass.storage.k8s.io/requests.storage": "2Gi", "resourcequotas": "1",
        "count/deployments.apps": "0",
    }  # fmt: skip
    it.api.delete_nowait(Pod, "b", "default", grace_period_s=0)
    it.settle()
    assert (used(it)["pods"], used(it)["requests.cpu"]) == ("1", "250m")


@pytest.mark.parametrize(
    ("scope", "counted"),
    [
        ({"scopes": ("BestEffort",)}, {"idle"}),
        ({"scopes": ("NotBestEffort",)}, {"busy", "urgent", "timed"}),
        ({"scopes": ("Terminating",)}, {"timed"}),
        ({"scopes": ("NotTerminating", "NotBestEffort")}, {"busy", "urgent"}),
        ({"scopes": ("PriorityClass",)}, {"urgent"}),
    ],
)
def test_a_quota_with_scopes_counts_only_what_matches_them_all(scope, counted):
    pods = (
        asking("idle"),
        asking("busy", cpu="1"),
        asking("urgent", cpu="1", priority_class_name="high"),
        asking("timed", cpu="1", active_deadline_seconds=60),
    )
    found = quota({"pods": "9"}, **scope)
    assert {p.metadata.name for p in pods if counts(found, p)} == counted
    assert not counts(found, ConfigMap())


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [("In", ("high",), True), ("NotIn", ("high",), False), ("Exists", (), True), ("DoesNotExist", (), False)],
)
def test_a_scope_selector_chooses_priority_classes(operator, values, expected):
    wanted = ScopedResourceSelectorRequirement(scope_name="PriorityClass", operator=operator, values=values)
    found = quota({"pods": "9"}, scope_selector=ScopeSelector(match_expressions=(wanted,)))
    assert counts(found, asking(priority_class_name="high")) is expected


@examples(50)
@given(st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(["Running", "Failed"])), max_size=8))
def test_what_is_used_is_the_sum_of_what_each_uses(sizes):
    pods = [asking(f"p{i}", cpu=f"{cpu}m", phase=phase) for i, (cpu, phase) in enumerate(sizes)]
    found = quota({"cpu": "9", "pods": "9"})
    [update] = check_laws(reconcile, found, Used(tuple(map(usage_of, pods))), 0.0)
    assert update.obj.status.used["pods"] == str(sum(phase == "Running" for _, phase in sizes))
    again = check_laws(reconcile, update.obj, Used(tuple(map(usage_of, pods))), 0.0)
    assert again == []


def test_a_quota_that_is_gone_is_left_alone():
    it = world(quota({"pods": "1"}))
    it.api.delete_nowait(ResourceQuota, "all", "default")
    it.settle()
    assert it.controllers[0].observe(it, ObjectKey("default", "all")) is None


def test_containers_that_do_not_say_what_a_quota_limits_are_named():
    hard = {"requests.cpu": "1", "limits.memory": "1Gi", "pods": "1"}
    words = "must specify limits.memory for: web; requests.cpu for: web"
    assert missing_words(asking(), hard) == words
    assert missing_words(asking(cpu="1", limit="1Mi"), hard) == ""


def limits(**item):
    return [LimitRangeItem(**item)]


def test_containers_that_say_nothing_get_the_defaults_and_it_is_told():
    found = asking()
    init = Container(name="first", image="x:1")
    found = structs.replace(found, spec=structs.replace(found.spec, init_containers=(init,)))
    apply_defaults(
        found,
        limits(type="Container", default={"cpu": "1", "memory": "1Gi"}, default_request={"cpu": "100m"}),
    )
    assert found.spec.containers[0].resources.limits == {"cpu": "1", "memory": "1Gi"}
    assert found.spec.containers[0].resources.requests == {"cpu": "100m"}
    assert found.metadata.annotations["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container web; cpu, memory limit for container web; "
        "cpu request for init container first; cpu, memory limit for init container first"
    )


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (
            {"type": "Container", "max": {"memory": "64Mi"}},
            "maximum memory usage per Container is 64Mi, but limit is 128Mi",
        ),
        (
            {"type": "Container", "max": {"cpu": "1"}},
            "maximum cpu usage per Container is 1.  No limit is specified",
        ),
        (
            {"type": "Container", "min": {"cpu": "2"}},
            "minimum cpu usage per Container is 2, but request is 500m",
        ),
        (
            {"type": "Pod", "max": {"memory": "100Mi"}},
            "maximum memory usage per Pod is 100Mi, but limit is 128Mi",
        ),
        (
            {"type": "Container", "max_limit_request_ratio": {"memory": "2"}},
            "memory max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        ),
    ],
)
def test_what_is_outside_the_limits_is_said_in_upstreams_words(item, words):
    found = asking(cpu="500m", memory="32Mi", limit="128Mi")
    assert pod_problems(found, limits(**item)) == [words]


def test_claims_have_limits_too():
    claim = PersistentVolumeClaim(
        spec=PersistentVolumeClaimSpec(resources=VolumeResourceRequirements(requests={"storage": "5Gi"}))
    )
    item = limits(type="PersistentVolumeClaim", max={"storage": "2Gi"}, min={"storage": "1Gi"})
    assert claim_problems(claim, item) == [
        "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 5Gi"
    ]
    assert claim_problems(claim, limits(type="Container", max={"storage": "1"})) == []
