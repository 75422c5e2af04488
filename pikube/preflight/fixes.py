"""Shell: the cures of the preflight that are safe to apply: each leaves the old state readable and can be repeated.

Enter: the name of a fix. Leaves: one sentence of what was done. Called by `pikube check --fix`.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pikube.certs.files import write_atomic
from pikube.preflight.board import Board
from pikube.preflight.cmdline import with_memory_flag
from pikube.preflight.findings import FIX_FORWARDING, FIX_MEMORY, FIX_POWER_SAVE

SYSCTL_FILE = "etc/sysctl.d/99-pikube.conf"
POWER_SAVE_FILE = "etc/NetworkManager/conf.d/99-pikube-power-save.conf"


class FixFailed(Exception):
    """The message says what was not done and why."""


def apply_fix(name: str, board: Board, root: Path = Path("/")) -> str:
    """Do it. Raises FixFailed."""
    try:
        if name == FIX_MEMORY:
            return _enable_memory_cgroup(root / board.boot_file.lstrip("/"))
        if name == FIX_POWER_SAVE:
            return _stop_power_saving(board.power_saving, root)
        assert name == FIX_FORWARDING
        return _forward(root)
    except (OSError, ValueError) as error:
        raise FixFailed(f"{name} could not be fixed: {error}") from None


def _enable_memory_cgroup(boot_file: Path) -> str:
    text = boot_file.read_text()
    wanted = with_memory_flag(text)
    if wanted == text:
        return f"{boot_file} has the flag already: reboot"
    shutil.copy2(boot_file, boot_file.with_suffix(".txt.before-pikube"))
    write_atomic(boot_file, wanted.encode(), mode=0o755)  # a FAT partition has no other mode
    return f"{boot_file} has cgroup_enable=memory now: reboot"


def _stop_power_saving(interfaces: tuple[str, ...], root: Path) -> str:
    for interface in interfaces:
        subprocess.run(("iw", "dev", interface, "set", "power_save", "off"), check=False, capture_output=True)
    lasting = root / POWER_SAVE_FILE
    if lasting.parent.is_dir():
        lasting.write_text("[connection]\nwifi.powersave = 2\n")  # NetworkManager: 2 is off
    return f"power saving of {', '.join(interfaces)} is off"


def _forward(root: Path) -> str:
    (root / "proc/sys/net/ipv4/ip_forward").write_text("1\n")
    lasting = root / SYSCTL_FILE
    lasting.parent.mkdir(parents=True, exist_ok=True)
    lasting.write_text("net.ipv4.ip_forward = 1\n")
    return "packets are forwarded now, and after a reboot"
