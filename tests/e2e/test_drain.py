"""What an administrator does before he opens a board: cordon, drain, taint; and what a budget has to say to that."""

import json

import pytest
from board import wait_until
from test_walkthrough import kubectls

GUARDED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: guarded}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAMESPACE}}
  template:
    metadata: {labels: {app: NAMESPACE}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: box, image: localhost/box:1, command: [sleep, "3600"]}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: guard}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: NAMESPACE}}
"""


@pytest.fixture
def guarded(board, namespace):
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=GUARDED.replace("NAMESPACE", namespace))
    board.kubectl("-n", namespace, "rollout", "status", "deployment/guarded", "--timeout=60s")
    yield namespace
    board.kubectl("uncordon", "board", check=False)


def test_a_drain_respects_the_budget_with_the_oldest_and_the_newest_kubectl(board, guarded):
    allowed = "--for=jsonpath={.status.disruptionsAllowed}=1"
    programs = kubectls()
    for program in (programs[0], programs[-1]):
        board.kubectl("-n", guarded, "wait", allowed, "pdb/guard", "--timeout=30s", program=program)
        table = board.kubectl("-n", guarded, "get", "pdb", program=program).splitlines()
        assert table[0].split("   ")[0] == "NAME" and table[1].split()[:4] == ["guard", "1", "N/A", "1"]
        assert "node/board cordoned" in board.kubectl("cordon", "board", program=program)
        assert "SchedulingDisabled" in board.kubectl("get", "node", "board", program=program)
        drained = board.kubectl(
            "drain", "board", f"--pod-selector=app={guarded}", "--timeout=1s",
            program=program, check=False,
        )  # fmt: skip
        assert drained.returncode, "the second pod must stay"
        assert "Cannot evict pod as it would violate the pod's disruption budget." in drained.stderr
        states = [p["status"]["phase"] for p in board.get("pods", "-n", guarded)["items"]]
        assert sorted(states) == ["Pending", "Running"]
        assert "node/board uncordoned" in board.kubectl("uncordon", "board", program=program)
    board.kubectl("-n", guarded, "wait", allowed, "pdb/guard", "--timeout=30s")
    budget = board.get("pdb", "guard", "-n", guarded)
    [condition] = budget["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("DisruptionAllowed", "SufficientPods")


def test_an_eviction_that_is_refused_says_what_the_budget_needs(board, guarded):
    board.kubectl("-n", guarded, "scale", "deployment/guarded", "--replicas=1")
    done = "--for=jsonpath={.status.currentHealthy}=1"
    board.kubectl("-n", guarded, "wait", done, "pdb/guard", "--timeout=30s")
    [name] = [
        pod["metadata"]["name"]
        for pod in board.get("pods", "-n", guarded)["items"]
        if not pod["metadata"].get("deletionTimestamp")
    ]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": guarded},
    }
    path = f"/api/v1/namespaces/{guarded}/pods/{name}/eviction"
    refused = board.kubectl(
        "create", "--raw", path, "-f", "-", text_in=json.dumps(eviction), check=False
    )  # fmt: skip
    assert refused.returncode and "TooManyRequests" in refused.stderr + refused.stdout
    board.kubectl("-n", guarded, "delete", "pdb", "guard")
    other = {**eviction, "deleteOptions": {"preconditions": {"uid": "of-another-pod"}}}
    refused = board.kubectl("create", "--raw", path, "-f", "-", text_in=json.dumps(other), check=False)
    assert refused.returncode and "UID in the precondition" in refused.stderr + refused.stdout
    status = json.loads(board.kubectl("create", "--raw", path, "-f", "-", text_in=json.dumps(eviction)))
    assert (status["kind"], status["status"]) == ("Status", "Success")
    board.kubectl("-n", guarded, "wait", "--for=delete", f"pod/{name}", "--timeout=30s")


def test_a_taint_that_does_not_execute_keeps_pods_away_and_one_that_does_sends_them_off(board, guarded):
    board.kubectl("-n", guarded, "delete", "pdb", "guard")
    before = {pod["metadata"]["uid"] for pod in board.get("pods", "-n", guarded)["items"]}
    tainted = board.kubectl("taint", "nodes", "board", "repair=now:NoExecute")
    assert "node/board tainted" in tainted
    try:
        wait_until(
            lambda: all(
                pod["status"]["phase"] == "Pending" and pod["metadata"]["uid"] not in before
                for pod in board.get("pods", "-n", guarded)["items"]
            ),
            what="new pods wait",
        )
        events = board.kubectl("-n", guarded, "get", "events")
        assert "0/1 nodes are available: 1 node(s) had untolerated taint {repair: now}." in events
        assert "TaintManagerEviction" in events
    finally:
        assert "node/board untainted" in board.kubectl("taint", "nodes", "board", "repair=now:NoExecute-")
    board.kubectl("-n", guarded, "rollout", "status", "deployment/guarded", "--timeout=30s")
