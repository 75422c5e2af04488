"""avahi, which many boards run, answers on port 5353 of the same board, and neither keeps the other from it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from board import ROOT, wait_until

AVAHI = ROOT / ".venv" / "avahi"  # `make prepare` unpacks Debian's there
CONFIGURATION = """\
[server]
host-name={name}
enable-dbus=no
use-ipv6=no
allow-interfaces=eth0
[publish]
publish-workstation=no
"""
INSIDE = """\
mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon
mount --bind {users}/passwd /etc/passwd && mount --bind {users}/group /etc/group
exec {program} --no-drop-root --no-chroot --no-rlimits -f {configuration}
"""
ASK = """\
import sys
from zeroconf import AddressResolverIPv4, DNSQuestionType, Zeroconf
with Zeroconf(interfaces=[sys.argv[1]]) as asking:
    asked = AddressResolverIPv4(sys.argv[2])
    asked.request(asking, 3000, DNSQuestionType.QM)
    print(*asked.parsed_addresses())
"""


class Avahi:
    """Debian's avahi-daemon on a board; the board has its own /run and a user for it (a mount namespace)."""

    def __init__(self, board):
        self._log = board.directory / "avahi.log"
        configuration = board.directory / "avahi.conf"
        configuration.write_text(CONFIGURATION.format(name=board.node))
        for file, user in (("passwd", "avahi:x:65533:65533::/:/bin/false"), ("group", "avahi:x:65533:")):
            with open(f"/etc/{file}") as host:
                (board.directory / file).write_text(f"{host.read().rstrip()}\n{user}\n")
        program = AVAHI / "usr" / "sbin" / "avahi-daemon"
        assert program.exists(), f"`make prepare` unpacks {program}"
        script = INSIDE.format(users=board.directory, program=program, configuration=configuration)
        libraries = next((AVAHI / "usr" / "lib").glob("*-linux-gnu*"))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{board.name}", "unshare", "--mount", "sh", "-ec", script],
                stdout=log, stderr=log, env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
            )  # fmt: skip
        wait_until(self._is_up, 20, "avahi")

    def _is_up(self):
        words = self._log.read_text()
        assert self._process.poll() is None, words
        return "Server startup complete" in words

    def close(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)


@pytest.fixture
def neighbours(cluster):
    """A board beside the leader; avahi runs on both, on one before and on the other after pikube."""
    visitor = cluster.add_bare_board()
    running = []
    try:
        running += [Avahi(visitor), Avahi(cluster.leader)]
        yield visitor
    finally:
        for avahi in running:
            avahi.close()
        cluster.remove_board(visitor)


def addresses_of(board, name):
    """Who answers on the LAN that he is NAME.local."""
    return board.run(sys.executable, "-c", ASK, board.address, f"{name}.local.").stdout.split()


def leaders_seen_from(board):
    found = board.run(sys.executable, "-m", "pikube", "discover", "--timeout", "1", "-o", "json", check=False)
    return [leader["urls"] for leader in json.loads(found.stdout)["leaders"]]


def test_avahi_and_pikube_share_a_board(cluster, neighbours):
    visitor, leader = neighbours, cluster.leader
    for board, other in ((visitor, leader), (leader, visitor)):
        wait_until(lambda on=board: leaders_seen_from(on) == [[cluster.url]], what="the leader beside avahi")
        wait_until(
            lambda on=board, of=other: addresses_of(on, of.node) == [of.address], what="avahi's answer"
        )
