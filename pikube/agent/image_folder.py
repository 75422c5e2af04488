"""Shell: images that lie in a folder are brought into Podman at the start: for boards without a registry in reach.

Enter: a folder of `*.tar`, `*.tar.gz`, `*.tar.zst` (as `podman save` writes them), the Podman to load into. What was
loaded is remembered by name, size and time, so that a start reads no archive twice. Called by run_board.py.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import trio

from pikube.agent.runtime.service import PodmanPlace
from pikube.certs.files import write_atomic

log = logging.getLogger("pikube.images")

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz")


async def import_images(folder: Path, memory: Path, place: PodmanPlace) -> None:
    """Load what is new. An archive that cannot be loaded is named in the log, and tried again at the next start."""
    archives = await trio.to_thread.run_sync(_archives, folder)
    known = _read(memory)
    for name, facts in archives.items():
        if known.get(name) == facts:
            continue
        argv = [*place.prefix(), "load", "--quiet", "--input", str(folder / name)]
        done = await trio.run_process(
            argv, capture_stdout=True, capture_stderr=True, check=False, env=place.environment()
        )
        if done.returncode:
            log.error(
                "event=image_import_failed file=%s why=%r", name, done.stderr.decode(errors="replace").strip()
            )
            continue
        loaded = done.stdout.decode(errors="replace").replace("Loaded image:", "").split()
        log.info("event=image_imported file=%s images=%s", name, ",".join(loaded))
        known[name] = facts
    kept = {name: facts for name, facts in known.items() if name in archives}
    if kept != _read(memory):
        await trio.to_thread.run_sync(write_atomic, memory, json.dumps(kept).encode())


def _archives(folder: Path) -> dict[str, list[int]]:
    """Name → [size, time in ns], by name."""
    if not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(ENDINGS) and path.is_file():
            facts = path.stat()
            found[path.name] = [facts.st_size, facts.st_mtime_ns]
    return found


def _read(memory: Path) -> dict[str, list[int]]:
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
