"""What is said of bodies that are none, or mean something else than their URL: upstream's codes and words."""

import base64
import json

import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
ONE = f"{CONFIG_MAPS}/one"
PODS = "/api/v1/namespaces/default/pods"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
SCALE = "/apis/apps/v1/namespaces/default/deployments/web/scale"
TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"
BODY = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "one"}, "data": {"a": "1"}}
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
UNREAD = "the object provided is unrecognized (must be of type ConfigMap): "
HANDLED = 'in version "v1" cannot be handled as a ConfigMap'


@pytest.fixture
async def one(api):
    """An API with a ConfigMap, a Deployment and a service account."""
    assert (await api("POST", CONFIG_MAPS, BODY))[0] == 201
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    deployments = SCALE.rpartition("/web")[0]
    assert (await api("POST", deployments, {"metadata": {"name": "web"}, "spec": spec}))[0] == 201
    accounts = TOKEN.rpartition("/default")[0]
    assert (await api("POST", accounts, {"metadata": {"name": "default"}}))[0] == 201
    return api


BODIES = [
    (b"", UNREAD + "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
    (
        b"{" + b"x" * 40,
        UNREAD + "couldn't get version/kind; json parse error: invalid character 'x' looking for beginning of "
        "object key string ({" + "x" * 29 + " ...)",
    ),
    (
        b"[]",
        UNREAD + "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of "
        'type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string '
        '"json:\\"kind,omitempty\\"" } (5b5d)',
    ),
    ({"apiVersion": "v1", "kind": "Secret"}, f"Secret {HANDLED}: converting (v1.Secret) to (core.ConfigMap): "
     "unknown conversion"),
    ({"apiVersion": "apps/v1", "kind": "Deployment"}, f"Deployment {HANDLED}: converting (v1.Deployment) to "
     "(core.ConfigMap): unknown conversion"),
    ({"apiVersion": "v1", "kind": "Foo"}, f'Foo {HANDLED}: no kind "Foo" is registered for version "v1" in scheme '
     '"pkg/api/legacyscheme/scheme.go:30"'),
    ({"apiVersion": "v2"}, 'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is '
     'registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30"'),
    ({"binaryData": {"a": "!!"}}, f"ConfigMap {HANDLED}: illegal base64 data at input byte 0"),
    ({"metadata": {"creationTimestamp": "yesterday"}}, f'ConfigMap {HANDLED}: parsing time "yesterday" as '
     '"2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'),
    ({"metadata": {"namespace": "kube-system"}}, "the namespace of the provided object does not match the "
     "namespace sent on the request"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "words"), BODIES)
async def test_a_body_that_cannot_be_meant(one, body, words):
    for mode in ("", "?fieldValidation=Ignore"):
        status, answer = await one("POST", CONFIG_MAPS + mode, body)
        assert (status, answer["message"]) == (400, words)
    assert len((await one("GET", CONFIG_MAPS))[1]["items"]) == 1


async def test_a_version_that_is_not_that_of_the_url(one):
    hpas = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
    status, answer = await one("POST", hpas, body)
    assert (status, answer["message"]) == (
        400,
        "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)",
    )


async def test_null_is_an_object_that_says_nothing(one):
    assert (await one("POST", CONFIG_MAPS, b"null"))[0] == 422
    assert (await one("PATCH", ONE, b"null", content_type="application/json-patch+json"))[0] == 200


async def test_yaml_that_is_none_and_yaml_that_says_things_twice(one):
    as_yaml = {"content_type": "application/yaml"}
    status, answer = await one("POST", CONFIG_MAPS, b"a: b\n- x", **as_yaml)
    assert status == 400 and answer["message"].startswith(
        UNREAD + "error converting YAML to JSON: yaml: line 1: did not find expected key (613a"
    )
    twice = b"metadata: {name: twice}\ndata: {a: '1'}\ndata: {b: '2'}\n"
    words = 'yaml: unmarshal errors:\n  line 3: key "data" already set in map'
    status, answer = await one("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", twice, **as_yaml)
    assert (status, answer["message"]) == (400, f"ConfigMap {HANDLED}: strict decoding error: {words}")
    status, answer = await one("POST", CONFIG_MAPS, twice, **as_yaml)
    assert status == 201 and answer["data"] == {"b": "2"}
    assert len(one.warnings) == 1 and 'key \\"data\\" already set in map' in one.warnings[0]
    twice = b"apiVersion: v1\nkind: ConfigMap\n" + twice
    url = f"{CONFIG_MAPS}/twice?fieldManager=me&force=true"
    status, answer = await one("PATCH", f"{url}&fieldValidation=Strict", twice, content_type=APPLY)
    assert status == 400 and answer["message"] == (
        "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n"
        '  line 5: key "data" already set in map'
    )
    assert (await one("PATCH", url, twice, content_type=APPLY))[0] == 200 and len(one.warnings) == 1


async def test_an_apply_makes_what_the_url_names_and_nothing_else(one):
    url = f"{CONFIG_MAPS}/new?fieldManager=me"
    other = {**BODY, "metadata": {"name": "other"}}
    status, answer = await one("PATCH", url, other, content_type=APPLY)
    assert (status, answer["message"]) == (
        400,
        "the name of the object (other) does not match the name on the URL (new)",
    )
    gone = {**BODY, "metadata": {"name": "new", "uid": "5"}}
    status, answer = await one("PATCH", url, gone, content_type=APPLY)
    assert (status, answer["message"]) == (
        409,
        'Operation cannot be fulfilled on configmaps "new": uid mismatch: the provided object specified uid 5, and '
        "no existing object was found",
    )
    assert len((await one("GET", CONFIG_MAPS))[1]["items"]) == 1
    for body in (b"", b"null"):
        assert (await one("PATCH", url, body, content_type=APPLY))[1]["message"].startswith(
            "Incorrect version"
        )
    assert (await one("PATCH", url, b"[]", content_type=APPLY))[1]["message"] == (
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value "
        "of type map[string]interface {}"
    )


async def test_a_put_or_patch_into_another_namespace(one):
    body = {**BODY, "metadata": {"name": "one", "namespace": "kube-system"}}
    words = "the namespace of the object (kube-system) does not match the namespace on the request (default)"
    assert (await one("PUT", ONE, body))[1]["message"] == words
    assert (await one("PATCH", ONE, body, content_type=MERGE))[1]["message"] == words


async def test_a_put_names_its_object_before_it_is_asked_for_a_version(one):
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    status, answer = await one("PUT", f"{budgets}/x", {"metadata": {"name": "y"}})
    assert (status, answer["message"]) == (
        400,
        "the name of the object (y) does not match the name on the URL (x)",
    )


async def test_what_is_in_no_namespace_loses_the_one_it_says(one):
    role = {"metadata": {"name": "r", "namespace": "somewhere"}, "rules": []}
    status, made = await one("POST", ROLES, role)
    assert status == 201 and "namespace" not in made["metadata"]
    status, made = await one("PUT", f"{ROLES}/r", role)
    assert status == 200 and "namespace" not in made["metadata"]


async def test_a_scale_is_that_of_its_url(one):
    status, answer = await one("PUT", SCALE, {"metadata": {"name": "x"}, "spec": {"replicas": 2}})
    assert (status, answer["message"]) == (
        400,
        "the name of the object (x) does not match the name on the URL (web)",
    )
    status, answer = await one("PATCH", SCALE, {"spec": {"replicas": "x"}}, content_type=MERGE)
    assert (
        status == 422
        and "cannot unmarshal string into Go struct field ScaleSpec.spec.replicas" in (answer["message"])
    )
    assert (await one("PATCH", SCALE, {"spec": {"replicas": 2}}, content_type=MERGE))[1]["spec"][
        "replicas"
    ] == 2


CONTINUES = {
    "zz!": "illegal base64 data at input byte 2",
    base64.b64encode(b"{bad}").decode(): "invalid character 'b' looking for beginning of object key string",
    base64.b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": "x"}).encode()).decode(): (
        "server does not recognize this encoded version"
    ),
}


