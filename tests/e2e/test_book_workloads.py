"""The book's sessions of chapters 6, 9, 10, 11, 12 and 18, typed as a reader types them, with what is printed."""

import json
import re

import pytest
from board import wait_until

BOX = "localhost/box:1"


def deployment(name, *, replicas=1, version="1", strategy="", labels="", command="sleep 3600", extra=""):
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app: {name}, ver: "{version}"{labels}}}}}
spec:
  replicas: {replicas}
  {strategy}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}, ver: "{version}"}}
      annotations: {{kubernetes.io/change-cause: "version {version}"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: box
        image: {BOX}
        command: [sh, -c, "exec {command}"]
        env: [{{name: VERSION, value: "{version}"}}]
        {extra}
"""


REPLICA_SET = f"""\
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: kuard}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: kuard}}}}
  template:
    metadata: {{labels: {{app: kuard, version: "2"}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: kuard, image: {BOX}, command: [sleep, "3600"]}}]
"""

DAEMON_SET = f"""\
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: fast-storage}}
spec:
  selector: {{matchLabels: {{app: fast-storage}}}}
  template:
    metadata: {{labels: {{app: fast-storage}}}}
    spec:
      terminationGracePeriodSeconds: 0
      nodeSelector: {{ssd: "true"}}
      containers: [{{name: box, image: {BOX}, command: [sleep, "3600"]}}]
"""


def job(name, spec, command, policy):
    return f"""\
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, labels: {{chapter: jobs}}}}
spec:
  {spec}
  template:
    metadata: {{labels: {{chapter: jobs}}}}
    spec:
      restartPolicy: {policy}
      terminationGracePeriodSeconds: 0
      containers: [{{name: box, image: {BOX}, command: [sh, -c, '{command}']}}]
"""


@pytest.fixture
def kubectl(board, namespace):
    """kubectl in the test's own namespace."""

    def run(*argv, **options):
        return board.kubectl("-n", namespace, *argv, **options)

    run.get = lambda *argv: board.get("-n", namespace, *argv)
    run.apply = lambda text: run("apply", "-f", "-", text_in=text)
    return run


def names(text):
    """The names of `-o name` output, without their kind."""
    return {line.partition("/")[2] for line in text.split()}


def running(kubectl, *argv):
    pods = kubectl.get("pods", *argv)["items"]
    return [
        p for p in pods if p["status"]["phase"] == "Running" and not p["metadata"].get("deletionTimestamp")
    ]


def test_chapter_6_labels_are_shown_changed_and_selected_by(kubectl):
    for name, version in (("alpaca-prod", "1"), ("alpaca-test", "2"), ("bandicoot-prod", "2")):
        kubectl.apply(deployment(name, version=version, replicas=0))
    table = kubectl("get", "deployments", "--show-labels").splitlines()
    assert table[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "LABELS"]
    assert table[1].split()[1] == "0/0" and table[1].endswith("app=alpaca-prod,ver=1")
    assert (
        kubectl("label", "deployments", "alpaca-test", "canary=true")
        == "deployment.apps/alpaca-test labeled\n"
    )
    column = kubectl("get", "deployments", "-L", "canary").splitlines()
    assert column[0].split()[-1] == "CANARY" and [line.split()[-1] for line in column[1:]].count("true") == 1
    template = kubectl.get("deployment", "alpaca-test")["spec"]["template"]["metadata"]["labels"]
    assert "canary" not in template, "labelling a Deployment leaves its pods alone"

    def chosen(*selector):
        return names(kubectl("get", "deployments", *selector, "-o", "name"))

    assert chosen("--selector=ver=2") == {"alpaca-test", "bandicoot-prod"}
    assert chosen("--selector=app=bandicoot-prod,ver=2") == {"bandicoot-prod"}
    assert chosen("--selector=app in (alpaca-prod,alpaca-test)") == {"alpaca-prod", "alpaca-test"}
    assert chosen("--selector=canary") == {"alpaca-test"}
    assert chosen("-l", "ver=2,!canary") == {"bandicoot-prod"}
    assert chosen("-l", "ver notin (2)") == {"alpaca-prod"}
    refused = kubectl("label", "deployments", "alpaca-test", "-x=1", check=False)
    assert refused.returncode
    long = kubectl("label", "deployments", "alpaca-test", f"a={'v' * 64}", check=False)
    assert "must be no more than 63 characters" in long.stderr
    assert (
        kubectl("label", "deployments", "alpaca-test", "canary-") == "deployment.apps/alpaca-test unlabeled\n"
    )
    gone = kubectl("delete", "deployments", "--selector=ver=2")
    assert gone.count("deleted") == 2
    assert 'deployment.apps "alpaca-prod" deleted' in kubectl("delete", "deployments", "--all")


