"""APIs that a Service serves: over real TLS on loopback, with the front proxy's certificate."""

import base64
import json
import ssl

import pytest
import trio
import trustme
from request_api import Api, FakeRequest

from pikube.api.aggregation import document_url, passed_headers, user_headers
from pikube.leader.request.aggregation import group_version
from pikube.wire.messages import Response, StreamResponse
from pikube.wire.server import serve

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
NAME = "ext.default.svc"
THINGS = "/apis/ext.example.com/v1/namespaces/default/things"
DOCUMENT = "/openapi/v3/apis/ext.example.com/v1"
RESOURCES = [
    {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing", "verbs": ["get", "list"],
     "shortNames": ["th"]},
    {"name": "things/scale", "namespaced": True, "kind": "Scale", "group": "autoscaling", "version": "v1",
     "verbs": ["get"]},
]  # fmt: skip


class Extension:
    """An extension API server that tells what it heard."""

    def __init__(self):
        self.heard = []
        self.port = 0
        self.ca = b""
        self.is_well = True
        self.openapi = None
        self.swagger = None
        self.etag = ""
        self.downloads = []
        self.looks = 0

    async def __call__(self, request):
        self.looks += request.path == "/apis/ext.example.com/v1"
        if not self.is_well:
            return Response(503, (), (b"no",))
        if request.path == "/apis/ext.example.com/v1":
            body = {"kind": "APIResourceList", "groupVersion": "ext.example.com/v1", "resources": RESOURCES}
            return Response(200, (("Content-Type", "application/json"),), (json.dumps(body).encode(),))
        if request.path == "/openapi/v3":
            paths = {"apis/ext.example.com/v1": {"serverRelativeURL": self.openapi}, "apis/apps/v1": {}}
            body = json.dumps({"paths": paths} if self.openapi else [])
            return Response(200, (("Content-Type", "application/json"),), (body.encode(),))
        if request.path == "/openapi/v2":
            return self.document(request.headers.get("if-none-match"))
        body = await request.body(1 << 20)
        heard = {
            "method": request.method,
            "path": request.raw_path,
            "query": request.query,
            "headers": dict(request.headers),
            "body": body.decode(),
            "peer": request.peer.common_name,
        }
        self.heard.append(heard)

        async def run(send):
            for word in (b'{"kind":"Thing",', b'"path":"%s"}' % request.raw_path.encode()):
                await send(word)

        return StreamResponse(201, (("Content-Type", "application/json"), ("X-Own", "yes")), run)

    def document(self, known):
        """Its OpenAPI of version 2."""
        status = 404 if self.swagger is None else 304 if known and known == self.etag else 200
        self.downloads.append(status)
        if status != 200:
            return Response(status)
        text = self.swagger if isinstance(self.swagger, bytes) else json.dumps(self.swagger).encode()
        return Response(200, (("ETag", self.etag),) if self.etag else (), (text,))


@pytest.fixture
async def extension(nursery):
    extension = Extension()
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    extension.authority = authority
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    extension.port = listeners[0].socket.getsockname()[1]
    extension.ca = authority.cert_pem.bytes()
    await nursery.start(serve, extension, listeners, context)
    yield extension
    nursery.cancel_scope.cancel()


@pytest.fixture
async def api(tmp_path, extension, nursery):
    """An API that aggregates, with the Service of the extension."""
    pem = tmp_path / "front-proxy.pem"
    leaf = extension.authority.issue_cert("ignored", common_name="front-proxy-client")
    pem.write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    api = Api()
    await api.make_namespace()
    api.aggregator = api.plane.aggregator(pem, lambda: api.now)
    api.handler = api.plane.handler(None, aggregator=api.aggregator)
    await nursery.start(api.aggregator.run)
    service = {"metadata": {"name": "ext"}, "spec": {"type": "ExternalName", "externalName": "localhost"}}
    assert (await api("POST", "/api/v1/namespaces/default/services", service))[0] == 201
    return api


async def register(api, extension, **spec):
    spec = {
        "group": "ext.example.com", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
        "service": {"namespace": "default", "name": "ext", "port": extension.port},
        "caBundle": base64.b64encode(extension.ca).decode(), **spec,
    }  # fmt: skip
    status, made = await api("POST", SERVICES, {"metadata": {"name": "v1.ext.example.com"}, "spec": spec})
    assert status == 201, made


