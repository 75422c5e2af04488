"""Answers in protobuf, for clients that take nothing else."""

import base64
import json

import pytest
import trio
from request_api import ADMIN, FakeRequest

from pikube.api.errors import NotAcceptable, NotFound, Resource
from pikube.api.kinds.core_config import ConfigMap
from pikube.api.kinds.meta import ListMeta, Object, Status
from pikube.api.media_types import Accepted, negotiate
from pikube.api.protobuf import decode_message, fields_in, unwrap
from pikube.wire.answers import error_response

MAPS = "/api/v1/namespaces/default/configmaps"
PROTOBUF = "application/vnd.kubernetes.protobuf"
PARTIAL = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


async def ask(api, method, url, accept, body=None):
    """(Content-Type, bytes) of a successful answer."""
    path, _, query = url.partition("?")
    request = FakeRequest(method, path, query, {"accept": accept}, ADMIN, body or b"")
    answer = await api.handler(request)
    assert answer.status in (200, 201)
    return dict(answer.headers)["Content-Type"], b"".join(answer.chunks)


def message(document, cls):
    """(apiVersion, kind, builtins) of an enveloped document."""
    api_version, kind, content = unwrap(document)
    return api_version, kind, decode_message(content, cls)


def items(document):
    """The names of a list's items."""
    listed = [value for number, _, value in fields_in(unwrap(document)[2]) if number == 2]
    return [decode_message(item, Object)["metadata"]["name"] for item in listed]


@pytest.fixture
async def one(api):
    """An API with two ConfigMaps."""
    for name in ("one", "two"):
        assert (await api("POST", MAPS, {"metadata": {"name": name}, "data": {"a": "1"}}))[0] == 201
    return api


async def test_an_object_and_what_a_write_answers(one):
    type_, body = await ask(one, "GET", f"{MAPS}/one", PROTOBUF)
    api_version, kind, document = message(body, ConfigMap)
    assert (type_, api_version, kind) == (PROTOBUF, "v1", "ConfigMap")
    plain = (await one("GET", f"{MAPS}/one"))[1]
    assert {"apiVersion": "v1", "kind": "ConfigMap", **document} == plain
    _, body = await ask(one, "POST", MAPS, PROTOBUF, b'{"metadata":{"name":"three"}}')
    assert message(body, ConfigMap)[2]["metadata"]["name"] == "three"
    _, body = await ask(one, "DELETE", f"{MAPS}/three", PROTOBUF)
    assert message(body, Status)[1:] == ("Status", {**message(body, Status)[2], "status": "Success"})


async def test_a_list_page_by_page(one):
    _, body = await ask(one, "GET", f"{MAPS}?limit=1", PROTOBUF)
    assert unwrap(body)[:2] == ("v1", "ConfigMapList") and items(body) == ["one"]
    metadata = decode_message(next(v for n, _, v in fields_in(unwrap(body)[2]) if n == 1), ListMeta)
    assert metadata["remainingItemCount"] == 1
    _, body = await ask(one, "GET", f"{MAPS}?limit=1&continue={metadata['continue']}", PROTOBUF)
    assert items(body) == ["two"]


async def test_metadata_alone(one):
    type_, body = await ask(one, "GET", f"{MAPS}/one", PARTIAL)
    assert (type_, *message(body, ConfigMap)[:2]) == (PROTOBUF, "meta.k8s.io/v1", "PartialObjectMetadata")
    assert "data" not in message(body, ConfigMap)[2]
    _, body = await ask(one, "GET", MAPS, PARTIAL)
    assert unwrap(body)[:2] == ("meta.k8s.io/v1", "PartialObjectMetadataList") and items(body) == [
        "one",
        "two",
    ]


async def test_a_watch_is_frames(one):
    path, query = (
        MAPS,
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    )
    answer = await one.handler(FakeRequest("GET", path, query, {"accept": PROTOBUF}))
    assert dict(answer.headers)["Content-Type"] == f"{PROTOBUF};stream=watch"
    events = []
    with trio.CancelScope() as scope:

        async def take(chunk):
            while chunk:
                size = int.from_bytes(chunk[:4], "big")
                event = {number: value for number, _, value in fields_in(chunk[4 : 4 + size])}
                document = {number: value for number, _, value in fields_in(event[2])}[1]
                events.append((event[1].decode(), message(document, ConfigMap)))
                chunk = chunk[4 + size :]
            if events and events[-1][0] == "BOOKMARK":
                scope.cancel()

        await answer.run(take)
    assert [type_ for type_, _ in events] == ["ADDED", "ADDED", "BOOKMARK"]
    assert events[0][1][1] == "ConfigMap" and events[0][1][2]["data"] == {"a": "1"}
    annotations = events[2][1][2]["metadata"]["annotations"]
    blueprint = base64.b64decode(annotations["kubernetes.io/initial-events-list-blueprint"])
    assert unwrap(blueprint)[:2] == ("v1", "ConfigMapList")


@pytest.mark.parametrize(
    ("accept", "encoding", "form"),
    [
        (PROTOBUF, PROTOBUF, ""),
        (f"{PROTOBUF},application/json", "application/json", ""),
        (f"{PROTOBUF},*/*", "application/json", ""),
        (f"{PARTIAL},application/json", PROTOBUF, "PartialObjectMetadata"),
        (f"{PARTIAL},application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "application/json",
         "PartialObjectMetadata"),
        (f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1,{PROTOBUF}", PROTOBUF, ""),
        (f"text/csv,{PROTOBUF};q=0.5", PROTOBUF, ""),
    ],
)  # fmt: skip
def test_who_takes_json_gets_json(accept, encoding, form):
    assert negotiate(accept) == Accepted(encoding, form)


async def test_custom_kinds_have_metadata_only(one):
    with pytest.raises(NotAcceptable, match=r"accepted: application/json, application/yaml$"):
        negotiate(PROTOBUF, has_protobuf=False)
    assert negotiate(PARTIAL, has_protobuf=False) == Accepted(PROTOBUF, "PartialObjectMetadata")
    with pytest.raises(NotAcceptable, match=r"application/yaml, application/vnd\.kubernetes\.protobuf$"):
        negotiate("text/csv")


def test_an_error_is_a_status():
    answer = error_response(NotFound.of(Resource("", "pods"), "web"), PROTOBUF)
    assert dict(answer.headers)["Content-Type"] == PROTOBUF
    api_version, kind, status = message(answer.chunks[0], Status)
    assert (api_version, kind, status["code"], status["reason"]) == ("v1", "Status", 404, "NotFound")
    for accept in ("", f"{PROTOBUF},application/json", f"{PROTOBUF};q=x"):
        assert json.loads(error_response(NotFound("no"), accept).chunks[0])["code"] == 404
