"""Shell: a store's backup file and the way back. The store writes it; `pikube restore` restores it, leader stopped.

A backup is a database like any other: whole, checked when it is opened, private, since it holds Secrets, and
encrypted where the store is.
Every function blocks. Both are atomic: cut at any instant they leave what was there, or the whole new file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pikube.leader.store.contract import Describe, Item, StoreUnusable
from pikube.leader.store.database import CommitFailed, Database, log_of, sync_directory
from pikube.leader.store.encryption import Encryption

# A restored store starts behind every revision its origin may have given out since the backup, so that no client
# takes an old object for a new one. It would take the origin 100 reservations to get there.
RESTORE_GAP = 1_000_000_000
KEPT = ".before-restore"  # behind the name of a database that was replaced


def write_backup(
    path: Path, items: Iterable[Item], ceiling: int, encryption: Encryption | None = None
) -> None:
    """Write items into a new database at `path`, durably. Raises StoreUnusable, OSError."""
    part = _part(path)
    _discard(part)
    try:
        database = Database(part, encryption)
        try:
            database.commit(list(items), [], ceiling + RESTORE_GAP)
        finally:
            database.close()
        os.replace(part, path)
    except CommitFailed as error:
        raise StoreUnusable(
            f"the backup {path} cannot be written ({error}); free some space there"
        ) from error
    finally:
        _discard(part)
    sync_directory(path.parent)


def restore_backup(backup: Path, path: Path, describe: Describe, encryption: Encryption | None = None) -> int:
    """Put a checked copy of `backup` in the place of the database `path`; returns how many objects it holds, all of
    which `encryption` can read.

    The replaced database is kept as `NAME.before-restore`. Raises StoreUnusable (also if `path` is in use), OSError.
    """
    part = _part(path)
    try:
        shutil.copyfile(_existing(backup), part)
        part.chmod(0o600)
        objects = _count_checked(part, describe, encryption)
        if path.exists():
            _keep(path)
        os.replace(part, path)
    finally:
        _discard(part)
    sync_directory(path.parent)
    return objects


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _discard(part: Path) -> None:
    with contextlib.suppress(
        OSError
    ):  # absent, or in a place where nothing can be: what matters is told elsewhere
        part.unlink()


def _existing(backup: Path) -> Path:
    if not backup.is_file():
        raise StoreUnusable(f"there is no backup {backup}; name a file that `pikube backup` wrote")
    return backup


def _count_checked(path: Path, describe: Describe, encryption: Encryption | None) -> int:
    database = Database(path, encryption)
    try:
        return sum(1 for _ in database.load(describe))
    finally:
        database.close()


def _keep(path: Path) -> None:
    """Copy a database aside. Its log must not stay: SQLite would replay it into the restored file."""
    try:
        Database(path).close()
    except StoreUnusable as error:
        if error.is_in_use:
            raise
    kept = path.with_name(f"{path.name}{KEPT}")
    shutil.copyfile(path, kept)
    kept.chmod(0o600)
    if log_of(path).exists():
        os.replace(log_of(path), log_of(kept))
