"""Everything that a program can leave on a board."""

import json
import re

from board import wait_until

OF_OTHERS = re.compile(
    r"^(var/(log|tmp|lib/(apt|dpkg|systemd/timers|systemd/timesync|chrony|private|sudo|containers|cni))|"
    r"tmp|run|"
    r"var/cache/(apt|man|debconf|ldconfig)|root/\.ansible|home/pi/\.(ansible|sudo_as_admin_successful)|"
    r"etc/(ld\.so\.cache|machine-id|ssh/ssh_host|\.updated)|var/\.updated|usr/lib/.*__pycache__)"
)
"""Logs, package lists, Ansible's own files, and what the tmpfiles.d of Debian's Podman makes at each start of a board
(/var/lib/cni): no program of ours."""

UNITS = ("systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=service,timer,socket,mount")
UNIT_FILES = ("systemctl", "list-unit-files", "--no-legend")


def traces(board):
    def lines(*argv):
        return sorted(board.run(*argv, check=False).splitlines())

    files = []
    for path in board.upper.rglob("*"):
        name = path.relative_to(board.upper).as_posix()
        # A directory is copied up when something in it changes, and stays.
        if not OF_OTHERS.match(name) and not (path.is_dir() and (board.system / name).is_dir()):
            files.append(name)
    return {
        "routes": lines("ip", "route", "show", "table", "all"),
        "rules": lines("ip", "rule"),
        "addresses": lines("ip", "-brief", "address"),
        "links": sorted(link["ifname"] for link in json.loads(board.run("ip", "-json", "link"))),
        "nft": re.sub(
            r"counter packets \d+ bytes \d+", "counter", board.run("nft", "list", "ruleset", check=False)
        ).splitlines() if (board.root / "usr/sbin/nft").exists() else [],
        "forwarding": board.run("cat", "/proc/sys/net/ipv4/ip_forward").strip(),
        "mounts": [line.split()[1] for line in board.run("cat", "/proc/mounts").splitlines()],
        "units": sorted({line.split()[0] for line in lines(*UNITS) if "pikube" in line or "podman" in line}),
        "unit files": [" ".join(line.split()[:2]) for line in lines(*UNIT_FILES) if "transient" not in line],
        "processes": [line for line in lines("ps", "-eo", "args=") if re.search("pikube|conmon|podman", line)],
        "files": sorted(files),
    }  # fmt: skip


def use_podman(board):
    """It makes tables of its own for the first container since the start of a board, and leaves them."""
    board.run("podman", "run", "--rm", "localhost/box:1", "true")


def settled_traces(board):
    """The same, once Podman has ended what it does after a container's end."""
    wait_until(lambda: not traces(board)["processes"], 30, f"an idle {board.name}")
    return traces(board)


def changes(before, after):
    """What is different, by kind: (gone, new)."""
    found = {}
    for kind, was in before.items():
        now = after[kind]
        if was != now and isinstance(was, list):
            found[kind] = (sorted(set(was) - set(now)), sorted(set(now) - set(was)))
        elif was != now:
            found[kind] = (was, now)
    return {kind: pair for kind, pair in found.items() if pair != ([], [])}
