"""The fixes on a small tree of files that stands for a board."""

from dataclasses import replace

import pytest
from test_findings import GOOD

from pikube.preflight.findings import FIX_FORWARDING, FIX_MEMORY
from pikube.preflight.fixes import FixFailed, apply_fix
from pikube.preflight.look import look


@pytest.fixture
def root(tmp_path):
    boot = tmp_path / "boot/firmware"
    boot.mkdir(parents=True)
    (boot / "cmdline.txt").write_text("console=tty1 cgroup_disable=memory rootwait\n")
    groups = tmp_path / "sys/fs/cgroup"
    groups.mkdir(parents=True)
    (groups / "cgroup.controllers").write_text("cpuset cpu io pids\n")
    (tmp_path / "proc/sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "proc/sys/net/ipv4/ip_forward").write_text("0\n")
    (tmp_path / "proc/meminfo").write_text("MemTotal:         948304 kB\n")
    firmware = tmp_path / "sys/devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("50005\n")
    return tmp_path


def looked(root):
    return look(
        data_dir=str(root), ports=[], cluster_cidr="10.42.0.0/16", service_cidr="10.43.0.0/16",
        podman=("false",), with_trial=False, root=root,
    )  # fmt: skip


def test_the_board_is_read_from_its_files(root):
    board = looked(root)
    assert (board.cgroup_version, board.has_memory_cgroup) == ("v2", False)
    assert (board.boot_file, board.memory_bytes) == ("/boot/firmware/cmdline.txt", 948304 * 1024)
    assert (board.throttled, board.is_forwarding) == (0x50005, False)
    assert board.fsync_ms is not None
    assert board.podman.problem


def test_the_memory_cgroup_is_switched_on_once_with_a_way_back(root):
    board = looked(root)
    said = apply_fix(FIX_MEMORY, board, root)
    file = root / "boot/firmware/cmdline.txt"
    assert "reboot" in said
    assert file.read_text() == "console=tty1 rootwait cgroup_enable=memory\n"
    assert (file.parent / "cmdline.txt.before-pikube").read_text().startswith("console=tty1 cgroup_disable")
    assert "already" in apply_fix(FIX_MEMORY, board, root)


def test_a_command_line_of_two_lines_is_refused_and_left_as_it_is(root):
    file = root / "boot/firmware/cmdline.txt"
    file.write_text("a\nb\n")
    with pytest.raises(FixFailed, match="one line"):
        apply_fix(FIX_MEMORY, looked(root), root)
    assert file.read_text() == "a\nb\n"


def test_forwarding_lasts(root):
    apply_fix(FIX_FORWARDING, replace(GOOD, is_forwarding=False), root)
    assert (root / "proc/sys/net/ipv4/ip_forward").read_text() == "1\n"
    assert "ip_forward = 1" in (root / "etc/sysctl.d/99-pikube.conf").read_text()
