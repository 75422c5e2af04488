"""Shell: takes pikube off a board: lists what is there, then removes it, in the order in which it is held.

    service → processes → pods → their network → netproxy's traces → mounts → unit → files

Enter: settings. Leave: sentences, one for each thing. It reads the board and nothing that pikube remembers, so that
it works after a crash and a second time. Images stay: they are Podman's, and others may use them. Called by
`pikube uninstall`, `pikube join --reset`, and the agent of a board whose node was deleted.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from pikube import service
from pikube.agent.agent import NETWORK, podman_place
from pikube.agent.pods.log_places import links_of, remove_logs
from pikube.agent.pods.mounting import mounts_below
from pikube.agent.pods.volumes import PodVolumes
from pikube.agent.runtime.contract import INSTANCE
from pikube.config import Settings
from pikube.netproxy.leftovers import list_leftovers, remove_leftovers
from pikube.netproxy.netproxy import netproxy_directory
from pikube.preflight.fixes import POWER_SAVE_FILE, SYSCTL_FILE

log = logging.getLogger("pikube")

END_S = 30.0
UNINSTALL_GRACE_S = 10
LEAVING_GRACE_S = 2  # as the kubelet gives pods that are gone from the API
LOOK_S = 0.1
PODMAN_S = 300.0
CACHE = "var/cache/pikube"
CONFIGURATION = "etc/pikube"
FIRST_BOOT = "pikube-first-boot.service"
OF_A_CARD = ("usr/local/sbin/pikube-first-boot", "boot/firmware/pikube", "boot/pikube")
"""What `pikube flash-files` brought along; it would make the board a node again at its next start."""


class NotRemoved(Exception):
    """The message names what is still there and why."""


@dataclass(frozen=True, slots=True)
class Thing:
    """`words` say what it is; `remove` takes it away and raises NotRemoved or OSError."""

    words: str
    remove: Callable[[], object]


def things(settings: Settings, *, keep_data: bool, root: Path = Path("/")) -> Iterator[Thing]:
    """What is on the board now, in the order of removal. Blocking; each is looked for when it is its turn."""
    yield from _services(root)
    yield from _processes(settings)
    yield from _pods(settings, UNINSTALL_GRACE_S)
    yield from _mounts(settings)
    yield from _units(root)
    yield from _files(settings, root, keep_data=keep_data)


def leave_cluster(settings: Settings) -> list[str]:
    """A board that is a node no longer runs nothing of the cluster, whose pods may run elsewhere by now, and keeps no
    Secrets of it. Images and claims' directories stay. What could not be removed, in sentences. Blocking."""
    agent = settings.data / "agent"
    kept = [path for path in (agent / "kept", agent / "tokens") if path.exists()]
    pods = list(settings.pods.iterdir()) if settings.pods.is_dir() else []
    found = chain(
        _pods(settings, LEAVING_GRACE_S),
        (Thing(f"volumes {path}", PodVolumes(path).remove) for path in pods),
        (Thing(f"directory {path}", partial(_delete, path)) for path in kept),
    )
    return remove(found, lambda words: log.info("event=left words=%r", words))


def _pods(settings: Settings, grace_s: int) -> Iterator[Thing]:
    """Pods, their network, and what leads traffic to them."""
    yield from _containers(settings, grace_s)
    yield from _network(settings)
    directory = netproxy_directory(settings)
    if words := list_leftovers(directory):
        yield Thing("; ".join(words), lambda: remove_leftovers(directory))


def _services(root: Path) -> Iterator[Thing]:
    for mode in ("agent", "leader"):
        name = service.unit_name(mode)
        unit = root / service.OWN_UNITS / name
        packaged = root / service.PACKAGED_UNITS / name
        if service.has_systemd() and (unit.exists() or packaged.exists()) and _is_active_or_enabled(name):
            yield Thing(f"service {name}", lambda name=name: _run("systemctl", "disable", "--now", name))  # type: ignore[misc]


def _units(root: Path) -> Iterator[Thing]:
    """After all that ran below them: systemd forgets a unit without a file only when nothing of it runs any more, and
    where control groups do not tell it that (v1), only the reload looks."""
    for mode in ("agent", "leader"):
        unit = root / service.OWN_UNITS / service.unit_name(mode)
        if unit.exists() and unit.read_text().startswith(service.WRITTEN_BY_US):
            yield Thing(f"unit {unit}", lambda unit=unit: _remove_unit(unit))  # type: ignore[misc]
    unit = root / service.OWN_UNITS / FIRST_BOOT
    if unit.exists():
        yield Thing(f"unit {unit}", lambda unit=unit: _remove_first_boot(unit))  # type: ignore[misc]


def _is_active_or_enabled(unit: str) -> bool:
    return any(
        subprocess.run(("systemctl", verb, "--quiet", unit), check=False).returncode == 0
        for verb in ("is-active", "is-enabled")
    )


