"""What containers use, and what follows from it: kubectl top, and an autoscaler under real load."""

import pytest
from board import wait_until
from test_walkthrough import kubectls

LOADED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  replicas: 1
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: work
          image: localhost/box:1
          command: ["sh", "-c", "trap exit TERM; while [ ! -e /tmp/rest ]; do :; done; sleep 1000"]
          resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {cpu: 100m, memory: 32Mi}}
        - {name: idle, image: localhost/box:1, command: [sleep, "1000"], resources: {requests: {cpu: 1m}}}
"""


@pytest.fixture(scope="module")
def busy(board):
    """A namespace with a Deployment whose one pod computes all the time."""
    board.kubectl("create", "namespace", "busy")
    board.kubectl("-n", "busy", "apply", "-f", "-", text_in=LOADED)
    board.kubectl("-n", "busy", "rollout", "status", "deployment/busy", "--timeout=60s")
    yield "busy"
    board.kubectl("delete", "namespace", "busy", "--wait=false")


def rows(text):
    return [line.split() for line in text.splitlines()]


def millis(text):
    assert text.endswith("m"), text
    return int(text[:-1])


def test_kubectl_top_prints_what_runs(board, busy):
    def is_measured():
        done = board.kubectl("-n", busy, "top", "pods", check=False)
        return done.returncode == 0 and "busy" in done.stdout

    wait_until(is_measured, what="metrics of the pod")
    header, row = rows(board.kubectl("-n", busy, "top", "pods"))
    assert header == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert 40 <= millis(row[1]) <= 130, "the limit is 100m"
    assert row[2].endswith("Mi")
    inside = rows(board.kubectl("-n", busy, "top", "pods", "--containers", "--sort-by=cpu"))
    assert inside[0] == ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]
    used = {row[1]: millis(row[2]) for row in inside[1:]}
    assert used["work"] >= 40 and used["idle"] <= 5
    assert "busy" in board.kubectl("top", "pods", "-A", "--sort-by=memory")
    assert rows(board.kubectl("-n", busy, "top", "pods", "-l", "app=busy", "--no-headers"))[0][0] == row[0]
    none = board.kubectl("-n", busy, "top", "pods", "-l", "app=none", check=False)
    assert "No resources found in busy namespace." in none.stderr


def test_kubectl_top_prints_the_board(board, busy):
    header, row = rows(board.kubectl("top", "nodes"))
    assert header[:3] == ["NAME", "CPU(cores)", "CPU(%)"] or header[:3] == ["NAME", "CPU(cores)", "CPU%"]
    assert row[0] == "board" and millis(row[1]) > 0 and row[3].endswith("Mi")
    assert all(cell.endswith("%") for cell in (row[2], row[4]))
    assert "metrics.k8s.io/v1beta1" in board.kubectl("api-versions").splitlines()
    cpu = board.kubectl("get", "nodes.metrics.k8s.io", "board", "-o", "jsonpath={.usage.cpu}")
    assert cpu[-1] in "nm0"


def test_every_kubectl_reads_the_metrics(board, busy):
    for program in kubectls():
        assert "board" in board.kubectl("top", "nodes", program=program)
        assert "busy" in board.kubectl("-n", busy, "top", "pods", program=program)
