"""Garbage for the whole request path: never an internal error, never a stored object that is not whole."""

import json

import msgspec
import trio
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from request_api import Api, FakeRequest
from searches import examples

from pikube.api.errors import ApiError
from pikube.leader.control_plane import stored_kinds

WORDS = st.sampled_from(
    (
        *(
            "api",
            "apis",
            "v1",
            "apps",
            "namespaces",
            "default",
            "pods",
            "configmaps",
            "deployments",
            "services",
            "x",
        ),
        *("nodes", "status", "scale", "log", "binding", "eviction", "watch", "..", "", "%00", "a" * 300, "ü"),
        *(
            "batch",
            "jobs",
            "secrets",
            "serviceaccounts",
            "token",
            "rbac.authorization.k8s.io",
            "roles",
            "finalize",
        ),
    )
)
PATHS = st.one_of(
    st.lists(WORDS, max_size=8).map(lambda parts: "/" + "/".join(parts)),
    st.sampled_from(
        (
            *(
                "/api/v1/namespaces/default/pods",
                "/api/v1/namespaces/default/configmaps/one",
                "/api/v1/nodes",
            ),
            *("/apis/apps/v1/namespaces/default/deployments", "/apis/batch/v1/namespaces/default/cronjobs"),
            *(
                "/apis/apps/v1/namespaces/default/deployments/one/scale",
                "/api/v1/namespaces/default/services",
            ),
            *(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                "/openapi/v3/api/v1",
                "/apis",
                "/version",
            ),
        )
    ),
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector"),
                *("dryRun", "fieldManager", "fieldValidation", "force", "pretty", "propagationPolicy", "includeObject"),
                *("gracePeriodSeconds", "orphanDependents"),
            )
        ),
        st.one_of(st.sampled_from(("0", "1", "-1", "All", "true", "Strict", "Exact", "a=b", "99999999999999")), st.text(max_size=9)),
    ),
    max_size=3,
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.sampled_from(("1Gi", "2026-01-01T00:00:00Z", "25%", "Always", "TCP", "10.43.0.9", "None")),
)  # fmt: skip
FIELDS = st.sampled_from(
    (
        *(
            "kind",
            "apiVersion",
            "metadata",
            "name",
            "namespace",
            "labels",
            "annotations",
            "finalizers",
            "spec",
            "data",
        ),
        *(
            "containers",
            "image",
            "ports",
            "containerPort",
            "replicas",
            "selector",
            "template",
            "matchLabels",
            "status",
        ),
        *(
            "resources",
            "limits",
            "cpu",
            "managedFields",
            "ownerReferences",
            "uid",
            "resourceVersion",
            "generateName",
        ),
        *(
            "deletionTimestamp",
            "creationTimestamp",
            "volumes",
            "env",
            "schedule",
            "clusterIP",
            "type",
            "op",
            "path",
        ),
        *(
            "$patch",
            "$retainKeys",
            "$setElementOrder/containers",
            "$deleteFromPrimitiveList/finalizers",
            "value",
        ),
    )
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=4)),
    max_leaves=14,
)
POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "one", "labels": {"a": "b"}},
    "spec": {
        "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}],
        "restartPolicy": "Never",
    },
}
DEPLOYMENT = {
    "kind": "Deployment",
    "apiVersion": "apps/v1",
    "metadata": {"name": "one"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]},
    },
}


def message(*fields):
    """A protobuf message of (number, bytes) fields."""
    return b"".join(bytes((number << 3 | 2, len(value))) + value for number, value in fields)


META = message((1, b"one"), (11, message((1, b"a"), (2, b"b"))))
SPEC = message((2, message((1, b"c"), (2, b"i"))), (3, b"Never"))
PROTOBUF_POD = b"k8s\0" + message((1, message((1, b"v1"), (2, b"Pod"))), (2, message((1, META), (2, SPEC))))


@st.composite
def bodies(draw):
    """A good object with something put somewhere, or anything at all; in some encoding, perhaps cut."""
    base = draw(st.one_of(st.sampled_from((POD, DEPLOYMENT)), TREES))
    document = json.loads(json.dumps(base))
    here = document
    for _ in range(draw(st.integers(0, 4))):
        if isinstance(here, dict) and here:
            key = draw(st.sampled_from(sorted(here)))
        elif isinstance(here, list) and here:
            key = draw(st.integers(0, len(here) - 1))
        else:
            break
        if draw(st.booleans()):
            here[key] = draw(TREES)
        here = here[key]
    encoding = draw(st.sampled_from(("json", "yaml", "bytes", "protobuf")))
    if encoding == "json":
        data = json.dumps(document).encode()
    elif encoding == "yaml":
        data = yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "replace")
    elif encoding == "bytes":
        data = draw(st.binary(max_size=80))
    else:
        data = bytearray(PROTOBUF_POD)
        for _ in range(draw(st.integers(0, 4))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        data = bytes(data)
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 0 else data


TYPES = st.sampled_from(
    (
        *("application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "", "text/plain"),
        *(
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ),
        *("application/apply-patch+yaml", "application/json; charset=utf-8", "a/b/c;;="),
    )
)
ACCEPTS = st.sampled_from(
    (
        *(
            "",
            "*/*",
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf,application/json",
        ),
        *(
            "application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        ),
        *("application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io", "text/html", ";;;,,,q=x"),
    )
)
METHODS = st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"))
REQUESTS = st.lists(st.tuples(METHODS, PATHS, QUERIES, TYPES, ACCEPTS, bodies()), min_size=1, max_size=6)


async def ask(api, method, path, query, content_type, accept, body):
    text = "&".join(f"{name}={value}" for name, value in query)
    headers = {"content-type": content_type, "accept": accept, "user-agent": "fuzz/1"}
    request = FakeRequest(method, path, text, {k: v for k, v in headers.items() if v}, content=body)
    try:
        answer = await api.handler(request)
    except ApiError as error:
        assert error.code < 500 or error.code == 504, (method, path, text, error.message)
        json.loads(error.to_bytes())
        return
    assert answer.status < 500


@examples(150, suppress_health_check=[HealthCheck.too_slow])
@given(REQUESTS)
def test_no_request_is_an_internal_error_or_leaves_half_an_object(requests):
    async def run():
        api = Api()
        await api.make_namespace()
        for request in requests:
            with trio.fail_after(20):
                await ask(api, *request)
        for resource, info in stored_kinds(api.scheme).items():
            for item in api.store.list(resource).items:
                obj = msgspec.json.decode(item.value, type=info.cls)
                assert obj.metadata.name and obj.metadata.uid and obj.metadata.creation_timestamp
                assert int(obj.metadata.resource_version) == item.revision

    trio.run(run)
