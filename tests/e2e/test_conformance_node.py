"""What Kubernetes' conformance asks of a node, as far as no other test does: commands, ends, init containers, what
a pod is told of itself, its hosts file, its volumes' paths, runtime classes, and streams as the first clients speak.
"""

import base64
import json
import sys

import pytest
import yaml
from board import wait_until
from test_node_lifecycle import (
    BOX,
    apply,
    box,
    container_of,
    ended,
    events_of,
    over,
    pod,
    ready,
    sh,
    status_of,
)

ONCE = {"restartPolicy": "Never"}


def logs(board, namespace, name, container="c"):
    return board.kubectl("-n", namespace, "logs", name, "-c", container)


def waiting(board, namespace, name, container="c"):
    return container_of(board, namespace, name, container)["state"].get("waiting", {})


def refused(board, namespace, document):
    """What is said of a document that cannot be created."""
    done = board.kubectl("-n", namespace, "create", "-f", "-", text_in=json.dumps(document), check=False)
    assert done.returncode
    return done.stderr


def test_a_command_stands_for_the_images_entry_and_arguments_for_its_own(board, namespace):
    image = f"localhost/{namespace}:1"
    changes = ("--change", 'ENTRYPOINT ["echo","entry"]', "--change", 'CMD ["default"]')
    board.podman("import", "--quiet", *changes, str(board.directory / "image.tar"), image)
    try:
        containers = [
            {"name": "neither", "image": image},
            {"name": "args", "image": image, "args": ["mine"]},
            {"name": "command", "image": image, "command": ["echo", "other"]},
            {"name": "both", "image": image, "command": ["echo", "other"], "args": ["mine"]},
        ]
        apply(board, namespace, pod("said", *containers, **ONCE))
        wait_until(lambda: over(board, namespace, "said"), what="the end")
        found = [logs(board, namespace, "said", one["name"]).strip() for one in containers]
        assert found == ["entry default", "entry mine", "other", "other mine"]
        board.kubectl("-n", namespace, "delete", "pod", "said")
    finally:
        board.podman("rmi", image, check=False)


def test_a_container_ends_as_its_policy_says_and_its_last_words_are_the_right_ones(board, namespace):
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    nobody = {"securityContext": {"runAsUser": 1000}, "terminationMessagePath": "/dev/another-place"}
    twice = "if test -e /v/x; then exit 0; fi; echo > /v/x; exit 1"
    again = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    apply(
        board,
        namespace,
        pod("quiet", box("c", "echo of the log", **fallback), **ONCE),
        pod("file", box("c", "echo -n OK > /dev/termination-log; echo of the log", **fallback), **ONCE),
        pod("nobody", box("c", "echo -n DONE > /dev/another-place", **nobody), **ONCE),
        pod("on-failure", box("c", twice, **again), restartPolicy="OnFailure", **volume),
        pod("always", box("c", "exit 0")),
        pod("never", box("c", "exit 1"), **ONCE),
    )
    assert "message" not in ended(board, namespace, "quiet")
    assert ended(board, namespace, "file")["message"] == "OK"
    assert ended(board, namespace, "nobody")["message"] == "DONE"
    wait_until(lambda: over(board, namespace, "on-failure"), what="the second try")
    assert status_of(board, namespace, "on-failure")["phase"] == "Succeeded"
    assert container_of(board, namespace, "on-failure")["restartCount"] == 1
    wait_until(lambda: container_of(board, namespace, "always")["restartCount"] >= 1, what="a restart")
    assert status_of(board, namespace, "always")["phase"] == "Running"
    wait_until(lambda: over(board, namespace, "never"), what="the end")
    assert status_of(board, namespace, "never")["phase"] == "Failed"
    assert container_of(board, namespace, "never")["restartCount"] == 0


