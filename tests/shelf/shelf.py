"""Boards on a LAN, a computer with ansible and kubectl beside them, and a repository of packages for them."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from board import APPLETS, wait_until
from cluster import Lan, is_ready
from machine import Machine
from system import ROOT, run

BIN = Path(sys.executable).parent
SSH_OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"


class Shelf:
    def __init__(self, place: Path, system: Path, repository: Path) -> None:
        self.place = place
        self.system = system
        self.repository = repository
        self.lan = Lan()
        self.boards = []
        self.kubeconfig = place / "kubeconfig"
        self.key = place / "id_ed25519"
        self._server = None

    @property
    def leader(self):
        return self.boards[0]

    def open(self) -> None:
        """The LAN, and this computer on it: its ssh key, its repository."""
        self.lan.open()
        self.lan.run("ip", "address", "add", f"{self.lan.address(254)}/24", "dev", "lan")
        self.lan.run("ip", "link", "set", "lo", "up")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        self._server = subprocess.Popen(
            self.inside(sys.executable, "-m", "http.server", "80", "--directory", self.repository),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def add(self, name: str, system: Path | None = None) -> Machine:
        """A board that is off."""
        number = len(self.boards) + 1
        board = Machine(self.place / name, name, self.lan, number)
        self.boards.append(board)
        board.open(system or self.system)
        return board

    def start_boards(self) -> None:
        for board in self.boards:
            board.set_address()
            board.write("home/pi/.ssh/authorized_keys", self.key.with_suffix(".pub").read_text())
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda board: board.start(), self.boards))

    def inside(self, *argv):
        """The command line of a program on the computer beside the boards."""
        return ["nsenter", f"--net=/run/netns/{self.lan.name}", *(str(word) for word in argv)]

    def run(self, *argv, **options):
        return run(*self.inside(*argv), **options)

    # -- ansible ------------------------------------------------------------------------------------

    def inventory(self, servers=None, **variables):
        """The groups and words of an inventory for k3s-ansible; the first board is the server."""
        hosts = {board.name: {"ansible_host": board.address} for board in self.boards}
        servers = servers or (self.leader.name,)
        document = {
            "k3s_cluster": {
                "children": {
                    "server": {"hosts": {name: hosts[name] for name in servers}},
                    "agent": {"hosts": {name: host for name, host in hosts.items() if name not in servers}},
                },
                "vars": {
                    "ansible_user": "pi",
                    "ansible_ssh_private_key_file": str(self.key),
                    "ansible_ssh_common_args": SSH_OPTIONS,
                    "ansible_python_interpreter": "/usr/bin/python3",
                    **variables,
                },
            }
        }
        file = self.place / "inventory.yml"
        file.write_text(yaml.safe_dump(document))
        return file

    def play(self, book, *argv, **variables):
        """ansible-playbook against the boards, as a person starts it; its process, ended."""
        return self.play_local(book, "-i", self.inventory(**variables), *argv)

    def play_local(self, book, *argv, timeout_s=900):
        environment = {
            **os.environ, "ANSIBLE_HOME": str(self.place / "ansible"), "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_ROLES_PATH": str(ROOT / "ansible/roles"), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.place / "cp"),
            "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
            "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
        }  # fmt: skip
        return subprocess.run(
            self.inside(BIN / "ansible-playbook", ROOT / "ansible" / book, *argv),
            capture_output=True, text=True, check=False, env=environment, cwd=self.place,
            stdin=subprocess.DEVNULL, timeout=timeout_s,
        )  # fmt: skip

    # -- kubectl ------------------------------------------------------------------------------------

    def fetch_kubeconfig(self) -> None:
        self.kubeconfig.write_text(self.leader.run("pikube", "kubeconfig"))

    def kubectl(self, *argv, **options):
        return self.run("kubectl", f"--kubeconfig={self.kubeconfig}", *argv, **options)

    def get(self, *argv):
        return json.loads(self.kubectl("get", *argv, "-o", "json"))["items"]

    def wait_ready(self, *names, timeout_s=120):
        def all_ready():
            """Not while there is no API either: its board may have just started."""
            argv = ("kubectl", f"--kubeconfig={self.kubeconfig}", "get", "nodes", "-o", "json")
            done = subprocess.run(self.inside(*argv), capture_output=True, text=True, check=False)
            nodes = json.loads(done.stdout)["items"] if done.returncode == 0 else []
            return set(names) <= {node["metadata"]["name"] for node in nodes if is_ready(node)}

        wait_until(all_ready, timeout_s, f"Ready nodes {names}")

    def make_image(self) -> Path:
        """busybox as an archive for /var/lib/pikube/images."""
        tree = self.place / "image"
        for folder in ("bin", "tmp"):
            (tree / folder).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin/busybox")
        for applet in APPLETS:
            (tree / "bin" / applet).symlink_to("busybox")
        run("tar", "-C", tree, "-cf", self.place / "image.tar", ".")
        return self.place / "image.tar"

    def close(self) -> None:
        try:
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda board: board.close(), self.boards))
        finally:
            if self._server is not None:
                self._server.terminate()
                self._server.wait(10)
            self.lan.close()
        shutil.rmtree(self.place, ignore_errors=True)
