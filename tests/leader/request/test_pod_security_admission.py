"""A namespace's level holds for every door to its pods."""

import pytest

MERGE = "application/merge-patch+json"


PODS, SPACES = "/api/v1/namespaces/strict/pods", "/api/v1/namespaces"
LABEL = "pod-security.kubernetes.io/"
HARD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "image": "i:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
PLAIN = {"containers": [{"name": "c", "image": "i"}]}


@pytest.fixture
async def strict(api):
    labels = {LABEL + "enforce": "restricted"}
    assert (await api("POST", SPACES, {"metadata": {"name": "strict", "labels": labels}}))[0] == 201
    return api


def named(name, spec):
    return {"metadata": {"name": name}, "spec": spec}


async def test_a_pod_that_breaks_the_level_is_refused_and_what_would_make_it_is_warned_of(strict):
    status, refused = await strict("POST", PODS, named("p", PLAIN))
    assert status == 403
    assert refused["message"].startswith(
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false ('
    )
    assert (await strict("POST", PODS, named("p", HARD)))[0] == 201 and strict.warnings == []
    template = {"metadata": {"labels": {"a": "b"}}, "spec": PLAIN}
    deployment = named("d", {"selector": {"matchLabels": {"a": "b"}}, "template": template})
    url = "/apis/apps/v1/namespaces/strict/deployments"
    assert (await strict("POST", url, deployment))[0] == 201
    assert (
        len(strict.warnings) == 1
        and 'would violate PodSecurity \\"restricted:latest\\": ' in strict.warnings[0]
    )


async def test_a_change_of_what_runs_is_looked_at_and_one_of_labels_is_not(strict):
    await strict("POST", PODS, named("p", HARD))
    await strict(
        "PATCH",
        f"{SPACES}/strict",
        {"metadata": {"labels": {LABEL + "enforce": "privileged"}}},
        content_type=MERGE,
    )
    debugger = {"name": "d", "image": "i", "securityContext": {"privileged": True}}
    added = {"spec": {"ephemeralContainers": [debugger]}}
    url = f"{PODS}/p/ephemeralcontainers"
    assert (await strict("PATCH", url, added, content_type=MERGE))[0] == 200
    await strict(
        "PATCH",
        f"{SPACES}/strict",
        {"metadata": {"labels": {LABEL + "enforce": "baseline"}}},
        content_type=MERGE,
    )
    assert strict.warnings == [
        '299 - "existing pods in namespace \\"strict\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
        '299 - "p: privileged"',
    ]
    label = {"metadata": {"labels": {"x": "y"}}}
    assert (await strict("PATCH", f"{PODS}/p", label, content_type=MERGE))[0] == 200
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "i:2"}]
    assert (await strict("PATCH", f"{PODS}/p", image, content_type="application/json-patch+json"))[0] == 403
    another = {"spec": {"ephemeralContainers": [debugger, {**debugger, "name": "e"}]}}
    assert (await strict("PATCH", url, another, content_type=MERGE))[0] == 403


async def test_labels_that_say_no_level_are_refused_unless_they_are_there(api):
    bad = {"metadata": {"name": "x", "labels": {LABEL + "enforce": "tight"}}}
    status, refused = await api("POST", SPACES, bad)
    assert (status, refused["message"]) == (
        422,
        f'Namespace "x" is invalid: metadata.labels[{LABEL}enforce]: Invalid value: "tight": '
        "must be one of privileged, baseline, restricted",
    )
    await api("POST", SPACES, {"metadata": {"name": "x"}})
    assert (await api("PATCH", f"{SPACES}/x", bad, content_type=MERGE))[0] == 422
    assert (await api("PATCH", f"{SPACES}/x", {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE))[
        0
    ] == 200
