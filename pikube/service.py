"""Shell: pikube as a service of systemd: puts the program and its unit where they belong, and starts them.

Called by `pikube install` and `pikube join`. A unit that is there already, a package's or a person's, is left alone.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pikube.certs.files import write_atomic
from pikube.cli.failure import StartupError

SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)
UNITS = Path(__file__).parent / "units"
PROGRAM = "usr/local/bin/pikube"
OWN_UNITS, PACKAGED_UNITS = "etc/systemd/system", "usr/lib/systemd/system"
WRITTEN_BY_US = "# Written by pikube; `pikube uninstall` removes it."


def unit_name(mode: str) -> str:
    return f"pikube-{mode}.service"


def has_systemd() -> bool:
    return SYSTEMD.is_dir()


def render_unit(template: str, program: str, flags: Sequence[str]) -> str:
    """The unit with the place of the program, and with flags that a person gave."""
    lines = []
    for line in template.splitlines():
        if line.startswith("ExecStart="):
            mode = line.split()[-1]
            line = f"ExecStart={shlex.join([program, mode, *flags])}".replace("%", "%%")
        lines.append(line)
    return "\n".join([WRITTEN_BY_US, *lines]) + "\n"


def install(
    mode: str, flags: Sequence[str] = (), root: Path = Path("/"), started_as: str = sys.argv[0]
) -> Path:
    """Make the program and its unit permanent; returns the unit's file. Raises StartupError."""
    packaged = root / PACKAGED_UNITS / unit_name(mode)
    if packaged.exists() and not flags:
        return packaged
    unit = root / OWN_UNITS / unit_name(mode)
    if unit.exists() and not unit.read_text().startswith(WRITTEN_BY_US):
        return unit
    has_program = (root / PROGRAM).exists()
    try:
        program = install_program(root, started_as)
        text = render_unit((UNITS / unit_name(mode)).read_text(), program, flags)
        write_atomic(unit, text.encode(), mode=0o644)
    except OSError as error:
        if not has_program:
            (root / PROGRAM).unlink(missing_ok=True)
        raise StartupError(f"the service cannot be installed: {error}") from None
    return unit


def install_program(root: Path, started_as: str) -> str:
    """Where the program is for good: the self-contained file is copied to /usr/local/bin, a venv's stays. OSError."""
    file = os.environ.get("PIKUBE_FILE", "")
    if not file:
        return shutil.which(started_as) or str(Path(started_as).resolve())
    there = root / PROGRAM
    if Path(file).resolve() != there.resolve():
        there.parent.mkdir(parents=True, exist_ok=True)
        draft = there.with_name(f".{there.name}.{os.getpid()}")
        try:
            shutil.copyfile(file, draft)
            draft.chmod(0o755)
            with draft.open("rb") as copied:
                os.fsync(copied.fileno())  # boards lose power: no name for a file that is not there yet
            draft.replace(there)  # a program that runs from the old file goes on with it
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    return f"/{PROGRAM}"


def start(mode: str) -> None:
    """Enable and start the unit. Raises StartupError with systemd's words."""
    _systemctl(mode, ("enable", "--now"))


def restart(mode: str) -> None:
    """Enable the unit, and start it anew if it runs. Raises StartupError with systemd's words."""
    _systemctl(mode, ("enable",), ("restart",))


def stop(mode: str) -> None:
    """Stop the unit if it runs, or is about to. Raises StartupError with systemd's words."""
    if not has_systemd():
        return
    argv = ("systemctl", "is-active", unit_name(mode))
    state = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    if state in ("active", "activating", "reloading"):
        _systemctl(mode, ("stop",))


def _systemctl(mode: str, *verbs: Sequence[str]) -> None:
    unit = unit_name(mode)
    for argv in (("systemctl", "daemon-reload"), *(("systemctl", *verb, unit) for verb in verbs)):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            words = " ".join(done.stderr.split())
            raise StartupError(f"`{' '.join(argv)}` failed: {words}; see `journalctl -u {unit}`")
