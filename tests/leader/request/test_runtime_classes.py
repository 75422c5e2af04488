"""What a class of runtime does to the pods that name it, and what is refused."""

import pytest
from request_api import Api

PODS = "/api/v1/namespaces/default/pods"
CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
HEAVY = {
    "metadata": {"name": "heavy"},
    "handler": "h",
    "overhead": {"podFixed": {"cpu": "10m", "memory": "1Mi"}},
    "scheduling": {"nodeSelector": {"kind": "big"}, "tolerations": [{"key": "big", "operator": "Exists"}]},
}


@pytest.fixture
async def make_pod():
    api = Api()
    await api.make_namespace()
    assert (await api("POST", CLASSES, HEAVY))[0] == 201

    async def make(**spec):
        spec = {"containers": [{"name": "c", "image": "i"}], **spec}
        return await api("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})

    return make


async def test_the_classs_overhead_nodes_and_tolerations_are_the_pods(make_pod):
    status, pod = await make_pod(runtimeClassName="heavy", nodeSelector={"mine": "too"})
    assert status == 201, pod
    spec = pod["spec"]
    assert spec["overhead"] == {"cpu": "10m", "memory": "1Mi"}
    assert spec["nodeSelector"] == {"mine": "too", "kind": "big"}
    assert {"key": "big", "operator": "Exists"} in spec["tolerations"]


async def test_without_a_class_nothing_is_added(make_pod):
    status, pod = await make_pod()
    assert status == 201 and "overhead" not in pod["spec"] and "nodeSelector" not in pod["spec"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"runtimeClassName": "none"}, 'RuntimeClass "none" not found'),
        ({"overhead": {"cpu": "1"}}, "Pod Overhead set without corresponding RuntimeClass defined Overhead"),
        (
            {"runtimeClassName": "heavy", "overhead": {"cpu": "11m", "memory": "1Mi"}},
            "Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            {"runtimeClassName": "heavy", "nodeSelector": {"kind": "small"}},
            "conflict: runtimeClass.scheduling.nodeSelector[kind] = big; pod.spec.nodeSelector[kind] = small",
        ),
    ],
)
async def test_what_does_not_fit_its_class_is_refused(make_pod, spec, words):
    status, refused = await make_pod(**spec)
    assert status == 403, refused
    assert refused["message"] == f'pods "p" is forbidden: pod rejected: {words}'


async def test_the_same_overhead_written_otherwise_is_the_same(make_pod):
    status, pod = await make_pod(runtimeClassName="heavy", overhead={"cpu": "0.01", "memory": "1024Ki"})
    assert status == 201, pod


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("kernel.shm_rmid_forced", True),
        ("net/ipv4/tcp_rmem", True),
        ("foo-", False),
        ("bar..", False),
        ("A", False),
    ],
)
async def test_names_of_sysctls(make_pod, name, is_one):
    status, said = await make_pod(securityContext={"sysctls": [{"name": name, "value": "1"}]})
    assert (status == 201) == is_one, said
    words = f'spec.securityContext.sysctls[0].name: Invalid value: "{name}": must have at most 253 characters'
    assert is_one or words in said["message"]
