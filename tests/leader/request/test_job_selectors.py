"""A Job owns its pods by a selector of its own, and takes nobody else's."""

import copy
import json

JOBS = "/apis/batch/v1/namespaces/default/jobs"
APPLY = "application/apply-patch+yaml"
UID, NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


def job(name, **spec):
    pod = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": pod}, **spec}}


async def test_the_selector_is_made_from_the_uid_and_labels_of_the_user_stay(api):
    wanted = job("a")
    wanted["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}
    status, made = await api("POST", JOBS, wanted)
    assert status == 201, made
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {UID: uid}}
    labels = {"app": "x", UID: uid, "controller-uid": uid, NAME: "a", "job-name": "a"}
    assert made["spec"]["template"]["metadata"]["labels"] == labels


async def test_a_copy_does_not_take_the_pods_of_its_model(api):
    _, model = await api("POST", JOBS, job("a"))
    twin = copy.deepcopy({"metadata": {"name": "b"}, "spec": model["spec"]})
    status, refused = await api("POST", JOBS, twin)
    assert status == 422
    fields = [cause["field"] for cause in refused["details"]["causes"]]
    assert fields[:4] == [
        f"spec.template.metadata.labels[{name}]" for name in (UID, NAME, "controller-uid", "job-name")
    ]
    assert fields[4] == "spec.selector"
    assert "must be 'b'" in refused["message"] and "`selector` not auto-generated" in refused["message"]


async def test_a_selector_of_ones_own_is_said_to_be(api):
    own = job("a", selector={"matchLabels": {"app": "x"}})
    own["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}
    status, refused = await api("POST", JOBS, own)
    assert status == 422 and "`selector` not auto-generated" in refused["message"]
    own["spec"]["manualSelector"] = True
    status, made = await api("POST", JOBS, own)
    assert status == 201, made
    assert made["spec"]["selector"] == {"matchLabels": {"app": "x"}}
    own["metadata"]["name"] = "b"
    own["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    status, refused = await api("POST", JOBS, own)
    assert status == 422 and "`selector` does not match template `labels`" in refused["message"]
    del own["spec"]["selector"]
    status, refused = await api("POST", JOBS, own)
    assert status == 422 and refused["details"]["causes"][0]["field"] == "spec.selector", refused


async def test_a_job_is_changed_with_what_was_read_and_with_what_was_sent(api):
    _, made = await api("POST", JOBS, job("a", parallelism=1))
    made["spec"]["parallelism"] = 2
    status, changed = await api("PUT", f"{JOBS}/a", made)
    assert status == 200 and changed["spec"]["parallelism"] == 2, changed
    body = json.dumps({"apiVersion": "batch/v1", "kind": "Job", **job("a", parallelism=3)}).encode()
    status, changed = await api("PATCH", f"{JOBS}/a?fieldManager=me", body, content_type=APPLY)
    assert status == 409 and "parallelism" in changed["message"]  # the one that the creator owns
    status, changed = await api("PATCH", f"{JOBS}/a?fieldManager=me&force=true", body, content_type=APPLY)
    assert status == 200 and changed["spec"]["parallelism"] == 3, changed


async def test_a_job_is_not_replaced_by_the_manifest_that_it_was_made_from(api):
    """It names no selector, and the server makes one for new Jobs only."""
    assert (await api("POST", JOBS, job("a")))[0] == 201
    status, refused = await api("PUT", f"{JOBS}/a", job("a"))
    assert status == 422
    assert [cause["field"] for cause in refused["details"]["causes"]] == [
        "spec.selector", "spec.template.metadata.labels", "spec.selector", "spec.template",
    ]  # fmt: skip


async def test_the_selector_and_the_labels_that_the_server_makes_are_nobodys(api):
    _, made = await api("POST", f"{JOBS}?fieldManager=me", job("a"))
    assert made["spec"]["manualSelector"] is False and made["metadata"]["labels"][NAME] == "a"
    (entry,) = made["metadata"]["managedFields"]
    owned = entry["fieldsV1"]
    assert "f:metadata" not in owned and "f:selector" not in owned["f:spec"]
    assert set(owned["f:spec"]["f:template"]) == {"f:spec"}
