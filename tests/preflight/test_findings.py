"""What the preflight says of boards of all sorts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.preflight.board import Board, Podman, Port
from pikube.preflight.cmdline import has_memory_flag, with_memory_flag
from pikube.preflight.findings import FAIL, FIX_MEMORY, OK, WARN, findings

GOOD = Board(
    is_root=True,
    machine="aarch64",
    userland_bits=64,
    page_bytes=4096,
    cgroup_version="v2",
    has_memory_cgroup=True,
    boot_file="/boot/firmware/cmdline.txt",
    boot_line="console=tty1 root=PARTUUID=1 rootwait",
    memory_bytes=4 << 30,
    data_dir="/var/lib/pikube",
    disk_free_bytes=20 << 30,
    fsync_ms=8.0,
    podman=Podman(version="5.4.2", graph_driver="overlay", runtime="crun", is_tried=True),
    ports=(Port(number=6443, use="the API"),),
    year=2026,
    is_time_synchronized=True,
    throttled=0,
    lan=(("eth0", "192.168.1.7/24"),),
    forward_policy="ACCEPT",
    is_forwarding=True,
    cluster_cidr="10.42.0.0/16",
    service_cidr="10.43.0.0/16",
)


def levels(board):
    return {finding.name: finding.level for finding in findings(board)}


def test_a_good_board_has_nothing_to_cure():
    assert {finding.level for finding in findings(GOOD)} == {OK}


@pytest.mark.parametrize(
    ("change", "name", "level", "words"),
    [
        ({"has_memory_cgroup": False}, "memory cgroup", FAIL, "limits"),
        ({"cgroup_version": "hybrid"}, "cgroups", WARN, "hybrid"),
        ({"cgroup_version": ""}, "cgroups", FAIL, "no cgroup"),
        ({"machine": "armv6l"}, "architecture", FAIL, "nothing is built"),
        ({"userland_bits": 32}, "architecture", FAIL, "32-bit system on a 64-bit kernel"),
        ({"machine": "armv7l", "userland_bits": 32}, "architecture", WARN, "32 bits"),
        ({"page_bytes": 16384}, "page size", WARN, "16 KB"),
        ({"podman": Podman(problem="podman is not installed")}, "podman", FAIL, "not installed"),
        ({"podman": Podman(version="3.4.4")}, "podman", FAIL, "too old"),
        ({"podman": Podman(version="4.3.1", graph_driver="vfs")}, "image store", FAIL, "vfs"),
        ({"podman": Podman(version="5.0.0", missing_helpers=("netavark",))}, "podman helpers", FAIL, "netavark"),
        ({"podman": Podman(version="5.0.0", trial="crun: no", is_tried=True)}, "container", FAIL, "crun: no"),
        ({"memory_bytes": 300 << 20}, "memory", FAIL, "300 MB"),
        ({"memory_bytes": 480 << 20}, "memory", WARN, "480 MB"),
        ({"disk_free_bytes": 100 << 20}, "disk", FAIL, "0.1 GB"),
        ({"fsync_ms": 7450.0}, "disk speed", FAIL, "7450 ms"),
        ({"fsync_ms": 200.0}, "disk speed", WARN, "200 ms"),
        ({"ports": (Port(number=6443, use="the API", problem="Address already in use"),)}, "port 6443", FAIL, "use"),
        ({"year": 1970}, "clock", WARN, "1970"),
        ({"is_time_synchronized": False}, "clock", WARN, "synchronized"),
        ({"power_saving": ("wlan0",)}, "wifi", WARN, "wlan0"),
        ({"throttled": 0x50005}, "power", FAIL, "0x50005"),
        ({"throttled": 0x4}, "power", WARN, "slowed"),
        ({"throttled": 0x50000}, "power", WARN, "there has been"),
        ({"lan": (("eth0", "10.42.3.9/24"),)}, "addresses", FAIL, "overlaps 10.42.3.0/24 on eth0"),
        ({"is_forwarding": False}, "forwarding", WARN, "ip_forward"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_cure(change, name, level, words):
    found = {finding.name: finding for finding in findings(replace(GOOD, **change))}
    assert (found[name].level, bool(found[name].cure)) == (level, True)
    assert words in found[name].message
    others = {each.level for each in found.values() if each.name != name}
    assert others <= {OK}


def test_the_memory_cgroup_is_fixed_only_where_the_firmware_has_a_command_line():
    off = replace(GOOD, has_memory_cgroup=False)
    assert [f.fix for f in findings(off) if f.fix] == [FIX_MEMORY]
    assert [f.fix for f in findings(replace(off, boot_file="")) if f.fix] == []


WORDS = st.lists(st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1), min_size=1)


@given(WORDS)
def test_the_flag_is_added_once_and_the_line_stays_one(words):
    before = " ".join(words)
    after = with_memory_flag(before + "\n")
    assert has_memory_flag(after) and after.count("\n") == 1
    assert with_memory_flag(after) == after
    kept = [word for word in words if word != "cgroup_disable=memory"]
    assert after.split()[: len(kept)] == kept


@pytest.mark.parametrize("text", ["", "\n", "a\nb\n"])
def test_a_command_line_that_is_not_one_line_is_left_alone(text):
    with pytest.raises(ValueError, match="one line"):
        with_memory_flag(text)


def test_a_firewall_that_drops_forwarded_packets_is_no_hindrance():
    found = {finding.name: finding for finding in findings(replace(GOOD, forward_policy="DROP"))}
    assert found["firewall"].level == OK


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("crun: setrlimit `RLIMIT_NPROC`: Operation not permitted", "lower default_ulimits"),
        ("runc create failed: error setting rlimit type 8", "lower default_ulimits"),
        ("crun: cgroups in hybrid mode not supported", 'set runtime = "runc"'),
        ("crun: no", "podman run --rm"),
    ],
)
def test_a_container_that_does_not_run_has_a_cure(error, words):
    podman = Podman(version="5.0.0", trial=error, is_tried=True)
    (found,) = (f for f in findings(replace(GOOD, podman=podman)) if f.name == "container")
    assert words in found.cure