def test_containers_wait_for_those_before_them_and_never_run_where_one_fails(board, namespace):
    inits = [box("one", "echo > /v/one"), box("two", "test -e /v/one && echo > /v/two")]
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    inits = [{**init, **mount} for init in inits]
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    apply(
        board,
        namespace,
        pod("runs", box("c", "test -e /v/two && sleep 1000", **mount), initContainers=inits, **volume),
        pod("ends", box("c", "test -e /v/two", **mount), initContainers=inits, **volume, **ONCE),
        pod("fails", box("c"), initContainers=[box("one", "exit 1"), box("two", "true")], **ONCE),
        pod("retries", box("c"), initContainers=[box("one", "exit 1"), box("two", "true")]),
    )
    ready(board, namespace, "runs")
    wait_until(lambda: over(board, namespace, "ends"), what="the end")
    assert status_of(board, namespace, "ends")["phase"] == "Succeeded"
    fails = wait_until(lambda: over(board, namespace, "fails"), what="the failure")
    assert fails["phase"] == "Failed"
    for name in ("fails", "retries"):
        for container in ("two", "c"):
            assert waiting(board, namespace, name, container)["reason"] == "PodInitializing"
    wait_until(lambda: container_of(board, namespace, "retries", "one")["restartCount"] >= 2, what="tries")
    retries = status_of(board, namespace, "retries")
    condition = next(c for c in retries["conditions"] if c["type"] == "Initialized")
    assert (condition["status"], condition["reason"]) == ("False", "ContainersNotInitialized")
    assert condition["message"] == "containers with incomplete status: [one two]"
    assert retries["phase"] == "Pending"


FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "status.podIP",
    "status.hostIP",
    "spec.nodeName",
)
RESOURCES = ("limits.cpu", "limits.memory", "requests.cpu", "requests.memory")


def test_a_pod_is_told_of_itself_in_variables_and_in_files(board, namespace):
    def variables(paths, key, field):
        return [{"name": p.replace(".", "_"), "valueFrom": {key: {field: p}}} for p in paths]

    def files(container):
        items = [
            {"path": p, "resourceFieldRef": {"containerName": container, "resource": p}} for p in RESOURCES
        ]
        return [*items, {"path": "name", "mode": 0o400, "fieldRef": {"fieldPath": "metadata.name"}}]

    declared = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1250m", "memory": "64Mi"}}
    env = [
        *variables(FIELDS, "fieldRef", "fieldPath"),
        *variables(RESOURCES, "resourceFieldRef", "resource"),
    ]
    metadata = [
        {"path": what, "fieldRef": {"fieldPath": f"metadata.{what}"}} for what in ("labels", "annotations")
    ]
    volumes = [
        {"name": "own", "downwardAPI": {"items": files("c")}},
        {"name": "default", "downwardAPI": {"items": files("free"), "defaultMode": 0o440}},
        {"name": "whole", "projected": {"sources": [
            {"downwardAPI": {"items": [*files("c"), *metadata]}},
            {"configMap": {"name": "map", "items": [{"key": "a", "path": "deep/a", "mode": 0o400}]}},
            {"secret": {"name": "key"}},
        ]}},
    ]  # fmt: skip
    mounts = [{"name": v["name"], "mountPath": f"/{v['name']}"} for v in volumes]
    board.kubectl("-n", namespace, "create", "configmap", "map", "--from-literal=a=one")
    board.kubectl("-n", namespace, "create", "secret", "generic", "key", "--from-literal=s=two")
    mine = box("c", env=env, resources=declared, volumeMounts=mounts)
    wanted = pod("told", mine, box("free", env=env), volumes=volumes)
    wanted["metadata"] |= {"labels": {"a": "b"}, "annotations": {"note": "first"}}
    apply(board, namespace, wanted)
    ready(board, namespace, "told")
    found = board.get("pod", "told", "-n", namespace)
    status, node = found["status"], board.get("node", "board")["status"]["allocatable"]
    told = dict(line.split("=", 1) for line in sh(board, namespace, "told", "env", "-c", "c").splitlines())
    fields = ("told", namespace, found["metadata"]["uid"], status["podIP"], status["hostIP"], "board")
    assert tuple(told[path.replace(".", "_")] for path in FIELDS) == fields
    numbers = ["2", str(64 << 20), "1", str(32 << 20)]
    assert [told[path.replace(".", "_")] for path in RESOURCES] == numbers
    free = dict(line.split("=", 1) for line in sh(board, namespace, "told", "env", "-c", "free").splitlines())
    memory = str(int(node["memory"].removesuffix("Ki")) * 1024)
    assert (free["limits_cpu"], free["limits_memory"]) == (node["cpu"], memory)

    for place in ("own", "whole"):
        script = f"for f in {' '.join(RESOURCES)} name; do cat /{place}/$f; echo; done"
        assert sh(board, namespace, "told", script, "-c", "c").split() == [*numbers, "told"]
    default = sh(
        board, namespace, "told", "cat /default/limits.cpu; echo; cat /default/limits.memory", "-c", "c"
    )
    assert default.split() == [node["cpu"], memory]
    modes = sh(board, namespace, "told", "busybox stat -Lc %a /own/name /own/limits.cpu /default/limits.cpu "
               "/default/name /whole/deep/a /whole/s", "-c", "c").split()  # fmt: skip
    assert modes == ["400", "644", "440", "400", "400", "644"]
    assert sh(board, namespace, "told", "cat /whole/deep/a /whole/s", "-c", "c") == "onetwo"
    board.kubectl("-n", namespace, "annotate", "--overwrite", "pod", "told", "note=second", "more=1")
    board.kubectl("-n", namespace, "label", "--overwrite", "pod", "told", "a=c")
    words = 'a="c"\nmore="1"\nnote="second"'

    def follows():
        said = sh(board, namespace, "told", "cat /whole/labels; echo; cat /whole/annotations", "-c", "c")
        return all(line in said for line in words.splitlines())

    wait_until(follows, 10, "files that follow")


