"""Pure: what the preflight thinks of a board: one finding a line, with its cure.

Enter: a Board. Leave: findings in the order in which a person should care. Called by `pikube check`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pikube.preflight.board import Board

OK, WARN, FAIL, UNKNOWN = "ok", "warn", "fail", "unknown"

GIB, MIB = 1 << 30, 1 << 20
LEAST_PODMAN = (4, 3)  # Debian 12's; older ones have no netavark
LEAST_MEMORY = 400 * MIB  # a Pi Zero 2 has 512 MB, less what the GPU takes
LEAST_DISK, GOOD_DISK = 1 * GIB, 4 * GIB
SLOW_FSYNC_MS, BAD_FSYNC_MS = 100.0, 1000.0  # class A1 cards take about 10; k3s#2853 saw 7,450
FIRST_YEAR = 2025  # nothing of pikube is older, so an earlier clock is a wrong one

FIX_MEMORY, FIX_POWER_SAVE, FIX_FORWARDING = "memory-cgroup", "wifi-power-save", "ip-forward"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` names what --fix would do; '' when only a person can."""

    name: str
    level: str
    message: str
    cure: str = ""
    fix: str = ""


def findings(board: Board) -> list[Finding]:
    """Everything that there is to say, also what is well."""
    return [finding for judge in JUDGES for finding in judge(board)]


def _root(board: Board) -> Iterator[Finding]:
    if not board.is_root:
        yield Finding("root", WARN, "not root: some things could not be looked at", "sudo pikube check")


def _architecture(board: Board) -> Iterator[Finding]:
    machine = board.machine
    if machine.startswith("armv6"):
        yield Finding(
            "architecture", FAIL, f"{machine}: nothing is built for it", "use a Pi 2 or newer, or a Zero 2"
        )
    elif machine in ("aarch64", "x86_64") and board.userland_bits == 32:
        words = f"a 32-bit system on a 64-bit kernel ({machine}): images for both would be pulled wrongly"
        yield Finding("architecture", FAIL, words, "install the 64-bit Raspberry Pi OS")
    elif machine.startswith("armv7"):
        yield Finding(
            "architecture", WARN, f"{machine}: works, but many images are no longer built for 32 bits",
            "use a 64-bit system where the board can",
        )  # fmt: skip
    else:
        yield Finding("architecture", OK, f"{machine}, {board.userland_bits} bits")


def _pages(board: Board) -> Iterator[Finding]:
    if board.page_bytes != 4096:
        yield Finding(
            "page size",
            WARN,
            f"{board.page_bytes // 1024} KB pages: programs with jemalloc and some old images do not start",
            "add kernel=kernel8.img to /boot/firmware/config.txt and reboot",
        )
    else:
        yield Finding("page size", OK, "4 KB")


def _cgroups(board: Board) -> Iterator[Finding]:
    if not board.cgroup_version:
        yield Finding("cgroups", FAIL, "no cgroup filesystem is mounted", "mount it: systemd does so")
        return
    if board.cgroup_version == "v2":
        yield Finding("cgroups", OK, "v2")
    else:
        yield Finding(
            "cgroups",
            WARN,
            f"{board.cgroup_version}: Podman 6 knows v2 only, and crun refuses a hybrid hierarchy",
            "boot with systemd.unified_cgroup_hierarchy=1",
        )
    if board.has_memory_cgroup:
        yield Finding("memory cgroup", OK, "on")
    else:
        where = board.boot_file or "/boot/firmware/cmdline.txt"
        cure = f"add cgroup_enable=memory to the one line of {where} and reboot"
        yield Finding(
            "memory cgroup",
            FAIL,
            "off: memory limits and metrics do not work",
            cure,
            FIX_MEMORY if board.boot_file else "",
        )


def _podman(board: Board) -> Iterator[Finding]:
    podman = board.podman
    if podman.problem:
        yield Finding("podman", FAIL, podman.problem, "apt install podman netavark aardvark-dns catatonit")
        return
    version = tuple(int(part) for part in re.findall(r"\d+", podman.version)[:2])
    if version < LEAST_PODMAN:
        yield Finding(
            "podman", FAIL, f"version {podman.version} is too old", "upgrade to Podman 4.3 or newer"
        )
    else:
        yield Finding("podman", OK, f"version {podman.version}, {podman.runtime or 'its own runtime'}")
    if podman.missing_helpers:
        names = " ".join(podman.missing_helpers)
        yield Finding("podman helpers", FAIL, f"missing: {names}", f"apt install {names}")
    if podman.graph_driver == "vfs":
        yield Finding(
            "image store",
            FAIL,
            "the driver vfs copies every layer: ten times slower, and it fills the card",
            'set driver = "overlay" in /etc/containers/storage.conf, then podman system reset',
        )
    elif podman.graph_driver:
        yield Finding("image store", OK, podman.graph_driver)
    if podman.trial:
        yield Finding("container", FAIL, f"a container does not run: {podman.trial}", _cure_of(podman.trial))
    elif podman.is_tried:
        yield Finding("container", OK, "one was run and removed")


def _cure_of(error: str) -> str:
    """Two errors of virtual machines and old hosts that Podman's own words do not explain."""
    if "rlimit" in error.lower():
        return "lower default_ulimits in a containers.conf, and name it by --containers-conf"
    if "hybrid mode" in error:
        return 'set runtime = "runc" in a containers.conf, and name it by --containers-conf'
    return "`podman run --rm --network none IMAGE` says more"


