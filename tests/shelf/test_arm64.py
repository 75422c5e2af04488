"""The program that `make binary-arm64` builds, under emulation: two boards become a cluster that runs arm64 pods.

qemu-user runs every aarch64 program; Podman, nft and ip are this machine's, because the emulator has neither
namespaces nor netfilter's sockets.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from board import wait_until
from cluster import Cluster, LanBoard
from system import run

# No shell: where binfmt_misc does not keep argv[0], busybox takes itself for the applet that started it.
HELLO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  replicas: 2
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      terminationGracePeriodSeconds: 1
      volumes: [{name: secret, secret: {secretName: word}}]
      containers:
      - name: web
        image: localhost/box:1
        command: [httpd, -f, -p, "8080", -h, /etc/word]
        volumeMounts: [{name: secret, mountPath: /etc/word}]
---
apiVersion: v1
kind: Secret
metadata: {name: word}
stringData: {word: from-the-binary}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec:
  type: NodePort
  selector: {app: hello}
  ports: [{port: 80, targetPort: 8080, nodePort: 30123}]
"""
LOADER = "lib/ld-linux-aarch64.so.1"
SLOW_S = 300  # what takes a second takes ten


@pytest.fixture(scope="module")
def program(arm64_programs, arm64_system):
    """It unpacked itself on an arm64 system; its loader and C library are where the emulator looks for them."""
    place = Path(tempfile.mkdtemp(prefix="pikube-arm64-", dir=arm64_system / "tmp"))
    inside = f"/tmp/{place.name}"
    try:
        shutil.copy(arm64_programs / "pikube-aarch64", place)
        said = run(
            "chroot",
            arm64_system,
            "env",
            f"PIKUBE_PROGRAM_DIR={inside}/program",
            f"{inside}/pikube-aarch64",
            "version",
        )
        assert said.startswith("pikube ")
        libraries = place / "system/lib/aarch64-linux-gnu"
        libraries.mkdir(parents=True)
        shutil.copy(arm64_system / LOADER, place / "system" / LOADER)
        for file in (arm64_system / "usr/lib/aarch64-linux-gnu").glob("lib*.so.*"):
            shutil.copy(file, libraries)
        run(
            "chroot",
            arm64_system,
            "sh",
            "-c",
            f"cd {inside} && apt-get download -qq busybox-static && dpkg-deb -x *.deb .",
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("QEMU_LD_PREFIX", str(place / "system"))
            yield next((place / "program").glob("*/pikube"))
    finally:
        shutil.rmtree(place)


@pytest.fixture(scope="module")
def cluster(program):
    class ArmBoard(LanBoard):
        busybox = program.parent.parent.parent / "bin/busybox"
        image_architecture = "arm64"

        def __init__(self, *names):
            super().__init__(*names)
            self.program = (str(program),)

    cluster = Cluster(Path(tempfile.mkdtemp(prefix="pikube-arm64-")), ArmBoard)
    try:
        cluster.open(2)
        cluster.start(SLOW_S)
        yield cluster
    finally:
        cluster.close()


def test_what_is_shipped_for_a_pi(arm64_programs):
    for name in ("pikube-aarch64", "pikube-aarch64.cdx.json"):
        assert (arm64_programs / name).stat().st_size > 0
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "pikube-aarch64.sha256"], cwd=arm64_programs, check=True
    )
    (package,) = arm64_programs.glob("pikube_*_arm64.deb")
    assert run("dpkg-deb", "--field", package, "Architecture").strip() == "arm64"
    assert "podman" in run("dpkg-deb", "--field", package, "Depends")


def test_this_machine_is_told_which_file_it_needs(arm64_programs):
    if os.uname().machine == "aarch64":
        pytest.skip("this machine can run it")
    done = subprocess.run(
        [arm64_programs / "pikube-aarch64", "version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "this file is for aarch64 and this machine is x86_64: take the file for x86_64" in done.stderr


def test_two_boards_are_a_cluster_of_arm64(cluster):
    nodes = cluster.nodes()
    assert {node["metadata"]["labels"]["kubernetes.io/arch"] for node in nodes.values()} == {"arm64"}
    assert {node["status"]["nodeInfo"]["architecture"] for node in nodes.values()} == {"arm64"}


def test_pods_run_and_answer_on_every_board(cluster):
    leader = cluster.leader
    leader.kubectl("apply", "-f", "-", text_in=HELLO)
    leader.kubectl("rollout", "status", "deployment/hello", f"--timeout={SLOW_S}s", timeout_s=SLOW_S)
    pods = leader.get("pods")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} == {board.node for board in cluster.boards}
    for board in cluster.boards:
        url = f"http://{board.address}:30123/word"
        wait_until(
            lambda url=url: "from-the-binary" in leader.curl(url).stdout, 60, f"the page of {board.node}"
        )
    for pod in pods:
        said = leader.kubectl(
            "exec", pod["metadata"]["name"], "--", "cat", "/etc/word/word", timeout_s=SLOW_S
        )
        assert said == "from-the-binary"


def test_a_board_that_leaves_leaves_nothing(cluster):
    for board in reversed(cluster.boards):
        board.run(*board.program, "uninstall", "--yes", *board.flags(), timeout_s=SLOW_S)
        board.process.wait(timeout=60)
        assert board.podman("ps", "--all", "--quiet").stdout == ""
