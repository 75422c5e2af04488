"""A board that boots: a root of its own over the Debian of system.py, systemd as its first process, sshd, a cable.

    machine = Machine(place, "pi-1", lan, 1); machine.open(root); machine.start()

systemd-nspawn starts it in a network namespace of tests/e2e/cluster.py's LAN and in cgroups of its own. What a board
writes is in `machine.upper`. `close` removes everything, also after a failure.
"""

import os
import shlex
import signal
import subprocess
import uuid
from pathlib import Path

from board import wait_until
from system import is_hybrid, run

ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
)
CGROUPS = Path("/sys/fs/cgroup")


class Machine:
    def __init__(self, place: Path, name: str, lan, number: int) -> None:
        self.place = place
        self.name = name
        self.lan = lan
        self.number = number
        self.address = lan.address(number)
        self.system = None
        self.space = f"{lan.name}m{number}"
        self.root = place / "root"
        self.upper = place / "upper"
        self.log = place / "console.log"
        self.uuid = uuid.uuid4()  # the machine-id, by which DHCP servers tell boards apart
        self.process = None

    def open(self, system: Path) -> None:
        """The root and the cable; nothing runs yet."""
        self.system = system
        run("ip", "netns", "add", self.space)
        self.lan.plug(f"m{self.number}", self.space)
        for folder in (self.root, self.upper, self.place / "work", self.place / "containers"):
            folder.mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={system},upperdir={self.upper},workdir={self.place / 'work'}"
        run("mount", "-t", "overlay", "overlay", "-o", layers, self.root)

    def set_address(self) -> None:
        """An address that does not come from a DHCP server, and the LAN's repository of packages."""
        self.write("etc/bed-address", f"{self.address}/24\n")
        self.write("etc/hostname", f"{self.name}\n")
        self.write("etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        self.write("etc/apt/sources.list", f"deb [trusted=yes] http://{self.lan.address(254)}/ ./\n")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def start(self, *, is_waited_for: bool = True) -> None:
        """Power on, until sshd listens."""
        groups = []
        for hierarchy in sorted(CGROUPS.iterdir()) if is_hybrid() else [CGROUPS]:
            group = hierarchy / self.space
            group.mkdir(exist_ok=True)
            if hierarchy.name == "cpuset":
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (group / file).write_text((hierarchy / file).read_text())
                (group / "cgroup.clone_children").write_text("1")
            groups.append(group)
        enter = "".join(f"echo $$ >{group}/cgroup.procs; " for group in groups)
        # Podman's storage is an overlay, whose upper directory cannot be on an overlay.
        nspawn = [
            "systemd-nspawn", f"--directory={self.root}", "--boot", "--register=no", "--keep-unit",
            "--capability=all", f"--network-namespace-path=/run/netns/{self.space}", f"--machine={self.space}",
            f"--uuid={self.uuid}",
            f"--hostname={self.name}", f"--bind={self.place / 'containers'}:/var/lib/containers",
            "--console=pipe", "--resolv-conf=off", "--system-call-filter=@keyring bpf",
        ]  # fmt: skip
        # 133: it restarts. systemd reads the words of the kernel's command line as its own arguments in a container.
        words = f"$(grep -so 'systemd[.][^ ]*' {self.root}/boot/firmware/cmdline.txt)"
        power = f"while :; do {shlex.join(nspawn)} {words}; [ $? = 133 ] || exit; done"
        settings = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network", "SYSTEMD_NSPAWN_LOCK": "0"}
        if is_hybrid():
            settings["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "0"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", enter + power], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, **settings},
            )  # fmt: skip
        if is_waited_for:
            wait_until(self._is_up, 60, f"sshd of {self.name}, see {self.log}")

    def _is_up(self):
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        if not self.first_process() or not self.run("ss", "-Hltn", "sport = :22", check=False).strip():
            return False
        return not self.run("ip", "-6", "address", "show", "tentative")

    def restart(self) -> None:
        """Until sshd listens again."""
        before = self.first_process()
        self.run("systemctl", "reboot", "--no-block")
        wait_until(lambda: self.first_process() not in (None, before), 120, f"{self.name} starts again")
        wait_until(self._is_up, 60, f"sshd of {self.name}, see {self.log}")

    def first_process(self):
        """The pid here of the board's systemd, None while there is none."""
        for nspawn in _children(self.process.pid):
            for child in _children(nspawn):
                try:
                    if Path(f"/proc/{child}/exe").readlink().name == "systemd":
                        return child
                except OSError:
                    pass
        return None

    def run(self, *argv, check=True, timeout_s=120):
        """What a command on the board prints."""
        inside = [
            "nsenter",
            "--target",
            str(self.first_process()),
            "--all",
            "env",
            "--ignore-environment",
            *ENVIRONMENT,
        ]
        done = subprocess.run(
            [*inside, *argv], capture_output=True, text=True, check=False, timeout=timeout_s, cwd="/"
        )
        assert not check or done.returncode == 0, (
            f"{self.name}: {argv} → {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            if self.first_process():
                self.run("systemctl", "poweroff", "--no-block", check=False)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                os.kill(int(self.first_process()), signal.SIGKILL)  # and with it everything on the board
                self.process.wait(30)
        for folder in CGROUPS.glob(f"*/{self.space}") if is_hybrid() else CGROUPS.glob(self.space):
            wait_until(lambda folder=folder: _is_removed(folder), 10, f"an empty {folder}")
        subprocess.run(["umount", "--lazy", self.root], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.space], check=False, capture_output=True)


def _children(pid):
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def _is_removed(folder):
    """A group whose last process has just ended is busy for a moment."""
    try:
        for group, _, _ in os.walk(folder, topdown=False):
            os.rmdir(group)
    except OSError:
        return False
    return True
