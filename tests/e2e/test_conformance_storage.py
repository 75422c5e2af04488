"""What Kubernetes' conformance asks of volumes, as far as no other test does: modes, options, parts, memory."""

import base64
import json

from board import wait_until
from test_node_lifecycle import apply, box, events_of, over, pod, ready, sh

NON_ROOT = {"runAsUser": 1000, "runAsNonRoot": True}
EMPTY_DIRS = """\
for d in disk memory; do
  busybox stat -c '%a' /$d
  for mode in 0644 0666 0777; do
    echo content > /$d/f$mode; busybox chmod $mode /$d/f$mode
    busybox stat -c '%A' /$d/f$mode; cat /$d/f$mode
  done
done
busybox mount | busybox grep -c 'tmpfs on /memory'
"""


def volume(name, **source):
    return {"name": name, **source}


def mounts(*names, prefix=""):
    return {"volumeMounts": [{"name": name, "mountPath": f"/{prefix}{name}"} for name in names]}


def both(name):
    """A ConfigMap and a Secret of one name, with the same contents."""
    data = {"data-1": "value-1", "data-2": "value-2"}
    meta = {"name": name}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data},
    ]


def sources(name, **more):
    """The four ways to mount them, by volume name."""
    default = {key: value for key, value in more.items() if key in ("defaultMode", "optional")}
    mode = {key: value for key, value in default.items() if key == "defaultMode"}
    rest = {key: value for key, value in more.items() if key != "defaultMode"}
    return {
        "map": {"configMap": {"name": name, **more}},
        "secret": {"secret": {"secretName": name, **more}},
        "pmap": {"projected": {"sources": [{"configMap": {"name": name, **rest}}], **mode}},
        "psecret": {"projected": {"sources": [{"secret": {"name": name, **rest}}], **mode}},
    }


def test_files_have_the_modes_and_the_paths_that_the_pod_asks_for(board, namespace):
    board.kubectl("create", "namespace", f"{namespace}-other")
    try:
        other = {"data": {"data-1": base64.b64encode(b"of another").decode()}}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "all"}, **other}
        apply(board, f"{namespace}-other", secret)
        item = {"key": "data-2", "path": "path/to/data-2"}
        wishes = {
            "plain": {}, "mode": {"defaultMode": 0o400}, "mapped": {"items": [item]},
            "item": {"items": [{**item, "mode": 0o400}]}, "group": {"defaultMode": 0o440},
        }  # fmt: skip
        volumes = {
            f"{kind}-{wish}": source
            for wish, more in wishes.items()
            for kind, source in sources("all", **more).items()
        }
        every = {"volumes": [volume(name, **source) for name, source in volumes.items()]}
        binary = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "binary"}}
        binary |= {
            "data": {"text": "words"},
            "binaryData": {"bytes": base64.b64encode(b"\xff\x00\xfe").decode()},
        }
        of_binary = volume("binary", configMap={"name": "binary"})
        apply(
            board,
            namespace,
            *both("all"),
            binary,
            pod("root", box("c", **mounts(*volumes, "binary")), volumes=[*every["volumes"], of_binary]),
            pod("user", box("c", **mounts(*volumes)), **every, securityContext={**NON_ROOT, "fsGroup": 1001}),
        )
        ready(board, namespace, "root", "user")
        for kind in ("map", "secret", "pmap", "psecret"):
            for wish, file, mode, for_group in (
                ("plain", "data-1", "644", "644"), ("mode", "data-1", "400", "440"),
                ("mapped", "path/to/data-2", "644", "644"), ("item", "path/to/data-2", "400", "440"),
                ("group", "data-1", "440", "440"),
            ):  # fmt: skip
                path = f"/{kind}-{wish}/{file}"
                script = f"busybox stat -Lc %a {path}; cat {path}; ls /{kind}-{wish}"
                value = f"value-{file[-1]}"
                names = ["path"] if "/" in file else ["data-1", "data-2"]
                assert sh(board, namespace, "root", script).replace(value, f"{value} ", 1).split() == [
                    mode, value, *names
                ], path  # fmt: skip
                assert sh(board, namespace, "user", script).split()[0] == for_group, path
                assert value in sh(board, namespace, "user", f"cat {path}"), path
        seen = sh(board, namespace, "root", "cat /binary/text; busybox od -An -tx1 /binary/bytes")
        assert seen.split() == ["words", "ff", "00", "fe"]
    finally:
        board.kubectl("delete", "namespace", f"{namespace}-other", "--wait=false")


