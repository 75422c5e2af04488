"""What is said of options, paths and media types that do not fit."""

import base64
import json

import pytest
from request_api import FakeRequest

from pikube.api.errors import ApiError, PathNotFound
from pikube.wire.answers import error_response

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
ONE = f"{CONFIG_MAPS}/one"
BODY = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "one"}, "data": {"a": "1"}}
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
LIST = 'ListOptions.meta.k8s.io "" is invalid: '


@pytest.fixture
async def one(api):
    """An API with one ConfigMap."""
    assert (await api("POST", CONFIG_MAPS, BODY))[0] == 201
    return api


READS = {
    "limit=abc": (400, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    "limit=": (400, 'strconv.ParseInt: parsing "": invalid syntax'),
    "limit=1&limit=abc": (200, ""),
    "limit=%zz&labelSelector=(;": (200, ""),
    f"limit={'9' * 5000}": (400, "value out of range"),
    "timeoutSeconds=x": (400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    "watch=true&limit=x": (400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    "timeout=invalid": (
        400,
        'invalid timeout specified in the request URL - time: invalid duration "invalid"',
    ),
    "timeout=5": (400, 'time: missing unit in duration "5"'),
    "timeout=5y": (400, 'time: unknown unit "y" in duration "5y"'),
    "timeout=3m": (200, ""),  # longer than anybody may ask for: as long as it takes
    "resourceVersion=abc": (
        422,
        'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    ),
    "watch=1&resourceVersion=-1": (
        422,
        'resourceVersion: Invalid value: "-1": strconv.ParseUint: parsing "-1": invalid syntax',
    ),
    f"resourceVersion={'9' * 5000}": (422, "value out of range"),
    "resourceVersion=abc&limit=2": (400, 'invalid resource version: resourceVersion: Invalid value: "abc": '),
    "resourceVersion=1&resourceVersionMatch=Some": (
        422,
        f'{LIST}resourceVersionMatch: Unsupported value: "Some": supported values: "Exact", "NotOlderThan", ""',
    ),
    "continue=abc&resourceVersion=5": (400, "specifying resource version is not allowed when using continue"),
    "continue=!!!": (400, "continue key is not valid"),
    "resourceVersionMatch=Exact": (
        422,
        f"{LIST}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
    ),
    "resourceVersion=0&resourceVersionMatch=Exact": (
        422,
        f'{LIST}resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ),
    "sendInitialEvents=true": (
        422,
        f"{LIST}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
    ),
    "resourceVersion=99999999": (504, "Timeout: Too large resource version: 99999999, current: "),
    "resourceVersion=99999999&resourceVersionMatch=Exact": (
        504,
        "Timeout: Too large resource version: 99999999, current: ",
    ),
    "labelSelector=(": (400, "found '(', expected: !, identifier, or 'end of string'"),
    "fieldSelector=spec.x%3D1": (400, "field label not supported: spec.x"),
    "includeObject=All": (400, 'unrecognized includeObject value: "All"'),
    "watch=true&sendInitialEvents=true": (
        422,
        f"{LIST}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
        "NotOlderThan",
    ),
    "watch=true&resourceVersionMatch=NotOlderThan": (
        422,
        f"{LIST}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless "
        "sendInitialEvents is provided",
    ),
    "watch=true&timeoutSeconds=x": (400, 'strconv.ParseInt: parsing "x": invalid syntax'),
}


@pytest.mark.parametrize("query", READS)
async def test_reads_that_contradict_themselves(one, query):
    code, words = READS[query]
    answer = await one("GET", f"{CONFIG_MAPS}?{query}")
    assert answer[0] == code and words.partition("field label")[0] in answer[1].get("message", "")


WRITES = {
    ("POST", "dryRun=None"): 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["None"]: '
    'supported values: "All"',
    (
        "PUT",
        "fieldValidation=Loud",
    ): 'UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: '
    '"Loud": supported values: "", "Ignore", "Strict", "Warn"',
    ("POST", f"fieldManager={'x' * 129}"): 'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: '
    "may not be more than 128 bytes",
    ("PUT", "fieldManager=a%01b"): 'UpdateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: '
    '"a\\u0001b": invalid character U+0001 (at position 1)',
    (
        "PATCH",
        "force=true",
    ): 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ("DELETE", "dryRun=x"): 'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: '
    'supported values: "All"',
}


@pytest.mark.parametrize("method, query", WRITES)
async def test_writes_whose_options_are_wrong_change_nothing(one, method, query):
    before = await one("GET", ONE)
    url = f"{CONFIG_MAPS if method == 'POST' else ONE}?{query}"
    headers = {"content_type": MERGE} if method == "PATCH" else {}
    code, status = await one(method, url, BODY, **headers)
    assert (code, status["message"]) == (422, WRITES[method, query])
    assert await one("GET", ONE) == before


async def test_an_apply_says_who_applies_and_what(one):
    code, status = await one("PATCH", ONE, BODY, content_type=APPLY)
    assert code == 422 and status["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )
    code, status = await one("PATCH", f"{ONE}?fieldManager=me", {}, content_type=APPLY)
    assert code == 400 and status["message"] == (
        "Incorrect version specified in apply patch. Specified patch version: , expected: v1"
    )
    assert (await one("PATCH", f"{ONE}?fieldManager=me&force=true", BODY, content_type=APPLY))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("PUT", CONFIG_MAPS, 405),
        ("PATCH", CONFIG_MAPS, 405),
        ("POST", ONE, 405),
        ("POST", "/api/v1/configmaps", 405),
        ("DELETE", "/api/v1/configmaps", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("OPTIONS", CONFIG_MAPS, 405),
        ("GET", "/api/v1/configmaps", 200),
        ("GET", "/api/v1/configmaps/one", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("GET", "/api/v1/namespaces/default", 200),
        ("GET", "/api/v1/namespaces/default/status", 200),
        ("GET", f"{ONE}/status", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/configmaps", 404),
    ],
)
async def test_paths_and_methods_that_there_are(one, method, path, code):
    assert (await one(method, path, BODY, content_type="application/json"))[0] == code


@pytest.mark.parametrize(
    ("path", "is_page"),
    [
        ("/nothing", True),
        ("/apis/nothing", True),
        ("/apis/nothing/v1", True),
        ("/apis/nothing/v1/things", True),
        ("/api/v2/configmaps", True),
        ("/openapi/v3/apis/nothing/v1", True),
        ("/healthz/nothing", True),
        ("/api/v1/nothing", False),
        (f"{ONE}/status", False),
    ],
)
async def test_what_nobody_serves_is_a_page_of_gos_server(one, path, is_page):
    with pytest.raises(PathNotFound) as caught:
        await one.handler(FakeRequest("GET", path))
    answer = error_response(caught.value)
    if is_page:
        assert answer.chunks == (b"404 page not found\n",)
    else:
        status = json.loads(b"".join(answer.chunks))
        assert (status["message"], status["details"]) == (
            "the server could not find the requested resource",
            {},
        )


OWNER = {"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "1"}
OTHER = {**OWNER, "name": "b", "uid": "2"}
METADATA = {
    "two controllers": (
        {"ownerReferences": [{**OWNER, "controller": True}, {**OTHER, "controller": True}]},
        '}]: Only one reference can have Controller set to true. Found "true" in references for Node/a and Node/b',
    ),
    "no version": (
        {"ownerReferences": [{**OWNER, "apiVersion": ""}]},
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
    ),
    "an event": (
        {"ownerReferences": [{**OWNER, "kind": "Event"}]},
        "/v1, Kind=Event is disallowed from being an owner",
    ),
    "two ways to go": (
        {"finalizers": ["orphan", "foregroundDeletion"]},
        'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and '
        "foregroundDeletion cannot be both set",
    ),
}


@pytest.mark.parametrize("name", METADATA)
async def test_metadata_that_is_refused(one, name):
    metadata, words = METADATA[name]
    code, status = await one("POST", CONFIG_MAPS, {"metadata": {"name": "two", **metadata}})
    assert code == 422 and words in status["message"]


async def test_owners_that_are_named_twice_are_kept_once(one):
    body = json.dumps({"metadata": {"name": "two", "ownerReferences": [OWNER, OTHER, OWNER]}}).encode()
    answer = await one.handler(FakeRequest("POST", CONFIG_MAPS, content=body))
    made = json.loads(b"".join(answer.chunks))
    assert made["metadata"]["ownerReferences"] == [OWNER, OTHER]
    (warning,) = [value for name, value in answer.headers if name == "Warning"]
    assert warning.startswith('299 - ".metadata.ownerReferences contains duplicate entries; ')
    assert warning.endswith('duplicate UID(s) observed: 1"')


@pytest.mark.parametrize("options", [{"propagationPolicy": "Away"}, "propagationPolicy=Away"])
async def test_a_way_to_delete_that_there_is_not(one, options):
    query, body = (options, None) if isinstance(options, str) else ("", options)
    code, status = await one("DELETE", f"{ONE}?{query}", body)
    assert code == 422 and status["message"] == (
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Away": supported values: '
        '"Foreground", "Background", "Orphan", "nil"'
    )


async def test_the_status_of_a_deployment_leaves_its_labels_alone(one):
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    url = "/apis/apps/v1/namespaces/default/deployments"
    _, made = await one("POST", url, {"metadata": {"name": "web", "labels": {"a": "1"}}, "spec": spec})
    made["metadata"]["labels"] = {"a": "2"}
    made["spec"]["replicas"] = 9
    made["status"] = {"replicas": 4}
    code, after = await one("PUT", f"{url}/web/status", made)
    assert code == 200
    assert (after["metadata"]["labels"], after["spec"]["replicas"]) == ({"a": "1"}, 1)
    assert after["status"]["replicas"] == 4


async def test_people_get_many_lines_and_programs_one(one):
    _, text = await raw(one, ONE, user_agent="curl/8.1")
    assert text.startswith('{\n  "kind": "ConfigMap",\n')
    _, text = await raw(one, f"{ONE}?pretty=false", user_agent="curl/8.1")
    assert "\n" not in text
    _, text = await raw(one, f"{ONE}?pretty=true")
    assert json.loads(text)["data"] == {"a": "1"} and text.count("\n") > 10


async def raw(api, url, **headers):
    from request_api import FakeRequest

    path, _, query = url.partition("?")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await api.handler(FakeRequest("GET", path, query, sent))
    return answer.status, b"".join(answer.chunks).decode()


async def test_initial_events_end_with_a_bookmark_only_for_those_who_take_bookmarks(one):
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    async with one.watching(f"{CONFIG_MAPS}?{query}&allowWatchBookmarks=true") as events:
        assert (await events.receive())["type"] == "ADDED"
        mark = await events.receive()
        assert mark["type"] == "BOOKMARK"
        annotations = mark["object"]["metadata"]["annotations"]
        assert annotations["k8s.io/initial-events-end"] == "true"
        blueprint = base64.b64decode(annotations["kubernetes.io/initial-events-list-blueprint"])
        assert json.loads(blueprint) == {
            "kind": "ConfigMapList",
            "apiVersion": "v1",
            "metadata": {},
            "items": [],
        }
    async with one.watching(f"{CONFIG_MAPS}?{query}") as events:
        assert (await events.receive())["type"] == "ADDED"
        await one("DELETE", ONE)
        assert (await events.receive())["type"] == "DELETED"


async def test_media_types_are_named_when_none_fits(one):
    words = "the body of the request was in an unknown format - accepted media types include: "
    status, refused = await one("POST", CONFIG_MAPS, BODY, content_type="text/plain")
    offered = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    assert (status, refused["message"]) == (415, words + offered)
    status, refused = await one("PATCH", ONE, BODY, content_type="application/json")
    offered = (
        "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, "
        "application/apply-patch+yaml"
    )
    assert (status, refused["message"]) == (415, words + offered)
    status, refused = await one("GET", f"{CONFIG_MAPS}?watch=1", accept="application/yaml")
    offered = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    assert (status, refused["message"]) == (406, f"only the following media types are accepted: {offered}")


async def test_a_trial_of_deleting_many_deletes_none(one):
    delete = {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}
    assert (await one("DELETE", CONFIG_MAPS, delete))[0] == 200
    assert (await one("DELETE", f"{CONFIG_MAPS}?dryRun=All"))[0] == 200
    assert (await one("GET", ONE))[0] == 200
    status, refused = await one("DELETE", CONFIG_MAPS, {**delete, "dryRun": ["Some"]})
    assert (
        status == 422 and 'dryRun: Unsupported value: ["Some"]: supported values: "All"' in refused["message"]
    )
    both = {"orphanDependents": True, "propagationPolicy": "Orphan"}
    status, refused = await one("DELETE", ONE, both)
    words = 'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set'
    assert (status, refused["message"]) == (422, f'DeleteOptions.meta.k8s.io "" is invalid: {words}')
    assert (await one("GET", ONE))[0] == 200
    assert (await one("DELETE", CONFIG_MAPS))[0] == 200 and (await one("GET", ONE))[0] == 404


async def test_many_are_deleted_a_page_at_a_time(one):
    await one("POST", CONFIG_MAPS, {**BODY, "metadata": {"name": "two"}})
    _, deleted = await one("DELETE", f"{CONFIG_MAPS}?limit=1")
    assert [item["metadata"]["name"] for item in deleted["items"]] == ["one"]
    assert (await one("GET", f"{CONFIG_MAPS}/two"))[0] == 200


async def test_warnings_come_with_refusals_too(one):
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    body = {
        "metadata": {"name": "d"},
        "spec": {"replica": 1, "template": {"metadata": {"labels": {"a": "b"}}}},
    }
    status, refused = await one("POST", deployments, body)
    assert status == 422 and one.warnings == ['unknown field "spec.replica"']
    assert [(cause["reason"], cause["field"]) for cause in refused["details"]["causes"]] == [
        ("FieldValueRequired", "spec.selector"),
        ("FieldValueInvalid", "spec.template.metadata.labels"),
        ("FieldValueRequired", "spec.template.spec.containers"),
    ]
    status, _ = await one("PATCH", ONE, {"dat": {}, "metadata": {"uid": "x"}}, content_type=MERGE)
    assert status == 422 and one.warnings == ['unknown field "dat"']


PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    "change",
    [
        {"nodeName": "there"},
        {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]},
        {"ephemeralContainers": [{"name": "e", "image": "i"}]},
        {"containers": [{"name": "c", "command": ["x"]}]},
    ],
)
async def test_what_has_a_door_of_its_own_does_not_change_through_the_main_one(one, change):
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    assert (await one("POST", accounts, {"metadata": {"name": "default"}}))[0] == 201
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert (await one("POST", PODS, pod))[0] == 201
    strategic = "application/strategic-merge-patch+json"
    status, refused = await one("PATCH", f"{PODS}/p", {"spec": change}, content_type=strategic)
    assert (
        status == 422
        and "spec: Forbidden: pod updates may not change fields other than" in refused["message"]
    )
    binding = {"metadata": {"name": "p"}, "target": {"name": "there"}}
    assert (await one("POST", f"{PODS}/p/binding", binding))[0] == 201
    debug = {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}}
    url = f"{PODS}/p/ephemeralcontainers"
    assert (await one("PATCH", url, debug, content_type=strategic))[0] == 200
    _, pod = await one("GET", f"{PODS}/p")
    assert pod["spec"]["nodeName"] == "there" and pod["spec"]["ephemeralContainers"][0]["name"] == "e"


async def test_what_is_wrong_in_itself_is_said_before_what_is_not_to_be_had(one):
    services = "/api/v1/namespaces/default/services"
    port = {"port": 80, "nodePort": 1}
    spec = {"type": "NodePort", "ports": [port, {"port": 81, "protocol": "ICMP"}]}
    status, refused = await one("POST", services, {"metadata": {"name": "s"}, "spec": spec})
    fields = [cause["field"] for cause in refused["details"]["causes"]]
    assert status == 422 and "spec.ports[1].protocol" in fields and "spec.ports[0].nodePort" not in fields
    status, refused = await one(
        "POST", services, {"metadata": {"name": "s"}, "spec": {**spec, "ports": [port]}}
    )
    assert (
        "spec.ports[0].nodePort: Invalid value: 1: provided port is not in the valid range"
        in refused["message"]
    )


async def test_a_finalizer_without_a_domain_is_nobodys(one):
    body = {**BODY, "metadata": {"name": "f", "finalizers": ["mine"]}}
    status, refused = await one("POST", CONFIG_MAPS, body)
    words = 'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully'
    assert status == 422 and words in refused["message"]
    body["metadata"]["finalizers"] = ["example.com/mine", "orphan"]
    assert (await one("POST", CONFIG_MAPS, body))[0] == 201


OTHERS = [
    ("application/merge-patch+json", {"kind": "Secret"}),
    ("application/merge-patch+json", {"kind": None}),
    ("application/merge-patch+json", {"apiVersion": "v2"}),
    ("application/json-patch+json", [{"op": "replace", "path": "/kind", "value": "Secret"}]),
]


@pytest.mark.parametrize(("content_type", "change"), OTHERS)
async def test_a_patch_makes_nothing_of_another_kind(one, content_type, change):
    path = "/api/v1/namespaces/default/configmaps/one"
    status, refused = await one("PATCH", path, json.dumps(change).encode(), content_type=content_type)
    assert status == 422 and "patch: Invalid value" in refused["message"]
    assert (await one("GET", path))[1]["kind"] == "ConfigMap"


async def test_a_strategic_patch_keeps_the_kind(one):
    path = "/api/v1/namespaces/default/configmaps/one"
    strategic = {"content_type": "application/strategic-merge-patch+json"}
    status, kept = await one("PATCH", path, {"kind": "Secret", "data": {"new": "1"}}, **strategic)
    assert (status, kept["kind"], kept["data"]["new"]) == (200, "ConfigMap", "1")


async def test_an_object_that_is_put_says_its_name(one):
    path = "/api/v1/namespaces/default/configmaps/one"
    words = "the name of the object (one based on URL) was undeterminable: name must be provided"
    assert (await one("PUT", path, {"metadata": {}}))[1]["message"] == words
    gone = [{"op": "remove", "path": "/metadata/name"}]
    status, refused = await one(
        "PATCH", path, json.dumps(gone).encode(), content_type="application/json-patch+json"
    )
    assert (status, refused["message"]) == (400, words)


async def test_an_object_that_is_put_with_a_uid_replaces_that_one_only(one):
    path = "/api/v1/namespaces/default/configmaps/one"
    uid = (await one("GET", path))[1]["metadata"]["uid"]
    status, refused = await one("PUT", path, {"metadata": {"name": "one", "uid": "other"}})
    assert status == 409
    assert refused["message"] == (
        'Operation cannot be fulfilled on configmaps "one": StorageError: invalid object, Code: 4, '
        "Key: /registry/configmaps/default/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: other, UID in object meta: {uid}"
    )
    assert (await one("PUT", path, {"metadata": {"name": "one", "uid": uid}}))[0] == 200


async def test_one_priority_class_is_the_default(one):
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    made = [
        await one("POST", path, {"metadata": {"name": name}, "value": 1, "globalDefault": True})
        for name in "ab"
    ]
    assert [status for status, _ in made] == [201, 403]
    assert made[0][1]["preemptionPolicy"] == "PreemptLowerPriority"
    assert made[1][1]["message"] == (
        'priorityclasses.scheduling.k8s.io "b" is forbidden: PriorityClass a is already marked as default. '
        "Only one default can exist"
    )
    status, _ = await one("PUT", f"{path}/a", {"metadata": {"name": "a"}, "value": 1, "globalDefault": True})
    assert status == 200


async def test_names_of_namespaces_have_no_dots(one):
    status, refused = await one("POST", "/api/v1/namespaces", {"metadata": {"name": "a.b"}})
    assert (
        status == 422 and 'metadata.name: Invalid value: "a.b": must not contain dots' in refused["message"]
    )


async def test_a_scale_is_shown_as_people_know_it(one):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"
    assert (await one("POST", path, {"metadata": {"name": "d"}, "spec": spec}))[0] == 201
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    _, table = await one("GET", f"{path}/d/scale", accept=accept)
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "Desired",
        "Available",
        "Age",
    ]
    assert table["rows"][0]["cells"] == ["d", 3, 0, "0s"]
    assert (await one("GET", f"{path}/d/scale"))[1]["kind"] == "Scale"


async def test_what_is_asked_and_never_stored_has_no_table(api):
    """Source: test/e2e/apimachinery/table_conversion.go."""
    url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    status, answer = await api("POST", url, review, accept=table)
    assert (status, answer["reason"]) == (406, "NotAcceptable")
    status, answer = await api("POST", url, review, accept=f"{table},application/json")
    assert (status, answer["kind"]) == (201, "SelfSubjectAccessReview")


async def test_whoever_uses_what_is_deprecated_is_told_what_to_use(api):
    await api("GET", "/api/v1/namespaces/default/endpoints")
    assert api.warnings == [
        '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    ]
    await api("GET", "/api/v1/componentstatuses/scheduler")
    assert api.warnings == ['299 - "v1 ComponentStatus is deprecated in v1.19+"']
    await api("GET", "/apis/discovery.k8s.io/v1/endpointslices")
    assert api.warnings == []


async def test_who_makes_or_changes_what_is_odd_is_told(api):
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i", "env": env}]},
    }
    body = {
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    url = "/apis/apps/v1/namespaces/default/deployments"
    told = [
        '299 - "spec.template.spec.containers[0].env[1]: '
        'hides previous definition of \\"A\\", which may be dropped when using apply"'
    ]
    assert ((await api("POST", url, body))[0], api.warnings) == (201, told)
    for patch, words in (({"metadata": {"labels": {"x": "y"}}}, []), ({"spec": {"paused": True}}, told)):
        assert (await api("PATCH", f"{url}/d", patch, content_type=MERGE))[0] == 200
        assert api.warnings == words


@pytest.mark.parametrize(
    ("path", "begins"),
    [
        ("/api/v1/namespaces/default/pods/none", b'{\n  "kind": "Status",'),
        ("/apis", b'{\n  "kind": "APIGroupList",'),
        ("/api/v1/namespaces/default", b'{\n  "'),
    ],
)
async def test_what_curl_shows_is_on_many_lines_errors_and_discovery_too(api, path, begins):
    async def asked(**headers):
        request = FakeRequest("GET", path, headers=headers)
        try:
            return b"".join((await api.handler(request)).chunks)
        except ApiError as error:
            return error.to_bytes()

    assert (await asked(**{"user-agent": "curl/7.88.1"})).startswith(begins)
    assert b"\n" not in (await asked(**{"user-agent": "kubectl/v1.33"})).rstrip()


async def test_the_version_is_always_on_many_lines(api):
    request = FakeRequest("GET", "/version")
    assert b"".join((await api.handler(request)).chunks).startswith(b'{\n  "major": "1",\n')
