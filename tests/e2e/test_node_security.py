"""What containers may do: users, groups, capabilities, seccomp, sysctls, and what a board refuses."""

import json
import re

import pytest
from board import wait_until
from test_node_lifecycle import apply, box, container_of, events_of, over, pod, ready, sh

NO_MKDIR = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
}
NET_BIND_SERVICE, SYS_ADMIN = 1 << 10, 1 << 21


def secured(name, **security):
    return box(name, securityContext=security, volumeMounts=[{"name": "shared", "mountPath": "/shared"}])


@pytest.fixture
def guarded(board, namespace):
    """A pod with a container for each way to run one; what /proc/self/status says in them is asked by name."""
    folder = board.directory / "data" / "seccomp"
    folder.mkdir(exist_ok=True)
    (folder / "no-mkdir.json").write_text(json.dumps(NO_MKDIR))
    of_pod = {
        "runAsUser": 1000,
        "runAsGroup": 3000,
        "runAsNonRoot": False,
        "fsGroup": 2000,
        "supplementalGroups": [4000],
        "sysctls": [
            {"name": "net.ipv4.tcp_keepalive_time", "value": "77"},
            {"name": "net.ipv4.ip_local_port_range", "value": "20000 20099"},
        ],
    }
    apply(
        board,
        namespace,
        pod(
            "guarded",
            secured("user"),
            secured("nonroot", runAsUser=1234, runAsNonRoot=True, seccompProfile={"type": "RuntimeDefault"}),
            secured(
                "little",
                runAsUser=0,
                capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                readOnlyRootFilesystem=True,
                allowPrivilegeEscalation=False,
                seccompProfile={"type": "Unconfined"},
            ),
            secured("much", runAsUser=0, privileged=True),
            secured(
                "local",
                runAsUser=0,
                seccompProfile={"type": "Localhost", "localhostProfile": "no-mkdir.json"},
            ),
            securityContext=of_pod,
            volumes=[{"name": "shared", "emptyDir": {}}],
        ),
    )
    ready(board, namespace, "guarded")

    def run(container, script, check=True):
        return sh(board, namespace, "guarded", script, "-c", container, check=check)

    return run


def test_a_container_runs_as_who_and_with_what_it_was_given(guarded):
    def status(container):
        return dict(
            re.findall(r"(\w+):\s*(.*)", guarded(container, "cat /proc/1/status || cat /proc/self/status"))
        )

    def capabilities(container):
        return int(status(container)["CapEff"], 16)

    assert guarded("user", "id").split() == ["uid=1000", "gid=3000", "groups=2000,4000"]
    assert guarded("nonroot", "id").split()[0] == "uid=1234"
    assert guarded("user", "echo hello > /shared/file; ls -ln /shared/file").split()[2:4] == ["1000", "2000"]
    for container, mode, no_new in (
        ("user", "2", "0"),
        ("nonroot", "2", "0"),
        ("little", "0", "1"),
        ("much", "0", "0"),
        ("local", "2", "0"),
    ):
        said = status(container)
        assert (said["Seccomp"], said["NoNewPrivs"]) == (mode, no_new), container
    assert capabilities("user") == 0
    assert capabilities("little") == NET_BIND_SERVICE
    assert capabilities("much") & SYS_ADMIN and not capabilities("local") & SYS_ADMIN
    assert guarded("little", "echo > /file", check=False).returncode, "a read-only root"
    assert guarded("little", "echo > /shared/other; echo yes").strip() == "yes"
    assert "not permitted" in guarded("local", "mkdir /tmp/new", check=False).stderr
    assert guarded("little", "cat /proc/sys/net/ipv4/tcp_keepalive_time").strip() == "77"
    assert guarded("user", "cat /proc/sys/net/ipv4/ip_local_port_range").split() == ["20000", "20099"]