def _remove_unit(unit: Path) -> None:
    unit.unlink()
    if service.has_systemd():
        _run("systemctl", "daemon-reload")
        # a unit that failed is remembered without its file; one that did not is no error
        subprocess.run(("systemctl", "reset-failed", unit.name), capture_output=True, check=False)


def _remove_first_boot(unit: Path) -> None:
    (unit.parent / "multi-user.target.wants" / unit.name).unlink(missing_ok=True)
    _remove_unit(unit)


def _processes(settings: Settings) -> Iterator[Thing]:
    """Programs of this data directory that no service manager runs, told by the files that they hold open."""
    for pid in _holders(settings.data):
        yield Thing(f"process {pid}, {_command(pid)}", lambda pid=pid: _end(pid))  # type: ignore[misc]


def _holders(directory: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if (
            not entry.name.isdigit()
            or int(entry.name) == os.getpid()
            or "pikube" not in _command(int(entry.name))
        ):
            continue
        try:
            opened = [os.readlink(link) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
        if any(path.startswith((f"{directory}/server/", f"{directory}/agent/")) for path in opened):
            found.append(int(entry.name))
    return sorted(found)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _end(pid: int) -> None:
    """SIGTERM, and wait: a program that does not end is named, not killed, because its store may be writing."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + END_S
    while _command(pid):
        if time.monotonic() > deadline:
            raise NotRemoved(f"process {pid} does not end: {_command(pid)}")
        time.sleep(LOOK_S)


def _containers(settings: Settings, grace_s: int) -> Iterator[Thing]:
    mine = ("--filter", f"label={INSTANCE}")
    for line in _podman(settings, "pod", "ps", *mine, "--format", "{{.ID}} {{.Name}}"):
        id_, _, name = line.partition(" ")
        removal = ("pod", "rm", "--force", "--time", str(grace_s), id_)
        yield Thing(f"pod {name}", lambda removal=removal: _podman(settings, *removal))  # type: ignore[misc]


def _network(settings: Settings) -> Iterator[Thing]:
    if NETWORK in _podman(settings, "network", "ls", "--format", "{{.Name}}"):
        yield Thing(f"network {NETWORK}", lambda: _podman(settings, "network", "rm", "--force", NETWORK))


def _podman(settings: Settings, *argv: str) -> list[str]:
    """Lines of its answer; none without Podman."""
    place = podman_place(settings)
    if shutil.which("podman") is None:
        return []
    done = subprocess.run(
        [*place.prefix(), *argv],
        capture_output=True,
        text=True,
        timeout=PODMAN_S,
        check=False,
        env=place.environment(),
    )
    if done.returncode and argv[0] in ("pod", "rm", "network") and "rm" in argv:
        raise NotRemoved(f"podman {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def _mounts(settings: Settings) -> Iterator[Thing]:
    """Deepest first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    places = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    for place in sorted((p for p in places if p.startswith(f"{settings.data}/")), reverse=True):
        yield Thing(f"mount {place}", lambda place=place: _run("umount", place))  # type: ignore[misc]


def _files(settings: Settings, root: Path, *, keep_data: bool) -> Iterator[Thing]:
    wanted: list[Path] = [root / SYSCTL_FILE, root / POWER_SAVE_FILE, root / CACHE]
    wanted += [root / name for name in OF_A_CARD]
    if not keep_data:
        yield from _logs(settings)
        wanted += [settings.data, settings.kubeconfig, root / CONFIGURATION]
    program = root / service.PROGRAM
    if program.exists() and program.read_bytes()[:40].startswith(b"#!/bin/sh\n# pikube "):
        wanted.append(program)  # a self-contained one that `pikube install` copied there
    for path in wanted:
        if path.exists():
            yield Thing(f"{'directory' if path.is_dir() else 'file'} {path}", lambda path=path: _delete(path))  # type: ignore[misc]


def _logs(settings: Settings) -> Iterator[Thing]:
    """Of pods whose logs are not in their own directory."""
    for pod in settings.pods.iterdir() if settings.pods.is_dir() else ():
        link = pod / "logs"
        if link.is_symlink() and link.exists():
            yield Thing(f"logs {link.readlink()}", partial(_delete_logs, pod, link.readlink().parent))


def _delete_logs(pod: Path, logs_dir: Path) -> None:
    remove_logs(pod)
    for directory in (logs_dir, links_of(logs_dir)):
        with suppress(OSError):  # others have logs there
            directory.rmdir()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        mounted = mounts_below(path)
        if mounted:  # a share of somebody, or a directory of the board: what is in it is not ours to delete
            raise NotRemoved(f"{mounted[0]} is still mounted")
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRemoved(f"{' '.join(argv)}: {done.stderr.strip()}")


def remove(found: Iterable[Thing], say: Callable[[str], None]) -> list[str]:
    """Remove all that can be removed; what could not be, in sentences."""
    failures = []
    for thing in found:
        try:
            thing.remove()
        except (NotRemoved, OSError, subprocess.TimeoutExpired) as error:
            failures.append(f"{thing.words}: {error}")
        else:
            say(f"removed {thing.words}")
    return failures
