"""Admission webhooks, asked over real TLS on loopback."""

import base64
import json
import ssl
from dataclasses import replace

import pytest
import trio
import trustme
from custom_kinds import CRDS, establish
from request_api import Api

from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.leader.service_route import NoRoute, ServiceRoutes
from pikube.wire.messages import Response
from pikube.wire.server import serve

HOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"
MAPS = "/api/v1/namespaces/default/configmaps"
NAME = "hook.default.svc"


class Hook:
    """A webhook whose answer the test sets: `answer(request)` gives the response."""

    def __init__(self):
        self.seen = []
        self.answer = lambda request: {"allowed": True}
        self.convert = None
        self.wait = trio.lowlevel.checkpoint
        self.port = 0
        self.ca = b""

    async def __call__(self, request):
        review = json.loads(await request.body(1 << 20))
        if review["kind"] == "ConversionReview":
            return self._converted(review)
        self.seen.append(review["request"])
        await self.wait()
        answer = {"uid": review["request"]["uid"], **self.answer(review["request"])}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": answer})
        return Response(200, (("Content-Type", "application/json"),), (body.encode(),))

    def _converted(self, review):
        asked = review["request"]
        made = [self.convert(document, asked["desiredAPIVersion"]) for document in asked["objects"]]
        answer = {"uid": asked["uid"], "convertedObjects": made, "result": {"status": "Success"}}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer})
        return Response(200, (("Content-Type", "application/json"),), (body.encode(),))

    def configuration(self, kind, **settings):
        webhook = {
            "name": "check.example.com",
            "clientConfig": {
                "service": {"namespace": "default", "name": "hook", "path": "/check", "port": self.port},
                "caBundle": base64.b64encode(self.ca).decode(),
            },
            "rules": [
                {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
            ],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **settings,
        }
        return {"metadata": {"name": "hook"}, "webhooks": [webhook], "kind": f"{kind}WebhookConfiguration"}


@pytest.fixture
async def hook(api: Api, nursery):
    """A webhook behind the Service default/hook."""
    hook = Hook()
    authority = trustme.CA()
    leaf = authority.issue_cert(NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    hook.port = listeners[0].socket.getsockname()[1]
    hook.ca = authority.cert_pem.bytes()
    await nursery.start(serve, hook, listeners, context)
    service = {"metadata": {"name": "hook"}, "spec": {"type": "ExternalName", "externalName": "localhost"}}
    status, made = await api("POST", "/api/v1/namespaces/default/services", service)
    assert status == 201, made
    yield hook
    await api.plane.aclose()
    nursery.cancel_scope.cancel()


async def configure(api, hook, kind="Validating", **settings):
    status, made = await api("POST", HOOKS.format(kind.lower()), hook.configuration(kind, **settings))
    assert status == 201, made


async def test_a_webhook_that_says_no_refuses_in_upstreams_words(api, hook):
    await configure(api, hook)
    hook.answer = lambda request: {
        "allowed": False,
        "status": {"message": "not today"},
        "warnings": ["so there"],
    }
    status, refused = await api("POST", MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert status == 400 and "reason" not in refused
    assert refused["message"] == 'admission webhook "check.example.com" denied the request: not today'
    assert api.warnings == ["so there"]
    request = hook.seen[0]
    assert request["operation"] == "CREATE" and request["object"]["data"] == {"k": "v"}
    assert request["userInfo"]["username"] == "admin" and request["resource"]["resource"] == "configmaps"
    assert (await api("GET", f"{MAPS}/a"))[0] == 404


async def test_a_mutating_webhook_changes_the_object(api, hook):
    await configure(api, hook, "Mutating")
    patch = [{"op": "add", "path": "/data/added", "value": "yes"}]
    hook.answer = lambda request: {
        "allowed": True, "patchType": "JSONPatch", "warnings": ["watch out"],
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
    }  # fmt: skip
    status, made = await api("POST", MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert status == 201 and made["data"] == {"k": "v", "added": "yes"}
    assert api.warnings == ['299 - "watch out"']
    _, again = await api("GET", f"{MAPS}/a")
    assert again["data"] == made["data"] and again["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_webhook_sees_the_managers_and_cannot_make_them_unreadable(api, hook):
    await configure(api, hook, "Mutating")
    patch = [
        {"op": "add", "path": "/data/added", "value": "yes"},
        {"op": "replace", "path": "/metadata/managedFields/0/operation", "value": "Guess"},
    ]
    hook.answer = lambda request: {
        "allowed": True, "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
    }  # fmt: skip
    status, made = await api(
        "POST", f"{MAPS}?fieldManager=me", {"metadata": {"name": "a"}, "data": {"k": "v"}}
    )
    (entry,) = made["metadata"]["managedFields"]
    assert status == 201 and (entry["manager"], entry["operation"]) == ("me", "Update")
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:k": {}}}
    assert hook.seen[0]["object"]["metadata"]["managedFields"] == [entry]
    (warning,) = api.warnings
    assert "managedFields was in an invalid state after admission" in warning


async def test_update_and_delete_show_the_old_object(api, hook):
    await api("POST", MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}})
    await configure(api, hook)
    await api("PATCH", f"{MAPS}/a", {"data": {"k": "2"}}, content_type="application/merge-patch+json")
    await api("DELETE", f"{MAPS}/a")
    update, delete = hook.seen
    assert update["operation"] == "UPDATE"
    assert (update["oldObject"]["data"], update["object"]["data"]) == ({"k": "1"}, {"k": "2"})
    assert (
        delete["operation"] == "DELETE"
        and delete["object"] is None
        and delete["oldObject"]["data"] == {"k": "2"}
    )


async def test_the_failure_policy_decides_when_nobody_answers(api, hook):
    unreachable = {"clientConfig": {"url": "https://127.0.0.1:9/x"}, "timeoutSeconds": 1}
    await configure(api, hook, **unreachable)
    status, refused = await api("POST", MAPS, {"metadata": {"name": "a"}})
    assert status == 500
    assert refused["message"].startswith(
        'Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: '
        'Post "https://127.0.0.1:9/x?timeout=1s": '
    )
    await api("DELETE", HOOKS.format("validating") + "/hook")
    await configure(api, hook, **unreachable, failurePolicy="Ignore")
    assert (await api("POST", MAPS, {"metadata": {"name": "a"}}))[0] == 201


async def test_selectors_and_match_conditions_narrow_what_is_asked(api, hook):
    condition = {"name": "big", "expression": "size(object.data) > 1"}
    await configure(
        api, hook, objectSelector={"matchLabels": {"app": "x"}}, matchConditions=[condition],
        namespaceSelector={"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]},
    )  # fmt: skip
    label = {"app": "x"}
    await api("POST", MAPS, {"metadata": {"name": "a"}, "data": {"k": "1", "l": "2"}})
    await api("POST", MAPS, {"metadata": {"name": "b", "labels": label}, "data": {"k": "1"}})
    assert hook.seen == []
    await api("POST", MAPS, {"metadata": {"name": "c", "labels": label}, "data": {"k": "1", "l": "2"}})
    assert [request["name"] for request in hook.seen] == ["c"]


async def test_a_dry_run_is_told_to_the_webhook(api, hook):
    await configure(api, hook, sideEffects="NoneOnDryRun")
    assert (await api("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "a"}}))[0] == 201
    assert hook.seen[0]["dryRun"] is True


async def test_a_certificate_of_another_authority_is_not_trusted(api, hook):
    hook.ca = trustme.CA().cert_pem.bytes()
    await configure(api, hook)
    status, refused = await api("POST", MAPS, {"metadata": {"name": "a"}})
    assert status == 500 and "certificate" in refused["message"]


async def test_the_leader_calls_a_ready_endpoint_of_the_service(api):
    routes = ServiceRoutes(
        api.store, lambda cls, item: api.plane.registry.decode(api.scheme.by_class(cls), item)
    )
    service = {
        "metadata": {"name": "s"},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]},
    }
    await api("POST", "/api/v1/namespaces/default/services", service)
    with pytest.raises(NoRoute, match='no endpoints available for service "s"'):
        routes.address("default", "s", 443)
    slice_ = {
        "metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "s"}}, "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.42.0.5"], "conditions": {"ready": True}},
            {"addresses": ["10.42.0.6"], "conditions": {"ready": False}},
        ],
        "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}],
    }  # fmt: skip
    status, made = await api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_)
    assert status == 201, made
    assert {routes.address("default", "s", 443) for _ in range(4)} == {("10.42.0.5", 8443)}
    with pytest.raises(NoRoute, match="no service port 80 found"):
        routes.address("default", "s", 80)


def converted(document, wanted):
    """A door of v1 has spec.host and spec.port, one of v2 spec.address."""
    spec = document["spec"]
    if wanted.endswith("/v2"):
        spec = {"address": f"{spec['host']}:{spec['port']}"}
    else:
        host, _, port = spec["address"].partition(":")
        spec = {"host": host, "port": int(port)}
    return {**document, "apiVersion": wanted, "spec": spec}


def doors(hook, stored):
    """The definition of doors, one of whose versions is stored."""

    def version(name, **fields):
        schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
        selectable = [{"jsonPath": f".spec.{field}"} for field in fields]
        return {
            "name": name, "served": True, "storage": name == stored, "schema": {"openAPIV3Schema": schema},
            "selectableFields": selectable,
        }  # fmt: skip

    text, number = {"type": "string"}, {"type": "integer"}
    return {
        "metadata": {"name": "doors.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "doors", "kind": "Door"},
            "versions": [version("v1", host=text, port=number), version("v2", address=text)],
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "conversionReviewVersions": ["v1"],
                    "clientConfig": hook.configuration("Validating")["webhooks"][0]["clientConfig"],
                },
            },
        },
    }  # fmt: skip


