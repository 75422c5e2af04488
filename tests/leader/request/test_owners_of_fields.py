"""Who is written down as a field's owner: whoever sent it or left it to the defaults, nobody for what the server adds."""

import json

PODS = "/api/v1/namespaces/default/pods"
APPLY = "application/apply-patch+yaml"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"app": "p"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


def fields_of(obj, manager):
    (entry,) = [one for one in obj["metadata"]["managedFields"] if one["manager"] == manager]
    return entry["fieldsV1"]


async def test_what_admission_adds_to_a_new_pod_is_nobodys(api):
    status, pod = await api("POST", f"{PODS}?fieldManager=me", POD)
    assert status == 201 and pod["spec"]["tolerations"] and pod["spec"]["serviceAccountName"] == "default"
    assert set(fields_of(pod, "me")["f:spec"]) == {
        "f:containers", "f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy", "f:schedulerName",
        "f:securityContext", "f:terminationGracePeriodSeconds",
    }  # fmt: skip
    (container,) = fields_of(pod, "me")["f:spec"]["f:containers"].values()
    assert "f:volumeMounts" not in container


async def test_the_addresses_of_a_service_are_nobodys(api):
    service = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    status, made = await api("POST", "/api/v1/namespaces/default/services?fieldManager=me", service)
    assert status == 201 and made["spec"]["clusterIP"]
    assert set(fields_of(made, "me")["f:spec"]) == {
        "f:externalTrafficPolicy", "f:internalTrafficPolicy", "f:ports", "f:sessionAffinity", "f:type",
    }  # fmt: skip


async def test_nobody_takes_over_what_admission_adds_with_a_put(api):
    _, pod = await api("POST", f"{PODS}?fieldManager=me", POD)
    del pod["spec"]["tolerations"]
    pod["metadata"]["labels"]["b"] = "c"
    status, changed = await api("PUT", f"{PODS}/p?fieldManager=you", pod)
    assert status == 200 and changed["spec"]["tolerations"], changed
    assert fields_of(changed, "you") == {"f:metadata": {"f:labels": {"f:b": {}}}}


async def test_who_takes_a_pod_over_for_server_side_apply_removes_nothing_of_it(api):
    """What kubectl does with an object of client-side apply: its entry becomes that of an applier."""
    _, pod = await api("POST", f"{PODS}?fieldManager=old", POD)
    patch = [{"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "kubectl"}]
    patch.append({"op": "replace", "path": "/metadata/managedFields/0/operation", "value": "Apply"})
    status, taken = await api("PATCH", f"{PODS}/p", patch, content_type="application/json-patch+json")
    assert status == 200, taken
    wanted = {**POD, "metadata": {"name": "p", "labels": {"app": "q"}}}
    body = json.dumps(wanted).encode()
    status, applied = await api("PATCH", f"{PODS}/p?fieldManager=kubectl", body, content_type=APPLY)
    assert status == 200, applied
    assert applied["metadata"]["labels"] == {"app": "q"} and applied["spec"] == pod["spec"]
