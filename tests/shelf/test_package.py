"""The Debian package on a board: it starts nothing unasked, an upgrade stops no pod, purging leaves nothing."""

import time

import pytest
from board import wait_until
from traces import changes, settled_traces, traces, use_podman

POD = """
apiVersion: v1
kind: Pod
metadata: {name: sleeper}
spec:
  terminationGracePeriodSeconds: 5
  containers: [{name: main, image: "localhost/box:1", command: [sleep, "3600"]}]
"""


@pytest.fixture(scope="module")
def board(shelf):
    board = shelf.add("pi-9")
    shelf.start_boards()
    image = board.root / "srv/box.tar"
    image.write_bytes(shelf.make_image().read_bytes())
    board.run("apt-get", "update")
    board.run("apt-get", "install", "-y", "--no-install-recommends", "podman", "netavark", "aardvark-dns",
              "catatonit", "nftables", "iptables", timeout_s=400)  # fmt: skip
    board.run("podman", "import", "--quiet", "/srv/box.tar", "localhost/box:1")
    board.restart()
    use_podman(board)
    return board


@pytest.fixture(scope="module")
def before(board):
    return settled_traces(board)


def install(board, package):
    (board.root / "srv/pikube.deb").write_bytes(package.read_bytes())
    board.run("apt-get", "install", "-y", "/srv/pikube.deb", timeout_s=300)


def package(program):
    (found,) = program.parent.glob("*.deb")
    return found


def is_enabled(board, unit):
    return board.run("systemctl", "is-enabled", unit, check=False).strip()


def test_installing_starts_nothing(board, before, programs):
    install(board, package(programs["this"]))
    for mode in ("leader", "agent"):
        assert board.run("systemctl", "is-active", f"pikube-{mode}", check=False).strip() == "inactive"
        assert is_enabled(board, f"pikube-{mode}") == "disabled"
    assert is_enabled(board, "pikube-backup.timer") == "disabled"
    found = changes(before, traces(board))
    assert found.keys() == {"files", "unit files"}, found
    gone, new = found["files"]
    assert gone == []
    assert {path.split("/")[0] for path in new} <= {"usr", "srv"}


def test_the_nightly_backup_is_made_by_its_unit(board):
    """With all that it is forbidden."""
    board.run("systemctl", "enable", "--now", "pikube-leader")
    board.run("systemctl", "start", "pikube-backup.service")
    (made,) = board.run("ls", "/var/backups/pikube").split()
    assert made.endswith(".pikube-backup.tar.gz")
    assert board.run("stat", "--format=%a", f"/var/backups/pikube/{made}").strip() == "600"
    board.run("rm", "-r", "/var/backups/pikube")


def test_an_upgrade_of_the_package_stops_no_pod(board, shelf, programs):
    shelf.fetch_kubeconfig()
    shelf.kubectl("apply", "-f", "-", input=POD)
    shelf.kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=90s")
    ids = board.run("podman", "ps", "--quiet", "--no-trunc")
    install(board, package(programs["newer"]))
    version = "{.items[0].status.nodeInfo.kubeletVersion}"
    wait_until(
        lambda: "99.0.0" in shelf.kubectl("get", "nodes", "-o", f"jsonpath={version}"), 60, "the newer node"
    )
    assert board.run("podman", "ps", "--quiet", "--no-trunc") == ids


def test_a_pod_that_hears_no_signal_does_not_hold_up_a_restart(board, shelf):
    """`sleep` as the first process is one; systemd alone would wait for 90 s."""
    began = time.monotonic()
    board.restart()
    assert time.monotonic() - began < 45
    shelf.wait_ready("pi-9")


def test_removing_keeps_the_data_and_nothing_else(board, before):
    board.run("apt-get", "remove", "-y", "pikube")
    use_podman(board)
    found = changes(before, settled_traces(board))
    assert found.keys() <= {"files", "unit files"}, found
    _, new = found["files"]
    assert {"/".join(path.split("/")[:3]) for path in new} <= {
        "etc/pikube", "var/lib", "var/lib/pikube", "etc/pikube/kubeconfig", "srv/pikube.deb",
    }, new  # fmt: skip
    assert board.run("podman", "ps", "--quiet") == ""


def test_purging_leaves_nothing(board, before):
    board.run("apt-get", "purge", "-y", "pikube")
    (board.root / "srv/pikube.deb").unlink()
    assert changes(before, traces(board)) == {}
