"""A board that runs short of disk, memory and processes: who must go, who may come, and what is said of it.

The thresholds are put where this machine is now; only the disk is really filled, a small one that holds the state.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from board import Board, wait_until
from test_node_lifecycle import apply, box, events_of, over, pod, ready, status_of

LOOKS_S = 45  # the board looks every ten seconds and ends one pod at a look
# `true` at the end: the shell, which has the memory, would make itself the last command
HELD = "x=$(busybox head -c {}000000 /dev/zero | busybox tr '\\0' a); sleep 1000; true"
ROOM_KIB = 250 * 1024  # of memory that pods may ask for, less than what the pods and the leader here use
CROWD = "for i in $(busybox seq {}); do sleep 1000 & done; wait"
REJECTED = "Pod was rejected: The node had condition: [{}]. "


@pytest.fixture(scope="module")
def tight():
    """A board whose state is on a disk of 64 MiB, without a program."""
    board = Board(Path(tempfile.mkdtemp(prefix="pikube-tight-")), name="t")
    try:
        board.open()
        data = board.directory / "data"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(data)], check=True)
        yield board
    finally:
        board.close()


def begin(board, thresholds, transition_s, *flags):
    """The program with these thresholds; the pods of its former life run on."""
    if board.process is not None:
        board.stop()
    period = f"--eviction-pressure-transition-period={transition_s}"
    board.start(f"--eviction-hard={thresholds}", period, *flags)


def memory_kib():
    """What this machine has."""
    return int(re.search(r"^MemTotal: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)[1])


def condition(board, type_):
    found = next(c for c in board.get("node", "board")["status"]["conditions"] if c["type"] == type_)
    return found["status"], found["reason"], found["message"]


def taints(board):
    return {(t["key"], t["effect"]) for t in board.get("node", "board")["spec"].get("taints", ())}


def evicted(board, name):
    """The status of a pod once it is evicted."""
    status = wait_until(lambda: over(board, "default", name), LOOKS_S, f"the eviction of {name}")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    return status


def test_a_full_disk_ends_who_fills_it_and_takes_nobody_until_it_is_over(tight):
    begin(tight, "nodefs.available<45%", 10)
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volumes = [{"name": "v", "emptyDir": {}}]
    fill = "busybox dd if=/dev/zero of=/v/x bs=1M count={} && sleep 1000"
    critical = {"priorityClassName": "system-node-critical"}
    apply(
        tight,
        "default",
        pod("critical", box("c", fill.format(20), **mount), volumes=volumes, **critical),
        pod("modest", box("c", fill.format(1), **mount), volumes=volumes),
    )
    ready(tight, "default", "critical", "modest")
    apply(tight, "default", pod("filler", box("c", fill.format(16), **mount), volumes=volumes))
    status = evicted(tight, "filler")
    words = (
        r"The node was low on resource: ephemeral-storage\. Threshold quantity: \d+, available: \d+Ki\. "
        r"Container c was using \d+Ki, request is 0, has larger consumption of ephemeral-storage\. "
    )
    assert re.fullmatch(words, status["message"]), status["message"]
    target = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
    assert (target["status"], target["reason"]) == ("True", "TerminationByKubelet")
    assert target["message"] == status["message"]
    assert ("Evicted", status["message"]) in events_of(tight, "default", "filler")
    assert ("EvictionThresholdMet", "Attempting to reclaim ephemeral-storage") in events_of(
        tight, "default", "board"
    )
    assert condition(tight, "DiskPressure") == ("True", "KubeletHasDiskPressure", "kubelet has disk pressure")
    wait_until(lambda: ("node.kubernetes.io/disk-pressure", "NoSchedule") in taints(tight), what="the taint")

    direct = {"nodeName": "board", "tolerations": [{"operator": "Exists"}]}
    requests = {"resources": {"requests": {"memory": "8Mi"}}}
    apply(tight, "default", pod("direct", box("c", **requests), **direct), pod("waits", box("c")))
    refused = evicted(tight, "direct")
    assert refused["message"] == REJECTED.format("DiskPressure") and "containerStatuses" not in refused
    assert "DisruptionTarget" not in {c["type"] for c in refused.get("conditions", ())}

    def held():
        conditions = status_of(tight, "default", "waits").get("conditions", [{}])
        return "untolerated taint {node.kubernetes.io/disk-pressure: }" in conditions[0].get("message", "")

    wait_until(held, what="the scheduler names the taint")
    ready(tight, "default", "waits")  # the condition ends some time after the disk has room again
    assert condition(tight, "DiskPressure")[:2] == ("False", "KubeletHasNoDiskPressure")
    assert ("node.kubernetes.io/disk-pressure", "NoSchedule") not in taints(tight)
    for name in ("critical", "modest"):
        assert status_of(tight, "default", name)["phase"] == "Running"
    tight.kubectl("delete", "pod", "--all", "--now")


def test_short_of_memory_who_uses_more_than_asked_for_goes_first_then_the_less_important_then_the_greater(
    tight,
):
    begin(tight, "memory.available<1Mi", 300)
    manifests = tight.directory / "data" / "agent" / "pod-manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    (manifests / "static.json").write_text(json.dumps(pod("static", box("c", HELD.format(60)))))
    important = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1000}
    asked = {"resources": {"requests": {"memory": "4Mi"}}}
    ample = {"resources": {"requests": {"memory": "64Mi"}}}
    apply(
        tight,
        "default",
        {**important, "metadata": {"name": "important"}},
        pod("great", box("c", HELD.format(40))),
        pod("over", box("c", HELD.format(20), **asked)),
        pod("important", box("c", HELD.format(50)), priorityClassName="important"),
        pod("within", box("c", HELD.format(30), **ample)),
    )
    ready(tight, "default", "great", "over", "important", "within", "static-board")

    begin(tight, f"memory.available<{memory_kib() - ROOM_KIB}Ki", 300)
    status = evicted(tight, "great")
    words = (
        r"The node was low on resource: memory\. Threshold quantity: \d+Ki, available: \d+Ki\. "
        r"Container c was using \d+Ki, request is 0, has larger consumption of memory\. "
    )
    assert re.fullmatch(words, status["message"]), status["message"]
    assert not over(tight, "default", "over") and not over(tight, "default", "important")
    insufficient = ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
    assert condition(tight, "MemoryPressure") == insufficient
    wait_until(
        lambda: ("node.kubernetes.io/memory-pressure", "NoSchedule") in taints(tight), what="the taint"
    )

    tolerant = {"nodeName": "board", "tolerations": [{"key": "node.kubernetes.io/memory-pressure"}]}
    tolerant["tolerations"][0]["operator"] = "Exists"
    apply(
        tight,
        "default",
        pod("besteffort", box("c"), nodeName="board"),
        pod("burstable", box("c", **ample), nodeName="board"),
        pod("tolerant", box("c"), **tolerant),
    )
    assert evicted(tight, "besteffort")["message"] == REJECTED.format("MemoryPressure")
    ready(tight, "default", "burstable", "tolerant")
    assert "request is 4Mi" in evicted(tight, "over")["message"]
    assert not over(tight, "default", "important")
    evicted(tight, "important")
    assert status_of(tight, "default", "within")["phase"] == "Running"
    assert status_of(tight, "default", "static-board")["phase"] == "Running"
    (manifests / "static.json").unlink()


def test_short_of_processes_the_crowd_goes_and_images_that_nobody_uses_go_when_the_disk_is_full(tight):
    for name in ("registry.test/unused:1", "registry.test/used:1", "localhost/mine:1"):
        change = ("--change", f"LABEL name={name}")  # each another image
        tight.podman("import", "--quiet", *change, str(tight.directory / "image.tar"), name)
    begin(tight, "memory.available<1Mi", 300)
    tight.kubectl("delete", "pod", "--all", "--now")
    critical = {"priorityClassName": "system-cluster-critical"}
    few = {**box("c", CROWD.format(5)), "image": "registry.test/used:1"}
    apply(
        tight,
        "default",
        pod("few", few),
        pod("crowd", box("c", CROWD.format(30))),
        pod("critical", box("c", CROWD.format(60)), **critical),
    )
    ready(tight, "default", "few", "crowd", "critical")
    (tight.directory / "data" / "filler").write_bytes(bytes(4 << 20))
    images = ("--image-gc-high-threshold=1", "--image-gc-low-threshold=0", "--minimum-image-ttl-duration=0")
    begin(tight, "pid.available<100%", 300, *images)
    status = evicted(tight, "crowd")
    words = r"The node was low on resource: pids\. Threshold quantity: \w+, available: \w+\. "
    assert re.fullmatch(words, status["message"]), status["message"]
    assert not over(tight, "default", "few")
    assert condition(tight, "PIDPressure")[:2] == ("True", "KubeletHasInsufficientPID")
    wait_until(lambda: ("node.kubernetes.io/pid-pressure", "NoSchedule") in taints(tight), what="the taint")
    evicted(tight, "few")
    assert status_of(tight, "default", "critical")["phase"] == "Running"
    names = tight.podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    assert "registry.test/unused:1" not in names
    assert "registry.test/used:1" in names and "localhost/mine:1" in names
