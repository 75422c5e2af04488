"""What containers may use, to the kernel's own files; what goes when more is used; logs that are full."""

import json

from board import wait_until
from test_node_lifecycle import apply, box, container_of, events_of, over, pod, ready, sh, status_of

from pikube.agent.facts import lowest_oom_score

WRITES = """\
s=$(busybox printf '%01000d' 0)
busybox awk -v s=$s 'BEGIN { for (i = 0; i < 12000; i++) print i, s }'
until test -e /shared/rotated; do sleep 0.1; done
busybox awk 'BEGIN { for (i = 12000; i < 12100; i++) print i }'
"""


def kernel(board, namespace, name, container="c"):
    """(memory limit, CPU quota, OOM score) of a container as it sees them itself, with cgroups v1 or v2."""
    files = (
        "memory/memory.limit_in_bytes memory.max", "cpu/cpu.cfs_quota_us cpu.max",
    )  # fmt: skip
    either = "; ".join(
        f"cat /sys/fs/cgroup/{one} 2>/dev/null || cat /sys/fs/cgroup/{two}"
        for one, two in map(str.split, files)
    )
    words = sh(board, namespace, name, f"{either}; cat /proc/1/oom_score_adj", "-c", container)
    memory, quota, score = (line.split()[0] for line in words.splitlines())
    return memory, quota, int(score)


def test_limits_and_the_class_of_service_reach_the_kernel(board, namespace):
    full = {"cpu": "100m", "memory": "32Mi"}
    apply(
        board,
        namespace,
        pod("guaranteed", box("c", resources={"limits": full})),
        pod("burstable", box("c", resources={"requests": {"memory": "16Mi"}, "limits": {"memory": "32Mi"}})),
        pod("besteffort", box("c")),
    )
    names = ("guaranteed", "burstable", "besteffort")
    ready(board, namespace, *names)
    assert [status_of(board, namespace, name)["qosClass"] for name in names] == [
        "Guaranteed",
        "Burstable",
        "BestEffort",
    ]
    # a board that may not lower scores (a container on a server) gives the least that it may
    assert kernel(board, namespace, "guaranteed") == ("33554432", "10000", max(-997, lowest_oom_score()))
    memory, quota, score = kernel(board, namespace, "burstable")
    assert (memory, quota in ("-1", "max")) == ("33554432", True) and 3 <= score < 1000
    assert kernel(board, namespace, "besteffort")[2] == 1000


def test_a_pod_that_writes_more_than_it_may_is_evicted(board, namespace):
    fill = "busybox dd if=/dev/zero of={} bs=1M count={}; sleep 1000"
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volume = {"name": "v", "emptyDir": {"sizeLimit": "5Mi"}}
    layer = box("c", fill.format("/tmp/x", 30), resources={"limits": {"ephemeral-storage": "10Mi"}})
    apply(
        board,
        namespace,
        pod("layer", layer),
        pod("volume", box("c", fill.format("/v/x", 10), **mount), volumes=[volume]),
        pod(
            "modest", box("c", fill.format("/tmp/x", 1), resources={"limits": {"ephemeral-storage": "10Mi"}})
        ),
    )
    for name, words in (
        ("layer", "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi."),
        ("volume", 'Usage of EmptyDir volume "v" exceeds the limit "5Mi".'),
    ):
        status = wait_until(lambda name=name: over(board, namespace, name), 60, f"the eviction of {name}")
        assert (status["phase"], status["reason"], status["message"].strip()) == ("Failed", "Evicted", words)
        assert ("Evicted", words) in {(r, m.strip()) for r, m in events_of(board, namespace, name)}
    assert status_of(board, namespace, "modest")["phase"] == "Running"


