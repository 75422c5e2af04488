"""`pikube join` where systemd runs: the unit is written, enabled and started, and it is what makes the node Ready.

CI runs no systemd. A program called systemctl stands in for it: it notes what it is asked, and starts and stops what
the unit says. The board sees directories of its own in place of the machine's (a mount namespace).
"""

import os
import signal
import sys
from pathlib import Path

import pytest
from board import wait_until

SYSTEMCTL = """\
#!/bin/sh
echo "$*" >> {calls}
[ -f {pid} ] && pid=$(cat {pid})
case $1 in
is-active) kill -0 "$pid" 2>/dev/null && echo active || echo inactive; exit ;;
stop|restart) [ -n "$pid" ] && kill "$pid" 2>/dev/null && tail --pid="$pid" -f /dev/null; rm -f {pid} ;;
esac
[ "$1" = restart ] || exit 0
program=$(sed -n s/^ExecStart=//p "/etc/systemd/system/$2")
setsid sh -c "echo \\$\\$ > {pid}; exec $program" >> {log} 2>&1 < /dev/null &
"""
INSIDE = """\
mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system
mount --bind {units} /etc/systemd/system && exec "$@"
"""


class Serviced:
    """A board with a systemd of that kind."""

    def __init__(self, board):
        self.board = board
        self._directory = board.directory / "systemd"
        self._directory.mkdir()
        self._calls, self._pid = self._directory / "calls", self._directory / "pid"
        self.log = self._directory / "log"
        self.units = self._directory / "units"
        self.units.mkdir()
        program = self._directory / "systemctl"
        program.write_text(SYSTEMCTL.format(calls=self._calls, pid=self._pid, log=self.log))
        program.chmod(0o755)

    def join(self, *flags):
        """`pikube join`, as it is installed, to its end."""
        path = f"PATH={self._directory}:{os.environ['PATH']}"
        pikube = Path(sys.executable).with_name("pikube")
        inside = ["unshare", "--mount", "sh", "-c", INSIDE.format(units=self.units), "sh"]
        return self.board.run("env", path, *inside, str(pikube), "join", *self.board.flags(), *flags)

    def calls(self):
        """What systemctl was asked since the last time."""
        found = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return found

    def close(self):
        if self._pid.exists():
            os.kill(int(self._pid.read_text()), signal.SIGTERM)


@pytest.fixture
def serviced(cluster):
    board = cluster.add_board()
    serviced = Serviced(board)
    yield serviced
    serviced.close()
    cluster.leader.kubectl("delete", "node", board.node, "--ignore-not-found")
    cluster.remove_board(board)


ANEW = ["daemon-reload", "enable pikube-agent.service", "restart pikube-agent.service"]


def test_where_systemd_runs_the_agent_is_its_service(cluster, serviced):
    node, token = serviced.board.node, cluster.token()
    said = serviced.join("--token", token, "--leader", cluster.url, "--node-label", "room=attic").stdout
    assert f"This board is the node {node} of the cluster pikube." in said
    assert "It runs as pikube-agent.service" in said
    assert serviced.calls() == ANEW
    unit = (serviced.units / "pikube-agent.service").read_text()
    assert "--node-label=room=attic" in unit and token not in unit
    cluster.wait_ready(node)
    assert cluster.nodes()[node]["metadata"]["labels"]["room"] == "attic"

    # typed again: it is a member, and its service is the one of the flags that were given last
    serviced.join("--leader", cluster.url, "--log-level", "debug")
    assert serviced.calls() == ANEW and serviced.log.read_text().count("event=node_ready") == 1
    wait_until(lambda: serviced.log.read_text().count("event=node_ready") == 2, what="the second start")

    # its node was deleted: with --reset what ran ends before the board joins
    cluster.leader.kubectl("delete", "node", node)
    wait_until(lambda: "no longer the node" in serviced.log.read_text(), what="an agent that heard of it")
    serviced.join("--reset", "--token", token, "--leader", cluster.url)
    calls = serviced.calls()  # and a stop between them, if it has not ended yet
    assert calls[0] == "is-active pikube-agent.service" and calls[-3:] == ANEW
    cluster.wait_ready(node)
