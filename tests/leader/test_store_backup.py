"""Backups are whole, private, and come back as they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trio
from store_contract import LEASES, PODS, describe, draft

from pikube.leader.store.backup import restore_backup
from pikube.leader.store.contract import StoreUnusable
from pikube.leader.store.sqlite import open_sqlite_store


def opened(path: Path):
    return open_sqlite_store(path, describe=describe, ephemeral=frozenset({LEASES}))


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def restore(backup: Path, path: Path) -> int:
    return restore_backup(backup, path, describe)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * 40_000)


async def test_a_backup_holds_the_durable_objects_of_one_revision(tmp_path: Path):
    async with opened(tmp_path / "state.db") as store:
        for number in range(30):
            await store.create(draft(f"web-{number}"))
        await store.create(draft("n1", resource=LEASES))
        before = store.list(PODS)
        async with trio.open_nursery() as nursery:
            revision = None

            async def backup() -> None:
                nonlocal revision
                revision = await store.backup(tmp_path / "backup.db")

            nursery.start_soon(backup)
            for number in range(30, 60):
                nursery.start_soon(store.create, draft(f"web-{number}"))
        assert revision is not None
        snapshot = store.list(PODS, at_revision=revision)
        assert len(snapshot.items) >= len(before.items)
    async with opened(tmp_path / "backup.db") as copy:
        assert copy.list(PODS).items == snapshot.items
        assert copy.list(LEASES).items == []
    assert files(tmp_path) == ["backup.db", "state.db"]


async def test_a_backup_replaces_an_older_one_and_is_private(tmp_path: Path):
    backup = tmp_path / "backup.db"
    async with opened(tmp_path / "state.db") as store:
        await store.backup(backup)
        item = await store.create(draft("web"))
        await store.backup(backup)
    assert (await trio.Path(backup).stat()).st_mode & 0o777 == 0o600
    async with opened(backup) as copy:
        assert copy.list(PODS).items == [item]


async def test_a_backup_that_cannot_be_written_leaves_the_old_one_and_no_parts(tmp_path: Path):
    (tmp_path / "file").touch()
    async with opened(tmp_path / "state.db") as store:
        with pytest.raises(StoreUnusable, match="make sure that its directory exists"):
            await store.backup(tmp_path / "file" / "backup.db")
        with pytest.raises(StoreUnusable, match="make sure that its directory exists"):
            await store.backup(tmp_path / "missing" / "backup.db")
        assert files(tmp_path) == ["file", "state.db", "state.db-wal"]


async def test_a_restored_store_continues_behind_all_revisions_of_its_origin(tmp_path: Path):
    path, backup = tmp_path / "state.db", tmp_path / "backup.db"
    async with opened(path) as store:
        item = await store.create(draft("web", "old"))
        await store.backup(backup)
        await store.update(draft("web", "lost"), expected_revision=item.revision)
    async with opened(path) as store:  # the origin lived on and was restarted
        newest = (await store.create(draft("lost"))).revision
    assert restore(backup, path) == 1
    async with opened(path) as store:
        assert store.list(PODS).items == [item]
        assert store.revision > newest
    assert files(tmp_path) == ["backup.db", "state.db", "state.db.before-restore"]
    async with opened(tmp_path / "state.db.before-restore") as store:
        assert len(store.list(PODS).items) == 2


async def test_a_corrupt_database_can_be_replaced(tmp_path: Path):
    path, backup = tmp_path / "state.db", tmp_path / "backup.db"
    async with opened(path) as store:
        item = await store.create(draft("web"))
        await store.backup(backup)
    damage(path)
    restore(backup, path)
    async with opened(path) as store:
        assert store.list(PODS).items == [item]


async def test_the_log_of_a_replaced_database_is_not_replayed_into_the_restored_one(tmp_path: Path):
    origin, path, backup = tmp_path / "origin.db", tmp_path / "state.db", tmp_path / "backup.db"
    async with opened(origin) as store:
        item = await store.create(draft("web", "old"))
        await store.backup(backup)
    async with opened(origin) as store:
        await store.update(draft("web", "new"), expected_revision=item.revision)
        for name in ("", "-wal"):  # what a power cut leaves; this log does not heal the first page
            shutil.copyfile(f"{origin}{name}", f"{path}{name}")
    with path.open("r+b") as file:
        file.write(b"not SQLite format")
    restore(backup, path)
    async with opened(path) as store:
        assert store.list(PODS).items == [item]


async def test_a_backup_goes_into_an_empty_place(tmp_path: Path):
    async with opened(tmp_path / "state.db") as store:
        item = await store.create(draft("web"))
        await store.backup(tmp_path / "backup.db")
    restore(tmp_path / "backup.db", tmp_path / "fresh.db")
    async with opened(tmp_path / "fresh.db") as store:
        assert store.list(PODS).items == [item]


async def test_a_bad_backup_changes_nothing(tmp_path: Path):
    path, backup = tmp_path / "state.db", tmp_path / "backup.db"
    async with opened(path) as store:
        item = await store.create(draft("web"))
        await store.backup(backup)
    damage(backup)
    with pytest.raises(StoreUnusable, match="is corrupt"):
        restore(backup, path)
    with pytest.raises(StoreUnusable, match="there is no backup"):
        restore(tmp_path / "missing.db", path)
    assert files(tmp_path) == ["backup.db", "state.db"]
    async with opened(path) as store:
        assert store.list(PODS).items == [item]


async def test_a_database_in_use_is_not_replaced(tmp_path: Path):
    path, backup = tmp_path / "state.db", tmp_path / "backup.db"
    async with opened(path) as store:
        item = await store.create(draft("web"))
        await store.backup(backup)
        with pytest.raises(StoreUnusable, match="stop the other pikube first"):
            restore(backup, path)
        assert files(tmp_path) == ["backup.db", "state.db", "state.db-wal"]
    async with opened(path) as store:
        assert store.list(PODS).items == [item]