def test_what_is_optional_comes_changes_and_goes_in_a_running_pod(board, namespace):
    volumes = [
        volume(f"{what}-{kind}", **source)
        for what in ("late", "changed", "gone")
        for kind, source in sources(what, optional=True).items()
    ]
    names = [one["name"] for one in volumes]
    apply(
        board,
        namespace,
        *both("changed"),
        *both("gone"),
        pod("p", box("c", **mounts(*names)), volumes=volumes),
    )
    ready(board, namespace, "p")

    def files(name):
        return sh(board, namespace, "p", f"ls /{name}; cat /{name}/data-1", check=False).stdout.split()

    kinds = ("map", "secret", "pmap", "psecret")
    for kind in kinds:
        assert files(f"late-{kind}") == []
        assert files(f"changed-{kind}") == files(f"gone-{kind}") == ["data-1", "data-2", "value-1"]
    apply(board, namespace, *both("late"))
    changed = both("changed")
    changed[0]["data"] = {"data-1": "value-3"}
    changed[1] |= {"stringData": {}, "data": {"data-1": base64.b64encode(b"value-3").decode()}}
    for one in changed:
        board.kubectl("-n", namespace, "replace", "-f", "-", text_in=json.dumps(one))
    board.kubectl("-n", namespace, "delete", "configmap,secret", "gone")
    wanted = {"late": ["data-1", "data-2", "value-1"], "changed": ["data-1", "value-3"], "gone": []}
    for kind in kinds:
        for what, expected in wanted.items():
            name = f"{what}-{kind}"
            wait_until(lambda name=name, expected=expected: files(name) == expected, 15, f"{name} follows")


def test_an_object_that_is_gone_holds_up_neither_other_files_nor_the_next_start(board, namespace):
    gone, optional = both("gone")[0], both("optional")[0]
    volumes = [
        volume("gone", configMap={"name": "gone"}),
        volume("optional", configMap={"name": "optional", "optional": True}),
    ]
    script = "until test -e /tmp/end; do sleep 0.1; done"
    with_variable = box("v", script, env=[variable("A", "gone")], **mounts("gone"))
    plain = box("c", script, **mounts("gone", "optional"))
    apply(board, namespace, gone, optional, pod("p", plain, with_variable, volumes=volumes))
    ready(board, namespace, "p")
    board.kubectl("-n", namespace, "delete", "configmap", "gone", "optional")
    seen = ("exec", "p", "-c", "c", "--", "ls", "/gone", "/optional")
    left = "/gone:\ndata-1\ndata-2\n\n/optional:\n"
    wait_until(lambda: board.kubectl("-n", namespace, *seen) == left, 15, "the optional one goes")
    for name in ("c", "v"):
        board.kubectl("-n", namespace, "exec", "p", "-c", name, "--", "sh", "-c", "echo > /tmp/end")

    def states():
        statuses = board.get("pod", "p", "-n", namespace)["status"]["containerStatuses"]
        by_name = {status["name"]: status for status in statuses}
        waits = by_name["v"]["state"].get("waiting", {})
        return by_name["c"]["restartCount"], waits.get("reason"), waits.get("message")

    wanted = (1, "CreateContainerConfigError", 'configmap "gone" not found')
    wait_until(
        lambda: states() == wanted, what="one starts with its old files, the other says what is missing"
    )
    assert board.kubectl("-n", namespace, *seen) == left