def test_a_log_that_is_full_is_rotated_and_who_follows_it_misses_no_line(board, namespace):
    path = board.directory / f"shared-{namespace}"
    shared = {"name": "shared", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    apply(board, namespace, pod("chatty", box("c", WRITES, **mount), volumes=[shared], restartPolicy="Never"))
    wait_until(lambda: container_of(board, namespace, "chatty")["state"].get("running"), what="a container")
    uid = board.get("pod", "chatty", "-n", namespace)["metadata"]["uid"]
    logs = board.directory / "data" / "pods" / uid / "logs" / "c"
    with board.spawn_kubectl("-n", namespace, "logs", "-f", "chatty") as follower:
        lines = [follower.stdout.readline() for _ in range(12_000)]
        wait_until(lambda: list(logs.glob("0.log.*")), what="a log that was put aside")
        (path / "rotated").touch()
        lines += follower.stdout.readlines()
        assert follower.wait(30) == 0
    assert [int(line.split()[0]) for line in lines] == list(range(12_100))
    newest = board.kubectl("-n", namespace, "logs", "chatty")
    assert newest.split() == [str(number) for number in range(12_000, 12_100)], (
        "the newest file, as kubelet shows"
    )
    assert board.kubectl("-n", namespace, "logs", "chatty", "--tail=2") == "12098\n12099\n"


def test_a_collector_finds_the_logs_of_all_containers_where_kubelet_has_them(board, namespace):
    place = board.directory / "log"
    mount = {"volumeMounts": [{"name": "logs", "mountPath": str(place), "readOnly": True}]}
    logs = {"name": "logs", "hostPath": {"path": str(place), "type": "Directory"}}
    apply(board, namespace, pod("speaks", box("c", "echo collect-me; exit 1"), restartPolicy="Never"))
    uid = board.get("pod", "speaks", "-n", namespace)["metadata"]["uid"]
    wait_until(lambda: over(board, namespace, "speaks"), what="its end")
    apply(board, namespace, pod("collector", box("c", "sleep 1000", **mount), volumes=[logs]))
    ready(board, namespace, "collector")
    name = f"{place}/containers/speaks_{namespace}_c-*.log"
    line = sh(board, namespace, "collector", f"cat {name}")
    assert line.rstrip().endswith(" stdout F collect-me")
    assert sh(board, namespace, "collector", f"cat {place}/pods/{namespace}_speaks_{uid}/c/0.log") == line
    board.kubectl("-n", namespace, "delete", "pod", "speaks")
    left = "ls {0}/pods {0}/containers | grep speaks_ || true"
    wait_until(
        lambda: not sh(board, namespace, "collector", left.format(place)), what="nothing of it is left"
    )


def test_the_kubelets_own_api_is_for_who_may_and_tells_of_pods_and_what_they_use(board, namespace):
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    writes = "; ".join(
        f"head -c {n}m /dev/zero > {to}/x" for n, to in ((2, "/data"), (3, "/scratch"), (1, ""))
    )
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "scratch", "mountPath": "/scratch"}]
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "scratch", "emptyDir": {}},
    ]
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}}  # fmt: skip
    container = box("c", f"{writes}; echo written; exec sleep 1000", livenessProbe=probe, volumeMounts=mounts)
    apply(board, namespace, claim, pod("measured", container, volumes=volumes))
    ready(board, namespace, "measured")
    wait_until(
        lambda: "written" in board.kubectl("-n", namespace, "logs", "measured"), what="its files are written"
    )

    def ask(path):
        return board.kubectl("get", "--raw", f"/api/v1/nodes/board/proxy/{path}")

    assert ask("healthz") == "ok"
    names = {item["metadata"]["name"] for item in json.loads(ask("pods"))["items"]}
    assert "measured" in names
    summary = json.loads(ask("stats/summary"))
    assert summary["node"]["nodeName"] == "board" and summary["node"]["fs"]["capacityBytes"] > 0
    (mine,) = [p for p in summary["pods"] if p["podRef"]["namespace"] == namespace]
    (measured,) = mine["containers"]
    assert measured["memory"]["workingSetBytes"] > 0
    assert measured["logs"]["usedBytes"] > 0 and measured["rootfs"]["usedBytes"] > 1 << 20
    volumes = {volume["name"]: volume for volume in mine["volume"]}
    assert volumes["scratch"]["usedBytes"] >= 3 << 20 and "pvcRef" not in volumes["scratch"]
    assert volumes["data"]["usedBytes"] >= 2 << 20
    assert volumes["data"]["pvcRef"] == {"name": "data", "namespace": namespace}
    assert mine["ephemeral-storage"]["usedBytes"] >= 4 << 20
    claim = f'{{namespace="{namespace}",persistentvolumeclaim="data"}}'
    assert f"kubelet_volume_stats_used_bytes{claim}" in ask("metrics")
    for path in ("metrics/resource", "metrics/cadvisor"):
        assert f'namespace="{namespace}"' in ask(path), path
    assert "kubelet_running_pods" in ask("metrics")
    (running,) = [
        p for p in json.loads(ask("runningpods/"))["items"] if p["metadata"]["namespace"] == namespace
    ]
    assert [container["name"] for container in running["spec"]["containers"]] == ["c"]
    settings = json.loads(ask("configz"))["kubeletconfig"]
    assert settings["maxPods"] == 110 and settings["evictionHard"]["memory.available"] == "100Mi"
    timed = f'prober_probe_duration_seconds_count{{container="c",namespace="{namespace}"'
    wait_until(lambda: timed in ask("metrics/probes"), what="a probe is counted")
    assert (
        ask("logs/").startswith("<pre>")
        and board.kubectl("get", "--raw", "/api/v1/nodes/board/proxy/logs/../shadow", check=False).returncode
    )
    assert board.kubectl("get", "--raw", "/api/v1/nodes/board/proxy/nothing", check=False).returncode


def test_who_shows_a_token_to_the_kubelet_gets_what_nodes_subresources_he_may(board, namespace):
    account = f"system:serviceaccount:{namespace}:default"
    role = ("--verb=get", "--resource=nodes/metrics,nodes/stats")
    board.kubectl("create", "clusterrole", namespace, *role)
    board.kubectl(
        "create", "clusterrolebinding", namespace, f"--clusterrole={namespace}", f"--user={account}"
    )
    try:
        token = board.kubectl("-n", namespace, "create", "token", "default").strip()

        def ask(path, *argv, token=token):
            shown = ("--header", f"Authorization: Bearer {token}") if token else ()
            url = f"https://127.0.0.1:10250/{path}"
            said = board.curl(url, "--insecure", "--write-out", "\n%{http_code}", *shown, *argv).stdout
            words, _, code = said.rpartition("\n")
            return int(code), words

        assert ask("metrics/resource")[0] == ask("stats/summary")[0] == ask("metrics/cadvisor")[0] == 200
        forbidden = f"Forbidden (user={account}, verb={{}}, resource=nodes, subresource(s)=[{{}}])\n"
        assert ask("pods") == (403, forbidden.format("get", "pods proxy"))
        assert ask("logs/") == (403, forbidden.format("get", "log"))
        assert ask(f"exec/{namespace}/p/c?command=ls") == (403, forbidden.format("create", "proxy"))
        assert ask("metrics", "--request", "POST") == (403, forbidden.format("create", "metrics"))
        assert ask("metrics", token="") == ask("metrics", token="nonsense") == (401, "Unauthorized")
    finally:
        board.kubectl("delete", "clusterrolebinding,clusterrole", namespace)
