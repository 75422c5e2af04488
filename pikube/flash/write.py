"""Shell: writes boot files to a card's boot partition: all or, when something fails, none.

Enter: a directory and texts by path. Called by `pikube flash-files`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pikube.flash.card import BadCard
from pikube.flash.render import command_line

CLOUD_INIT = ("user-data", "meta-data", "network-config")
SPARE_BYTES = 1 << 20


def guess_format(directory: Path) -> str:
    """By what the image brought along. Raises BadCard when nothing tells."""
    if any((directory / name).exists() for name in CLOUD_INIT):
        return "cloud-init"
    if (directory / "cmdline.txt").exists():
        issue = _text(
            directory / "issue.txt"
        )  # Raspberry Pi reference 2024-11-19: Bookworm until the autumn of 2025
        year = next((word[:4] for word in issue.split() if word[:4].isdigit() and word[4:5] == "-"), "")
        if year and year < "2025":
            return "firstrun"
    raise BadCard(
        f"{directory} does not show which image it is: say --format cloud-init (Trixie, Ubuntu) or --format firstrun "
        "(Bookworm)"
    )


def write_boot_files(
    directory: Path, files: Mapping[str, str], format_: str, payload: Sequence[Path]
) -> list[str]:
    """Write the texts, copy `payload` (programs, packages) beside them, and change cmdline.txt if it is there.

    Returns the paths written, below the directory. Raises BadCard; then the directory is as it was.
    """
    if not directory.is_dir():
        raise BadCard(f"{directory} is no directory: give where the card's boot partition is mounted")
    texts = dict(files)
    before = _text(directory / "cmdline.txt")
    if before:
        try:
            texts["cmdline.txt"] = command_line(before, format_)
        except ValueError as error:
            raise BadCard(f"{directory}/cmdline.txt is odd: {error}") from None
    copies = {_place(path): path for path in payload}
    need = (
        sum(path.stat().st_size for path in payload) + sum(len(text) for text in texts.values()) + SPARE_BYTES
    )
    free = shutil.disk_usage(directory).free
    if need > free:
        raise BadCard(f"{directory} has {free >> 20} MB free and needs {need >> 20} MB")
    drafts: dict[str, Path] = {}
    try:
        for name, text in texts.items():
            drafts[name] = _draft(directory / name)
            _write(drafts[name], text.encode())
        for name, path in copies.items():
            drafts[name] = _draft(directory / name)
            shutil.copyfile(path, drafts[name])
        for name, draft in drafts.items():  # all are there: what can fail has been done
            draft.replace(directory / name)
    except OSError as error:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise BadCard(f"{directory} cannot be written: {error.strerror or error}") from None
    os.sync()
    return sorted(drafts)


def _place(path: Path) -> str:
    return f"pikube/debs/{path.name}" if path.suffix == ".deb" else f"pikube/{path.name}"


def _draft(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f"{path.name}.new")


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