def test_chapter_9_a_replica_set_adopts_lets_go_and_is_scaled(board, namespace, kubectl):
    kubectl("run", "bare", f"--image={BOX}", "--labels=app=kuard,version=2", "--", "sleep", "3600")
    assert kubectl.apply(REPLICA_SET) == "replicaset.apps/kuard created\n"
    wait_until(lambda: len(running(kubectl, "-l", "app=kuard")) == 2, what="two pods")
    found = {p["metadata"]["name"]: p for p in running(kubectl, "-l", "app=kuard")}
    assert "bare" in found, "an existing pod that matches is taken over"
    [owner] = found["bare"]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", "kuard", True)
    assert sum(bool(re.fullmatch(r"kuard-[a-z0-9]{5}", name)) for name in found) == 1
    described = kubectl("describe", "rs", "kuard")
    assert "Selector:     app=kuard" in described and "Replicas:     2 current / 2 desired" in described
    assert re.search(r"Pods Status: +2 Running / 0 Waiting / 0 Succeeded / 0 Failed", described)
    assert re.search(r"Normal +SuccessfulCreate .*replicaset-controller +Created pod: kuard-", described)

    kubectl("label", "pod", "bare", "app=debug", "--overwrite")
    wait_until(lambda: len(running(kubectl, "-l", "app=kuard")) == 2, what="a replacement")
    quarantined = kubectl.get("pod", "bare")
    assert quarantined["status"]["phase"] == "Running" and "ownerReferences" not in quarantined["metadata"]
    assert kubectl("scale", "replicasets", "kuard", "--replicas=3") == "replicaset.apps/kuard scaled\n"
    wait_until(lambda: len(running(kubectl, "-l", "app=kuard")) == 3, what="three pods")
    assert kubectl.apply(REPLICA_SET) == "replicaset.apps/kuard configured\n"
    wait_until(lambda: len(running(kubectl, "-l", "app=kuard")) == 2, what="the file's number again")
    before = {p["metadata"]["uid"] for p in running(kubectl, "-l", "app=kuard")}
    kubectl("delete", "rs", "kuard", "--cascade=orphan")
    left = running(kubectl, "-l", "app=kuard")
    assert {p["metadata"]["uid"] for p in left} == before
    wait_until(
        lambda: not any("ownerReferences" in p["metadata"] for p in running(kubectl, "-l", "app=kuard")),
        what="pods of nobody",
    )
    wrong = REPLICA_SET.replace('labels: {app: kuard, version: "2"}', "labels: {app: other}")
    refused = kubectl("create", "-f", "-", text_in=wrong, check=False)
    assert (
        'The ReplicaSet "kuard" is invalid: spec.template.metadata.labels: Invalid value: '
        '{"app":"other"}: `selector` does not match template `labels`' in refused.stderr
    )


def revisions(kubectl):
    lines = kubectl("rollout", "history", "deployment", "kuard").splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines[2:] if line.strip()}