ONE, TWO = (f"/apis/example.com/{name}/namespaces/default/doors" for name in ("v1", "v2"))


async def test_a_list_of_objects_of_several_versions_is_of_one(api, hook):
    """What was written before another version is stored stays as it was written."""
    await establish(api, doors(hook, "v1"))
    hook.convert = converted
    assert (await api("POST", ONE, {"metadata": {"name": "a"}, "spec": {"host": "a", "port": 1}}))[0] == 201
    _, crd = await api("GET", f"{CRDS}/doors.example.com")
    crd["spec"]["versions"] = doors(hook, "v2")["spec"]["versions"]
    status, crd = await api("PUT", f"{CRDS}/doors.example.com", crd)
    assert status == 200 and crd["status"]["storedVersions"] == ["v1", "v2"], crd
    definition = await api.plane.client.get(CustomResourceDefinition, "doors.example.com")
    api.plane.custom_kinds.changed(None, definition)
    assert (await api("POST", TWO, {"metadata": {"name": "b"}, "spec": {"address": "b:2"}}))[0] == 201
    for url, specs in (
        (ONE, [{"host": "a", "port": 1}, {"host": "b", "port": 2}]),
        (TWO, [{"address": "a:1"}, {"address": "b:2"}]),
    ):
        _, listed = await api("GET", url)
        assert [item["spec"] for item in listed["items"]] == specs
        assert {item["apiVersion"] for item in listed["items"]} == {listed["apiVersion"]}


