"""What a newcomer does first, with real kubectl on real containers."""

import base64
import collections
import glob
import json
import os
import subprocess

import pytest
from board import ROOT, wait_until

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: box
          image: localhost/box:1
          command: ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -v -p 8080 -h /www"]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
          resources: {requests: {cpu: 10m}, limits: {memory: 32Mi}}
"""


def kubectls():
    """Every kubectl of this machine, the oldest first."""
    program = os.path.realpath(
        subprocess.run(["which", "kubectl"], capture_output=True, text=True).stdout.strip()
    )
    return [*sorted(glob.glob(os.path.join(os.path.dirname(program), "kubectl.1.*"))), "kubectl"]


@pytest.fixture
def web(board, namespace):
    """A rolled-out Deployment of three."""
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=WEB)
    board.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=60s")
    return namespace


def pods_of(board, namespace):
    return board.get("pods", "-n", namespace, "-l", "app=web")["items"]


def answers(board, url, count):
    got = [board.curl(url).stdout.strip() for _ in range(count)]
    return collections.Counter(got)


def test_the_node_tells_what_it_is(board):
    node = board.get("node", "board")
    assert {a["type"] for a in node["status"]["addresses"]} == {"InternalIP", "Hostname"}
    assert int(node["status"]["capacity"]["cpu"]) >= 1
    assert node["status"]["capacity"]["memory"].endswith("Ki")
    assert node["spec"]["podCIDR"] == "10.42.0.0/24"
    assert any("localhost/box:1" in image["names"] for image in node["status"]["images"])
    table = board.kubectl("get", "nodes", "-o", "wide")
    assert "podman://" in table and "Ready" in table


def test_a_deployment_rolls_out_and_its_service_spreads_over_the_pods(board, web):
    names = {pod["metadata"]["name"] for pod in pods_of(board, web)}
    assert len(names) == 3
    board.kubectl("-n", web, "expose", "deployment/web", "--port=80", "--target-port=http", "--type=NodePort")
    service = board.get("service", "web", "-n", web)
    cluster_ip, node_port = service["spec"]["clusterIP"], service["spec"]["ports"][0]["nodePort"]
    wait_until(lambda: set(answers(board, f"http://{cluster_ip}/", 12)) == names, what="every pod answers")
    assert set(answers(board, f"http://198.51.100.7:{node_port}/", 30)) <= names
    inside = board.kubectl("-n", web, "exec", "deploy/web", "--", "wget", "-qO-", f"http://{cluster_ip}/")
    assert inside.strip() in names
    by_name = board.kubectl("-n", web, "exec", "deploy/web", "--", "wget", "-qO-", "http://web/")
    assert by_name.strip() in names


def test_what_the_board_itself_serves_does_not_answer_on_cluster_addresses(board, web):
    board.kubectl("-n", web, "expose", "deployment/web", "--port=80", "--target-port=8080")
    address = board.get("service", "web", "-n", web)["spec"]["clusterIP"]
    wait_until(lambda: board.curl(f"http://{address}/").returncode == 0, what="the service answers")
    assert board.curl(f"https://{address}:6443/healthz", "--insecure").returncode == 7


def test_a_change_rolls_the_pods_over_and_an_undo_brings_the_old_ones_back(board, web):
    board.kubectl("-n", web, "set", "env", "deployment/web", "COLOUR=blue")
    board.kubectl("-n", web, "rollout", "status", "deployment/web", "--timeout=60s")
    seen = board.kubectl("-n", web, "exec", "deploy/web", "--", "env")
    assert "COLOUR=blue" in seen
    board.kubectl("-n", web, "rollout", "undo", "deployment/web")
    board.kubectl("-n", web, "rollout", "status", "deployment/web", "--timeout=60s")
    assert "COLOUR" not in board.kubectl("-n", web, "exec", "deploy/web", "--", "env")
    history = board.kubectl("-n", web, "rollout", "history", "deployment/web")
    assert "3" in history


def test_scaling_goes_up_and_down(board, web):
    board.kubectl("-n", web, "scale", "deployment/web", "--replicas=5")
    board.kubectl("-n", web, "rollout", "status", "deployment/web", "--timeout=60s")
    assert len(pods_of(board, web)) == 5
    board.kubectl("-n", web, "scale", "deployment/web", "--replicas=1")
    wait_until(lambda: len(pods_of(board, web)) == 1, what="one pod is left")


def test_a_deleted_pod_and_a_killed_container_come_back(board, web):
    first, second, *_ = pods_of(board, web)
    board.kubectl("-n", web, "delete", "pod", first["metadata"]["name"])
    identity = second["status"]["containerStatuses"][0]["containerID"].removeprefix("podman://")
    board.podman("kill", identity)

    def is_whole():
        pods = pods_of(board, web)
        ready = [
            p
            for p in pods
            if all(s["ready"] for s in p["status"].get("containerStatuses", [{"ready": False}]))
        ]
        return (
            len(ready) == 3
            and len(pods) == 3
            and any(s["restartCount"] for p in pods for s in p["status"]["containerStatuses"])
        )

    wait_until(is_whole, what="three ready pods, one of them restarted")


def test_logs_follow_exec_and_copy(board, web, tmp_path):
    name = pods_of(board, web)[0]["metadata"]["name"]
    board.kubectl("-n", web, "exec", name, "--", "wget", "-qO", "/dev/null", "http://127.0.0.1:8080/")
    assert "response:200" in board.kubectl("-n", web, "logs", name)
    assert len(board.kubectl("-n", web, "logs", name, "--tail=1").splitlines()) == 1
    failed = board.kubectl("-n", web, "exec", name, "--", "sh", "-c", "exit 7", check=False)
    assert failed.returncode == 7
    echoed = board.kubectl("-n", web, "exec", "-i", name, "--", "cat", text_in="over stdin")
    assert echoed == "over stdin"
    (tmp_path / "file").write_text("copied")
    board.kubectl("-n", web, "cp", str(tmp_path / "file"), f"{name}:/tmp/file")
    assert board.kubectl("-n", web, "exec", name, "--", "cat", "/tmp/file") == "copied"


def test_describe_shows_what_happened(board, web):
    pod = pods_of(board, web)[0]["metadata"]["name"]
    text = board.kubectl("-n", web, "describe", "pod", pod)
    for word in ("Scheduled", "Pulled", "Created", "Started", "Successfully assigned"):
        assert word in text
    assert "ScalingReplicaSet" in board.kubectl("-n", web, "describe", "deployment", "web")
    assert "Allocated resources" in board.kubectl("describe", "node", "board")


@pytest.mark.parametrize("program", kubectls(), ids=os.path.basename)
def test_every_kubectl_creates_applies_reads_and_deletes(board, namespace, program):
    def run(*argv, **options):
        return board.kubectl("-n", namespace, *argv, program=program, **options)

    run("create", "configmap", "settings", "--from-literal=a=1")
    run("create", "secret", "generic", "hidden", "--from-literal=b=2")
    run("create", "deployment", "made", "--image=localhost/box:1", "--replicas=0")
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {x: '1'}\n"
    assert "created" in run("apply", "-f", "-", text_in=manifest)
    assert "unchanged" in run("apply", "-f", "-", text_in=manifest)
    assert "configured" in run("apply", "-f", "-", text_in=manifest.replace("'1'", "'2'"))
    assert run("get", "configmap", "applied", "-o", "jsonpath={.data.x}") == "2"
    assert "applied" in run("get", "configmaps", "-o", "name")
    run("label", "configmap", "applied", "colour=red")
    run("annotate", "configmap", "applied", "note=hi")
    assert "applied" in run("get", "configmaps", "-l", "colour=red")
    run("patch", "configmap", "applied", "--type=json", "-p", '[{"op":"add","path":"/data/y","value":"3"}]')
    assert json.loads(run("get", "configmap", "applied", "-o", "json"))["data"] == {"x": "2", "y": "3"}
    run("apply", "--server-side", "--force-conflicts", "-f", "-", text_in=manifest)
    assert "NAME" in run("get", "all")
    assert "How many pods. 1 when absent." in run("explain", "deployment.spec")
    assert "What is set aside for it on a node." in run("explain", "pod.spec.containers.resources")
    run("delete", "configmap", "applied")
    gone = run("get", "configmap", "applied", check=False)
    assert gone.returncode == 1 and 'configmaps "applied" not found' in gone.stderr


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndat: {}\n", 'unknown field "dat"'),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_Name}\n", "metadata.name: Invalid value"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {a: '-'}}\n",
            "metadata.labels: Invalid value",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n",
            "spec.containers: Required value",
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: many}\n",
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "apiVersion: v2\nkind: Nothing\nmetadata: {name: x}\n",
            'no matches for kind "Nothing" in version "v2"',
        ),
    ],
)
def test_wrong_manifests_are_refused_in_kubernetes_words(board, namespace, manifest, words):
    done = board.kubectl(
        "-n", namespace, "create", "--validate=strict", "-f", "-", text_in=manifest, check=False
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert board.get("configmap,pod,deployment", "-n", namespace)["items"] in (
        [],
        [
            i
            for i in board.get("configmap", "-n", namespace)["items"]
            if i["metadata"]["name"] == "kube-root-ca.crt"
        ],
    )


def test_an_image_that_cannot_be_had_is_named_and_hinders_nobody(board, namespace):
    for name, image in (("lost", "localhost/nowhere:1"), ("fine", "localhost/box:1")):
        board.kubectl("-n", namespace, "run", name, f"--image={image}", "--image-pull-policy=IfNotPresent",
                      "--command", "--", "sleep", "1000")  # fmt: skip
    board.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/fine", "--timeout=30s")

    def reason():
        statuses = board.get("pod", "lost", "-n", namespace)["status"].get("containerStatuses", [])
        return [s["state"].get("waiting", {}).get("reason") for s in statuses] == ["ImagePullBackOff"]

    wait_until(reason, what="ImagePullBackOff")
    assert "nowhere" in board.kubectl("-n", namespace, "describe", "pod", "lost")
    board.kubectl("-n", namespace, "delete", "pod", "fine", "--now")


def test_a_killed_leader_comes_back_with_everything_and_starts_no_pod_twice(board, web):
    before = {
        p["metadata"]["name"]: p["status"]["containerStatuses"][0]["containerID"] for p in pods_of(board, web)
    }
    board.kubectl("-n", web, "create", "configmap", "kept", "--from-literal=a=1")
    board.kill()
    board.start()
    assert board.kubectl("-n", web, "get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "1"
    board.kubectl("-n", web, "rollout", "status", "deployment/web", "--timeout=60s")
    after = {
        p["metadata"]["name"]: p["status"]["containerStatuses"][0]["containerID"] for p in pods_of(board, web)
    }
    assert after == before
    services = [p for p in board.processes().values() if b"system\x00service" in p]
    assert len(services) == 1, "the killed leader's Podman service was not ended"


def test_the_example_in_the_readme_is_valid(board):
    board.kubectl("apply", "--dry-run=server", "-f", str(ROOT / "examples" / "hello.yaml"))


@pytest.mark.parametrize("program", [kubectls()[0], "kubectl"], ids=os.path.basename)
def test_a_port_is_forwarded_to_a_pod(board, web, program):
    name = pods_of(board, web)[0]["metadata"]["name"]
    argv = [
        "nsenter",
        f"--net=/run/netns/{board.name}",
        program,
        "-n",
        web,
        "port-forward",
        f"pod/{name}",
        "9090:8080",
    ]
    forwarding = subprocess.Popen(
        argv, env=board.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(
            lambda: board.curl("http://127.0.0.1:9090/").stdout.strip() == name, what="the pod answers"
        )
        assert board.curl("http://127.0.0.1:9090/").stdout.strip() == name
    finally:
        forwarding.terminate()
        forwarding.wait(timeout=10)


def test_deleting_a_deployment_takes_its_pods_along_unless_they_are_orphaned(board, web):
    board.kubectl("-n", web, "delete", "deployment", "web", "--cascade=orphan")
    assert len(pods_of(board, web)) == 3
    board.kubectl("-n", web, "apply", "-f", "-", text_in=WEB)
    board.kubectl("-n", web, "rollout", "status", "deployment/web", "--timeout=60s")
    assert len(pods_of(board, web)) == 3
    board.kubectl("-n", web, "delete", "deployment", "web", "--cascade=foreground", "--timeout=60s")
    assert pods_of(board, web) == []


def test_a_namespace_goes_with_everything_in_it(board):
    board.kubectl("create", "namespace", "short-lived")
    board.kubectl("-n", "short-lived", "apply", "-f", "-", text_in=WEB)
    board.kubectl("-n", "short-lived", "rollout", "status", "deployment/web", "--timeout=60s")
    board.kubectl("delete", "namespace", "short-lived", "--timeout=60s")
    assert "short-lived" not in board.kubectl("get", "namespaces", "-o", "name")
    assert board.podman("ps", "-a", "--format", "{{.Names}}").stdout.count("short-lived") == 0


def test_a_pod_finds_its_token_and_may_not_do_more_than_its_roles(board, web):
    token = board.kubectl("-n", web, "exec", "deploy/web", "--", "cat",
                          "/var/run/secrets/kubernetes.io/serviceaccount/token")  # fmt: skip
    url = f"https://198.51.100.7:6443/api/v1/namespaces/{web}/pods"
    header = f"Authorization: Bearer {token}"
    refused = json.loads(board.curl(url, "--insecure", "-H", header).stdout)
    assert refused["reason"] == "Forbidden" and f"system:serviceaccount:{web}:default" in refused["message"]
    board.kubectl("-n", web, "create", "role", "reader", "--verb=list", "--resource=pods")
    board.kubectl(
        "-n", web, "create", "rolebinding", "reads", "--role=reader", f"--serviceaccount={web}:default"
    )
    assert json.loads(board.curl(url, "--insecure", "-H", header).stdout)["kind"] == "PodList"
    wrong = json.loads(board.curl(url, "--insecure", "-H", f"{header}x").stdout)
    assert wrong["code"] == 401


def test_a_token_is_verified_with_what_is_found_at_its_issuer(board):
    found = json.loads(board.kubectl("get", "--raw", "/.well-known/openid-configuration"))
    token = board.kubectl("create", "token", "default").strip()
    answer = board.curl(found["jwks_uri"], "--insecure", "--header", f"Authorization: Bearer {token}").stdout
    [key] = json.loads(answer)["keys"]
    head, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert json.loads(head)["kid"] == key["kid"]
    assert json.loads(claims)["iss"] == found["issuer"]


def test_a_crashing_container_is_restarted_with_back_off(board, namespace):
    board.kubectl("-n", namespace, "run", "crash", "--image=localhost/box:1", "--command", "--", "false")

    def state():
        statuses = board.get("pod", "crash", "-n", namespace)["status"].get("containerStatuses", [])
        return statuses and statuses[0]["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"

    wait_until(state, what="CrashLoopBackOff")
    status = board.get("pod", "crash", "-n", namespace)["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 1
    board.kubectl("-n", namespace, "delete", "pod", "crash", "--now")


def test_a_container_over_its_memory_limit_is_killed(board, namespace):
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "greedy"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "c",
                    "image": "localhost/box:1",
                    "command": ["sh", "-c", "x=a; while true; do x=$x$x; done"],
                    "resources": {"limits": {"memory": "24Mi"}},
                }
            ],
        },
    }
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=json.dumps(manifest))

    def ended():
        status = board.get("pod", "greedy", "-n", namespace)["status"]
        return status["phase"] == "Failed" and status

    state = wait_until(ended, what="the pod fails")["containerStatuses"][0]["state"]["terminated"]
    assert state["exitCode"] == 137 and state["reason"] == "OOMKilled"


def test_a_daemon_set_runs_on_the_board_and_a_job_runs_to_its_end(board, namespace):
    daemon = json.loads(
        board.kubectl("-n", namespace, "create", "deployment", "d", "--image=localhost/box:1", "--dry-run=client",
                      "-o", "json", "--", "sleep", "1000")
    )  # fmt: skip
    daemon["kind"] = "DaemonSet"
    daemon["spec"] = {key: daemon["spec"][key] for key in ("selector", "template")}
    daemon["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=json.dumps(daemon))
    board.kubectl("-n", namespace, "rollout", "status", "daemonset/d", "--timeout=60s")
    board.kubectl("-n", namespace, "create", "job", "j", "--image=localhost/box:1", "--", "echo", "done")
    board.kubectl("-n", namespace, "wait", "--for=condition=Complete", "job/j", "--timeout=60s")
    assert board.kubectl("-n", namespace, "logs", "job/j").strip() == "done"
