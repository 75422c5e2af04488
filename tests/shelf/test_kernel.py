"""A board with a kernel of its own, as a Raspberry Pi is: what cgroups v2 and AppArmor do to pods, NFS, a reboot."""

import json

import pytest
import yaml
from board import wait_until
from kernel_machine import KernelMachine

BOX = "localhost/box:1"
PROFILE = (
    "profile deny-write flags=(attach_disconnected) { file, deny /** w, network, capability, signal, }\n"
)


def pod(name, *containers, annotations=None, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec},
    }


def box(*command, name="c", **settings):
    return {"name": name, "image": BOX, "command": list(command or ("sleep", "3600")), **settings}


@pytest.fixture(scope="module")
def board(shelf, programs):
    board = KernelMachine(shelf.place / "pi-7", "pi-7", shelf.lan, 1)
    board.key = shelf.key
    shelf.boards.append(board)
    board.open(shelf.system, shelf.repository)
    board.set_address()
    board.write("root/.ssh/authorized_keys", shelf.key.with_suffix(".pub").read_text(), 0o600)
    (package,) = programs["this"].parent.glob("*.deb")
    (board.root / "srv/pikube.deb").write_bytes(package.read_bytes())
    (board.root / "srv/box.tar").write_bytes(shelf.make_image().read_bytes())
    board.install("dpkg", "-i", "/srv/pikube.deb")
    board.write("etc/apparmor.d/deny-write", PROFILE)
    board.write("etc/exports", "/srv/shared 127.0.0.1(rw,no_root_squash,no_subtree_check,fsid=1)\n")
    (board.root / "srv/shared").mkdir()
    board.start()
    board.run("podman", "import", "--quiet", "/srv/box.tar", BOX)
    board.run("systemctl", "enable", "--now", "pikube-leader", timeout_s=300)
    shelf.fetch_kubeconfig()
    shelf.wait_ready("pi-7", timeout_s=300)
    return board


@pytest.fixture
def apply(shelf):
    def put(*documents):
        shelf.kubectl("apply", "-f", "-", input="---\n".join(yaml.safe_dump(one) for one in documents))
        names = [one["metadata"]["name"] for one in documents if one["kind"] == "Pod"]
        return [f"pod/{name}" for name in names]

    return put


def wait_ready(shelf, *pods):
    try:
        shelf.kubectl("wait", "--for=condition=Ready", *pods, "--timeout=60s")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{shelf.kubectl('get', 'events')}") from None


def group_of(board, name, container="c"):
    """The directory of a container's control group, and the pid of its first process."""
    (found,) = board.run(
        f"podman ps -q --no-trunc --filter label=io.kubernetes.pod.name={name} "
        f"--filter label=io.kubernetes.container.name={container}"
    ).split()
    pid = board.run(f"podman inspect -f '{{{{.State.Pid}}}}' {found}").strip()
    return "/sys/fs/cgroup" + board.run(f"cut -d: -f3 /proc/{pid}/cgroup").strip(), pid


def values(board, group, *files):
    return [board.run(f"cat {group}/{file}").strip() for file in files]


def test_limits_are_in_force(board, shelf, apply):
    limits = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
    wait_ready(shelf, *apply(pod("full", box(resources=limits)), pod("least", box())))
    group, _ = group_of(board, "full")
    found = values(board, group, "cpu.max", "cpu.weight", "memory.max", "pids.max")
    assert found == ["50000 100000", "10", str(64 << 20), "2048"]
    assert values(board, group, "memory.oom.group", "memory.swap.max") == ["1", "0"]
    group, _ = group_of(board, "least")
    assert values(board, group, "cpu.max", "memory.max") == ["max 100000", "max"]
    assert values(board, group, "memory.oom.group", "memory.swap.max") == ["1", "0"]


def test_a_resize_changes_the_group_and_deletion_leaves_none(board, shelf):
    group, _ = group_of(board, "full")
    patch = {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "300m"}}}]}}
    shelf.kubectl("patch", "pod", "full", "--subresource=resize", "-p", json.dumps(patch))
    wait_until(lambda: values(board, group, "cpu.max") == ["30000 100000"], 60, "a smaller quota")
    shelf.kubectl("delete", "pod", "full")
    wait_until(lambda: board.run(f"ls -d {group}", check=False) == "", 60, "no group")