def test_the_hosts_file_is_the_pods_unless_it_brings_its_own(board, namespace):
    mounts = {"volumeMounts": [{"name": "hosts", "mountPath": "/etc/hosts"}]}
    host = {"name": "hosts", "hostPath": {"path": "/etc/hosts", "type": "File"}}
    aliases = [{"ip": "192.0.2.9", "hostnames": ["a"]}]
    own = pod("own", box("c"), box("brings", **mounts), volumes=[host], hostAliases=aliases)
    apply(board, namespace, own, pod("hosts", box("c"), hostNetwork=True))
    ready(board, namespace, "own", "hosts")
    managed = "# Kubernetes-managed hosts file."
    of_pod = sh(board, namespace, "own", "cat /etc/hosts", "-c", "c")
    assert of_pod.startswith(managed) and "192.0.2.9\ta\n" in of_pod
    assert managed not in sh(board, namespace, "own", "cat /etc/hosts", "-c", "brings")
    assert managed not in sh(board, namespace, "hosts", "cat /etc/hosts")


def test_a_path_by_a_variable_is_neither_absolute_nor_code_and_may_be_cured(board, namespace):
    def mounting(name, expression, **meta):
        env = [{"name": "IT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['it']"}}}]
        mount = [{"name": "v", "mountPath": "/v", "subPathExpr": expression}]
        wanted = pod(name, box("c", env=env, volumeMounts=mount), volumes=[{"name": "v", "emptyDir": {}}])
        wanted["metadata"]["annotations"] = meta
        return wanted

    apply(
        board,
        namespace,
        mounting("absolute", "$(IT)", it="/tmp"),
        mounting("up", "$(IT)", it="../../x"),
        mounting("ticks", "$(IT)", it="..`hostname`"),
        mounting("cured", "$(IT)/$(IT)", it=""),
    )
    for name in ("absolute", "up"):
        wait_until(lambda name=name: waiting(board, namespace, name).get("reason") == "CreateContainerConfigError",
                   what=f"{name} is refused")  # fmt: skip
        assert not container_of(board, namespace, name).get("started")
    board.kubectl("-n", namespace, "annotate", "--overwrite", "pod", "absolute", "it=fine")
    ready(board, namespace, "absolute")
    assert sh(board, namespace, "absolute", "echo kept > /v/x && cat /v/x") == "kept\n"