@pytest.mark.parametrize("token", CONTINUES)
async def test_a_continue_token_of_somebody_else(one, token):
    status, answer = await one("GET", f"{CONFIG_MAPS}?limit=1&continue={token}")
    words = f"invalid continue token: continue key is not valid: {CONTINUES[token]}"
    assert (status, answer["message"]) == (400, words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"gracePeriodSeconds": "x"},
            'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal string into '
            "Go struct field DeleteOptions.gracePeriodSeconds of type int64",
        ),
        (BODY, 'no kind "ConfigMap" is registered for version "v1" in scheme '),
    ],
)
async def test_a_delete_with_a_body_that_is_no_options(one, options, words):
    status, answer = await one("DELETE", ONE, options)
    assert status == 400 and answer["message"].startswith(words)
    assert (await one("GET", ONE))[0] == 200


async def test_a_token_says_what_it_is(one):
    status, token = await one("POST", TOKEN, {})
    assert status == 201 and token["metadata"]["name"] == "default" == token["metadata"]["namespace"]
    assert token["spec"]["expirationSeconds"] == 3600
    assert token["spec"]["audiences"] == ["https://kubernetes.default.svc.cluster.local"]


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        ({"expirationSeconds": 1 << 33}, 422, "may not specify a duration larger than 2^32 seconds"),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "x"}}, 404, 'pods "x" not found'),
        ({"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "x"}}, 404, 'nodes "x" not found'),
        (
            {"boundObjectRef": {"kind": "Foo", "apiVersion": "v1", "name": "x"}},
            400,
            'cannot bind token for serviceaccount "default" to object type /v1, Kind=Foo',
        ),
    ],
)
async def test_a_token_that_cannot_be(one, spec, status, words):
    answer = await one("POST", TOKEN, {"spec": spec})
    assert answer[0] == status and words in answer[1]["message"]


@pytest.mark.parametrize("kind", ["binding", "eviction"])
async def test_a_binding_and_an_eviction_are_of_their_pod(one, kind):
    spec = {"containers": [{"name": "c", "image": "x"}]}
    assert (await one("POST", PODS, {"metadata": {"name": "p"}, "spec": spec}))[0] == 201
    body = {"metadata": {"name": "other"}, "target": {"kind": "Node", "name": "n"}}
    status, answer = await one("POST", f"{PODS}/p/{kind}", body)
    assert (status, answer["message"]) == (400, f"name in URL does not match name in {kind.title()} object")
