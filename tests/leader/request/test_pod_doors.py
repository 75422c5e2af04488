"""The doors of a pod beside the main one: a Binding puts it on a node, an Eviction asks it to go."""

import pytest

PODS = "/api/v1/namespaces/default/pods"
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


@pytest.fixture
async def one(api):
    """An API with the account that pods have."""
    await api("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    return api


async def test_a_binding_may_be_made_by_itself(one):
    await one("POST", PODS, POD)
    bindings = "/api/v1/namespaces/default/bindings"
    assert (await one("POST", bindings, {"target": {"name": "there"}}))[0] == 400
    elsewhere = {"metadata": {"name": "p", "namespace": "other"}, "target": {"name": "there"}}
    assert (await one("POST", bindings, elsewhere))[0] == 400
    binding = {"metadata": {"name": "p"}, "target": {"name": "there"}}
    assert (await one("POST", f"{bindings}?dryRun=All", binding))[0] == 201
    assert "nodeName" not in (await one("GET", f"{PODS}/p"))[1]["spec"]
    status, made = await one("POST", bindings, binding)
    assert (status, made["kind"], made["status"], made["code"]) == (201, "Status", "Success", 201)
    assert (await one("GET", f"{PODS}/p"))[1]["spec"]["nodeName"] == "there"
    assert (await one("POST", bindings, binding))[0] == 409
    assert (await one("GET", bindings))[0] == 405


async def test_a_pod_gets_what_its_binding_says_and_the_place_of_its_node(one):
    zone, region = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
    await one("POST", "/api/v1/nodes", {"metadata": {"name": "there", "labels": {zone: "attic", "x": "y"}}})
    spec = {"containers": [{"name": "c", "image": "i"}]}
    await one(
        "POST", PODS, {"metadata": {"name": "p", "labels": {zone: "cellar", region: "house"}}, "spec": spec}
    )
    binding = {"metadata": {"name": "p", "uid": "another"}, "target": {"kind": "Node", "name": "there"}}
    status, refused = await one("POST", f"{PODS}/p/binding", binding)
    assert status == 409 and "UID in precondition: another, UID in object meta: " in refused["message"]
    binding["metadata"] = {"name": "p", "labels": {"a": "b"}, "annotations": {"why": "here"}}
    assert (await one("POST", f"{PODS}/p/binding", binding))[0] == 201
    _, pod = await one("GET", f"{PODS}/p")
    assert pod["metadata"]["labels"] == {zone: "attic", region: "house", "a": "b"}
    assert pod["metadata"]["annotations"] == {"why": "here"}
    await one("POST", PODS, {"metadata": {"name": "q"}, "spec": {**spec, "nodeName": "there"}})
    assert (await one("GET", f"{PODS}/q"))[1]["metadata"]["labels"] == {zone: "attic"}


async def test_a_trial_of_an_eviction_evicts_nobody(one):
    await one("POST", PODS, POD)
    await one("POST", f"{PODS}/p/binding", {"target": {"name": "there"}})
    _, before = await one("GET", f"{PODS}/p")
    trial = {"metadata": {"name": "p"}, "deleteOptions": {"dryRun": ["All"]}}
    assert (await one("POST", f"{PODS}/p/eviction", trial))[0] == 201
    assert (await one("POST", f"{PODS}/p/eviction?dryRun=All", {"metadata": {"name": "p"}}))[0] == 201
    assert (await one("GET", f"{PODS}/p"))[1] == before
    assert (await one("POST", f"{PODS}/p/eviction", {**trial, "deleteOptions": {"dryRun": ["Some"]}}))[
        0
    ] == 422
    assert (await one("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}}))[0] == 201
    _, after = await one("GET", f"{PODS}/p")
    assert after["metadata"]["deletionTimestamp"]