def test_a_class_of_runtime_must_be_there_and_its_overhead_counts(board, namespace):
    missing = refused(board, namespace, pod("p", box("c"), runtimeClassName="none"))
    assert 'pod rejected: RuntimeClass "none" not found' in missing
    overhead = {"podFixed": {"cpu": "10m", "memory": "1Mi"}}
    name = f"heavy-{namespace}"
    heavy = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}}
    board.kubectl("create", "-f", "-", text_in=json.dumps({**heavy, "handler": "runc", "overhead": overhead}))
    apply(board, namespace, pod("heavy", box("c"), runtimeClassName=name))
    found = board.get("pod", "heavy", "-n", namespace)["spec"]
    assert found["overhead"] == overhead["podFixed"]
    scheduled = wait_until(
        lambda: board.get("pod", "heavy", "-n", namespace)["spec"].get("nodeName"), what="a node"
    )
    assert scheduled == "board"
    foreign = {**heavy, "metadata": {"name": f"foreign-{namespace}"}, "handler": "foreign"}
    board.kubectl("create", "-f", "-", text_in=json.dumps(foreign))
    apply(board, namespace, pod("foreign", box("c"), runtimeClassName=f"foreign-{namespace}"))
    ready(board, namespace, "heavy")
    identity = container_of(board, namespace, "heavy")["containerID"].removeprefix("podman://")
    assert board.podman("inspect", identity, "--format", "{{.OCIRuntime}}").stdout.strip() == "runc"
    words = (
        'Failed to create pod sandbox: failed to get sandbox runtime: no runtime for "foreign" is configured'
    )
    wait_until(
        lambda: ("FailedCreatePodSandBox", words) in events_of(board, namespace, "foreign"), what="an event"
    )
    assert status_of(board, namespace, "foreign")["phase"] == "Pending"
    board.kubectl("delete", "runtimeclass", name, f"foreign-{namespace}")
    gone = refused(board, namespace, pod("q", box("c"), runtimeClassName=name))
    assert f'pod rejected: RuntimeClass "{name}" not found' in gone


def test_sysctls_that_are_none_are_refused(board, namespace):
    names = ("foo-", "kernel.shmmax", "safe.and.unsafe", "bar..")
    sysctls = [{"name": name, "value": "1"} for name in names]
    said = refused(board, namespace, pod("p", box("c"), securityContext={"sysctls": sysctls}))
    for number, name in ((0, "foo-"), (3, "bar..")):
        assert f'spec.securityContext.sysctls[{number}].name: Invalid value: "{name}"' in said, said
    assert "kernel.shmmax" not in said


def test_a_pod_changes_what_may_change_and_its_status_by_who_may(board, namespace):
    apply(board, namespace, pod("p", box("c")), pod("late", box("c")))
    ready(board, namespace, "p", "late")
    condition = {"type": "example.com/Seen", "status": "True", "reason": "Because", "message": "of a test"}
    patch = {"status": {"conditions": [condition]}}
    board.kubectl("-n", namespace, "patch", "pod", "p", "--subresource=status", "-p", json.dumps(patch))
    found = [c for c in status_of(board, namespace, "p")["conditions"] if c["type"] == "example.com/Seen"]
    assert found and found[0]["message"] == "of a test"
    board.kubectl("-n", namespace, "patch", "pod", "late", "-p", '{"spec":{"activeDeadlineSeconds":1}}')
    late = wait_until(lambda: over(board, namespace, "late"), what="the deadline")
    assert (late["phase"], late["reason"]) == ("Failed", "DeadlineExceeded")
    assert [c["type"] for c in status_of(board, namespace, "p")["conditions"]].count("example.com/Seen") == 1


