"""Each kind of discovery, asked for things that are odd: upstream's codes, and never a 500."""

import pytest

from pikube.api.served import SERVED

JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
KINDS = [info for info in SERVED if not info.is_measured and info.names.kind != "ComponentStatus"]
STORED = [info for info in KINDS if not info.is_review]
AS_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
FORMS = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf", AS_TABLE, PARTIAL)


def by_name(infos):
    return pytest.mark.parametrize(
        "info", infos, ids=[f"{i.names.group}.{i.names.version}.{i.names.plural}" for i in infos]
    )


def path(info):
    return info.names.path("default")


@by_name(STORED)
async def test_what_is_not_there(api, info):
    one = f"{path(info)}/nonesuch"
    assert (await api("GET", one))[0] == 404
    assert (await api("DELETE", one))[0] == 404
    assert (await api("PATCH", one, {}, content_type=MERGE))[0] == 404
    assert (await api("PATCH", one, b"[]", content_type=JSON_PATCH))[0] == 404
    assert (await api("PATCH", one, {}, content_type=STRATEGIC))[0] == 404
    assert (await api("PUT", one, {"metadata": {"name": "other"}}))[0] == 400
    assert (await api("GET", f"{one}/foo"))[0] == 404
    assert (await api("POST", one, {}))[0] == 405


@by_name(STORED)
async def test_lists_in_every_form_and_by_selectors_that_are_none(api, info):
    for form in FORMS:
        assert (await api("GET", path(info), accept=form))[0] == 200, form
    assert (await api("GET", f"{path(info)}?labelSelector=(("))[0] == 400
    assert (await api("GET", f"{path(info)}?fieldSelector=zzz%3D1"))[0] == 400
    assert (await api("GET", f"{path(info)}?limit=1&resourceVersion=0"))[0] == 200


BODIES = [
    b"",
    b"[]",
    b'"x"',
    b'{"kind":"Foo"}',
    b'{"apiVersion":"v9"}',
    b'{"metadata":{"name":5}}',
    b'{"metadata":[]}',
    b'{"metadata":{"creationTimestamp":"yesterday"}}',
    b'{"metadata":' * 5000 + b"1" + b"}" * 5000,
]


@by_name(KINDS)
async def test_bodies_that_are_none(api, info):
    for body in BODIES:
        assert (await api("POST", path(info), body))[0] == 400, body[:40]
    assert (await api("POST", path(info), {}, content_type="text/plain"))[0] == 415


NULLS = {"labels": None, "annotations": None, "finalizers": None, "ownerReferences": None}


@by_name(STORED)
async def test_nulls_and_specs_of_another_type(api, info):
    url = f"{path(info)}?dryRun=All"
    for rest in ({"spec": None, "status": None}, {"spec": []}, {"spec": "x"}, {"spec": {"x": {}}}):
        status, answer = await api("POST", url, {"metadata": {"name": "x-y", **NULLS}, **rest})
        assert status in (201, 400, 403, 422), answer
    assert (await api("GET", path(info)))[1]["items"] == [] or info.names.plural == "namespaces"
