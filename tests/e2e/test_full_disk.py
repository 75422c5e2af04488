"""A disk without room is one sentence, for a leader and for a board that joins; both go on once there is room."""

import os
import subprocess
import sys

import pytest
from board import wait_until

PORT = 17443
PIKUBE = (sys.executable, "-m", "pikube")
LEADER = (
    "--no-agent", "--no-discovery", "--bind-address=127.0.0.1", "--node-ip=127.0.0.1", f"--https-listen-port={PORT}",
)  # fmt: skip
STARTED = 124  # by `timeout`: it ran until it was ended
KIB = 1 << 10


@pytest.fixture
def disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def start(disk, size_kib, run_s):
    """(exit code, what it said) of a leader that may run so long."""
    subprocess.run(["mount", "-o", f"remount,size={size_kib}k", disk], check=True)
    done = subprocess.run(
        ["timeout", str(run_s), *PIKUBE, "leader", *LEADER, f"--data-dir={disk}/data"],
        capture_output=True, text=True, check=False, env={**os.environ, "PIKUBE_LOG_LEVEL": "error"},
    )  # fmt: skip
    return done.returncode, done.stderr


def test_a_leader_that_begins_on_a_full_disk(disk):
    sizes = (8, 16, 24, 32, 48, 64, 96, 160, 240)
    for size in sizes:
        code, said = start(disk, size, 20)
        assert code == 1, (size, said)
        assert "Traceback" not in said, (size, said)
        (sentence,) = [line for line in said.splitlines() if line.startswith("pikube: ")]
        assert "No space left on device" in sentence or "disk is full" in sentence, (size, said)
    code, said = start(disk, 16 * KIB, 5)
    assert code == STARTED, said
    assert "Traceback" not in said


@pytest.fixture
def leader(tmp_path):
    """A leader with room, and a token of it."""
    data, kubeconfig = tmp_path / "leader", tmp_path / "kubeconfig"
    access = (f"--data-dir={data}", f"--write-kubeconfig={kubeconfig}")
    argv = (*PIKUBE, "leader", *LEADER, *access)
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            ready = ("kubectl", f"--kubeconfig={kubeconfig}", "get", "--raw=/readyz")
            wait_until(
                lambda: kubeconfig.exists() and not subprocess.run(ready, capture_output=True).returncode
            )
            made = subprocess.run(
                [*PIKUBE, "token", "create", *access], capture_output=True, text=True, check=True,
                env={**os.environ, "PIKUBE_HTTPS_LISTEN_PORT": str(PORT)},
            )  # fmt: skip
            yield made.stdout.strip(), kubeconfig
        finally:
            process.terminate()


def test_a_board_that_joins_on_a_full_disk(disk, leader):
    token, kubeconfig = leader
    argv = (
        *PIKUBE, "join", "--no-start", "--node-name=pi-2", f"--token={token}",
        f"--server=https://127.0.0.1:{PORT}", f"--data-dir={disk}/data",
    )  # fmt: skip
    for size_kib in (4, 8, 12, 16):
        subprocess.run(["mount", "-o", f"remount,size={size_kib}k", disk], check=True)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 1, (size_kib, done.stderr)
        assert done.stderr == f"pikube: {disk}/data/agent/member cannot be written: No space left on device\n"
        assert not (disk / "data/agent/member/member.json").exists()
    subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "This board is the node pi-2 of the cluster pikube.\n"
    nodes = subprocess.run(
        ["kubectl", f"--kubeconfig={kubeconfig}", "get", "nodes", "-o", "name"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert nodes.stdout.split() == ["node/pi-2"]
