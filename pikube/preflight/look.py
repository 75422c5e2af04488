"""Shell: looks at this board for the preflight. Leaves: a Board. Nothing is changed but for a file written and
removed to time it, and one container run and removed.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pikube.preflight.board import Board, Port
from pikube.preflight.podman_look import look_at_podman
from pikube.wire.interfaces import is_of_lan

BOOT_FILES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")  # Bookworm and newer, older ones
COMMAND_S = 30.0
FSYNCS = 20


def look(
    *,
    data_dir: str,
    ports: Sequence[tuple[int, str]],
    cluster_cidr: str,
    service_cidr: str,
    podman: Sequence[str] = ("podman",),
    environment: Mapping[str, str] | None = None,
    with_trial: bool = True,
    root: Path = Path("/"),
) -> Board:
    """`podman` is the command with its flags and `environment` what it runs in. `root` is where /proc, /sys and /boot
    are read."""
    version, has_memory = _cgroups(root)
    boot_file = next((name for name in BOOT_FILES if (root / name[1:]).exists()), "")
    where = _existing(Path(data_dir))
    return Board(
        is_root=os.geteuid() == 0,
        machine=platform.machine(),
        userland_bits=_userland_bits(),
        page_bytes=os.sysconf("SC_PAGE_SIZE"),
        cgroup_version=version,
        has_memory_cgroup=has_memory,
        boot_file=boot_file,
        boot_line=_text(root / boot_file[1:]) if boot_file else "",
        memory_bytes=_memory(root),
        data_dir=data_dir,
        disk_free_bytes=shutil.disk_usage(where).free,
        fsync_ms=_slowest_fsync_ms(where),
        podman=look_at_podman(podman, environment, with_trial=with_trial and os.geteuid() == 0),
        ports=tuple(_port(number, use) for number, use in ports),
        year=time.gmtime().tm_year,
        is_time_synchronized=_is_time_synchronized(root),
        power_saving=_power_saving(root),
        throttled=_throttled(root),
        lan=_lan(),
        forward_policy=_forward_policy(),
        is_forwarding=_flag(root / "proc/sys/net/ipv4/ip_forward"),
        cluster_cidr=cluster_cidr,
        service_cidr=service_cidr,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _flag(path: Path) -> bool | None:
    text = _text(path)
    return text == "1" if text else None


def _run(
    argv: Sequence[str], timeout_s: float = COMMAND_S, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """(exit code, stdout, stderr); 127 when there is no such program, 124 when it takes too long."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment
        )
    except FileNotFoundError:
        return 127, "", f"{argv[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, "", f"{argv[0]} did not answer in {timeout_s:g} s"
    return done.returncode, done.stdout, done.stderr


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _userland_bits() -> int:
    """dpkg's word counts: this very interpreter may be a 64-bit one in a 32-bit system."""
    code, out, _ = _run(("dpkg", "--print-architecture"))
    if code == 0:
        return 32 if out.strip() in ("armhf", "armel", "i386") else 64
    return 64 if platform.architecture()[0] == "64bit" else 32


def _cgroups(root: Path) -> tuple[str, bool]:
    """(version, whether memory is accounted). /proc/cgroups no longer tells since Linux 6.12."""
    mount = root / "sys/fs/cgroup"
    controllers = mount / "cgroup.controllers"
    if controllers.exists():
        return "v2", "memory" in _text(controllers).split()
    has_v1 = (mount / "memory").exists()
    if (mount / "unified").exists():
        return "hybrid", has_v1
    return ("v1" if has_v1 or (mount / "cpu").exists() else ""), has_v1


def _memory(root: Path) -> int:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"), re.M)
    return int(found[1]) * 1024 if found else 0


def _slowest_fsync_ms(directory: Path) -> float | None:
    slowest = 0.0
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            for _ in range(FSYNCS):
                file.write(b"\0" * 4096)
                file.flush()
                begin = time.monotonic()
                os.fdatasync(file.fileno())
                slowest = max(slowest, time.monotonic() - begin)
    except OSError:
        return None
    return slowest * 1000


def _port(number: int, use: str) -> Port:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("0.0.0.0", number))
        except OSError as error:
            return Port(number=number, use=use, problem=error.strerror or str(error))
    return Port(number=number, use=use)


def _is_time_synchronized(root: Path) -> bool | None:
    if (root / "run/systemd/timesync/synchronized").exists():
        return True
    code, out, _ = _run(("timedatectl", "show", "--property", "NTPSynchronized", "--value"))
    return out.strip() == "yes" if code == 0 else None


def _power_saving(root: Path) -> tuple[str, ...]:
    interfaces = [path.parent.name for path in (root / "sys/class/net").glob("*/wireless")]
    found = []
    for name in sorted(interfaces):
        code, out, _ = _run(("iw", "dev", name, "get", "power_save"))
        if code == 0 and out.strip().endswith("on"):
            found.append(name)
    return tuple(found)


def _throttled(root: Path) -> int | None:
    for path in (root / "sys/devices/platform").glob("soc*/soc*:firmware/get_throttled"):
        text = _text(path)
        if text:
            return int(text, 16)
    code, out, _ = _run(("vcgencmd", "get_throttled"))
    found = re.search(r"throttled=(0x[0-9a-f]+)", out) if code == 0 else None
    return int(found[1], 16) if found else None


def _lan() -> tuple[tuple[str, str], ...]:
    code, out, _ = _run(("ip", "-json", "-4", "address", "show"))
    if code:
        return ()
    found = []
    for link in json.loads(out or "[]"):
        for address in link.get("addr_info", ()):
            if is_of_lan(link["ifname"]) and address.get("family") == "inet":
                found.append((link["ifname"], f"{address['local']}/{address['prefixlen']}"))
    return tuple(found)


def _forward_policy() -> str:
    code, out, _ = _run(("iptables", "-S", "FORWARD"))
    found = re.search(r"^-P FORWARD (\w+)", out, re.M) if code == 0 else None
    return found[1] if found else ""
