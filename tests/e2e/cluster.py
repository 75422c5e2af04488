"""Several boards as one LAN: network namespaces with a veth each into one bridge, a Podman each, the real program.

    with open_cluster(directory, 3) as cluster:
        cluster.leader.start_leader(); cluster.boards[1].join(cluster.token())

The bridge is in a namespace of its own, so that nothing of it is seen on this machine. Everything is removed by
`close`, also after a failure. Links can be cut and healed, addresses changed, programs killed and started again.
"""

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from board import ROOT, Board, wait_until

NUMBERS = itertools.count(1)
SUBNET = "198.18.{}"  # RFC 2544: addresses of nobody


def wrong_clock(by_s):
    """What makes the wall clock of a Python program wrong, as environment variables; a file may change."""
    folder = str(Path(__file__).parent / "wrong_clock")
    if isinstance(by_s, Path):
        return {"PYTHONPATH": folder, "WRONG_CLOCK_FILE": str(by_s)}
    return {"PYTHONPATH": folder, "WRONG_CLOCK_S": str(by_s)} if by_s else {}


class LanBoard(Board):
    """One board of a cluster; `program` is "leader", "agent" or None."""

    def __init__(self, directory: Path, name: str, lan, number: int) -> None:
        super().__init__(directory)
        self.node = name
        self.name = f"{lan.name}{name}"
        self.lan = lan
        self.address = lan.address(number)
        self.log = directory / "pikube.log"
        self._link = f"v{number}"

    # -- the board ------------------------------------------------------------------------------

    def open(self, image=None):
        """The namespace, its link into the LAN, the image of a first board or one of its own."""
        self.open_bare()
        self.plug()
        if self._is_hybrid:
            self._conf.write_text(self.conf_text())
        if image is None:
            self._make_image()
        else:
            self.import_image(image)

    def open_bare(self):
        """The namespace only: for a board that joins, or pretends to be another, and runs no pods."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.run_host("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def plug(self):
        """Its cable into the LAN."""
        self.lan.plug(self._link, self.name)
        self.set_address(self.address)

    def set_address(self, address):
        """Another address, as a DHCP server would give it; the old one is gone at once."""
        self.run("ip", "address", "flush", "dev", "eth0")
        self.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "route", "replace", "default", "dev", "eth0")
        self.address = address

    def cut(self):
        """Pull the plug of its cable."""
        self.lan.run("ip", "link", "set", self._link, "down")

    def heal(self):
        self.lan.run("ip", "link", "set", self._link, "up")

    # -- the program ----------------------------------------------------------------------------

    def command(self, mode, *flags):
        return [
            "nsenter", f"--net=/run/netns/{self.name}", *self.program, mode, *self.flags(), *flags,
        ]  # fmt: skip

    def flags(self):
        flags = [
            "--data-dir", str(self.directory / "data"), "--node-name", self.node,
            "--podman-root", str(self.directory / "storage"), "--podman-runroot", str(self.directory / "run"),
            "--podman-network-dir", str(self.directory / "networks"),
            "--pod-logs-dir", str(self.directory / "log/pods"),
        ]  # fmt: skip
        return [*flags, "--containers-conf", str(self._conf)] if self._is_hybrid else flags

    def spawn(self, mode, *flags, wrong_by_s=0.0):
        """Start the program, its wall clock wrong by so much; it is not waited for."""
        environment = {**self.environment(), **wrong_clock(wrong_by_s)}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command(mode, *flags),
                stdout=log, stderr=log, cwd=ROOT, start_new_session=True, env=environment,
            )  # fmt: skip

    def start_leader(self, *flags, wrong_by_s=0.0):
        """The leader, until its API answers."""
        self.spawn_leader(*flags, wrong_by_s=wrong_by_s)
        self.wait_api()

    def spawn_leader(self, *flags, wrong_by_s=0.0):
        """The leader; it is not waited for."""
        self.spawn("leader", "--write-kubeconfig", str(self.kubeconfig), *flags, wrong_by_s=wrong_by_s)

    def wait_api(self, timeout_s=60):
        def answers():
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            return self.kubeconfig.exists() and (
                self.kubectl("get", "--raw", "/readyz", check=False).returncode == 0
            )

        wait_until(answers, timeout_s, "an API that answers")

    def join(self, token, leader, *flags):
        """Join by token and run the agent; not waited for."""
        self.spawn("join", "--token", token, "--leader", leader, *flags)

    def kubeconfig_ca(self):
        """The authorities that the administrator's kubeconfig trusts, PEM."""
        text = yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"][
            "certificate-authority-data"
        ]
        return base64.b64decode(text).decode()

    def pikube(self, *argv, check=True, timeout_s=120, wrong_by_s=0.0):
        """A pikube command on the board, ended; its process. Flags of the data directory are added."""
        data = ("--data-dir", str(self.directory / "data"))
        clock = [f"{variable}={value}" for variable, value in wrong_clock(wrong_by_s).items()]
        command = ["env", *clock, *self.program, *argv, *data]
        return self.run(*command, check=check, timeout_s=timeout_s)