@pytest.mark.parametrize("hook", ["postStart", "preStop"])
def test_a_hook_asks_another_pod(board, namespace, hook):
    serves = (
        "mkdir -p /w/cgi-bin; busybox printf '#!/bin/sh\\necho asked >> /tmp/asked\\necho\\n' > /w/cgi-bin/it; "
        "busybox chmod +x /w/cgi-bin/it; exec httpd -f -p 8080 -h /w"
    )
    probe = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}
    apply(board, namespace, pod("server", box("c", serves, **probe)))
    ready(board, namespace, "server")
    address = status_of(board, namespace, "server")["podIP"]
    get = {"httpGet": {"path": "/cgi-bin/it", "host": address, "port": 8080}}
    apply(board, namespace, pod("client", box("c", lifecycle={hook: get}), terminationGracePeriodSeconds=10))
    ready(board, namespace, "client")
    if hook == "preStop":
        assert sh(board, namespace, "server", "cat /tmp/asked", check=False).returncode
        board.kubectl("-n", namespace, "delete", "pod", "client")
    assert sh(board, namespace, "server", "cat /tmp/asked") == "asked\n"


def test_visitors_come_one_after_the_other(board, namespace):
    apply(board, namespace, pod("visited", box("c")))
    ready(board, namespace, "visited")
    for name in ("one", "two"):
        board.kubectl(
            "-n", namespace, "debug", "visited", f"--image={BOX}", f"--container={name}",
            "--image-pull-policy=IfNotPresent", "--attach=false", "--", "sh", "-c", "echo polo; exec sleep 1000",
        )  # fmt: skip
        wait_until(
            lambda name=name: container_of(board, namespace, "visited", name)["state"].get("running"),
            what=name,
        )
        assert logs(board, namespace, "visited", name) == "polo\n"
    found = board.get("pod", "visited", "-n", namespace)["spec"]["ephemeralContainers"]
    assert [one["name"] for one in found] == ["one", "two"]


def test_a_pod_that_always_fails_has_a_reason_and_can_be_deleted(board, namespace):
    apply(board, namespace, pod("fails", {"name": "c", "image": BOX, "command": ["false"]}))

    def reason():
        found = container_of(board, namespace, "fails")
        states = (found["state"], found.get("lastState", {}))
        return next((s["terminated"]["reason"] for s in states if "terminated" in s), None)

    assert wait_until(reason, what="a reason") == "Error"
    board.kubectl("-n", namespace, "delete", "pod", "fails", "--timeout=30s")
    assert ("BackOff", "no") not in events_of(board, namespace, "fails")


SOCKET = """\
import ssl, sys
import websocket
certificate, url, protocol = sys.argv[1:]
link = websocket.create_connection(
    url, subprotocols=[protocol], timeout=20, sslopt={"cert_reqs": ssl.CERT_NONE, "certfile": certificate})
assert link.subprotocol == protocol, link.subprotocol
while (message := link.recv()) or link.connected:
    print(message if isinstance(message, str) else message.decode("latin-1"), end="")
"""


def test_the_first_clients_read_logs_and_run_commands_over_web_sockets(board, namespace, tmp_path):
    apply(board, namespace, pod("talks", box("c", "echo is alive; exec sleep 1000")))
    ready(board, namespace, "talks")
    config = yaml.safe_load(board.kubeconfig.read_text())
    user, server = config["users"][0]["user"], config["clusters"][0]["cluster"]["server"]
    certificate = tmp_path / "user.pem"
    parts = (user["client-certificate-data"], user["client-key-data"])
    certificate.write_bytes(b"".join(map(base64.b64decode, parts)))
    url = f"{server.replace('https', 'wss')}/api/v1/namespaces/{namespace}/pods/talks"

    def said(path, protocol):
        return board.run(sys.executable, "-c", SOCKET, str(certificate), url + path, protocol).stdout

    assert said("/log?container=c", "binary.k8s.io") == "is alive\n"
    assert base64.b64decode(said("/log?container=c", "base64.binary.k8s.io")) == b"is alive\n"
    run = "/exec?command=echo&command=remote&stdout=1&stderr=1&container=c"
    assert said(run, "channel.k8s.io") == "\x01\x01remote\n"
    assert said(run, "v4.channel.k8s.io").startswith("\x01\x01remote\n\x03{")
    words = said(run, "base64.channel.k8s.io")
    assert words == "11" + base64.b64encode(b"remote\n").decode()
