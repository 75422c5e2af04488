"""The systemd units, as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pikube.cli.failure import NO_MEMBER

ROOT = Path(__file__).parent.parent.parent
UNITS = sorted((ROOT / "systemd").glob("*.service"))
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here"
)
# Each of these works by seccomp, a mount namespace or a device policy, which containers would inherit.
BREAKS_PODS = (
    *("PrivateTmp", "PrivateDevices", "ProtectSystem", "ProtectHome", "ProtectHostname", "ProtectClock"),
    *("ProtectKernelTunables", "ProtectControlGroups", "ProtectKernelModules", "SystemCallFilter"),
    *("SystemCallArchitectures", "RestrictNamespaces", "RestrictAddressFamilies", "NoNewPrivileges"),
    *("DevicePolicy", "DeviceAllow", "CapabilityBoundingSet", "MemoryDenyWriteExecute"),
)


def settings(unit):
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.M))


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit, tmp_path):
    there = tmp_path / unit.name  # verify looks for the program, which is not installed on this machine
    there.write_text(unit.read_text().replace("/usr/local/bin/pikube", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, ours) == (0, [])


EXPOSURE = {"pikube-leader": 9.6, "pikube-agent": 9.6, "pikube-backup": 3.1}
"""What `systemd-analyze security` may say at most, of 10, where less is better. Pods inherit what a service is
forbidden, so the first two are confined little (see BREAKS_PODS)."""


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_no_more_exposed_than_it_was(unit, tmp_path):
    there = tmp_path / unit.name
    there.write_text(unit.read_text().replace("/usr/local/bin/pikube", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", there],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        pytest.skip("this systemd-analyze rates running units only")
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert float(exposure) <= EXPOSURE[unit.stem], done.stdout
    kept = re.findall(r"^✓ (\w+)=", done.stdout, re.M)
    assert {"KeyringMode", "NotifyAccess"} & settings(unit).keys() <= set(kept), done.stdout


@pytest.mark.parametrize(
    "unit", [u for u in UNITS if u.name != "pikube-backup.service"], ids=lambda unit: unit.name
)
def test_pods_outlive_the_service_and_inherit_nothing_that_breaks_them(unit):
    found = settings(unit)
    assert (found["Type"], found["KillMode"], found["Restart"]) == ("notify", "process", "always")
    assert found["Delegate"] == "yes"
    assert int(found["WatchdogSec"]) >= 30
    assert [name for name in BREAKS_PODS if name in found] == []
    assert "network-online.target" not in unit.read_text()  # a board without a default route boots too


def test_the_two_units_differ_in_their_mode_only():
    leader, agent = (settings(ROOT / "systemd" / f"pikube-{mode}.service") for mode in ("leader", "agent"))
    assert {key for key in leader if leader[key] != agent.get(key)} == {"Description", "ExecStart"}
    assert agent.keys() - leader.keys() == {"RestartPreventExitStatus"}


def test_a_board_that_is_a_node_no_longer_is_not_started_again_and_again():
    agent = settings(ROOT / "systemd/pikube-agent.service")
    assert int(agent["RestartPreventExitStatus"]) == NO_MEMBER