async def test_versions_are_converted_by_the_definitions_webhook(api, hook):
    await establish(api, doors(hook, "v2"))
    hook.convert = converted
    one, two = ONE, TWO
    status, made = await api("POST", one, {"metadata": {"name": "d"}, "spec": {"host": "a", "port": 1}})
    assert status == 201 and made["spec"] == {"host": "a", "port": 1}, made
    _, stored = await api("GET", f"{two}/d")
    assert stored["spec"] == {"address": "a:1"} and stored["metadata"] == made["metadata"]
    await api("PATCH", f"{one}/d", {"spec": {"port": 7}}, content_type="application/merge-patch+json")
    _, listed = await api("GET", two)
    assert listed["items"][0]["spec"] == {"address": "a:7"}
    async with api.watching(f"{one}?watch=true") as events:
        assert (await events.receive())["object"]["spec"] == {"host": "a", "port": 7}
        assert (await api("DELETE", f"{one}/d"))[0] == 200
        assert (await events.receive())["type"] == "DELETED"
    for host, port in (("a", 80), ("a", 8080), ("b", 80)):  # what is selected is what each version shows
        door = {"metadata": {"name": f"{host}-{port}"}, "spec": {"host": host, "port": port}}
        assert (await api("POST", one, door))[0] == 201

    async def names(url, fields):
        status, listed = await api("GET", f"{url}?fieldSelector={fields}")
        assert status == 200, listed
        return [item["metadata"]["name"] for item in listed["items"]]

    assert await names(one, "spec.host=a") == ["a-80", "a-8080"]
    assert await names(one, "spec.host=a,spec.port=80") == ["a-80"]
    assert await names(two, "spec.address=a:8080") == ["a-8080"]
    async with api.watching(f"{one}?watch=true&fieldSelector=spec.host%3Da") as events:
        assert [(await events.receive())["object"]["metadata"]["name"] for _ in range(2)] == [
            "a-80",
            "a-8080",
        ]
        await api(
            "PATCH", f"{two}/b-80", {"spec": {"address": "c:80"}}, content_type="application/merge-patch+json"
        )
        await api(
            "PATCH", f"{two}/a-80", {"spec": {"address": "b:80"}}, content_type="application/merge-patch+json"
        )
        gone = await events.receive()
        assert (gone["type"], gone["object"]["metadata"]["name"]) == ("DELETED", "a-80")
    assert (await api("DELETE", f"{one}?fieldSelector=spec.host=a"))[0] == 200
    assert await names(two, "") == ["a-80", "b-80"]
    hook.convert = lambda document, wanted: 1 / 0
    status, refused = await api("POST", one, {"metadata": {"name": "d"}, "spec": {"host": "a", "port": 1}})
    assert status == 500 and "conversion webhook for example.com/v1, Kind=Door failed" in refused["message"]
    assert (await api("GET", f"{two}/d"))[0] == 404


