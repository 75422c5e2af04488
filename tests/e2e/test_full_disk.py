"""A leader on a disk without room says so in one sentence, wherever it stops, and begins once there is room."""

import os
import subprocess
import sys

import pytest

PORT = 17443
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
        ["timeout", str(run_s),
         sys.executable, "-m", "pikube", "leader", "--no-agent", "--no-discovery", "--bind-address=127.0.0.1",
         "--node-ip=127.0.0.1", f"--https-listen-port={PORT}", f"--data-dir={disk}/data"],
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
