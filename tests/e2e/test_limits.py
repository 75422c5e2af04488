"""How much a namespace, a pod and a claim may take: quotas and limit ranges as users make and meet them."""

import json

from board import wait_until

RANGE = """\
apiVersion: v1
kind: LimitRange
metadata: {name: usual}
spec:
  limits:
  - {type: Container, default: {memory: 32Mi}, defaultRequest: {cpu: 10m, memory: 16Mi}, max: {memory: 64Mi}}
"""


def pod(name, **limits):
    container = {"name": "box", "image": "localhost/box:1", "command": ["sleep", "3600"]}
    if limits:
        container["resources"] = {"limits": limits}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})


def apply(board, namespace, text):
    return board.kubectl("-n", namespace, "apply", "-f", "-", text_in=text, check=False)


def test_a_namespace_gets_what_its_quota_allows_and_says_what_is_used(board, namespace):
    board.kubectl(
        "-n", namespace, "create", "quota", "all", "--hard=pods=2,requests.memory=40Mi,configmaps=3"
    )
    refused = apply(board, namespace, pod("one"))
    assert (
        'pods "one" is forbidden: failed quota: all: must specify requests.memory for: box' in refused.stderr
    )
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=RANGE)
    assert apply(board, namespace, pod("one")).stdout == "pod/one created\n"
    found = board.get("pod", "one", "-n", namespace)
    assert found["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "32Mi"},
        "requests": {"cpu": "10m", "memory": "16Mi"},
    }
    refused = apply(board, namespace, pod("large", memory="128Mi"))
    assert "maximum memory usage per Container is 64Mi, but limit is 128Mi" in refused.stderr
    assert apply(board, namespace, pod("two")).stdout == "pod/two created\n"
    refused = apply(board, namespace, pod("three"))
    words = (
        'pods "three" is forbidden: exceeded quota: all, requested: pods=1,requests.memory=16Mi, '
        "used: pods=2,requests.memory=32Mi, limited: pods=2,requests.memory=40Mi"
    )
    assert words in refused.stderr
    wait_until(
        lambda: board.get("quota", "all", "-n", namespace)["status"].get("used", {}).get("pods") == "2",
        what="the quota knows two pods",
    )
    described = board.kubectl("-n", namespace, "describe", "quota", "all").splitlines()
    rows = [line.split() for line in described]
    assert ["requests.memory", "32Mi", "40Mi"] in rows and ["configmaps", "1", "3"] in rows

    board.kubectl(
        "-n", namespace, "create", "deployment", "web", "--image=localhost/box:1", "--", "sleep", "99"
    )
    what = '{.status.conditions[?(@.type=="ReplicaFailure")].message}'
    message = wait_until(
        lambda: board.kubectl("-n", namespace, "get", "deployment", "web", "-o", f"jsonpath={what}"),
        what="the Deployment says why it has no pod",
    )
    assert "exceeded quota: all" in message
    board.kubectl("-n", namespace, "delete", "pod", "two")
    board.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=60s")


def test_a_token_secret_speaks_for_its_account_until_one_of_them_is_gone(board, namespace):
    board.kubectl("-n", namespace, "create", "serviceaccount", "robot")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key", "annotations": {"kubernetes.io/service-account.name": "robot"}},
        "type": "kubernetes.io/service-account-token",
    }
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=json.dumps(secret))
    wait_until(lambda: "token" in board.get("secret", "key", "-n", namespace).get("data", {}), what="a token")
    described = board.kubectl("-n", namespace, "describe", "secret", "key")
    assert "ca.crt:" in described and "namespace:" in described
    token = board.kubectl(
        "-n", namespace, "get", "secret", "key", "-o", "go-template={{.data.token | base64decode}}"
    )

    def whoami():
        review = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
        done = board.curl(
            "https://127.0.0.1:6443/apis/authentication.k8s.io/v1/selfsubjectreviews",
            "--insecure", "-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json",
            "-d", review,
        )  # fmt: skip
        return json.loads(done.stdout)

    assert whoami()["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:robot"
    board.kubectl("-n", namespace, "delete", "serviceaccount", "robot")
    board.kubectl("-n", namespace, "wait", "--for=delete", "secret/key", "--timeout=10s")
    assert whoami()["code"] == 401


def test_the_controllers_hold_their_leases(board):
    table = board.kubectl("get", "leases", "-n", "kube-system").splitlines()
    held = {line.split()[0]: line.split()[1] for line in table[1:]}
    assert {"kube-controller-manager", "kube-scheduler"} <= set(held)
    assert held["kube-scheduler"].startswith("board_")