async def test_a_container_that_a_webhook_puts_in_gets_what_others_get(api, hook):
    limits = {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}
    await api("POST", "/api/v1/namespaces/default/limitranges", {"metadata": {"name": "l"}, "spec": limits})
    pods = [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]
    await configure(api, hook, "Mutating", rules=pods)
    patch = [{"op": "add", "path": "/spec/containers/-", "value": {"name": "sidecar", "image": "x"}}]
    hook.answer = lambda request: {
        "allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
    }  # fmt: skip
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "web", "image": "x"}]}}
    status, made = await api("POST", "/api/v1/namespaces/default/pods", pod)
    assert status == 201, made
    web, sidecar = made["spec"]["containers"]
    assert web["resources"]["limits"] == sidecar["resources"]["limits"] == {"cpu": "1"}
    assert [m["mountPath"] for m in web["volumeMounts"]] == [m["mountPath"] for m in sidecar["volumeMounts"]]
    assert len(made["spec"]["volumes"]) == 1 and sidecar["imagePullPolicy"]


class Streams:
    """Implements the handler's Streams."""

    async def answer(self, route, request, query, user):
        return Response(200, (), (b"connected",))


async def test_a_webhook_is_asked_before_anybody_connects(api, hook):
    rules = [{"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*"]}]
    await configure(api, hook, rules=rules)
    api.handler = api.plane.handler(Streams())
    hook.answer = lambda request: {"allowed": request["subResource"] != "exec"}
    pod = "/api/v1/namespaces/default/pods/web"
    status, refused = await api("POST", f"{pod}/exec?command=ls&command=-l&stdout=true&container=c&tty=false")
    assert status == 400 and refused["message"].startswith('admission webhook "check.example.com" denied')
    (asked,) = hook.seen
    assert (asked["operation"], asked["name"], asked["kind"]["kind"]) == ("CONNECT", "web", "PodExecOptions")
    assert asked["object"] == {
        "kind": "PodExecOptions", "apiVersion": "v1", "stdout": True, "container": "c", "command": ["ls", "-l"],
    }  # fmt: skip
    assert asked["options"] is None and asked["oldObject"] is None
    for path, options in (
        ("portforward?ports=80&ports=81", {"kind": "PodPortForwardOptions", "ports": [80, 81]}),
        ("proxy/a/b?c=d", {"kind": "PodProxyOptions", "path": "/a/b"}),
        ("attach?stdin=1", {"kind": "PodAttachOptions", "stdin": True}),
    ):
        assert await api("GET", f"{pod}/{path}") == (200, "connected")
        assert hook.seen[-1]["object"] == {"apiVersion": "v1", **options}
    count = len(hook.seen)
    assert (await api("GET", f"{pod}/log"))[0] == 200 and len(hook.seen) == count, (
        "a log is read, not connected to"
    )


async def test_a_policy_holds_connections_too(api, hook):
    rules = [
        {"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec"]}
    ]
    spec = {
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": "!object.?stdin.orValue(false)", "message": "look, do not touch"}],
    }
    base = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    assert (await api("POST", f"{base}ies", {"metadata": {"name": "p"}, "spec": spec}))[0] == 201
    binding = {"policyName": "p", "validationActions": ["Deny"]}
    assert (await api("POST", f"{base}ybindings", {"metadata": {"name": "b"}, "spec": binding}))[0] == 201
    api.handler = api.plane.handler(Streams())
    pod = "/api/v1/namespaces/default/pods/web"
    assert (await api("POST", f"{pod}/exec?command=ls&stdout=1"))[0] == 200
    status, refused = await api("POST", f"{pod}/exec?command=sh&stdin=1")
    assert status == 422 and refused["message"].endswith("denied request: look, do not touch")


async def test_what_a_webhook_notes_is_kept_for_the_audit_log(api, hook):
    await configure(api, hook)
    hook.answer = lambda request: {"allowed": True, "auditAnnotations": {"why": "because"}}
    heard = []
    api.handler = api.plane.handler(None)
    api.handler._parts = replace(api.handler._parts, audit=lambda *facts: heard.append(facts[-1]))
    assert (await api("POST", MAPS, {"metadata": {"name": "a"}}))[0] == 201
    assert heard == [{"authorization.k8s.io/decision": "allow", "check.example.com/why": "because"}]