def test_what_a_board_refuses_is_said_in_upstreams_words(board, namespace):
    apply(
        board,
        namespace,
        pod("root-image", box("c", securityContext={"runAsNonRoot": True})),
        pod("root-user", box("c", securityContext={"runAsNonRoot": True, "runAsUser": 0})),
        pod("unsafe", box("c"), securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]}),
        pod(
            "armoured",
            box("c", securityContext={"appArmorProfile": {"type": "Localhost", "localhostProfile": "x"}}),
        ),
        pod(
            "lost-profile",
            box(
                "c", securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "no.json"}}
            ),
        ),
    )
    apply(board, namespace, pod("own-users", box("c"), hostUsers=False))
    uid = board.get("pod", "root-image", "-n", namespace)["metadata"]["uid"]

    def waits(name):
        return container_of(board, namespace, name)["state"].get("waiting", {})

    wait_until(
        lambda: waits("root-image").get("reason") == "CreateContainerConfigError", what="root is refused"
    )
    where = f'(pod: "root-image_{namespace}({uid})", container: c)'
    assert waits("root-image")["message"] == f"container has runAsNonRoot and image will run as root {where}"
    wait_until(
        lambda: "runAsUser breaks non-root policy" in waits("root-user").get("message", ""), what="user 0"
    )
    unsafe = wait_until(lambda: over(board, namespace, "unsafe"), what="an unsafe sysctl is refused")
    assert (unsafe["phase"], unsafe["reason"]) == ("Failed", "SysctlForbidden")
    assert unsafe["message"] == 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted'
    assert ("SysctlForbidden", 'forbidden sysctl: "kernel.msgmax" not allowlisted') in events_of(
        board, namespace, "unsafe"
    )
    armoured = wait_until(lambda: over(board, namespace, "armoured"), what="AppArmor is refused")
    assert (
        armoured["message"]
        == "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host"
    )
    wait_until(
        lambda: "no.json" in waits("lost-profile").get("message", ""), what="a missing profile is named"
    )
    words = 'can\'t set `spec.hostUsers: false`, RuntimeClass handler "" does not support user namespaces'
    sandbox = ("FailedCreatePodSandBox", f"Failed to create pod sandbox: {words}")
    wait_until(lambda: sandbox in events_of(board, namespace, "own-users"), what="no users of its own")
    table = board.kubectl("-n", namespace, "get", "pods")
    assert "SysctlForbidden" in table and "CreateContainerConfigError" in table


DOCKERFILE = 'FROM localhost/box:1\nCOPY etc /etc\nRUN ["/bin/rm", "/etc/shadow"]\n'
PASSWD = "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n"
GROUP = "root:x:0:root\nwheel:x:10:root\nalice:x:1000:\nbook:x:50000:alice\n"


def test_groups_of_an_image_are_added_or_left_out_by_the_policy(board, namespace):
    """As kubernetes test/e2e/node/security_context.go asks it, and where Podman by itself would do something else."""
    context = board.directory / "people"
    (context / "etc").mkdir(parents=True)
    for name, text in (("passwd", PASSWD), ("group", GROUP), ("shadow", "")):
        (context / "etc" / name).write_text(text)
    (context / "Dockerfile").write_text(DOCKERFILE)
    board.podman("build", "--quiet", "--network", "none", "--tag", "localhost/people:1", str(context))
    node = board.get("node", "board")["status"]
    assert node["features"] == {"supplementalGroupsPolicy": True}
    handlers = {handler["name"]: handler["features"] for handler in node["runtimeHandlers"]}
    assert handlers[""] == {"recursiveReadOnlyMounts": False, "userNamespaces": False} and "runc" in handlers

    who = {
        "merge": ({"runAsUser": 1000}, (1000, 1000, [1000, 50000, 60000])),
        "merge-group": ({"runAsUser": 1000, "runAsGroup": 3000}, (1000, 3000, [3000, 50000, 60000])),
        "merge-root": ({"runAsGroup": 3000}, (0, 3000, [3000, 10, 60000])),
        "strict": (
            {"runAsUser": 1000, "supplementalGroupsPolicy": "Strict"}, (1000, 1000, [1000, 60000]),
        ),
        "strict-group": (
            {"runAsUser": 1000, "runAsGroup": 3000, "supplementalGroupsPolicy": "Strict"},
            (1000, 3000, [3000, 60000]),
        ),
        "strict-root": ({"supplementalGroupsPolicy": "Strict"}, (0, 0, [0, 60000])),
    }  # fmt: skip
    apply(
        board,
        namespace,
        *(
            pod(
                name,
                {**box("c"), "image": "localhost/people:1"},
                securityContext={"supplementalGroups": [60000], **security},
            )
            for name, (security, _) in who.items()
        ),
    )
    for name, (_, (uid, gid, groups)) in who.items():
        ready(board, namespace, name)
        told = container_of(board, namespace, name)["user"]["linux"]
        assert (told["uid"], told["gid"], told["supplementalGroups"]) == (uid, gid, groups), name
        said = dict(re.findall(r"(\w+):\s*(.*)", sh(board, namespace, name, "cat /proc/1/status")))
        assert said["Uid"].split()[0] == str(uid) and said["Gid"].split()[0] == str(gid), name
        assert sorted(map(int, said["Groups"].split())) == sorted(groups), name