async def condition(api, wanted):
    """Wait for the condition Available of the extension to be `wanted`; the condition."""
    url = f"{SERVICES}?watch=1&fieldSelector=metadata.name=v1.ext.example.com"
    with trio.fail_after(20):
        async with api.watching(url) as events:
            while True:
                event = await events.receive()
                for found in event["object"]["status"].get("conditions", ()):
                    if found["status"] == wanted:
                        return found


async def whole(answer):
    chunks = []

    async def take(chunk):
        chunks.append(chunk)

    await answer.run(take)
    return b"".join(chunks)


async def test_requests_are_handed_on_in_the_name_of_who_asks(api, extension):
    await register(api, extension)
    request = FakeRequest(
        "POST", THINGS, "fieldManager=x", {"authorization": "", "x-remote-user": "root", "accept": "a/b", "content-length": "7"},
        content=b'{"a":1}',
    )  # fmt: skip
    answer = await api.handler(request)
    assert json.loads(await whole(answer)) == {"kind": "Thing", "path": THINGS}
    assert answer.status == 201 and ("x-own", "yes") in [
        (name.lower(), value) for name, value in answer.headers
    ]
    (heard,) = extension.heard
    assert (heard["method"], heard["path"], heard["query"]) == ("POST", THINGS, "fieldManager=x")
    assert heard["body"] == '{"a":1}' and heard["peer"] == "front-proxy-client"
    headers = heard["headers"]
    assert headers["x-remote-user"] == "admin"
    assert headers["x-remote-group"] == "system:masters, system:authenticated"
    assert headers["accept"] == "a/b" and "authorization" not in headers
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["host"].startswith(NAME)


async def test_who_may_not_is_refused_before_anybody_is_asked(api, extension):
    await register(api, extension)
    status, refused = await api("GET", THINGS, impersonate_user="bob")
    assert (
        status == 403 and 'cannot list resource "things" in API group "ext.example.com"' in refused["message"]
    )
    assert extension.heard == []


async def test_discovery_shows_what_an_extension_serves(api, extension):
    await register(api, extension)
    assert (await condition(api, "True"))["reason"] == "Passed"
    _, groups = await api("GET", "/apis")
    assert "ext.example.com" in [group["name"] for group in groups["groups"]]
    _, group = await api("GET", "/apis/ext.example.com")
    assert group["preferredVersion"] == {"groupVersion": "ext.example.com/v1", "version": "v1"}
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    _, found = await api("GET", "/apis", accept=aggregated)
    (item,) = [item for item in found["items"] if item["metadata"]["name"] == "ext.example.com"]
    (version,) = item["versions"]
    assert version["freshness"] == "Current"
    (things,) = version["resources"]
    assert (things["resource"], things["scope"], things["shortNames"]) == ("things", "Namespaced", ["th"])
    assert things["subresources"][0]["responseKind"] == {
        "group": "autoscaling", "version": "v1", "kind": "Scale",
    }  # fmt: skip
    answer = await api.handler(FakeRequest("GET", "/apis/ext.example.com/v1"))
    assert json.loads(await whole(answer))["resources"] == RESOURCES
    status, _ = await api("DELETE", f"{SERVICES}/v1.ext.example.com")
    assert status == 200 and (await api("GET", "/apis/ext.example.com/v1"))[0] == 404


async def indexed(api):
    """(ETag, where each OpenAPI document is) of the index."""
    answer = await api.handler(FakeRequest("GET", "/openapi/v3"))
    etag = dict(answer.headers)["ETag"]
    paths = json.loads(b"".join(answer.chunks))["paths"]
    return etag, {name: entry["serverRelativeURL"] for name, entry in paths.items()}


async def test_the_index_of_openapi_says_where_an_extension_has_its_document(api, extension):
    before, ours = await indexed(api)
    extension.openapi = f"{DOCUMENT}?hash=1"
    await register(api, extension)
    await condition(api, "True")
    await documented(api, lambda extension: extension.openapi)
    etag, paths = await indexed(api)
    assert etag != before
    assert paths == {**ours, "apis/ext.example.com/v1": f"{DOCUMENT}?hash=1"}
    answer = await api.handler(FakeRequest("GET", DOCUMENT, "hash=1"))
    assert json.loads(await whole(answer))["path"] == DOCUMENT
    assert extension.heard[-1]["query"] == "hash=1"
    assert (await api("DELETE", f"{SERVICES}/v1.ext.example.com"))[0] == 200
    await shown(api)
    assert await indexed(api) == (before, ours)


async def shown(api, *names):
    """Wait until discovery shows these groups."""
    with trio.fail_after(20):
        while tuple(extension.group for extension in api.aggregator.known) != names:  # noqa: ASYNC110 - has no event
            await trio.sleep(0.01)


