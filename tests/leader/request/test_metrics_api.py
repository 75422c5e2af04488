"""metrics.k8s.io as kubectl top reads it, over kubelets that are answered for here."""

import json

import pytest
import trio

from pikube.api.kinds.core_container import Container
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod, PodSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.leader.metrics.api import MetricsApi
from pikube.leader.metrics.boards import BoardMetrics
from pikube.leader.metrics.summary import Use, read_summary, render_window
from pikube.wire.messages import Response, StreamResponse

TIME = "2026-01-31T12:00:00Z"
BASE = "/apis/metrics.k8s.io/v1beta1"


def use(nanocores=250_000_000, memory=552_960):
    cpu = {"time": TIME, "usageCoreNanoSeconds": 1, "usageNanoCores": nanocores, "window": "15.003s"}
    found = {}
    if nanocores is not None:
        found["cpu"] = cpu
    if memory is not None:
        found["memory"] = {"time": TIME, "workingSetBytes": memory}
    return found


class Kubelet:
    """A board that answers what it is told; `pods` are (uid, {container: use})."""

    def __init__(self, node=None, pods=(), is_streamed=False, status=200):
        self.node = use() if node is None else node
        self.pods = list(pods)
        self.asked = 0
        self.is_streamed = is_streamed
        self.status = status

    async def __call__(self, request):
        self.asked += 1
        assert (request.method, request.path) == ("GET", "/stats/summary")
        body = json.dumps(
            {
                "node": {"nodeName": "n", **self.node},
                "pods": [
                    {"podRef": {"uid": uid}, "containers": [{"name": n, **u} for n, u in uses.items()]}
                    for uid, uses in self.pods
                ],
            }
        ).encode()
        if not self.is_streamed:
            return Response(self.status, (), (body,))

        async def run(send):
            await send(body[:10])
            await send(body[10:])

        return StreamResponse(self.status, (), run)


@pytest.fixture
async def boards(api):
    """Kubelets by node name; the API measures by them."""
    kubelets = {}
    measured = MetricsApi(api.plane.registry, api.scheme, BoardMetrics(kubelets.get))
    api.handler = api.plane.handler(None, measured)
    return kubelets


async def make_node(api, name, **labels):
    await api.plane.client.create(Node(metadata=ObjectMeta(name=name, labels=labels)))


async def make_pod(api, name, node="a", containers=("web",), phase="Running", **labels):
    spec = PodSpec(node_name=node, containers=tuple(Container(name=c, image="i") for c in containers))
    pod = await api.plane.client.create(
        Pod(metadata=ObjectMeta(name=name, namespace="default", labels=labels), spec=spec)
    )
    pod.status.phase = phase
    await api.plane.client.update(pod, subresource="status")
    return pod.metadata.uid


async def test_nodes_tell_their_use_and_silent_ones_are_left_out(api, boards):
    for name in ("a", "b", "c", "d"):
        await make_node(api, name, zone=name)
    boards |= {"a": Kubelet(), "b": Kubelet(is_streamed=True), "c": Kubelet(status=500)}
    status, found = await api("GET", f"{BASE}/nodes")
    assert status == 200 and found["kind"] == "NodeMetricsList"
    assert [item["metadata"]["name"] for item in found["items"]] == ["a", "b"]
    assert found["items"][0] == {
        "metadata": {"name": "a", "creationTimestamp": TIME, "labels": {"zone": "a"}},
        "timestamp": TIME,
        "window": "15.003s",
        "usage": {"cpu": "250m", "memory": "540Ki"},
    }
    _, found = await api("GET", f"{BASE}/nodes?labelSelector=zone%3Db")
    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]


async def test_a_container_that_runs_too_short_for_a_rate_is_not_shown_as_idle(api, boards):
    await make_node(api, "a")
    uid = await make_pod(api, "p", containers=("web", "side"))
    begun = use()
    del begun["cpu"]["usageNanoCores"], begun["cpu"]["window"]
    boards["a"] = Kubelet(pods=[(uid, {"web": use(), "side": begun})])
    _, found = await api("GET", f"{BASE}/namespaces/default/pods")
    assert found["items"] == []
    status, _ = await api("GET", f"{BASE}/namespaces/default/pods/p")
    assert status == 404


