"""A backup holds the whole cluster; a restore puts all of it in place, or nothing."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from pathlib import Path

import pytest
from store_contract import PODS, describe, draft

from pikube.leader.archive import (
    UNFINISHED,
    BadArchive,
    Manifest,
    check,
    pack,
    restore,
    restore_steps,
    unpack,
)
from pikube.leader.backup_desk import remove_parts
from pikube.leader.store.contract import StoreUnusable
from pikube.leader.store.sqlite import open_sqlite_store

MANIFEST = Manifest(
    format=1, version="0.1.0", cluster="home", id="1", node="alpha", made_at="2026-01-01T00:00:00Z"
)
KEYS = {"ca.crt": b"CA", "ca.key": b"KEY", "service-account.key": b"SIGN"}


def opened(path: Path):
    return open_sqlite_store(path, describe=describe, ephemeral=frozenset())


class Card:
    """The data directory of a leader."""

    def __init__(self, path: Path) -> None:
        self.data, self.database, self.certificates = path, path / "server" / "state.db", path / "certs"

    async def make(self, pods, keys=KEYS):
        self.database.parent.mkdir(parents=True)
        self.certificates.mkdir()
        for name, content in keys.items():
            (self.certificates / name).write_bytes(content)
        async with opened(self.database) as store:
            for pod in pods:
                await store.create(draft(pod))
            await store.backup(self.data / "copy.db")
        return self

    async def pods(self):
        async with opened(self.database) as store:
            return [item.key.name for item in store.list(PODS).items]

    def keys(self):
        return {path.name: path.read_bytes() for path in self.certificates.iterdir()}

    def restore(self, archive):
        return restore(archive, self.data, self.database, self.certificates, describe)


@pytest.fixture
async def archive(tmp_path):
    card = await Card(tmp_path / "origin").make(["web"])
    target = tmp_path / "backup.tar.gz"
    pack(target, card.data / "copy.db", card.certificates, MANIFEST)
    return target


async def test_a_cluster_moves_to_a_fresh_card(archive, tmp_path):
    fresh = Card(tmp_path / "fresh")
    manifest, objects = fresh.restore(archive)
    assert (manifest.cluster, manifest.node, objects) == ("home", "alpha", 1)
    assert await fresh.pods() == ["web"] and fresh.keys() == KEYS
    assert {path.stat().st_mode & 0o777 for path in fresh.certificates.iterdir()} == {0o600}
    assert sorted(path.name for path in fresh.data.iterdir()) == ["certs", "server"]


async def test_what_was_there_is_kept_aside(archive, tmp_path):
    card = await Card(tmp_path / "other").make(["old"], {"ca.crt": b"OTHER", "extra.pem": b"X"})
    card.restore(archive)
    assert await card.pods() == ["web"] and card.keys() == KEYS
    assert (card.data / "certs.before-restore" / "ca.crt").read_bytes() == b"OTHER"
    assert (card.database.parent / "state.db.before-restore").exists()


async def test_an_archive_is_private_and_whole(archive, tmp_path):
    assert archive.stat().st_mode & 0o777 == 0o600
    assert set(check(archive, tmp_path / "scratch").files) == {
        "state.db",
        *(f"certs/{name}" for name in KEYS),
    }
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("cut", range(0, 95, 7))
async def test_a_damaged_archive_changes_nothing(archive, tmp_path, cut):
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) * cut // 100])
    card = await Card(tmp_path / "other").make(["old"])
    before = card.keys()
    with pytest.raises(BadArchive):
        card.restore(archive)
    assert await card.pods() == ["old"] and card.keys() == before
    assert not (card.data / UNFINISHED).exists() and not (card.data / ".restore").exists()


def forged(path: Path, members, manifest=None):
    """A tar of (name, bytes, type)."""
    with tarfile.open(path, "w:gz") as tar:
        files = {"format": 1, "version": "1", "cluster": "c", "id": "1", "node": "n", "madeAt": ""}
        document = json.dumps(
            {**files, "files": {name: "0" * 64 for name, *_ in members}, **(manifest or {})}
        )
        for name, data, kind in (("manifest.json", document.encode(), tarfile.REGTYPE), *members):
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"
            tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
    return path


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../../etc/passwd", b"x", tarfile.REGTYPE)], "names files outside"),
        ([("/etc/passwd", b"x", tarfile.REGTYPE)], "names files outside"),
        ([("certs/../x", b"x", tarfile.REGTYPE)], "names files outside"),
        ([("certs/ca.crt", b"", tarfile.SYMTYPE)], "it holds 'certs/ca.crt'"),
        ([("certs/ca.crt", b"x", tarfile.REGTYPE)], "is not what was written"),
        ([], "state.db is missing"),
    ],
)
def test_a_forged_archive_writes_nowhere_else(tmp_path, members, words):
    with pytest.raises(BadArchive, match=words):
        unpack(forged(tmp_path / "forged.tar.gz", members), tmp_path / "into")


def test_an_archive_of_a_newer_pikube_is_told(tmp_path):
    with pytest.raises(BadArchive, match=r"made by pikube 9\.9"):
        unpack(forged(tmp_path / "f.tar.gz", [], {"format": 2, "version": "9.9"}), tmp_path / "into")


def test_another_file_is_no_backup(tmp_path):
    other = tmp_path / "photo.jpg"
    other.write_bytes(b"\xff\xd8 no tar")
    with pytest.raises(BadArchive, match="no backup of pikube"):
        unpack(other, tmp_path / "into")


async def test_a_running_leader_is_not_restored_over(archive, tmp_path):
    card = await Card(tmp_path / "other").make(["old"])
    async with opened(card.database):
        with pytest.raises(StoreUnusable, match="stop the other pikube first"):
            card.restore(archive)
    assert await card.pods() == ["old"] and not (card.data / UNFINISHED).exists()


@pytest.mark.parametrize("steps", range(1, 6))
async def test_a_restore_that_is_cut_after_any_step_is_told_and_may_be_run_again(archive, tmp_path, steps):
    """The mark keeps a leader from starting on half of a cluster."""
    card = await Card(tmp_path / "other").make(["old"])
    unpack(archive, card.data / ".restore")
    places = (card.data / ".restore", card.data, card.database, card.certificates, describe)
    for _ in itertools.islice(restore_steps(*places), steps):
        continue
    assert (card.data / UNFINISHED).exists() == (steps < 5)
    card.restore(archive)
    assert await card.pods() == ["web"] and card.keys() == KEYS
    assert not (card.data / UNFINISHED).exists()


def test_what_a_cut_off_backup_left_is_removed(tmp_path):
    for name in (".backup-x1/state.db", ".backup-x2/backup.tar.gz", "kept/state.db"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "state.db").touch()
    remove_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "state.db"]
