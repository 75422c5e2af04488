"""pikube takes itself off a board: routes, addresses, nft tables, mounts, processes and files are as before."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from board import Board, wait_until

HELLO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      terminationGracePeriodSeconds: 1
      volumes:
      - {name: secret, secret: {secretName: word}}
      - {name: memory, emptyDir: {medium: Memory}}
      containers:
      - name: web
        image: localhost/box:1
        command: [sh, -c, "cp /etc/word/word /memory/index.html; exec httpd -f -p 8080 -h /memory"]
        volumeMounts: [{name: secret, mountPath: /etc/word}, {name: memory, mountPath: /memory}]
---
apiVersion: v1
kind: Secret
metadata: {name: word}
stringData: {word: from-a-pod}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec:
  type: NodePort
  selector: {app: hello}
  ports: [{port: 80, targetPort: 8080, nodePort: 30123}]
"""


OTHERS = ("run", "storage", "cache-kubectl", "leader.log")  # Podman's, kubectl's and this test's own


@pytest.fixture
def board():
    """Of its own: pikube is removed from it in the end."""
    board = Board(Path(tempfile.mkdtemp(prefix="pikube-off-")), name="u")
    try:
        board.open()
        yield board
    finally:
        board.close()
        shutil.rmtree(board.directory, ignore_errors=True)


def traces(board):
    """Everything that a program can leave on a host."""

    def said(*argv):
        return board.run(*argv, check=False).stdout

    return {
        "routes": sorted(said("ip", "route", "show", "table", "all").splitlines()),
        "addresses": said("ip", "-brief", "address"),
        "links": sorted(link["ifname"] for link in json.loads(said("ip", "-json", "link"))),
        "nft": re.sub(
            r"counter packets \d+ bytes \d+", "counter", said("nft", "list", "ruleset")
        ).splitlines(),
        "forwarding": said("cat", "/proc/sys/net/ipv4/ip_forward"),
        "mounts": [
            line for line in Path("/proc/mounts").read_text().splitlines() if str(board.directory) in line
        ],
        "processes": sorted(board.processes().values()),
        "logs": sorted(path.name for path in (board.directory / "log").iterdir()),
        "files": sorted(path.name for path in board.directory.iterdir() if path.name not in OTHERS),
    }


def pikube(board, *argv, **options):
    return board.run(*board.program, *argv, *board.settings(), **options)


def test_nothing_of_pikube_is_left(board):
    board.podman("run", "--rm", "localhost/box:1", "true")  # Podman's own tables and files are there before
    wait_until(
        lambda: not board.run("ip", "-6", "address", "show", "tentative").stdout, what="settled addresses"
    )
    board.run("ip", "link", "set", "eth0", "mtu", "1400")
    (board.directory / "log").mkdir()  # as there is a /var/log
    before = traces(board)
    images = board.directory / "data" / "images"
    images.mkdir(parents=True)
    board.podman("save", "--quiet", "--output", str(images / "box.tar"), "localhost/box:1")
    board.podman("rmi", "localhost/box:1")
    board.start()
    board.kubectl("apply", "-f", "-", text_in=HELLO)
    board.kubectl("rollout", "status", "deployment/hello", "--timeout=60s")
    wait_until(lambda: "from-a-pod" in board.curl("http://198.51.100.7:30123/").stdout, what="the page")
    assert " mtu 1400 " in board.run("ip", "link", "show", "pikube0").stdout, "as the LAN's"

    listed = pikube(board, "uninstall", "--dry-run").stdout
    for words in (
        "network pikube0",
        "pod ",
        f"directory {board.directory}/data",
        "route",
        "nft table",
        "process",
    ):
        assert words in listed
    refused = pikube(board, "uninstall", check=False)
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert "hello" in board.kubectl("get", "pods"), "nothing was removed yet"

    removed = pikube(board, "uninstall", "--yes", check=False)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    board.process.wait(timeout=10)
    after = traces(board)
    assert {name: found for name, found in after.items() if found != before[name]} == {}
    assert pikube(board, "uninstall", "--yes").stdout == "there is nothing of pikube on this board\n"