async def documented(api, is_there):
    """Wait until the extension's documents are known."""
    with trio.fail_after(20):
        while not any(map(is_there, api.aggregator.known)):  # noqa: ASYNC110 - has no event
            await trio.sleep(0.01)


async def test_an_extension_without_openapi_is_well(api, extension):
    await register(api, extension)
    assert (await condition(api, "True"))["reason"] == "Passed"
    await shown(api, "ext.example.com")
    assert "apis/ext.example.com/v1" not in (await indexed(api))[1]


def swagger(words):
    """As an extension has it, with a path of somebody else and a definition of ours that is another one."""
    thing = {
        "type": "object",
        "description": words,
        "properties": {"metadata": {"$ref": f"#/definitions/{META}"}},
    }
    get = {
        "operationId": "getThing",
        "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/Thing"}}},
    }
    return {
        "swagger": "2.0", "info": {"title": "theirs", "version": "v0"},
        "paths": {THINGS: {"get": get}, "/apis/apps/v1/": {"get": get}, "/api/v1/namespaces": {"get": get}},
        "definitions": {"Thing": thing, META: {"type": "object", "description": "other"}, "Unused": {}},
    }  # fmt: skip


META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


async def test_the_document_of_version_2_has_what_an_extension_serves(api, extension):
    _, ours = await api("GET", "/openapi/v2")
    extension.swagger = swagger("A thing.")
    await register(api, extension)
    await documented(api, lambda extension: extension.part)
    answer = await api.handler(FakeRequest("GET", "/openapi/v2"))
    etag = dict(answer.headers)["ETag"]
    whole = json.loads(b"".join(answer.chunks))
    assert whole["info"] == ours["info"]
    assert set(whole["paths"]) - set(ours["paths"]) == {THINGS}
    assert set(whole["definitions"]) - set(ours["definitions"]) == {"Thing", f"{META}_v2"}
    assert {name: whole["definitions"][name] for name in ours["definitions"]} == ours["definitions"]
    thing = whole["definitions"]["Thing"]
    assert thing["properties"]["metadata"] == {"$ref": f"#/definitions/{META}_v2"}
    assert (await api("GET", "/openapi/v2", if_none_match=etag))[0] == 304
    status, packed = await api("GET", "/openapi/v2", accept=PROTOBUF)
    assert status == 200 and "A thing." in packed and f"{META}_v2" in packed
    assert (await api("DELETE", f"{SERVICES}/v1.ext.example.com"))[0] == 200
    await shown(api)
    assert (await api("GET", "/openapi/v2"))[1] == ours


async def look_again(api, extension):
    """Wait until it was asked once more how it is, and what came before that is done."""
    for _ in range(2):
        before = extension.looks
        api.priority = getattr(api, "priority", 15) + 1
        patch = {"spec": {"versionPriority": api.priority}}
        url = f"{SERVICES}/v1.ext.example.com"
        assert (await api("PATCH", url, patch, content_type="application/merge-patch+json"))[0] == 200
        with trio.fail_after(20):
            while extension.looks == before:  # noqa: ASYNC110 - has no event
                await trio.sleep(0.01)


async def test_a_document_is_read_again_only_when_it_is_another(api, extension):
    extension.swagger, extension.etag = swagger("A thing."), '"1"'
    await register(api, extension)
    await documented(api, lambda extension: extension.part)
    await look_again(api, extension)
    assert extension.downloads[0] == 200 and set(extension.downloads[1:]) == {304}
    extension.swagger, extension.etag = swagger("Another thing."), '"2"'
    await look_again(api, extension)
    _, whole = await api("GET", "/openapi/v2")
    assert whole["definitions"]["Thing"]["description"] == "Another thing."
    extension.openapi = f"{DOCUMENT}?hash=1"  # from now on the hash tells, at the price of the index alone
    await look_again(api, extension)
    extension.downloads.clear()
    await look_again(api, extension)
    assert extension.downloads == []
    extension.openapi, extension.swagger = f"{DOCUMENT}?hash=2", None  # it says another, and does not give it
    await look_again(api, extension)
    assert set(extension.downloads) == {404}
    _, whole = await api("GET", "/openapi/v2")
    assert whole["definitions"]["Thing"]["description"] == "Another thing."
    extension.is_well = False
    await look_again(api, extension)
    assert "Thing" in (await api("GET", "/openapi/v2"))[1]["definitions"]


