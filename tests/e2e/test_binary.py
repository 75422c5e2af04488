"""The built program, not the checkout: it starts and runs pods."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from board import ROOT, Board, wait_until

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
        command: [sh, -c, "mkdir -p /tmp/w; cp /etc/word/word /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"]
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


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run([ROOT / "packaging/build", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (program,) = (path for path in out.glob("pikube-*") if path.suffix == "" and path.is_file())
    return program


@pytest.fixture(scope="module")
def board(binary):
    """Of its own: pikube is removed from it in the end."""
    board = Board(Path(tempfile.mkdtemp(prefix="pikube-bin-")), name="b", program=(str(binary),))
    try:
        board.open()
        yield board
    finally:
        board.close()
        shutil.rmtree(board.directory, ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def unpacked(tmp_path_factory):
    """Where the program unpacks itself: not in this machine's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIKUBE_PROGRAM_DIR", str(tmp_path_factory.mktemp("programs")))
        yield


def test_the_program_is_whole_and_lists_what_is_in_it(binary):
    started = subprocess.run([binary, "version"], capture_output=True, text=True, check=True)
    assert started.stdout.startswith("pikube ")
    sums = binary.with_name(f"{binary.name}.sha256")
    subprocess.run(["sha256sum", "--check", "--quiet", sums], cwd=binary.parent, check=True)
    parts = json.loads(binary.with_name(f"{binary.name}.cdx.json").read_text())["components"]
    assert {"trio", "msgspec", "cryptography"} <= {part["name"] for part in parts}


def test_a_file_of_another_machine_says_so(binary, tmp_path):
    other = tmp_path / "pikube-other"
    other.write_bytes(
        binary.read_bytes()
        .replace(b"is for ", b"is for a ", 1)
        .replace(b"\n  x86_64) ;;", b"\n  armv9x) ;;", 1)
    )
    other.chmod(0o755)
    done = subprocess.run([other, "version"], capture_output=True, text=True, check=False)
    assert (done.returncode, "take the file for" in done.stderr) == (1, True)


def test_a_cluster_on_the_program(board):
    board.start()
    board.kubectl("apply", "-f", "-", text_in=HELLO)
    board.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
    wait_until(lambda: "from-the-binary" in board.curl("http://198.51.100.7:30123/").stdout, what="the page")
    assert board.kubectl("exec", "deployment/hello", "--", "cat", "/etc/word/word") == "from-the-binary"
    board.run(*board.program, "uninstall", "--yes", *board.settings())
    board.process.wait(timeout=30)
