"""Lists in JSON, HEAD, and versions that are none: as kube-apiserver answers."""

import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
ONE = f"{CONFIG_MAPS}/one"
BODY = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "one"}}
AUTOSCALER = {
    "metadata": {"name": "a"},
    "spec": {
        "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"},
        "maxReplicas": 3,
    },
}


@pytest.fixture
async def one(api):
    """An API with a ConfigMap."""
    assert (await api("POST", CONFIG_MAPS, BODY))[0] == 201
    return api


async def test_items_of_a_list_do_not_say_what_the_list_says(one):
    _, found = await one("GET", CONFIG_MAPS)
    assert found["kind"] == "ConfigMapList"
    assert [list(item) for item in found["items"]] == [["metadata"]]
    assert found["items"][0]["metadata"]["name"] == "one"
    assert (await one("GET", f"{CONFIG_MAPS}?labelSelector=a"))[1]["items"] == []


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_nor_do_those_of_a_version_that_is_made_of_another(api, version):
    path = f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers"
    for name in ("a", "b"):
        assert (await api("POST", path, {**AUTOSCALER, "metadata": {"name": name}}))[0] == 201
    _, found = await api("GET", path)
    assert [item["metadata"]["name"] for item in found["items"]] == ["a", "b"]
    assert all("kind" not in item and "apiVersion" not in item for item in found["items"])


async def test_watches_and_metadata_say_it_of_each(one):
    async with one.watching(f"{CONFIG_MAPS}?watch=1") as events:
        event = await events.receive()
        assert (event["object"]["kind"], event["object"]["apiVersion"]) == ("ConfigMap", "v1")
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    _, found = await one("GET", CONFIG_MAPS, accept=accept)
    assert found["items"][0]["kind"] == "PartialObjectMetadata"


@pytest.mark.parametrize(
    "path", [CONFIG_MAPS, ONE, f"{CONFIG_MAPS}/none", "/api/v1/namespaces/default/status"]
)
async def test_head_is_no_get(one, path):
    assert (await one("HEAD", path))[0] == 405


@pytest.mark.parametrize(
    ("version", "code", "words"),
    [
        ("abc", 500, 'strconv.ParseUint: parsing "abc": invalid syntax'),
        ("-1", 500, 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ("9" * 20, 500, f'strconv.ParseUint: parsing "{"9" * 20}": value out of range'),
        (
            "1",
            409,
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
    ],
)
async def test_a_version_that_is_no_number_is_no_conflict(one, version, code, words):
    changed = {**BODY, "metadata": {"name": "one", "resourceVersion": version}, "data": {"a": "b"}}
    for method, body, type_ in (
        ("PUT", changed, "application/json"),
        ("PATCH", changed, "application/merge-patch+json"),
    ):
        status, answer = await one(method, ONE, body, content_type=type_)
        assert (status, answer["message"].endswith(words)) == (code, True), answer
    assert "data" not in (await one("GET", ONE))[1]