async def test_a_board_without_the_memory_cgroup_is_silent_about_memory(api, boards):
    await make_node(api, "a")
    uid = await make_pod(api, "p")
    boards["a"] = Kubelet(pods=[(uid, {"web": use(memory=None)})])
    _, found = await api("GET", f"{BASE}/namespaces/default/pods/p")
    assert found["containers"] == [{"name": "web", "usage": {"cpu": "250m"}}]


async def test_pods_count_when_all_of_their_containers_do(api, boards):
    whole = await make_pod(api, "whole", containers=("web", "log"), app="web")
    part = await make_pod(api, "part", containers=("web", "log"))
    ended = await make_pod(api, "ended", phase="Succeeded")
    boards["a"] = Kubelet(
        pods=[
            (whole, {"web": use(0, 0), "log": use(5, 1024)}),
            (part, {"web": use()}),
            (ended, {"web": use()}),
        ]
    )
    _, found = await api("GET", f"{BASE}/pods")
    (item,) = found["items"]
    assert item["metadata"]["name"] == "whole" and item["metadata"]["labels"] == {"app": "web"}
    assert item["containers"] == [
        {"name": "web", "usage": {"cpu": "0", "memory": "0"}},
        {"name": "log", "usage": {"cpu": "5n", "memory": "1Ki"}},
    ]
    assert (await api("GET", f"{BASE}/namespaces/default/pods/part"))[0] == 404
    assert (await api("GET", f"{BASE}/namespaces/default/pods/none"))[0] == 404
    assert boards["a"].asked == 1, "asked again within moments, a board is not bothered"


async def test_only_boards_that_hold_what_is_asked_for_are_asked(api, boards):
    uid = await make_pod(api, "p", node="a", app="x")
    await make_pod(api, "q", node="b", app="y")
    boards |= {"a": Kubelet(pods=[(uid, {"web": use()})]), "b": Kubelet()}
    _, found = await api("GET", f"{BASE}/pods?labelSelector=app%3Dx")
    assert [item["metadata"]["name"] for item in found["items"]] == ["p"]
    assert (boards["a"].asked, boards["b"].asked) == (1, 0)
    _, found = await api("GET", f"{BASE}/pods?fieldSelector=spec.nodeName%3Da")
    assert len(found["items"]) == 1


async def test_metrics_can_only_be_read(api, boards):
    await make_node(api, "a")
    boards["a"] = Kubelet()
    assert (await api("GET", f"{BASE}/nodes?watch=true"))[0] == 405
    assert (await api("DELETE", f"{BASE}/nodes/a"))[0] == 405
    assert (await api("POST", f"{BASE}/nodes", {}))[0] == 405
    _, table = await api("GET", f"{BASE}/nodes", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "CPU", "Memory", "Window"]
    assert table["rows"][0]["cells"] == ["a", "250m", "540Ki", "15.003s"]
    _, resources = await api("GET", BASE)
    assert [(r["name"], r["kind"], r["verbs"]) for r in resources["resources"]] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]


async def test_a_node_that_cannot_be_asked_is_unavailable(api, boards):
    await make_node(api, "a")
    status, found = await api("GET", f"{BASE}/nodes/a")
    assert status == 503 and 'node metrics for "a" are not available' in found["message"]


async def test_a_board_that_hangs_delays_nobody_for_long(autojump_clock):
    class Hanging:
        async def __call__(self, request):
            await trio.sleep_forever()

    boards = BoardMetrics({"hanging": Hanging(), "well": Kubelet()}.get)
    began = trio.current_time()
    assert set(await boards.of(["hanging", "well", "unknown"])) == {"well"}
    assert trio.current_time() - began < 10


async def test_questions_at_the_same_time_are_one(autojump_clock):
    kubelet = Kubelet()
    boards = BoardMetrics({"a": kubelet}.get)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(boards.of, ["a"])
    assert kubelet.asked == 1 and boards.known("a") is not None
    await trio.sleep(6)
    await boards.of(["a"])
    assert kubelet.asked == 2
    await trio.sleep(1000)
    await boards.of([])
    assert boards.known("a") is None


def test_a_summary_without_measurements_is_unknown():
    found = read_summary(b'{"node":{},"pods":[{"podRef":{"uid":"u"},"containers":[{"name":"c"}]}]}')
    assert found.node == Use(None, None, 0.0, 0.0) and found.pods == {"u": {}}


@pytest.mark.parametrize(("seconds", "text"), [(15.0, "15s"), (0, "0s"), (1.0034, "1.003s"), (20.5, "20.5s")])
def test_windows_are_go_durations(seconds, text):
    assert render_window(seconds) == text
