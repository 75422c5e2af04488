"""One suite for the two clients of code of ours: the leader's own, and the one over the network, which ends in the
same request path behind a real server."""

import time
from contextlib import asynccontextmanager

import msgspec
import pytest

from pikube.api.client import JSON_PATCH, ConnectionLost
from pikube.api.errors import AlreadyExists, Conflict, Expired, Invalid, NotFound, PathNotFound
from pikube.api.kinds.authentication import TokenRequest
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_config import ConfigMap, ServiceAccount
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.tokens import TokenSigner, make_signing_key
from pikube.config import merge
from pikube.leader.bootstrap import make_first_objects
from pikube.leader.control_plane import build_control_plane, make_scheme
from pikube.leader.store.memory import MemoryStore
from pikube.wire.client import open_api_connection
from pikube.wire.messages import Peer, Response, StreamResponse
from pikube.wire.typed_client import TypedClient

KEY = make_signing_key()


class NoStreams:
    async def answer(self, route, request, query, user):
        raise PathNotFound


@asynccontextmanager
async def leader():
    """A control plane in memory; yields it and its handler for a cluster administrator."""
    settings = merge({}, {}, {}, host="b1")
    plane = build_control_plane(
        make_scheme(), MemoryStore(), TokenSigner(KEY), settings, "127.0.0.1", dict, time.time
    )
    await make_first_objects(plane.client, settings.kubernetes_service_ip, ["127.0.0.1"], 6443)
    inner = plane.handler(NoStreams())

    async def handler(request):
        request.peer = Peer("127.0.0.1", 1, "kubernetes-admin", ("system:masters",))
        return await inner(request)

    yield plane, handler


@pytest.fixture(params=["local", "remote"])
async def client(request, serve_on_loopback):
    async with leader() as (plane, handler):
        if request.param == "local":
            yield plane.client
        else:
            async with (
                serve_on_loopback(handler) as (port, _),
                open_api_connection([f"http://127.0.0.1:{port}"]) as connection,
            ):
                yield TypedClient(connection)


def config_map(name, namespace="default", **data):
    return ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace, labels={"app": name}), data=data)


async def test_an_object_is_created_read_changed_and_deleted(client):
    made = await client.create(config_map("a", key="1"))
    assert made.metadata.uid
    assert (made.kind, made.api_version) == ("ConfigMap", "v1")
    assert (await client.get(ConfigMap, "a", "default")).data == {"key": "1"}
    changed = await client.update(msgspec.structs.replace(made, data={"key": "2"}))
    assert changed.data == {"key": "2"}
    patched = await client.patch(ConfigMap, "a", "default", {"data": {"other": "3"}})
    assert patched.data == {"key": "2", "other": "3"}
    gone = await client.delete(ConfigMap, "a", "default", uid=made.metadata.uid)
    assert gone is None or gone.metadata.name == "a"
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await client.get(ConfigMap, "a", "default")


async def test_a_cluster_scoped_object_has_no_namespace(client):
    await client.create(Node(metadata=ObjectMeta(name="b1")))
    status = {"status": {"nodeInfo": {"machineID": "x"}}}
    patched = await client.patch(Node, "b1", "", status, subresource="status")
    assert patched.status.node_info.machine_id == "x"


async def test_refusals_are_the_errors_of_the_api(client):
    made = await client.create(config_map("a"))
    with pytest.raises(AlreadyExists):
        await client.create(config_map("a"))
    await client.update(msgspec.structs.replace(made, data={"x": "1"}))
    with pytest.raises(Conflict):
        await client.update(msgspec.structs.replace(made, data={"x": "2"}))
    with pytest.raises(Conflict):
        await client.delete(ConfigMap, "a", "default", uid="another")
    with pytest.raises(Invalid) as caught:
        await client.create(config_map("Not A Name"))
    assert caught.value.causes[0].field == "metadata.name"


async def test_lists_are_of_one_namespace_or_all_and_by_label(client):
    await client.create(config_map("a"))
    await client.create(config_map("b"))
    await client.create(config_map("c", "kube-system"))
    listed = await client.list(ConfigMap, "default")
    assert [item.metadata.name for item in listed.items] == ["a", "b"]
    assert {item.kind for item in listed.items} == {"ConfigMap"}
    assert int(listed.resource_version) > 0
    everywhere = await client.list(ConfigMap, label_selector="app in (b, c)")
    assert [item.metadata.name for item in everywhere.items] == ["b", "c"]
    one = await client.list(ConfigMap, field_selector="metadata.name=c")
    assert [item.metadata.namespace for item in one.items] == ["kube-system"]


