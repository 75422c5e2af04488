"""The operating system of the boards: a Debian root with systemd, sshd and cloud-init, made once by debootstrap.

Podman is not in it: boards install it from a repository of .deb files, as they would from Debian's, served on their
LAN. Kept in .boards (or $PIKUBE_BOARDS) for the next time.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PLACE = Path(os.environ.get("PIKUBE_BOARDS", ROOT / ".boards"))
SUITE = "bookworm"
INCLUDED = (
    *("systemd", "systemd-sysv", "systemd-timesyncd", "dbus", "udev", "openssh-server", "sudo", "python3"),
    *(
        "python3-apt",
        "iproute2",
        "busybox-static",
        "procps",
        "runc",
        "ca-certificates",
        "cloud-init",
        "netplan.io",
    ),
)
LATER = (
    *("podman", "netavark", "aardvark-dns", "catatonit", "nftables", "iptables", "iproute2"),
    *("crun", "apparmor", "nfs-kernel-server", "kmod"),
)
"""What `board_packages` and first-boot.sh install, and boards with a kernel of their own."""

# A board of this bed is a container: its network outlives a restart, so it begins each as a board does, with a bare
# interface; and where the host has cgroup v1, nspawn mounts it read-only.
START = """\
#!/bin/sh
nft flush ruleset 2>/dev/null
[ ! -e /sys/class/net/vec0 ] || ip link set vec0 name eth0
for link in $(ip -o link | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/'); do
  case $link in lo|eth0) ;; *) ip link delete "$link" 2>/dev/null ;; esac
done
ip route flush table all 2>/dev/null
ip address flush dev eth0
for link in lo eth0; do ip link set $link down; ip link set $link up; done
[ ! -f /etc/bed-address ] || { ip address add "$(cat /etc/bed-address)" dev eth0; ip route add default dev eth0; }
for hierarchy in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$hierarchy"; done
exit 0
"""
START_UNIT = """\
[Unit]
DefaultDependencies=no
Before=sysinit.target network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/bed-start

[Install]
WantedBy=sysinit.target
"""
# Hosts with a hybrid hierarchy: crun refuses it, and the default ulimits cannot be set (see tests/e2e/board.py).
HYBRID_CONF = """\
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
"""


def run(*argv, **options):
    done = subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{argv} → {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def is_hybrid():
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def system():
    """The root, and the folder of .deb files; both made if they are not there."""
    digest = hashlib.sha256(" ".join((SUITE, *INCLUDED, *LATER)).encode()).hexdigest()[:12]
    place = PLACE / f"{SUITE}-{digest}"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        _make(place / "root", place / "repository")
        (place / "complete").touch()
    _configure(place / "root")
    return place / "root", place / "repository"


def _make(root, repository):
    run("debootstrap", "--variant=minbase", SUITE, root, _mirror())
    configuration = [*Path("/etc/apt/apt.conf.d").glob("*artifact*"), Path("/etc/resolv.conf")]
    for file in configuration:  # how this host reaches its mirror; taken away again below
        shutil.copy(file, root / file.relative_to("/"))
    _inside(root, "apt-get", "update")
    _inside(root, "apt-get", "install", "-y", "--no-install-recommends", *INCLUDED)
    _inside(root, "apt-get", "install", "-y", "--no-install-recommends", "--download-only", *LATER)
    archives = root / "var/cache/apt/archives"
    repository.mkdir()
    packages = [shutil.move(file, repository) for file in sorted(archives.glob("*.deb"))]
    (repository / "Packages").write_text("\n".join(_package(Path(file)) for file in packages))
    for file in configuration:
        (root / file.relative_to("/")).unlink()
    _inside(root, "apt-get", "clean")
    shutil.rmtree(root / "var/lib/apt/lists")
    (root / "var/lib/apt/lists/partial").mkdir(parents=True)
    for sources in (root / "etc/apt/sources.list", *(root / "etc/apt/sources.list.d").glob("*")):
        sources.unlink(missing_ok=True)
    _inside(root, "useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash", "pi")


def _inside(root, *argv):
    return run("chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *argv)


def _mirror():
    text = "\n".join(p.read_text() for p in Path("/etc/apt").glob("sources.list*/*") if p.is_file())
    found = re.search(r"^URIs: *(\S+/debian/?)$", text, re.M)
    return found[1] if found else "http://deb.debian.org/debian"


def _package(file):
    """A stanza of the repository's Packages."""
    control = run("dpkg-deb", "--field", file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{control}Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"


def _configure(root):
    (root / "usr/local/sbin/bed-start").write_text(START)
    (root / "usr/local/sbin/bed-start").chmod(0o755)
    (root / "etc/systemd/system/bed.service").write_text(START_UNIT)
    _inside(root, "systemctl", "enable", "bed.service")
    (root / "etc/systemd/system/systemd-timesyncd.service.d").mkdir(exist_ok=True)
    (root / "etc/systemd/system/systemd-timesyncd.service.d/bed.conf").write_text(
        "[Unit]\nConditionVirtualization=\n"  # it does not start in containers, and boards are none
    )
    _inside(root, "systemctl", "mask", "systemd-networkd-wait-online.service")
    link = root / "etc/systemd/network/99-default.link"
    link.unlink(missing_ok=True)
    link.symlink_to("/dev/null")  # its MACAddressPolicy gave boards of one machine the same address
    (root / "etc/cloud/cloud-init.disabled").touch()
    os.utime(root / "var/lib/apt/lists", (0, 0))  # as old as an image's
    (root / "etc/sudoers.d/pi").write_text("pi ALL=(ALL) NOPASSWD:ALL\n")
    (root / "etc/machine-id").write_text("")
    if is_hybrid():
        (root / "etc/containers").mkdir(exist_ok=True)
        (root / "etc/containers/containers.conf").write_text(HYBRID_CONF)
