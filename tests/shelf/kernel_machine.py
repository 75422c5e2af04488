"""A board with a kernel of its own: cgroups v2, AppArmor, NFS, whatever this host has.

User Mode Linux (Debian's user-mode-linux) runs Debian's kernel as a program on a disk image of the board's root: a
boot takes half a minute, twenty times less than in an emulator. What it has not: nftables, more than one processor,
pressure stall information, a reboot (its cable is lost: switch it off and on again).
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from board import wait_until
from machine import Machine
from system import PLACE, run

MORE = (
    "podman",
    "crun",
    "netavark",
    "aardvark-dns",
    "catatonit",
    "nftables",
    "iptables",
    "apparmor",
    "nfs-kernel-server",
    "kmod",
)
DISK_GB = 4


def kernel() -> Path:
    """The folder of the unpacked package; kept for the next time."""
    place = PLACE / "user-mode-linux"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as folder:
            run("apt-get", "download", "-o", "APT::Sandbox::User=root", "user-mode-linux", cwd=folder)
            (package,) = Path(folder).glob("*.deb")
            run("dpkg-deb", "--extract", package, place)
        (place / "complete").touch()
    return place


class KernelMachine(Machine):
    """Its root can be written until it is started; then commands go by ssh."""

    key: Path  # of root's ssh

    def open(self, system: Path, repository: Path) -> None:
        """The root with what a board of this kind needs, and a cable of the LAN that ends in a tap device."""
        super().open(system)
        self.tap = f"t{self.number}"
        self.lan.run("ip", "tuntap", "add", self.tap, "mode", "tap")
        self.lan.run("ip", "link", "set", self.tap, "master", "lan", "up")
        modules = next((kernel() / "usr/lib/uml/modules").iterdir())
        shutil.copytree(modules, self.root / "usr/lib/modules" / modules.name)
        self.write("etc/containers/containers.conf", "")
        packages = self.root / "srv/repository"
        packages.mkdir()
        run("mount", "--bind", repository, packages)
        try:
            self.write("etc/apt/sources.list", "deb [trusted=yes] file:/srv/repository ./\n")
            self.install("apt-get", "update")
            self.install("apt-get", "install", "-y", "--no-install-recommends", *MORE)
            for program in ("iptables", "ip6tables"):
                self.install("update-alternatives", "--set", program, f"/usr/sbin/{program}-legacy")
        finally:
            run("umount", packages)

    def install(self, *argv):
        """A command in the root of the board, which is off."""
        return run("chroot", self.root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *argv)

    def start(self, *, is_waited_for: bool = True) -> None:
        disk = self.place / "disk.img"
        if not disk.exists():
            run("mkfs.ext4", "-q", "-d", self.root, disk, f"{DISK_GB}G")
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    "nsenter", f"--net=/run/netns/{self.lan.name}", kernel() / "usr/bin/linux.uml", "mem=2048M",
                    f"ubd0={disk}", "root=/dev/ubda", "rw", "con=null", "con0=null,fd:1",
                    f"vec0:transport=tap,ifname={self.tap},depth=64,gro=1", f"umid={self.space}",
                    "security=apparmor", "quiet",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "TMPDIR": str(self.place), "HOME": str(self.place)},
            )  # fmt: skip
        if is_waited_for:
            wait_until(self._is_up, 180, f"sshd of {self.name}, see {self.log}")

    def _is_up(self):
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return self._ssh("true").returncode == 0

    def _ssh(self, *argv, timeout_s=120, **options):
        command = [
            "nsenter", f"--net=/run/netns/{self.lan.name}", "ssh", "-i", self.key, "-o", "ConnectTimeout=5",
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
            f"root@{self.address}", *argv,
        ]  # fmt: skip
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout_s, **options
        )

    def run(self, *argv, check=True, timeout_s=120, **options):
        """What a shell command on the board prints."""
        done = self._ssh(*argv, timeout_s=timeout_s, **options)
        assert not check or done.returncode == 0, (
            f"{self.name}: {argv} → {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout

    def stop(self) -> None:
        """Switch it off, in order."""
        self._ssh("systemctl", "poweroff", "--no-block")
        self.process.wait(120)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(30)
        subprocess.run(["umount", "--lazy", self.root], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.space], check=False, capture_output=True)