HPAS = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
OLD_RULE = {"operations": ["CREATE"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"],
            "resources": ["horizontalpodautoscalers"]}  # fmt: skip


def autoscaler(name):
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 7}},
    }
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    return {
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, "metrics": [metric]},
    }


async def test_a_webhook_sees_the_version_that_it_asks_for(api, hook):
    await configure(api, hook, rules=[OLD_RULE])
    assert (await api("POST", HPAS.format("v2"), autoscaler("a")))[0] == 201
    (asked,) = hook.seen
    assert asked["kind"]["version"] == asked["resource"]["version"] == "v1"
    assert asked["requestKind"]["version"] == asked["requestResource"]["version"] == "v2"
    assert asked["object"]["apiVersion"] == "autoscaling/v1"
    assert asked["object"]["spec"]["targetCPUUtilizationPercentage"] == 7


async def test_exactly_means_that_version_only(api, hook):
    await configure(api, hook, rules=[OLD_RULE], matchPolicy="Exact")
    assert (await api("POST", HPAS.format("v2"), autoscaler("a")))[0] == 201
    assert hook.seen == []


async def test_what_a_webhook_changes_comes_back_in_the_version_of_the_request(api, hook):
    await configure(api, hook, "Mutating", rules=[OLD_RULE])
    patch = [{"op": "replace", "path": "/spec/targetCPUUtilizationPercentage", "value": 55}]
    hook.answer = lambda request: {
        "allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
    }  # fmt: skip
    status, made = await api("POST", HPAS.format("v2"), autoscaler("a"))
    assert status == 201 and made["apiVersion"] == "autoscaling/v2"
    assert made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 55


async def test_a_policy_sees_the_version_that_it_is_about(api, hook):
    spec = {
        "matchConstraints": {"resourceRules": [OLD_RULE]},
        "validations": [{"expression": "object.spec.targetCPUUtilizationPercentage > 10"}],
    }
    base = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    assert (await api("POST", f"{base}ies", {"metadata": {"name": "p"}, "spec": spec}))[0] == 201
    binding = {"policyName": "p", "validationActions": ["Deny"]}
    assert (await api("POST", f"{base}ybindings", {"metadata": {"name": "b"}, "spec": binding}))[0] == 201
    status, refused = await api("POST", HPAS.format("v2"), autoscaler("a"))
    assert status == 422 and "failed expression: object.spec.targetCPU" in refused["message"]


async def test_a_request_ends_when_its_client_no_longer_waits(api, hook):
    """Whatever a webhook still does; nothing is stored."""

    gate = trio.Event()
    hook.wait = gate.wait
    await configure(api, hook, "Validating")
    status, refused = await api("POST", f"{MAPS}?timeout=50ms", {"metadata": {"name": "m"}})
    assert (status, refused["reason"]) == (504, "Timeout")
    words = "request did not complete within requested timeout - context deadline exceeded"
    assert refused["message"] == f"Timeout: {words}"
    assert (await api("GET", f"{MAPS}/m"))[0] == 404
    gate.set()  # else its server waits for the answer in the making


async def test_nobody_keeps_the_configurations_of_webhooks_from_changing(api, hook):
    """Else one that refuses everything could never be removed."""
    everything = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]
    hook.answer = lambda request: {"allowed": False}
    await configure(api, hook, "Validating", rules=everything)
    assert (await api("POST", MAPS, {"metadata": {"name": "m"}}))[0] == 400
    hook.seen.clear()
    await configure(api, hook, "Mutating", rules=everything)
    for kind in ("mutating", "validating"):
        assert (await api("DELETE", f"{HOOKS.format(kind)}/hook"))[0] == 200
    assert hook.seen == []


async def test_what_a_webhook_adds_and_the_schema_does_not_know_is_left_out(api, hook):
    await establish(api, doors(hook, "v2"))
    hook.convert = converted
    about = {
        "operations": ["CREATE"],
        "apiGroups": ["example.com"],
        "apiVersions": ["v2"],
        "resources": ["doors"],
    }
    await configure(api, hook, "Mutating", rules=[about])
    patch = [
        {"op": "add", "path": "/spec/address", "value": "a:1"},
        {"op": "add", "path": "/spec/colour", "value": "red"},
    ]
    text = base64.b64encode(json.dumps(patch).encode()).decode()
    hook.answer = lambda request: {"allowed": True, "patchType": "JSONPatch", "patch": text}
    status, made = await api("POST", TWO, {"metadata": {"name": "d"}, "spec": {}})
    assert (status, made["spec"]) == (201, {"address": "a:1"})
