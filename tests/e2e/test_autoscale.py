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


def test_the_leader_tells_its_own_figures(board, busy):
    lines = board.kubectl("get", "--raw", "/metrics").splitlines()
    assert any(line.startswith('apiserver_request_total{verb="GET"') for line in lines)
    assert any(line.startswith('workqueue_depth{name="deployment-controller"}') for line in lines)
    assert any(line.startswith('apiserver_resource_objects{group="",resource="pods"}') for line in lines)
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
    text = board.kubectl("get", "--raw", "/readyz?verbose")
    assert "[+]etcd ok" in text and "[+]informer-sync ok" in text and "readyz check passed" in text


def test_every_kubectl_reads_the_metrics(board, busy):
    for program in kubectls():
        assert "board" in board.kubectl("top", "nodes", program=program)
        assert "busy" in board.kubectl("-n", busy, "top", "pods", program=program)


def autoscaler(board, namespace):
    return board.get("hpa", "busy", "-n", namespace)


def condition(found, type_):
    conditions = found["status"].get("conditions", [])
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == type_), None)


def test_a_deployment_grows_under_load_and_shrinks_when_it_is_over(board, busy):
    board.kubectl("-n", busy, "autoscale", "deployment", "busy", "--min=1", "--max=3", "--cpu-percent=200")
    wait_until(
        lambda: board.get("deployment", "busy", "-n", busy)["spec"]["replicas"] == 3,
        what="three replicas",
        timeout_s=90,
    )
    board.kubectl("-n", busy, "rollout", "status", "deployment/busy", "--timeout=60s")
    text = board.kubectl("-n", busy, "describe", "hpa", "busy")
    assert "Reference:" in text and "Deployment/busy" in text
    assert "resource cpu on pods  (as a percentage of request):" in text
    assert "New size: 3; reason: cpu resource utilization (percentage of request) above target" in text
    assert condition(autoscaler(board, busy), "ScalingActive") == ("True", "ValidMetricFound")
    header, row = rows(board.kubectl("-n", busy, "get", "hpa"))
    assert header == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert row[1] == "Deployment/busy" and "%/200%" in " ".join(row)
    old = board.get("horizontalpodautoscalers.v1.autoscaling", "busy", "-n", busy)
    assert old["spec"]["targetCPUUtilizationPercentage"] == 200
    assert "ValidMetricFound" in old["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/conditions"]
    for pod in board.get("pods", "-n", busy, "-l", "app=busy")["items"]:
        name = pod["metadata"]["name"]
        board.kubectl("-n", busy, "exec", name, "-c", "work", "--", "sh", "-c", "echo > /tmp/rest")
    rules = '{"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}'
    board.kubectl("-n", busy, "patch", "hpa", "busy", "--type=merge", "-p", rules)
    wait_until(
        lambda: board.get("deployment", "busy", "-n", busy)["spec"]["replicas"] == 1,
        what="one replica",
        timeout_s=60,
    )
    assert "reason: All metrics below target" in board.kubectl("-n", busy, "describe", "hpa", "busy")


def test_every_kubectl_makes_autoscalers(board, busy):
    for program in kubectls():
        board.kubectl(
            *("-n", busy, "autoscale", "deployment", "busy", "--name=made", "--max=2", "--cpu-percent=90"),
            program=program,
        )
        made = board.get("hpa", "made", "-n", busy)
        assert made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 90
        table = board.kubectl("-n", busy, "get", "hpa", "made", program=program)
        assert "Deployment/busy" in table and "90%" in table
        board.kubectl("-n", busy, "delete", "hpa", "made", program=program)
