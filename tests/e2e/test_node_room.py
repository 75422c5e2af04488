"""What a board refuses because it has no room, put there past the scheduler, and what becomes of who asked."""

from board import wait_until
from test_node_lifecycle import apply, box, events_of, pod, status_of

PORT = {"ports": [{"containerPort": 8080, "hostPort": 21017}]}
HERE = {"nodeName": "board"}


def set_of(kind, name, *containers, **spec):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {**HERE, "containers": list(containers)}}
    template["spec"]["terminationGracePeriodSeconds"] = 0
    wanted = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": wanted}


def members(board, namespace, name):
    return board.get("pods", "-n", namespace, "-l", f"app={name}")["items"]


def test_a_pod_that_does_not_fit_has_failed_and_sets_try_again_without_haste(board, namespace):
    apply(board, namespace, pod("holder", box("c", **PORT), **HERE))
    wait_until(lambda: status_of(board, namespace, "holder")["phase"] == "Running", what="the port is taken")
    apply(
        board,
        namespace,
        pod("port", box("c", **PORT), **HERE),
        pod("large", box("c", resources={"requests": {"cpu": "900"}}), **HERE),
        pod("elsewhere", box("c"), nodeSelector={"disk": "none"}, **HERE),
        set_of("StatefulSet", "one", box("c", **PORT), serviceName="one"),
        set_of("DaemonSet", "every", box("c", **PORT)),
        set_of("ReplicaSet", "some", box("c", **PORT), replicas=1),
    )
    words = {
        "port": (
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        ),
        "large": ("OutOfcpu", "Node didn't have enough resource: cpu, requested: 900000, used: "),
        "elsewhere": (
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
    }
    for name, (reason, message) in words.items():
        status = wait_until(
            lambda name=name: (found := status_of(board, namespace, name))["phase"] == "Failed" and found,
            what=f"{name} is refused",
        )
        assert status["reason"] == reason
        assert status["message"].startswith(f"Pod was rejected: {message}")
        assert "containerStatuses" not in status
        wait_until(
            lambda name=name, reason=reason: reason in dict(events_of(board, namespace, name)),
            what="an event",
        )

    uids = set()

    def is_made_anew():
        uids.update(one["metadata"]["uid"] for one in members(board, namespace, "one"))
        return len(uids) > 1

    wait_until(is_made_anew, what="the member is made anew")
    [daemon] = wait_until(lambda: members(board, namespace, "every"), what="a daemon")
    assert daemon["metadata"]["labels"]["pod-template-generation"] == "1"
    tried = members(board, namespace, "some")
    assert 0 < len(tried) < 7 and {one["status"].get("phase") for one in tried} <= {"Failed", "Pending"}
    board.kubectl("-n", namespace, "delete", "daemonset/every", "replicaset/some", "pod/holder", "--now")

    def runs():
        return [one for one in members(board, namespace, "one") if one["status"].get("phase") == "Running"]

    [member] = wait_until(runs, timeout_s=60, what="the member runs once the port is free")
    assert member["metadata"]["uid"] not in uids or len(uids) > 1


def finished_at(status):
    return status["containerStatuses"][0]["state"]["terminated"]["finishedAt"]


def test_a_critical_pod_takes_the_room_of_another_once_that_has_ended(board, namespace):
    cores = int(board.get("node", "board")["status"]["allocatable"]["cpu"].removesuffix("m"))
    most = f"{cores * 600 if cores < 500 else cores * 6 // 10}m"
    large = {"resources": {"requests": {"cpu": most}}, "command": ["sleep", "1000"]}  # deaf to SIGTERM
    apply(board, namespace, pod("usual", box("c", **large), terminationGracePeriodSeconds=4, **HERE))
    wait_until(lambda: status_of(board, namespace, "usual")["phase"] == "Running", what="the usual one runs")
    critical = {"priorityClassName": "system-node-critical", **HERE}
    apply(board, namespace, pod("critical", box("c", **large), **critical), pod("small", box("c"), **HERE))
    wait_until(lambda: "Preempting" in dict(events_of(board, namespace, "usual")), what="it must go")
    wait_until(lambda: status_of(board, namespace, "small")["phase"] == "Running", what="others do not wait")
    assert status_of(board, namespace, "critical")["phase"] == "Pending"
    assert not events_of(board, namespace, "critical")
    status = wait_until(
        lambda: (found := status_of(board, namespace, "usual"))["phase"] == "Failed" and found,
        what="it makes room",
    )
    assert (status["reason"], status["message"]) == ("Preempting", "Preempted in order to admit critical pod")
    [disrupted] = [c for c in status["conditions"] if c["type"] == "DisruptionTarget"]
    assert disrupted["message"] == "Pod was preempted by Kubelet to accommodate a critical pod."
    begun = wait_until(
        lambda: (found := status_of(board, namespace, "critical"))["phase"] == "Running" and found,
        what="the critical one runs",
    )
    started_at = begun["containerStatuses"][0]["state"]["running"]["startedAt"]
    assert finished_at(status_of(board, namespace, "usual")) <= started_at
    board.kubectl("-n", namespace, "delete", "pod/critical", "--now")


def test_a_critical_pod_that_waits_for_room_can_be_deleted(board, namespace):
    cores = int(board.get("node", "board")["status"]["allocatable"]["cpu"].removesuffix("m"))
    most = f"{cores * 600 if cores < 500 else cores * 6 // 10}m"
    large = {"resources": {"requests": {"cpu": most}}, "command": ["sleep", "1000"]}
    apply(board, namespace, pod("deaf", box("c", **large), terminationGracePeriodSeconds=300, **HERE))
    wait_until(lambda: status_of(board, namespace, "deaf")["phase"] == "Running", what="the usual one runs")
    apply(board, namespace, pod("late", box("c", **large), priorityClassName="system-node-critical", **HERE))
    wait_until(lambda: "Preempting" in dict(events_of(board, namespace, "deaf")), what="it must go")
    board.kubectl("-n", namespace, "delete", "pod/late", "--timeout=15s")
    board.kubectl("-n", namespace, "delete", "pod/deaf", "--grace-period=1", "--timeout=15s")