@pytest.mark.parametrize(
    "broken",
    [b"", b"no", b"[" * 100_000, b'{"swagger":"2.0","paths":{"%s":[]},"definitions":7}' % THINGS.encode(), b"x" * (9 << 20),
     {"openapi": "3.0.0", "paths": {THINGS: {}}}, None],
)  # fmt: skip
async def test_a_document_that_is_none_breaks_nothing(api, extension, broken):
    _, ours = await api("GET", "/openapi/v2")
    extension.swagger = broken
    await register(api, extension)
    assert (await condition(api, "True"))["reason"] == "Passed"
    with trio.fail_after(20):
        while not extension.downloads:  # noqa: ASYNC110 - has no event
            await trio.sleep(0.01)
    await shown(api, "ext.example.com")
    _, whole = await api("GET", "/openapi/v2")
    assert whole["definitions"] == ours["definitions"]


@pytest.mark.parametrize(
    ("index", "url"),
    [
        ({"paths": {"apis/g/v1": {"serverRelativeURL": "/openapi/v3/apis/g/v1?hash=A"}}}, "/openapi/v3/apis/g/v1?hash=A"),
        ({"paths": {"apis/g/v1": {"serverRelativeURL": "/openapi/v3/apis/g/v1"}}}, "/openapi/v3/apis/g/v1"),
        ({"paths": {"apis/g/v1": {"serverRelativeURL": "https://elsewhere/openapi/v3/apis/g/v1"}}}, ""),
        ({"paths": {"apis/g/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1"}}}, ""),
        ({"paths": {"apis/g/v2": {"serverRelativeURL": "/openapi/v3/apis/g/v2"}}}, ""),
        ({"paths": {"apis/g/v1": {"serverRelativeURL": 1}}}, ""),
        ({"paths": {"apis/g/v1": None}}, ""),
        ({"paths": []}, ""),
        ([], ""),
    ],
)  # fmt: skip
def test_an_index_tells_only_of_a_document_that_is_handed_on(index, url):
    assert document_url(index, "g", "v1") == url


async def test_an_extension_that_is_ill_is_said_to_be(api, extension):
    extension.is_well = False
    await register(api, extension)
    found = await condition(api, "False")
    assert found["reason"] == "FailedDiscoveryCheck"
    path = f"https://localhost:{extension.port}/apis/ext.example.com/v1"
    assert found["message"] == f"failing or missing response from {path}: bad status from {path}: 503"


async def test_a_service_that_is_not_there_is_named(api, extension):
    await register(api, extension, service={"namespace": "default", "name": "none", "port": 1})
    found = await condition(api, "False")
    assert (found["reason"], found["message"]) == (
        "ServiceNotFound",
        'service/none in "default" is not present',
    )
    status, refused = await api("GET", THINGS)
    assert (status, refused["message"]) == (503, "service unavailable")


async def test_a_certificate_of_another_authority_is_not_trusted(api, extension):
    await register(api, extension, caBundle=base64.b64encode(trustme.CA().cert_pem.bytes()).decode())
    assert "certificate verify failed" in (await condition(api, "False"))["message"]
    status, refused = await api("GET", THINGS)
    assert status == 503 and refused["message"].startswith("error trying to reach service: ")


async def test_who_says_so_does_not_check_the_certificate(api, extension):
    await register(api, extension, caBundle="", insecureSkipTLSVerify=True)
    assert (await condition(api, "True"))["message"] == "all checks passed"


def test_nobody_says_for_himself_who_he_is():
    sent = {"X-Remote-User": "root", "x-remote-extra-a": "b", "impersonate-user": "x", "accept": "y"}
    passed = passed_headers({name.lower(): value for name, value in sent.items()}, "192.0.2.1")
    assert passed == [("accept", "y"), ("X-Forwarded-For", "192.0.2.1")]
    assert user_headers("ann", "7", ("dev",), {"a/b": ("c", "d")}) == [
        ("X-Remote-User", "ann"), ("X-Remote-Uid", "7"), ("X-Remote-Group", "dev"),
        ("X-Remote-Extra-a%2Fb", "c"), ("X-Remote-Extra-a%2Fb", "d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/apis/g/v1", ("g", "v1")), ("/apis/g/v1/", ("g", "v1")), ("/openapi/v3/apis/g/v1", ("g", "v1")),
        ("/apis/g", ("", "")), ("/api/v1", ("", "")), ("/openapi/v2", ("", "")),
    ],
)  # fmt: skip
def test_paths_of_a_version(path, found):
    assert group_version(path) == found