async def test_a_watch_tells_every_change_after_a_revision(client):
    start = (await client.list(ConfigMap)).resource_version
    made = await client.create(config_map("a", key="1"))
    async with client.watch(ConfigMap, resource_version=start) as events:
        await client.patch(ConfigMap, "a", "default", {"data": {"key": "2"}})
        await client.delete(ConfigMap, "a", "default")
        seen = []
        async for event in events:
            seen.append((event.type, event.object.metadata.name, event.object.data))
            if event.type == "DELETED":
                break
    assert [kind for kind, *_ in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert seen[0] == ("ADDED", made.metadata.name, {"key": "1"})


async def test_a_watch_of_a_label_sees_only_it(client):
    start = (await client.list(ConfigMap)).resource_version
    async with client.watch(ConfigMap, "default", resource_version=start, label_selector="app=b") as events:
        await client.create(config_map("a"))
        await client.create(config_map("b"))
        event = await anext(aiter(events))
    assert (event.type, event.object.metadata.name) == ("ADDED", "b")


async def test_a_heartbeat_renews_a_lease(client):
    lease = await client.create(Lease(metadata=ObjectMeta(name="b1", namespace="kube-node-lease")))
    renewed = {"spec": {"holderIdentity": "b1", "renewTime": "2026-01-01T00:00:00.000000Z"}}
    patched = await client.patch(Lease, "b1", "kube-node-lease", renewed)
    assert patched.spec.holder_identity == "b1"
    assert lease.metadata.uid == patched.metadata.uid


@pytest.fixture
async def remote(serve_on_loopback):
    async with (
        leader() as (_, handler),
        serve_on_loopback(handler) as (port, _),
        open_api_connection([f"http://127.0.0.1:{port}"]) as connection,
    ):
        yield TypedClient(connection)


async def test_other_patches_pass(remote):
    await remote.create(config_map("a", key="1"))
    steps = [{"op": "replace", "path": "/data/key", "value": "2"}]
    patched = await remote.patch(ConfigMap, "a", "default", steps, content_type=JSON_PATCH)
    assert patched.data == {"key": "2"}


async def test_an_error_event_of_a_watch_is_raised(serve_on_loopback):
    async def handler(request):
        async def run(send):
            await send(
                b'{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old","code":410,'
                b'"reason":"Expired"}}\n'
            )

        return StreamResponse(200, (), run)

    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([f"http://127.0.0.1:{port}"]) as connection,
        TypedClient(connection).watch(ConfigMap, resource_version="1") as events,
    ):
        with pytest.raises(Expired, match="too old"):
            await anext(events)


async def test_a_bookmark_may_have_nulls_where_an_object_has_none(serve_on_loopback):
    async def handler(request):
        async def run(send):
            meta = b'{"resourceVersion":"41","creationTimestamp":null}'
            await send(
                b'{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":%s}}\n' % meta
            )

        return StreamResponse(200, (), run)

    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([f"http://127.0.0.1:{port}"]) as connection,
        TypedClient(connection).watch(ConfigMap, resource_version="1") as events,
    ):
        event = await anext(events)
    assert (event.type, event.object.metadata.resource_version) == ("BOOKMARK", "41")


async def test_a_token_is_asked_for(serve_on_loopback):
    async def handler(request):
        assert request.path == "/api/v1/namespaces/ns/serviceaccounts/sa/token"
        sent = msgspec.json.decode(await request.body(10_000))
        assert (sent["kind"], sent["apiVersion"]) == ("TokenRequest", "authentication.k8s.io/v1")
        return Response(201, (), (msgspec.json.encode(sent | {"status": {"token": "t"}}),))

    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([f"http://127.0.0.1:{port}"]) as connection,
    ):
        client = TypedClient(connection)
        made = await client.create_subresource(ServiceAccount, "sa", "ns", "token", TokenRequest())
    assert made.status.token == "t"


async def test_an_answer_that_is_something_else_is_a_lost_connection(serve_on_loopback):
    async def handler(request):
        return Response(200, (), (b"<html>",))

    async with (
        serve_on_loopback(handler) as (port, _),
        open_api_connection([f"http://127.0.0.1:{port}"]) as connection,
    ):
        with pytest.raises(ConnectionLost, match="cannot be read"):
            await TypedClient(connection).get(ConfigMap, "a", "default")
