"""What Kubernetes' conformance asks of the scheduler that needs a board: its resources are whatever is said of it."""

import json

from board import wait_until

RESOURCE = "scheduling.example.com/foo"


def test_a_critical_pod_takes_the_place_of_another(board, namespace):
    """Somebody writes a resource of his own into the node's capacity; the board lets pods ask for it."""

    def say(amount):
        patch = json.dumps({"status": {"capacity": {RESOURCE: amount}}})
        board.kubectl("patch", "node", "board", "--subresource=status", "--type=merge", "-p", patch)

    def start(name, where, priority):
        container = {"name": "c", "image": "localhost/box:1", "command": ["sleep", "1000"]}
        container["resources"] = {"requests": {RESOURCE: "2"}, "limits": {RESOURCE: "2"}}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "priorityClassName": priority}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": where},
            "spec": spec,
        }
        board.kubectl("create", "-f", "-", text_in=json.dumps(pod))

    def runs(name, where):
        return board.get("pod", name, "-n", where)["status"].get("phase") == "Running"

    say("3")
    try:
        start("usual", namespace, "")
        wait_until(lambda: runs("usual", namespace), what="the usual pod runs")
        start("critical", "kube-system", "system-cluster-critical")
        wait_until(lambda: runs("critical", "kube-system"), what="the critical pod runs")
        assert not board.kubectl("get", "pods", "-n", namespace, "-o", "name")
    finally:
        say(None)
        board.kubectl("delete", "pod", "critical", "-n", "kube-system", "--ignore-not-found", "--wait=false")
    gone = "the resource is taken back"
    wait_until(lambda: RESOURCE not in board.get("node", "board")["status"]["allocatable"], what=gone)
