"""Shell: writes a set of files so that a reader sees the old set or the new one, never a mixture.

The files lie in a folder of their own, to which `..data` points; one rename of `..data` swaps the sets
(kubernetes pkg/volume/util/atomic_writer.go). Visible names are links through `..data`.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from pikube.agent.pods.volume_files import Files

DATA = "..data"
GROUP_READS = 0o440


def write_files(place: Path, files: Files, group: int | None = None) -> bool:
    """Make `place` hold exactly `files`, readable by `group` if given; whether anything changed. Raises OSError."""
    if group is not None:
        files = {name: (content, mode | GROUP_READS) for name, (content, mode) in files.items()}
    place.mkdir(mode=0o755, exist_ok=True)
    current = place / DATA
    if current.is_dir() and _read_files(current) == files:
        return False
    number = 1 + max((int(p.name[2:]) for p in place.glob("..[0-9]*")), default=0)
    fresh = place / f"..{number}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o755)
    for name, (content, mode) in files.items():
        path = fresh / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    if group is not None:
        for path in (place, fresh, *fresh.rglob("*")):
            os.chown(path, -1, group)
    draft = place / "..data_tmp"
    draft.unlink(missing_ok=True)
    draft.symlink_to(fresh.name)
    draft.replace(current)
    _link_visible(place, {name.partition("/")[0] for name in files})
    for old in place.glob("..[0-9]*"):
        if old != fresh:
            shutil.rmtree(old, ignore_errors=True)
    return True


def _link_visible(place: Path, names: set[str]) -> None:
    for name in names:
        link = place / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for path in place.iterdir():
        if not path.name.startswith("..") and path.name not in names:
            path.unlink()


def _read_files(data: Path) -> Files:
    root = data.resolve()
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in root.rglob("*")
        if path.is_file()
    }
