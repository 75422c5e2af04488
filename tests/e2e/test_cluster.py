"""Boards that join over a network: what people see of one cluster of several."""

import pytest

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
"""


@pytest.fixture(scope="module")
def everywhere(cluster):
    """A pod on each board, by node name."""
    leader = cluster.leader
    leader.kubectl("apply", "-f", "-", text_in=EVERYWHERE)
    leader.kubectl("rollout", "status", "daemonset/everywhere", "--timeout=60s")
    pods = leader.get("pods", "-l", "app=everywhere")["items"]
    yield {pod["spec"]["nodeName"]: pod for pod in pods}
    leader.kubectl("delete", "daemonset", "everywhere")


def test_three_boards_are_three_ready_nodes(cluster):
    table = cluster.leader.kubectl("get", "nodes", "-o", "wide")
    assert table.count(" Ready ") == 3, table
    for board in cluster.boards:
        assert board.address in table


def test_streams_reach_pods_on_every_board_though_no_name_resolves(cluster, everywhere):
    leader = cluster.leader
    assert set(everywhere) == {"b1", "b2", "b3"}
    for pod in everywhere.values():
        name = pod["metadata"]["name"]
        assert leader.kubectl("exec", name, "--", "hostname").strip() == name
        assert leader.kubectl("logs", name).splitlines()[0] == name


def test_pods_reach_pods_on_other_boards(cluster, everywhere):
    leader = cluster.leader
    for source in everywhere.values():
        for target in everywhere.values():
            answer = leader.kubectl(
                "exec", source["metadata"]["name"], "--",
                "wget", "-qO-", f"http://{target['status']['podIP']}:8080/",
            )  # fmt: skip
            assert answer.strip() == target["metadata"]["name"]
