"""Client libraries, unmodified, each a program of its own on the board."""

import sys
from pathlib import Path

import pytest

SERVER = """\
apiVersion: v1
kind: Pod
metadata: {name: serves}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: localhost/box:1
      command: [sh, -c, "mkdir /www; echo there > /www/index.html; exec httpd -f -v -p 8080 -h /www"]
      readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
"""
CLIENTS = sorted(path for path in (Path(__file__).parent / "clients").glob("*.py"))


@pytest.fixture(scope="module")
def serving(board):
    """A namespace with a pod that serves."""
    board.kubectl("create", "namespace", "clients")
    board.kubectl("-n", "clients", "apply", "-f", "-", text_in=SERVER)
    board.kubectl("-n", "clients", "wait", "--for=condition=Ready", "pod/serves", "--timeout=60s")
    yield "clients"
    board.kubectl("delete", "namespace", "clients", "--wait=false")


@pytest.mark.parametrize("program", CLIENTS, ids=[path.stem for path in CLIENTS])
def test_a_client_library_works_unmodified(board, serving, program):
    done = board.run(sys.executable, str(program), serving, "serves", timeout_s=120)
    assert done.stdout.endswith("all well\n")