def test_a_container_that_takes_too_much_memory_says_so(board, shelf, apply):
    hungry = box("sh", "-c", "x=$(tail /dev/zero)", resources={"limits": {"memory": "16Mi"}})
    apply(pod("hungry", hungry, restartPolicy="Never"))

    def end():
        (found,) = [one for one in shelf.get("pods") if one["metadata"]["name"] == "hungry"]
        states = found["status"].get("containerStatuses") or [{"state": {}}]
        return states[0]["state"].get("terminated")

    ended = wait_until(end, 120, "an end")
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_profiles_of_apparmor_and_seccomp_are_in_force(board, shelf, apply):
    local = {"appArmorProfile": {"type": "Localhost", "localhostProfile": "deny-write"}}
    free = {"appArmorProfile": {"type": "Unconfined"}, "seccompProfile": {"type": "Unconfined"}}
    usual = {"appArmorProfile": {"type": "RuntimeDefault"}, "seccompProfile": {"type": "RuntimeDefault"}}
    old = {"container.apparmor.security.beta.kubernetes.io/c": "localhost/deny-write"}
    unknown = {"appArmorProfile": {"type": "Localhost", "localhostProfile": "nobody-s"}}
    apply(pod("unknown", box(securityContext=unknown)))
    wait_ready(
        shelf,
        *apply(
            pod("local", box(securityContext=local)),
            pod("free", box(securityContext=free)),
            pod("usual", box(securityContext=usual)),
            pod("old", box(), annotations=old),
        ),
    )

    def waits():
        (found,) = [one for one in shelf.get("pods") if one["metadata"]["name"] == "unknown"]
        statuses = found["status"].get("containerStatuses") or [{"state": {}}]
        return statuses[0]["state"].get("waiting")

    waiting = wait_until(
        lambda: (now := waits()) and "profile" in now.get("message", "") and now, 60, "a refusal"
    )
    assert waiting["reason"] == "CreateContainerError"
    assert waiting["message"].endswith("apparmor profile not found nobody-s")

    def confined(name):
        _, pid = group_of(board, name)
        return board.run(f"cat /proc/{pid}/attr/current").strip(), board.run(
            f"sed -n 's/^Seccomp:\\t//p' /proc/{pid}/status"
        ).strip()

    assert confined("local")[0] == confined("old")[0] == "deny-write (enforce)"
    assert confined("free") == ("unconfined", "0")
    profile, filters = confined("usual")
    assert profile.startswith("containers-default-") and filters == "2"
    touched = shelf.run(
        *("kubectl", f"--kubeconfig={shelf.kubeconfig}", "exec", "old", "--", "sh", "-c"),
        "touch /tmp/x || echo no",
    )
    assert touched.strip() == "no"


def test_a_share_of_nfs_is_mounted_and_unmounted(board, shelf, apply):
    board.run("systemctl", "restart", "nfs-kernel-server")
    volume = {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "shared"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": "",
                 "nfs": {"server": "127.0.0.1", "path": "/srv/shared"}},
    }  # fmt: skip
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shared"},
        "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": "shared",
                 "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    mounted = box(
        "sh", "-c", "echo hello >/v/said; sleep 3600", volumeMounts=[{"name": "v", "mountPath": "/v"}]
    )
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "shared"}}]
    wait_ready(shelf, *apply(volume, claim, pod("nfs", mounted, volumes=volumes)))
    wait_until(lambda: board.run("cat /srv/shared/said", check=False) == "hello\n", 30, "a word on the share")
    assert "nfs4" in board.run("cat /proc/mounts")
    shelf.kubectl("delete", "pod", "nfs")
    wait_until(lambda: "127.0.0.1:/srv/shared" not in board.run("cat /proc/mounts"), 30, "no mount")


def test_after_the_board_was_off_its_pods_run_again(board, shelf):
    """On a board this slow the API is there long before the agent is: its pods are not taken for lost meanwhile."""
    before = {one["metadata"]["uid"] for one in shelf.get("pods")}
    board.restart()
    shelf.wait_ready("pi-7", timeout_s=300)
    wait_ready(shelf, "pod/least", "pod/local")
    assert {one["metadata"]["uid"] for one in shelf.get("pods")} == before