class Lan:
    """A bridge in a namespace of its own."""

    def __init__(self) -> None:
        self.number = os.getpid() % 200 + next(NUMBERS) % 50
        self.name = f"pk{os.getpid()}n{next(NUMBERS)}"

    def address(self, number):
        return f"{SUBNET.format(self.number % 250 + 1)}.{number}"

    def run(self, *argv, check=True):
        done = subprocess.run(["ip", "netns", "exec", self.name, *argv], capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{argv}: {done.stderr}"
        return done

    def open(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "add", "lan", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        self.run("ip", "link", "set", "lan", "up")

    def plug(self, link, board):
        """A cable from the bridge to a board's eth0."""
        self.run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", board)
        self.run("ip", "link", "set", link, "master", "lan", "up")

    def close(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)


class Cluster:
    """Boards of one LAN; the first is the leader."""

    def __init__(self, directory: Path, kind: type[LanBoard] = LanBoard) -> None:
        self.directory = directory
        self.kind = kind
        self.lan = Lan()
        self.boards = []
        self._count = 0

    @property
    def leader(self):
        return self.boards[0]

    @property
    def url(self):
        return f"https://{self.leader.address}:6443"

    def open(self, count):
        """`count` boards without a program."""
        self.lan.open()
        boards = [self._board() for _ in range(count)]
        boards[0].open()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda board: board.open(boards[0].directory / "image.tar"), boards[1:]))

    def add_board(self):
        """One more board, without a program."""
        board = self._board()
        board.open(self.leader.directory / "image.tar")
        return board

    def add_bare_board(self, *, is_plugged=True):
        """One more board that cannot run pods: in a tenth of the time."""
        board = self._board()
        board.open_bare()
        if is_plugged:
            board.plug()
        return board

    def remove_board(self, board):
        """Take it away, with all that is on it."""
        self.boards.remove(board)
        board.close()

    def _board(self):
        self._count += 1
        number = self._count
        board = self.kind(self.directory / f"b{number}", f"b{number}", self.lan, number)
        self.boards.append(board)
        return board

    def token(self, *flags, **options):
        """A new join token."""
        return self.leader.pikube("token", "create", *flags, **options).stdout.strip()

    def start(self, timeout_s=60):
        """The leader, and all others joined by token; until every node is Ready."""
        self.leader.spawn_leader()
        self.leader.wait_api(timeout_s)
        token = self.token()
        for board in self.boards[1:]:
            board.join(token, self.url)
        self.wait_ready(*(board.node for board in self.boards), timeout_s=timeout_s)

    def nodes(self):
        """Node objects by name; {} when the API does not answer."""
        done = self.leader.kubectl("get", "nodes", "-o", "json", "--request-timeout=5s", check=False)
        if done.returncode:
            return {}
        return {node["metadata"]["name"]: node for node in json.loads(done.stdout)["items"]}

    def is_ready(self, name):
        node = self.nodes().get(name)
        return node is not None and is_ready(node)

    def heard(self):
        """The nodes that the leader has heard since it began: a lost board that it has not has a minute."""
        words = ("get", "leases", "-n", "kube-node-lease", "-o", "jsonpath={.items[*].metadata.name}")
        return set(self.leader.kubectl(*words, "--request-timeout=5s", check=False).stdout.split())

    def wait_ready(self, *names, timeout_s=60):
        def all_ready():
            for board in self.boards:
                if board.node in names and board.process is not None:
                    assert board.process.poll() is None, board.log.read_text()[-4000:]
            nodes = self.nodes()
            return all(name in nodes and is_ready(nodes[name]) for name in names) and self.heard() >= set(
                names
            )

        wait_until(all_ready, timeout_s, f"Ready nodes {names}")

    def close(self):
        for board in self.boards:
            if board.process is not None and board.process.poll() is None:
                board.process.send_signal(signal.SIGTERM)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda board: board.close(), self.boards))
        self.lan.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def is_ready(node):
    conditions = node["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