def test_chapter_10_a_deployment_is_rolled_paused_and_undone(kubectl):
    text = deployment("kuard", replicas=2)
    assert kubectl("create", "-f", "-", text_in=text) == "deployment.apps/kuard created\n"
    assert "AlreadyExists" in kubectl("create", "-f", "-", text_in=text, check=False).stderr
    out = kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    assert out.endswith('deployment "kuard" successfully rolled out\n')
    [first] = kubectl.get("rs", "-l", "app=kuard")["items"]
    name = first["metadata"]["name"]
    assert re.fullmatch(r"kuard-[a-z0-9]+", name)
    kubectl("scale", "replicasets", name, "--replicas=1")
    wait_until(
        lambda: kubectl.get("rs", name)["spec"]["replicas"] == 2, what="the hand-scaled set is put right"
    )
    read = kubectl.get("deployment", "kuard")["spec"]
    assert read["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert (read["progressDeadlineSeconds"], read["revisionHistoryLimit"]) == (600, 10)

    kubectl.apply(deployment("kuard", replicas=2, version="2"))
    kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    assert revisions(kubectl) == {"1": "version 1", "2": "version 2"}
    detail = kubectl("rollout", "history", "deployment", "kuard", "--revision=2")
    assert "pod-template-hash=" in detail and "VERSION:\t2" in detail
    assert kubectl("rollout", "pause", "deployments", "kuard") == "deployment.apps/kuard paused\n"
    kubectl.apply(deployment("kuard", replicas=2, version="3"))
    conditions = kubectl.get("deployment", "kuard")["status"]["conditions"]
    assert "DeploymentPaused" in {c["reason"] for c in conditions}
    assert len(kubectl.get("rs", "-l", "app=kuard")["items"]) == 2, "nothing moves while it is paused"
    kubectl("rollout", "resume", "deployments", "kuard")
    kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    assert kubectl("rollout", "undo", "deployments", "kuard") == "deployment.apps/kuard rolled back\n"
    kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    assert revisions(kubectl) == {"1": "version 1", "3": "version 3", "4": "version 2"}
    kubectl("rollout", "undo", "deployments", "kuard", "--to-revision=1")
    kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    assert revisions(kubectl) == {"3": "version 3", "4": "version 2", "5": "version 1"}
    described = kubectl("describe", "deployments", "kuard")
    assert re.search(
        r"Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable", described
    )
    assert re.search(r"Available +True +MinimumReplicasAvailable", described)
    assert re.search(rf"NewReplicaSet: +{name} \(2/2 replicas created\)", described)
    assert re.search(
        r"ScalingReplicaSet .*deployment-controller +Scaled up replica set kuard-\w+ from 0 to 2", described
    )


def test_chapter_10_a_rollout_that_cannot_work_halts_and_is_called_stuck(kubectl):
    kubectl.apply(deployment("kuard", replicas=2))
    kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    probe = "readinessProbe: {exec: {command: ['false']}, periodSeconds: 1}"
    bad = deployment("kuard", replicas=2, version="2", strategy="progressDeadlineSeconds: 2", extra=probe)
    kubectl.apply(bad)
    done = kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s", check=False)
    assert done.returncode == 1
    assert 'error: deployment "kuard" exceeded its progress deadline' in done.stderr
    progressing = next(
        c for c in kubectl.get("deployment", "kuard")["status"]["conditions"] if c["type"] == "Progressing"
    )
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    old = [p for p in running(kubectl, "-l", "app=kuard") if p["metadata"]["labels"]["ver"] == "1"]
    assert len(old) == 2, "the old pods serve on"
    folded = r"Warning +Unhealthy +\d+s \(x\d+ over \d+s\) +kubelet +Readiness probe failed"
    wait_until(lambda: re.search(folded, kubectl("describe", "pods", "-l", "ver=2")), what="counted events")
    kubectl("rollout", "undo", "deployments", "kuard", "--to-revision=0")
    kubectl("rollout", "status", "deployments", "kuard", "--timeout=60s")
    both_zero = deployment("kuard", strategy="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}")
    refused = kubectl("apply", "-f", "-", text_in=both_zero, check=False)
    assert (
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"
        in refused.stderr
    )


def test_chapter_11_a_daemon_set_follows_the_labels_of_nodes(board, kubectl):
    assert kubectl.apply(DAEMON_SET) == "daemonset.apps/fast-storage created\n"
    described = kubectl("describe", "daemonset", "fast-storage")
    assert "Node-Selector:  ssd=true" in described
    assert "Desired Number of Nodes Scheduled: 0" in described
    try:
        assert board.kubectl("label", "nodes", "board", "ssd=true") == "node/board labeled\n"
        assert "board" in board.kubectl("get", "nodes", "--selector", "ssd=true")
        kubectl("rollout", "status", "daemonsets", "fast-storage", "--timeout=60s")
        table = kubectl("get", "pods", "-o", "wide").splitlines()
        assert table[0].split()[6] == "NODE" and table[1].split()[6] == "board"
        row = kubectl("get", "ds", "fast-storage").splitlines()[1].split()
        assert row[1:7] == ["1", "1", "1", "1", "1", "ssd=true"]
        kubectl("set", "env", "ds/fast-storage", "COLOUR=blue")
        kubectl("rollout", "status", "daemonsets", "fast-storage", "--timeout=60s")
        [pod] = running(kubectl)
        assert pod["spec"]["containers"][0]["env"] == [{"name": "COLOUR", "value": "blue"}]
        history = kubectl("rollout", "history", "ds/fast-storage").splitlines()
        assert [line.split()[0] for line in history[2:] if line] == ["1", "2"]
        kubectl("rollout", "undo", "ds/fast-storage", "--to-revision=1")
        kubectl("rollout", "status", "daemonsets", "fast-storage", "--timeout=60s")
        [pod] = running(kubectl)
        assert "env" not in pod["spec"]["containers"][0]
    finally:
        board.kubectl("label", "nodes", "board", "ssd-")
    wait_until(lambda: not kubectl.get("pods")["items"], what="the pod goes with the label")
    assert 'daemonset.apps "fast-storage" deleted' in kubectl("delete", "ds", "fast-storage")


def test_chapter_12_jobs_run_once_in_parallel_from_a_queue_and_by_the_clock(kubectl):
    kubectl("create", "job", "oneshot", f"--image={BOX}", "--", "echo", "key 1")
    kubectl.apply(
        job(
            "parallel",
            "{completions: 4, parallelism: 2}".strip("{}").replace(", ", "\n  "),
            "true",
            "OnFailure",
        )
    )
    kubectl.apply(job("fails", "backoffLimit: 0", "exit 3", "Never"))
    kubectl.apply(job("queue", "parallelism: 2", "true", "Never"))
    kubectl("wait", "--for=condition=Complete", "job/oneshot", "job/parallel", "job/queue", "--timeout=60s")
    [pod] = names(kubectl("get", "po", "-l", "job-name=oneshot", "-o", "name"))
    assert kubectl("logs", pod) == "key 1\n"
    row = kubectl("get", "jobs", "oneshot").splitlines()
    assert row[0].split() == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert row[1].split()[:3] == ["oneshot", "Complete", "1/1"]
    assert kubectl("get", "pods", pod).splitlines()[1].split()[2] == "Completed"
    described = kubectl("describe", "jobs", "oneshot")
    assert "batch.kubernetes.io/controller-uid=" in described
    assert re.search(r"Pods Statuses: +0 Active \(0 Ready\) / 1 Succeeded / 0 Failed", described)
    assert re.search(r"SuccessfulCreate .*job-controller +Created pod: oneshot-", described)
    parallel = kubectl.get("job", "parallel")["status"]
    assert (parallel["succeeded"], parallel.get("failed", 0)) == (4, 0)
    assert kubectl.get("job", "queue")["status"]["succeeded"] == 2, "no more than the two that ran at once"

    kubectl("wait", "--for=condition=Failed", "job/fails", "--timeout=30s")
    reasons = {c["reason"] for c in kubectl.get("job", "fails")["status"]["conditions"]}
    assert "BackoffLimitExceeded" in reasons
    assert "Error" in kubectl("get", "pods", "-l", "job-name=fails")
    refused = kubectl(
        "apply", "-f", "-", text_in=job("never", "backoffLimit: 0", "true", "Always"), check=False
    )
    assert (
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
        in refused.stderr
    )

    cron = ["create", "cronjob", "clean", f"--image={BOX}", "--schedule=0 */5 * * *", "--", "true"]
    assert kubectl(*cron) == "cronjob.batch/clean created\n"
    row = kubectl("get", "cronjob", "clean").splitlines()
    assert row[0].split() == ["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST", "SCHEDULE", "AGE"]
    assert row[1].split()[1:9] == ["0", "*/5", "*", "*", "*", "<none>", "False", "0"]
    kubectl("create", "job", "by-hand", "--from=cronjob/clean")
    kubectl("wait", "--for=condition=Complete", "job/by-hand", "--timeout=30s")
    bad = kubectl("create", "cronjob", "bad", f"--image={BOX}", "--schedule=61 * * * *", check=False)
    assert 'spec.schedule: Invalid value: "61 * * * *"' in bad.stderr
    gone = kubectl("delete", "rs,svc,job", "-l", "chapter=jobs")
    assert gone.count("deleted") == 3
    wait_until(lambda: not kubectl.get("pods", "-l", "chapter=jobs")["items"], what="their pods go along")


def test_chapter_18_a_canary_shares_the_service_of_the_release(board, namespace, kubectl, tmp_path):
    command = "httpd -f -p 8080 -h /www"
    for directory, (name, version, replicas) in {
        "release": ("web", "1", 2), "canary": ("web-canary", "2", 1),
    }.items():  # fmt: skip
        (tmp_path / "v1" / directory).mkdir(parents=True)
        text = deployment(name, version=version, replicas=replicas, command=command)
        text = text.replace("exec httpd", f"mkdir -p /www; echo {version} > /www/index.html; exec httpd")
        text = text.replace(f"labels: {{app: {name}, ver", f"labels: {{app: {name}, tier: web, ver")
        (tmp_path / "v1" / directory / f"{name}-deployment.yaml").write_text(text)
    (tmp_path / "current").symlink_to("v1")
    out = kubectl("apply", "-R", "-f", f"{tmp_path / 'current'}/")
    assert out.count("created") == 2
    kubectl("create", "service", "clusterip", "web", "--tcp=80:8080")
    kubectl("set", "selector", "service", "web", "tier=web")
    for name in ("web", "web-canary"):
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    address = kubectl.get("service", "web")["spec"]["clusterIP"]

    def answers():
        return {board.curl(f"http://{address}/").stdout.strip() for _ in range(12)}

    wait_until(lambda: answers() == {"1", "2"}, what="both versions answer")
    assert "unchanged" in kubectl("apply", "-R", "-f", f"{tmp_path / 'current'}/")


def waiting_pod(name, **spec):
    container = {"name": "box", "image": BOX, "command": ["sleep", "3600"], **spec.pop("container", {})}
    body = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": body})


def test_a_pod_that_waits_says_for_what(kubectl):
    kubectl.apply(waiting_pod("elsewhere", nodeSelector={"disk": "none"}))
    kubectl.apply(
        waiting_pod("huge", container={"resources": {"requests": {"cpu": "1000", "memory": "1Ti"}}})
    )
    kubectl.apply(waiting_pod("gated", schedulingGates=[{"name": "example.com/ready"}]))
    why = {
        "elsewhere": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
        "huge": "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.",
    }
    for name, words in why.items():
        wait_until(lambda: words in kubectl("describe", "pod", name), what=words)  # noqa: B023
        assert kubectl("get", "pod", name).splitlines()[1].split()[2] == "Pending"
    assert kubectl("get", "pod", "gated").splitlines()[1].split()[2] == "SchedulingGated"
    kubectl(
        "patch", "pod", "gated", "--type=json", "-p", '[{"op": "remove", "path": "/spec/schedulingGates"}]'
    )
    kubectl("wait", "--for=condition=Ready", "pod/gated", "--timeout=30s")


def test_a_pod_of_high_priority_takes_the_room_of_a_lower_one(board, namespace, kubectl):
    cores = board.get("node", "board")["status"]["allocatable"]["cpu"]
    milli = int(cores[:-1]) if cores.endswith("m") else int(cores) * 1000
    request = {"resources": {"requests": {"cpu": f"{milli * 6 // 10}m"}}}
    board.kubectl("create", "priorityclass", f"urgent-{namespace}", "--value=1000")
    try:
        kubectl.apply(waiting_pod("modest", container=request))
        kubectl("wait", "--for=condition=Ready", "pod/modest", "--timeout=30s")
        kubectl.apply(waiting_pod("urgent", container=request, priorityClassName=f"urgent-{namespace}"))
        kubectl("wait", "--for=condition=Ready", "pod/urgent", "--timeout=30s")
        assert kubectl("get", "pod", "modest", check=False).returncode, "it had to go"
        events = kubectl("get", "events", "--field-selector=involvedObject.name=modest")
        assert "Preempted" in events and "on node board" in events
    finally:
        board.kubectl("delete", "priorityclass", f"urgent-{namespace}")


MEMBERS = f"""\
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: member}}
spec:
  serviceName: member
  replicas: 2
  selector: {{matchLabels: {{app: member}}}}
  template:
    metadata: {{labels: {{app: member}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: box, image: {BOX}, command: [sleep, "3600"]}}]
"""


def test_members_of_a_stateful_set_roll_from_the_top_down_to_the_partition_and_back(kubectl):
    kubectl.apply(MEMBERS)
    kubectl("rollout", "status", "sts/member", "--timeout=60s")
    partition = '{"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}'
    kubectl("patch", "sts", "member", "-p", partition)
    before = {p["metadata"]["name"]: p["metadata"]["uid"] for p in running(kubectl)}
    kubectl("set", "env", "sts/member", "COLOUR=blue")
    out = kubectl("rollout", "status", "sts/member", "--timeout=60s")
    assert "partitioned roll out complete: 1 new pods have been updated..." in out
    after = {p["metadata"]["name"]: p["metadata"]["uid"] for p in running(kubectl)}
    assert after["member-0"] == before["member-0"] and after["member-1"] != before["member-1"]
    status = kubectl.get("sts", "member")["status"]
    assert status["currentRevision"] != status["updateRevision"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (1, 1)
    kubectl("rollout", "undo", "sts/member")
    wait_until(
        lambda: "env" not in kubectl.get("pod", "member-1")["spec"]["containers"][0],
        what="the old template again",
    )
    kubectl("rollout", "status", "sts/member", "--timeout=60s")
    kubectl("scale", "sts", "member", "--replicas=0")
    wait_until(lambda: not kubectl.get("pods")["items"], what="nobody is left")
