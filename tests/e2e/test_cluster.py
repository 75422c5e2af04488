"""Boards that join over a network: what people see of one cluster of several."""

import re
from pathlib import Path

import pytest
from board import wait_until
from kubectls import EVERY

EVERYWHERE = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: box
          image: localhost/box:1
          command: ["sh", "-c", "mkdir -p /www; hostname | tee /www/index.html; exec httpd -f -v -p 8080 -h /www"]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: somewhere}
spec:
  selector: {matchLabels: {app: somewhere}}
  template:
    metadata: {labels: {app: somewhere}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeName: b3
      containers:
        - name: box
          image: localhost/box:1
          command: ["sh", "-c", "mkdir -p /www; echo somewhere > /www/index.html; exec httpd -f -p 8080 -h /www"]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: everywhere}
spec: {selector: {app: everywhere}, ports: [{name: web, port: 80, targetPort: 8080}]}
"""


@pytest.fixture(scope="module")
def everywhere(cluster):
    """A pod on each board, by node name."""
    leader = cluster.leader
    leader.kubectl("apply", "-f", "-", text_in=EVERYWHERE)
    leader.kubectl("rollout", "status", "daemonset/everywhere", "--timeout=60s")
    leader.kubectl("rollout", "status", "deployment/somewhere", "--timeout=60s")
    pods = leader.get("pods", "-l", "app=everywhere")["items"]
    yield {pod["spec"]["nodeName"]: pod for pod in pods}
    leader.kubectl("delete", "daemonset/everywhere", "deployment/somewhere", "service/everywhere")


def test_three_boards_are_three_ready_nodes(cluster):
    table = cluster.leader.kubectl("get", "nodes", "-o", "wide")
    assert table.count(" Ready ") == 3, table
    for board in cluster.boards:
        assert board.address in table


def test_streams_reach_pods_on_every_board_though_no_name_resolves(cluster, everywhere):
    leader = cluster.leader
    assert set(everywhere) == {"b1", "b2", "b3"}
    for node, pod in everywhere.items():
        name = pod["metadata"]["name"]
        assert (
            leader.run("getent", "-s", "files", "hosts", node, check=False).returncode != 0
        )  # no DNS here either
        assert leader.kubectl("exec", name, "--", "hostname").strip() == name
        assert leader.kubectl("logs", name).splitlines()[0] == name
        with leader.spawn_kubectl("port-forward", name, ":8080") as forward:
            try:
                port = re.search(r"127\.0\.0\.1:(\d+) ->", forward.stdout.readline())[1]
                assert leader.run("curl", "-s", f"http://127.0.0.1:{port}/").stdout.strip() == name
            finally:
                forward.terminate()


@pytest.mark.parametrize("program", EVERY, ids=lambda path: Path(path).name)
def test_every_kubectl_forwards_a_port_to_a_pod_of_each_board_a_set_and_a_service(
    cluster, everywhere, program
):
    """As people do: by a pod's name, by what owns pods, by a Service with its port's number or name."""
    leader = cluster.leader
    names = {pod["metadata"]["name"] for pod in everywhere.values()}
    targets = [(f"pod/{name}", "8080", {name}) for name in names]
    targets += [("daemonset/everywhere", "8080", names), ("deployment/somewhere", "8080", {"somewhere"})]
    targets += [("svc/everywhere", port, names) for port in ("80", "web")]
    for target, port, expected in targets:
        with leader.spawn_kubectl("port-forward", target, f":{port}", program=program) as forward:
            try:
                local = re.search(r"127\.0\.0\.1:(\d+) -> 8080", forward.stdout.readline())[1]
                for _ in range(3):  # one after the other over one connection to the API
                    said = leader.curl(f"http://127.0.0.1:{local}/").stdout.strip()
                    assert said in expected, (target, said)
            finally:
                forward.terminate()


def test_pods_reach_pods_on_other_boards(cluster, everywhere):
    leader = cluster.leader
    for source in everywhere.values():
        for target in everywhere.values():
            answer = leader.kubectl(
                "exec", source["metadata"]["name"], "--",
                "wget", "-qO-", f"http://{target['status']['podIP']}:8080/",
            )  # fmt: skip
            assert answer.strip() == target["metadata"]["name"]


def test_a_daemonset_follows_as_a_fourth_board_joins_and_leaves(cluster, everywhere):
    leader, fourth = cluster.leader, cluster.add_board()

    def nodes_with_a_pod():
        pods = leader.get("pods", "-l", "app=everywhere", "--field-selector=status.phase=Running")["items"]
        return {pod["spec"]["nodeName"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}

    fourth.join(cluster.token(), cluster.url)
    wait_until(lambda: nodes_with_a_pod() == {"b1", "b2", "b3", fourth.node}, 60, "a pod on the fourth board")
    leader.kubectl("delete", "node", fourth.node)
    wait_until(lambda: fourth.process.poll() is not None, 40, "the end of its agent")
    assert (
        fourth.podman("ps", "--all", "--quiet").stdout == ""
    )  # what it ran for the cluster runs elsewhere now
    assert not (fourth.directory / "data" / "agent" / "kept").exists()
    assert fourth.run("ip", "route", "show", "table", "all", "proto", "112").stdout == ""
    daemons = leader.get("daemonset", "everywhere")["status"]
    assert (daemons["desiredNumberScheduled"], daemons["numberReady"]) == (3, 3)
    cluster.remove_board(fourth)


def test_a_board_may_read_only_what_its_own_pods_use(cluster, everywhere):
    leader, b2 = cluster.leader, cluster.boards[1]
    leader.kubectl("create", "secret", "generic", "private", "--from-literal=a=b")
    member = b2.directory / "data" / "agent" / "member"
    identity = [
        f"--server={cluster.url}", f"--certificate-authority={member / 'ca.crt'}", "--kubeconfig=/dev/null",
        f"--client-certificate={member / 'node-client.pem'}", f"--client-key={member / 'node-client.pem'}",
    ]  # fmt: skip
    assert "Ready" in b2.kubectl(*identity, "get", "node", "b2")
    for wish in (
        ["get", "secret", "private"],
        ["get", "secrets"],
        ["get", "nodes"],
        ["label", "node", "b3", "mine=yes"],
        ["delete", "pod", everywhere["b3"]["metadata"]["name"]],
        ["create", "token", "default"],
        ["annotate", "node", "b2", "pikube.io/board-key=0", "--overwrite"],
    ):
        done = b2.kubectl(*identity, *wish, check=False)
        assert done.returncode != 0 and "orbidden" in done.stderr, (wish, done.stdout, done.stderr)
    leader.kubectl("delete", "secret", "private")
    assert "orbidden" not in b2.log.read_text()  # the agent itself asks for nothing that it may not have


def test_every_board_tells_what_is_used_there(cluster, everywhere):
    leader = cluster.leader

    def measured():
        done = leader.kubectl("top", "pods", "-l", "app=everywhere", "--no-headers", check=False)
        return done.returncode == 0 and len(done.stdout.splitlines()) == 3

    wait_until(measured, what="the use of a pod on each board")
    nodes = leader.kubectl("top", "nodes", "--no-headers").splitlines()
    assert [line.split()[0] for line in nodes] == ["b1", "b2", "b3"]
    assert all(line.split()[1].endswith("m") and line.split()[3].endswith("Mi") for line in nodes)