def variable(name, config_map):
    key = {"name": config_map, "key": "data-1"}
    return {"name": name, "valueFrom": {"configMapKeyRef": key}}


def test_a_claim_for_one_pod_is_used_by_one_after_the_other(board, namespace):
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "lone"},
        "spec": {"accessModes": ["ReadWriteOncePod"], "resources": {"requests": {"storage": "1Mi"}}},
    }  # fmt: skip
    volumes = [volume("v", persistentVolumeClaim={"claimName": "lone"})]
    apply(board, namespace, claim, pod("first", box("c", **mounts("v")), volumes=volumes))
    ready(board, namespace, "first")
    apply(board, namespace, pod("second", box("c", **mounts("v")), volumes=volumes))
    words = "1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    wait_until(lambda: any(words in text for _, text in events_of(board, namespace, "second")), what=words)
    board.kubectl("-n", namespace, "delete", "pod", "first")
    ready(board, namespace, "second")


def test_an_empty_directory_is_for_everybody_and_keeps_the_modes_of_its_files(board, namespace):
    volumes = [volume("disk", emptyDir={}), volume("memory", emptyDir={"medium": "Memory"})]
    once = {"volumes": volumes, "restartPolicy": "Never"}
    writes = box("writes", "echo shared > /disk/shared", **mounts("disk"))
    waits = box("c", "until test -e /disk/shared; do sleep 0.1; done; cat /disk/shared", **mounts("disk"))
    apply(
        board,
        namespace,
        pod("root", box("c", EMPTY_DIRS, **mounts("disk", "memory")), **once),
        pod("user", box("c", EMPTY_DIRS, **mounts("disk", "memory")), **once, securityContext=NON_ROOT),
        pod("two", waits, writes, **once),
    )
    files = "-rw-r--r--\ncontent\n-rw-rw-rw-\ncontent\n-rwxrwxrwx\ncontent\n"
    for name in ("root", "user"):
        wait_until(lambda name=name: over(board, namespace, name), what="the end")
        assert board.kubectl("-n", namespace, "logs", name) == f"777\n{files}777\n{files}1\n"
    wait_until(lambda: over(board, namespace, "two"), what="the end")
    assert board.kubectl("-n", namespace, "logs", "two", "-c", "c") == "shared\n"


def test_parts_of_volumes_that_follow_are_read_also_over_a_file_of_the_image(board, namespace):
    of_pod = {"items": [{"path": "data-1", "fieldRef": {"fieldPath": "metadata.name"}}]}
    volumes = {**sources("all"), "down": {"downwardAPI": of_pod}}
    parts = [
        {"name": name, "mountPath": f"/part/{name}", "subPath": "data-1", "readOnly": True}
        for name in volumes
    ]
    over_file = {"name": "map", "mountPath": "/etc/hostname", "subPath": "data-1"}
    every = [volume(name, **source) for name, source in volumes.items()]
    apply(board, namespace, *both("all"), pod("p", box("c", volumeMounts=[*parts, over_file]), volumes=every))
    ready(board, namespace, "p")
    script = "for f in /part/*; do cat $f; echo; done; cat /etc/hostname"
    assert sh(board, namespace, "p", script).split() == ["p", *["value-1"] * 5]


def test_pods_with_fifty_volumes_begin_together(board, namespace):
    names = [f"map-{number}" for number in range(50)]
    maps = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n}, "data": {"a": n}} for n in names
    ]
    volumes = [volume(name, configMap={"name": name}) for name in names]
    pods = [f"racing-{number}" for number in range(5)]
    apply(board, namespace, *maps, *(pod(p, box("c", **mounts(*names)), volumes=volumes) for p in pods))
    ready(board, namespace, *pods)
    for name in pods:
        assert sh(board, namespace, name, "for i in 0 31 49; do cat /map-$i/a; echo; done").split() == [
            "map-0", "map-31", "map-49"
        ]  # fmt: skip