def _memory(board: Board) -> Iterator[Finding]:
    size = f"{board.memory_bytes // MIB} MB"
    if board.memory_bytes < LEAST_MEMORY:
        yield Finding("memory", FAIL, f"{size}: too little to run pods", "use a board with 512 MB or more")
    elif board.memory_bytes < GIB * 9 // 10:
        yield Finding(
            "memory", WARN, f"{size}: enough for an agent, tight for a leader", "lead from a larger board"
        )
    else:
        yield Finding("memory", OK, size)


def _disk(board: Board) -> Iterator[Finding]:
    free = f"{board.disk_free_bytes / GIB:.1f} GB free for {board.data_dir}"
    if board.disk_free_bytes < LEAST_DISK:
        yield Finding("disk", FAIL, free, "free some space: podman image prune, apt clean")
    elif board.disk_free_bytes < GOOD_DISK:
        yield Finding("disk", WARN, f"{free}: a few images fill it", "use a larger card")
    else:
        yield Finding("disk", OK, free)
    slowest = board.fsync_ms
    if slowest is None:
        yield Finding("disk speed", UNKNOWN, f"{board.data_dir} could not be written", "sudo pikube check")
    elif slowest > BAD_FSYNC_MS:
        yield Finding(
            "disk speed", FAIL, f"a durable write took {slowest:.0f} ms", "replace the card or use an SSD"
        )
    elif slowest > SLOW_FSYNC_MS:
        yield Finding(
            "disk speed", WARN, f"a durable write took {slowest:.0f} ms", "an A2 card or an SSD is faster"
        )
    else:
        yield Finding("disk speed", OK, f"a durable write takes {slowest:.1f} ms at most")


def _ports(board: Board) -> Iterator[Finding]:
    for port in board.ports:
        if port.problem:
            yield Finding(
                f"port {port.number}", FAIL, f"{port.use}: {port.problem}", f"ss -tlnp sport = :{port.number}"
            )
        else:
            yield Finding(f"port {port.number}", OK, f"free for {port.use}")


def _clock(board: Board) -> Iterator[Finding]:
    if board.year < FIRST_YEAR:
        yield Finding(
            "clock", WARN, f"the year is {board.year}: boards have no clock of their own",
            "timedatectl set-ntp true; pikube works meanwhile",
        )  # fmt: skip
    elif board.is_time_synchronized is False:
        yield Finding("clock", WARN, "not synchronized", "timedatectl set-ntp true")
    elif board.is_time_synchronized is None:
        yield Finding("clock", UNKNOWN, f"the year is {board.year}; nobody says whether it is synchronized")
    else:
        yield Finding("clock", OK, "synchronized")


def _wifi(board: Board) -> Iterator[Finding]:
    for interface in board.power_saving:
        words = f"{interface} saves power: answers take up to two seconds"
        yield Finding("wifi", WARN, words, f"iw dev {interface} set power_save off", FIX_POWER_SAVE)


VOLTAGE_NOW, THROTTLED_NOW, VOLTAGE_ONCE = 0x1, 0x6, 0x10000


def _power(board: Board) -> Iterator[Finding]:
    flags = board.throttled
    if flags is None:
        return  # no Raspberry Pi
    cure = "use the power supply made for the board, and a short cable"
    if flags & VOLTAGE_NOW:
        yield Finding("power", FAIL, f"under-voltage now ({flags:#x}): it looks like random failures", cure)
    elif flags & THROTTLED_NOW:
        yield Finding("power", WARN, f"slowed down now ({flags:#x})", "give it a heat sink or a fan")
    elif flags & VOLTAGE_ONCE:
        yield Finding("power", WARN, f"there has been under-voltage since the start ({flags:#x})", cure)
    else:
        yield Finding("power", OK, "no under-voltage, not throttled")


def _network(board: Board) -> Iterator[Finding]:
    clashes = 0
    for setting, cidr in (("cluster-cidr", board.cluster_cidr), ("service-cidr", board.service_cidr)):
        mine = ipaddress.ip_network(cidr)
        for interface, text in board.lan:
            other = ipaddress.ip_network(text, strict=False)
            if other.version == mine.version and mine.overlaps(other):
                clashes += 1
                words = f"{setting} {cidr} overlaps {other} on {interface}: that LAN would be cut off"
                yield Finding("addresses", FAIL, words, f"choose another --{setting} on the leader")
    if not clashes:
        yield Finding(
            "addresses", OK, f"pods {board.cluster_cidr} and Services {board.service_cidr} are free"
        )
    if board.is_forwarding is False:
        yield Finding(
            "forwarding", WARN, "net.ipv4.ip_forward is 0; pikube switches it on when it starts",
            "sysctl -w net.ipv4.ip_forward=1", FIX_FORWARDING,
        )  # fmt: skip
    if board.forward_policy == "DROP":
        yield Finding(
            "firewall",
            OK,
            "iptables drops forwarded packets (Docker sets this); pikube lets those of pods through",
        )


JUDGES: tuple[Callable[[Board], Iterator[Finding]], ...] = (
    _root, _architecture, _cgroups, _podman, _memory, _disk, _pages, _ports, _network, _clock, _power, _wifi,
)  # fmt: skip
