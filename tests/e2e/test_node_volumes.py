"""What pods mount: files that follow their objects, directories, claims, and what is said where one is missing."""

import json
from pathlib import Path

import pytest
from board import wait_until

MOUNTED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: one, b: two}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {user: bob}
---
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {colour: red}}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {fsGroup: 2000}
  containers:
    - name: c
      image: localhost/box:1
      command: ["sleep", "1000"]
      securityContext: {runAsUser: 1000}
      env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
      volumeMounts:
        - {name: map, mountPath: /map}
        - {name: map, mountPath: /frozen, subPath: a}
        - {name: secret, mountPath: /secret}
        - {name: both, mountPath: /both}
        - {name: labels, mountPath: /labels}
        - {name: memory, mountPath: /memory}
        - {name: disk, mountPath: /disk, subPathExpr: $(NAME)}
        - {name: disk, mountPath: /slave, mountPropagation: HostToContainer}
  volumes:
    - {name: map, configMap: {name: settings, defaultMode: 0400, items: [{key: a, path: a}, {key: b, path: d/b}]}}
    - {name: secret, secret: {secretName: hidden, defaultMode: 0400}}
    - name: both
      projected:
        sources:
          - {configMap: {name: settings, items: [{key: b, path: b}]}}
          - {secret: {name: hidden, items: [{key: user, path: who}]}}
          - {secret: {name: not-there, optional: true}}
          - {serviceAccountToken: {path: token, audience: me, expirationSeconds: 600}}
    - {name: labels, downwardAPI: {items: [{path: colour, fieldRef: {fieldPath: "metadata.labels['colour']"}}]}}
    - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
    - {name: disk, emptyDir: {}}
"""


def apply(board, namespace, manifest):
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=text)


def pod(name, volumes=(), mounts=(), **spec):
    container = {
        "name": "c", "image": "localhost/box:1", "command": ["sleep", "1000"],
        "volumeMounts": list(mounts), **spec.pop("container", {}),
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": list(volumes),
            **spec,
        },
    }


def ready(board, namespace, name):
    board.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")


def sh(board, namespace, name, script, check=True):
    return board.kubectl("-n", namespace, "exec", name, "--", "sh", "-c", script, check=check)


def events_of(board, namespace, name):
    items = board.get("events", "-n", namespace, f"--field-selector=involvedObject.name={name}")["items"]
    return [(event["reason"], event["message"]) for event in items]


def test_files_follow_their_objects_within_seconds(board, namespace):
    apply(board, namespace, MOUNTED)
    ready(board, namespace, "reader")
    seen = sh(board, namespace, "reader", "cat /map/a /map/d/b /secret/user /both/b /both/who /labels/colour")
    assert seen == "onetwobobtwobobred"
    kinds = sh(board, namespace, "reader", "cat /proc/mounts; ls -ln /map/..data/a; ls -lnd /disk /memory")
    for place in ("secret", "both", "memory"):
        assert f"tmpfs /{place} tmpfs" in kinds
    assert "size=1024k" in kinds
    assert "-r--r-----    1 0        2000" in kinds, "a file that fsGroup cannot read"
    assert kinds.count("drwxrwsrwx") == 2
    for place in ("/map/x", "/secret/x", "/both/x", "/labels/x"):
        refused = sh(board, namespace, "reader", f"echo > {place}", check=False)
        assert "Read-only" in refused.stderr, place
    sh(board, namespace, "reader", "echo > /disk/x && test -f /slave/reader/x")

    board.kubectl("-n", namespace, "patch", "configmap", "settings", "-p", '{"data":{"a":"ONE","b":"TWO"}}')
    board.kubectl("-n", namespace, "patch", "secret", "hidden", "-p", '{"stringData":{"user":"eve"}}')
    board.kubectl("-n", namespace, "label", "--overwrite", "pod", "reader", "colour=blue")
    script = "cat /map/a /map/d/b /secret/user /both/b /both/who /labels/colour"
    wanted = "ONETWOeveTWOeveblue"
    wait_until(lambda: sh(board, namespace, "reader", script) == wanted, 10, "files that follow")
    assert sh(board, namespace, "reader", "cat /frozen") == "one"
    assert sh(board, namespace, "reader", "ls -a /map").split() == [".", "..", "..2", "..data", "a", "d"]
    kept = Path(board.directory, "data", "agent")
    for path in (*kept.glob("kept/*"), *kept.glob("tokens/*")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("volume", "words", "cure"),
    [
        (
            {"configMap": {"name": "late"}},
            'MountVolume.SetUp failed for volume "v" : configmap "late" not found',
            ["create", "configmap", "late"],
        ),
        (
            {"hostPath": {"path": "/proc/1", "type": "File"}},
            "hostPath type check failed: /proc/1 is not a file",
            None,
        ),
        ({"nfs": {"server": "127.0.0.1", "path": "/x"}}, "mount", None),
        (
            {"persistentVolumeClaim": {"claimName": "nope"}},
            'persistentvolumeclaim "nope" not found',
            None,
        ),
    ],
    ids=["configMap", "hostPath", "nfs", "claim"],
)
def test_a_volume_that_cannot_be_made_is_named_and_the_pod_goes_on_when_it_can(
    board, namespace, volume, words, cure
):
    mounts = [{"name": "v", "mountPath": "/v"}]
    apply(board, namespace, pod("stuck", [{"name": "v", **volume}], mounts))

    def said():
        found = [text for reason, text in events_of(board, namespace, "stuck") if words in text]
        pending = board.get("pod", "stuck", "-n", namespace)["status"]
        return found or words in json.dumps(pending)

    wait_until(said, what=words)
    if cure:
        board.kubectl("-n", namespace, *cure)
        ready(board, namespace, "stuck")


def test_the_files_of_an_image_are_a_volume(board, namespace):
    volumes = [{"name": "v", "image": {"reference": "localhost/box:1"}}]
    apply(board, namespace, pod("files", volumes, [{"name": "v", "mountPath": "/v"}]))
    ready(board, namespace, "files")
    assert sh(board, namespace, "files", "ls /v/bin/busybox") == "/v/bin/busybox\n"
    assert "Read-only" in sh(board, namespace, "files", "echo > /v/x", check=False).stderr


def test_a_claims_directory_is_for_any_user_outlives_pods_and_goes_with_its_claim(board, namespace):
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    apply(board, namespace, claim)
    mounts = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    user = {"securityContext": {"runAsUser": 1000}}
    for name, script in (("first", "echo kept > /v/x"), ("second", "grep kept /v/x")):
        apply(board, namespace, pod(name, volumes, mounts, container=user))
        ready(board, namespace, name)
        sh(board, namespace, name, script)
        board.kubectl("-n", namespace, "delete", "pod", name)
    name = board.get("pvc", "data", "-n", namespace)["spec"]["volumeName"]
    path = Path(board.get("pv", name)["spec"]["hostPath"]["path"])
    assert (path / "x").exists()
    board.kubectl("-n", namespace, "delete", "pvc", "data")
    wait_until(lambda: not path.exists(), what="the directory goes with its volume")
