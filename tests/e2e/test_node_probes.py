"""Probes of every kind as a container meets them, and its signals and variables."""

import subprocess
import sys
from pathlib import Path

from board import wait_until
from test_node_lifecycle import BOX, apply, box, container_of, events_of, pod, ready, sh, status_of

HEALTH_SERVER = Path(__file__).parent / "health_server.py"
SERVES = """\
mkdir -p /tmp/w/cgi-bin
busybox printf '#!/bin/sh\\necho\\necho "$HTTP_X_ASK $HTTP_USER_AGENT" >> /tmp/asked\\necho\\n' > /tmp/w/cgi-bin/look
busybox chmod +x /tmp/w/cgi-bin/look
until test -e /tmp/up; do sleep 0.1; done
httpd -p 8080 -h /tmp/w
exec sleep 1000
"""


def test_a_container_is_started_ready_and_alive_as_its_probes_say(board, namespace):
    ask = {"path": "/cgi-bin/look", "port": "web", "httpHeaders": [{"name": "X-Ask", "value": "please"}]}
    probes = {
        "startupProbe": {
            "exec": {"command": ["test", "-e", "/tmp/up"]},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "readinessProbe": {"httpGet": ask, "periodSeconds": 1, "failureThreshold": 1},
        "livenessProbe": {"tcpSocket": {"port": "web"}, "periodSeconds": 1, "failureThreshold": 2},
    }
    ports = [{"name": "web", "containerPort": 8080}]
    apply(board, namespace, pod("probed", box("c", SERVES, ports=ports, **probes)))
    wait_until(lambda: container_of(board, namespace, "probed")["state"].get("running"), what="it runs")

    def said(reason, words):
        return any(r == reason and words in m for r, m in events_of(board, namespace, "probed"))

    wait_until(
        lambda: said("Unhealthy", "Startup probe failed: command exited with 1"), what="not started yet"
    )
    found = container_of(board, namespace, "probed")
    assert (found["started"], found["ready"], found["restartCount"]) == (False, False, 0)
    sh(board, namespace, "probed", "echo > /tmp/up")
    ready(board, namespace, "probed")
    assert sh(board, namespace, "probed", "head -n 1 /tmp/asked").startswith("please kube-probe/")

    sh(board, namespace, "probed", "rm /tmp/w/cgi-bin/look")
    wait_until(lambda: not container_of(board, namespace, "probed")["ready"], what="not ready any more")
    assert said("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
    assert container_of(board, namespace, "probed")["restartCount"] == 0

    sh(board, namespace, "probed", "busybox kill $(busybox pidof httpd)", check=False)
    wait_until(lambda: container_of(board, namespace, "probed")["restartCount"] == 1, what="a restart")


def test_a_container_that_is_not_alive_is_ended_with_the_grace_of_its_probe(board, namespace):
    deaf = "trap '' TERM; while true; do sleep 1; done"
    probe = {
        "exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1, "terminationGracePeriodSeconds": 1,
    }  # fmt: skip
    apply(
        board, namespace, pod("sick", box("c", deaf, livenessProbe=probe), terminationGracePeriodSeconds=600)
    )
    wait_until(lambda: container_of(board, namespace, "sick")["restartCount"] >= 1, what="a restart")
    killing = ("Killing", "Container c failed liveness probe, will be restarted")
    assert killing in events_of(board, namespace, "sick")
    board.kubectl("-n", namespace, "delete", "pod", "sick", "--grace-period=1")


def test_a_container_ends_by_the_signal_of_its_image_or_of_its_pod(board, namespace):
    board.podman(
        "import",
        "--quiet",
        "--change",
        "STOPSIGNAL SIGUSR1",
        str(board.directory / "image.tar"),
        "localhost/usr1:1",
    )
    try:
        path = board.directory / f"shared-{namespace}"
        shared = {"name": "shared", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}
        script = "trap 'echo {0} > /shared/{0}; exit 0' {0}; while true; do sleep 0.1; done"
        mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
        grace = {"volumes": [shared], "terminationGracePeriodSeconds": 20}
        of_image = {**box("c", script.format("USR1"), **mount), "image": "localhost/usr1:1"}
        of_pod = box("c", script.format("USR2"), lifecycle={"stopSignal": "SIGUSR2"}, **mount)
        apply(
            board,
            namespace,
            pod("of-image", of_image, **grace),
            pod("of-pod", of_pod, os={"name": "linux"}, **grace),
        )
        ready(board, namespace, "of-image", "of-pod")
        board.kubectl("-n", namespace, "delete", "pod", "of-image", "of-pod")
        assert sorted(found.name for found in path.iterdir()) == ["USR1", "USR2"]
    finally:
        board.podman("rmi", "-f", "localhost/usr1:1")


def test_variables_and_arguments_are_what_the_pod_says(board, namespace):
    board.kubectl("-n", namespace, "create", "configmap", "map", "--from-literal=colour=red")
    board.kubectl("-n", namespace, "create", "secret", "generic", "key", "--from-literal=user=bob")
    one = {
        "name": "c", "image": BOX, "command": ["sh", "-c", 'echo "$0 $1"; env; exec sleep 1000'],
        "args": ["$(WHO)-$(NOBODY)", "$$(WHO)"],
        "envFrom": [{"configMapRef": {"name": "map"}}, {"prefix": "K_", "secretRef": {"name": "key"}}],
        "env": [
            {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "ALL", "value": "$(WHO)/$(colour)/$(K_user)"},
            {"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "resources": {"limits": {"memory": "32Mi"}},
    }  # fmt: skip
    apply(board, namespace, pod("told", one))
    ready(board, namespace, "told")
    said = board.kubectl("-n", namespace, "logs", "told").splitlines()
    assert said[0] == "told-$(NOBODY) $(WHO)"
    address = status_of(board, namespace, "told")["podIP"]
    for line in ("WHO=told", "ALL=told/red/bob", "MEM=32", f"IP={address}", "K_user=bob", "HOSTNAME=told",
                 "KUBERNETES_PORT_443_TCP_PROTO=tcp"):  # fmt: skip
        assert line in said, line


def test_grpc_and_https_are_asked_as_real_servers_answer_them(board, namespace):
    folder = board.directory / f"health-{namespace}"
    folder.mkdir()
    certificate = str(folder / "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=nobody-signed-this",
         "-keyout", certificate, "-out", f"{certificate}.public"],
        check=True, capture_output=True,
    )  # fmt: skip
    with open(certificate, "a") as both:
        both.write(Path(f"{certificate}.public").read_text())

    def say(name, what):
        (folder / "new").write_text(str(what))
        (folder / "new").rename(folder / name)

    say("grpc", 2)
    say("https", 204)
    program = f"exec busybox chroot /host {sys.executable} {HEALTH_SERVER} {folder}"
    each = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}
    probes = {
        "startupProbe": {"tcpSocket": {"port": "secure"}, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {"grpc": {"port": 50051, "service": "ready"}, **each},
        "livenessProbe": {"httpGet": {"port": "secure", "scheme": "HTTPS"}, **each},
    }
    served = box(
        "c", program, ports=[{"name": "secure", "containerPort": 8443}], **probes,
        volumeMounts=[{"name": "host", "mountPath": "/host"}],
    )  # fmt: skip
    host = {"name": "host", "hostPath": {"path": "/", "type": "Directory"}}
    apply(board, namespace, pod("healthy", served, volumes=[host]))

    def said(words):
        return any(r == "Unhealthy" and words in m for r, m in events_of(board, namespace, "healthy"))

    def container():
        return container_of(board, namespace, "healthy")

    no = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    wait_until(lambda: said(no), 60, "gRPC says no")
    assert not container()["ready"]
    say("grpc", 1)
    ready(board, namespace, "healthy")
    say("grpc", 2)
    wait_until(lambda: not container()["ready"], what="not ready any more")
    assert container()["restartCount"] == 0
    say("https", 500)
    wait_until(lambda: container()["restartCount"] == 1, what="HTTPS says no, and it is restarted")
    say("https", 399)
    assert said("Liveness probe failed: HTTP probe failed with statuscode: 500")
    say("grpc", 1)
    ready(board, namespace, "healthy")
