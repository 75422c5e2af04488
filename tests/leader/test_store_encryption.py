"""An encrypted store: what is on disk is ciphertext and nothing else, and what cannot be read stops the start."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import trio
from encryptions import encryption, entries
from hypothesis import given
from hypothesis import strategies as st
from store_contract import DEPLOYMENTS, LEASES, PODS, StoreContract, describe, draft

from pikube.leader.store.backup import restore_backup
from pikube.leader.store.contract import Key, StoreUnusable
from pikube.leader.store.database import Database, OutOfRoom
from pikube.leader.store.encryption import Encryption, place_of
from pikube.leader.store.sqlite import SqliteStore, open_sqlite_store

SECRET = "hunter2-in-the-clear"
OLD_SECRET = "swordfish-in-the-clear"
PROVIDERS = ["aescbc:key1", "aesgcm:key1", "secretbox:key1"]


def opened(path: Path, encrypted: Encryption | None = None):
    return open_sqlite_store(
        path, describe=describe, ephemeral=frozenset({LEASES}), encryption=encrypted, revision_block=1_000
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(params=PROVIDERS)
def provider(request) -> str:
    return request.param


class TestEncryptedStore(StoreContract):
    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[SqliteStore]:
        async with opened(path, encryption("aesgcm:key1", resources=("*.*",))) as store:
            yield store


def rows(path: Path) -> dict[str, bytes]:
    """What each object's row holds, by name."""
    with sqlite3.connect(path) as connection:
        found = dict(connection.execute("SELECT name, value FROM objects").fetchall())
    connection.close()
    return found


def holds(directory: Path, text: str) -> list[str]:
    """The files that hold a text."""
    return sorted(
        file.name for file in directory.iterdir() if file.is_file() and text.encode() in file.read_bytes()
    )


async def refusal(path: Path, encrypted: Encryption | None) -> str:
    with pytest.raises(StoreUnusable) as caught:
        async with opened(path, encrypted):
            pass
    return str(caught.value)


async def fill(path: Path, encrypted: Encryption | None, *names: str, text: str = SECRET) -> list:
    async with opened(path, encrypted) as store:
        for name in names:
            await store.create(draft(name, text))
        return store.list(PODS).items


async def test_rows_are_ciphertext_and_objects_come_back_as_they_were(path: Path, provider: str):
    encrypted = encryption(provider)
    async with opened(path, encrypted) as store:
        item = await store.create(draft("web", OLD_SECRET))
        item = await store.update(draft("web", SECRET), expected_revision=item.revision)
        gone = await store.create(draft("gone", SECRET))
        await store.delete(gone.key)
        other = await store.create(draft("web", SECRET, resource=DEPLOYMENTS))
        assert SECRET.encode() in store.get(item.key).value
        await store.delete(other.key)
        await store.create(draft("api", "in the clear", resource=DEPLOYMENTS))
    name, key = provider.split(":")
    found = rows(path)
    assert found["web"].startswith(f"k8s:enc:{name}:v1:{key}:".encode())
    assert found["api"].startswith(b'{"metadata"')
    async with opened(path, encryption(provider)) as store:
        assert store.list(PODS).items == [item]


async def test_nothing_of_a_secret_reaches_the_disk_while_it_is_written(path: Path, provider: str):
    async with opened(path, encryption(provider)) as store:
        item = await store.create(draft("web", OLD_SECRET))
        await store.update(draft("web", SECRET * 1_000), expected_revision=item.revision)
        assert holds(path.parent, SECRET) == holds(path.parent, OLD_SECRET) == []


def careless(database: Database) -> Database:
    """Debian's SQLite wipes what it frees unless it is told otherwise, that of others does not."""
    database._connection.execute("PRAGMA secure_delete = OFF")
    return database


async def scribble(path: Path) -> list:
    """Many objects written in the clear, changed and deleted, by a SQLite that wipes nothing; those that are left."""
    async with opened(path) as store:
        careless(store._database)
        for number in range(60):
            item = await store.create(draft(f"web-{number}", OLD_SECRET * (number * 17 % 300)))
            if number % 3:
                changed = draft(f"web-{number}", SECRET * (number * 7 % 90 + 1))
                await store.update(changed, expected_revision=item.revision)
            if number % 5 == 0:
                await store.delete(item.key)
        return store.list(PODS).items


def conceal(path: Path, encrypted: Encryption) -> None:
    database = careless(Database(path, encrypted))
    try:
        list(database.load(describe))
        database.conceal()
        assert holds(path.parent, SECRET) == holds(path.parent, OLD_SECRET) == []
    finally:
        database.close()


async def test_a_start_with_encryption_leaves_nothing_in_the_clear(path: Path, provider: str):
    """Neither in rows nor in free pages and the rest of used ones nor in the log."""
    before = await scribble(path)
    assert holds(path.parent, SECRET) == holds(path.parent, OLD_SECRET) == ["state.db"]
    await trio.to_thread.run_sync(conceal, path, encryption(provider, "identity"))
    assert holds(path.parent, SECRET) == holds(path.parent, OLD_SECRET) == []
    async with opened(path, encryption(provider)) as store:
        assert store.list(PODS).items == before  # revisions, too: nobody sees that anything happened


async def test_secrets_that_were_deleted_before_the_first_encrypted_start_are_gone_too(path: Path):
    for item in await scribble(path):
        async with opened(path) as store:
            careless(store._database)
            await store.delete(item.key)
    assert holds(path.parent, SECRET) == ["state.db"]
    await trio.to_thread.run_sync(conceal, path, encryption("aesgcm:key1"))
    assert holds(path.parent, SECRET) == []


async def test_the_log_of_a_killed_leader_is_emptied_too(path: Path):
    await fill(path, None, "kept", text="plain")
    async with opened(path) as store:
        await store.create(draft("web", SECRET))
        killed = path.parent / "killed"
        killed.mkdir()
        for name in ("state.db", "state.db-wal"):
            shutil.copyfile(path.with_name(name), killed / name)
    assert holds(killed, SECRET) == ["state.db-wal"]
    async with opened(killed / "state.db", encryption("aesgcm:key1", "identity")) as store:
        assert len(store.list(PODS).items) == 2
        assert holds(killed, SECRET) == []


async def test_the_file_is_rebuilt_once_and_again_after_a_time_without_encryption(path: Path):
    encrypted = encryption("aesgcm:key1", "identity")
    await fill(path, encrypted, "web")

    def steps() -> int:
        database = Database(path, encrypted)
        try:
            list(database.load(describe))
            return sum(1 for _ in database.conceal_steps())
        finally:
            database.close()

    assert await trio.to_thread.run_sync(steps) == 0
    async with opened(path, encryption("identity", "aesgcm:key1")):
        pass
    await fill(path, None, "plain")
    async with opened(path) as store:
        await store.delete(Key(PODS, "default", "plain"))
        await store.delete(Key(PODS, "default", "web"))
    assert await trio.to_thread.run_sync(steps) > 0
    assert holds(path.parent, SECRET) == []


@pytest.mark.parametrize("new", ["aesgcm:key2", "aescbc:key1", "secretbox:new"])
async def test_a_key_is_rotated_by_two_starts(path: Path, new: str):
    before = await fill(path, encryption("aescbc:key0"), "web", "api")
    for providers in ((new, "aescbc:key0"), (new,)):
        async with opened(path, encryption(*providers)) as store:
            assert store.list(PODS).items == before
    name, key = new.split(":")
    assert all(row.startswith(f"k8s:enc:{name}:v1:{key}:".encode()) for row in rows(path).values())
    assert holds(path.parent, "key0") == []  # what the old key could read is no longer there


async def test_another_secret_under_the_same_name_is_read_where_both_are_given(path: Path):
    """Upstream tries every key of the name (value/transformer.go)."""
    before = await fill(path, encryption("aescbc:key1/old"), *(f"web-{number}" for number in range(20)))
    async with opened(path, encryption("aescbc:key1/new", "aescbc:key1/old")) as store:
        assert store.list(PODS).items == before
    async with opened(path, encryption("aescbc:key1/new")) as store:
        assert store.list(PODS).items == before


async def test_the_way_back_is_identity_first(path: Path, provider: str):
    before = await fill(path, encryption(provider), "web")
    async with opened(path, encryption("identity", provider)) as store:
        assert store.list(PODS).items == before
    assert rows(path)["web"] == before[0].value
    async with opened(path) as store:
        assert store.list(PODS).items == before


async def test_a_start_without_the_file_says_which_key_is_missing_and_changes_nothing(path: Path):
    before = await fill(path, encryption("aesgcm:key1"), "web")
    kept = path.read_bytes()
    assert await refusal(path, None) == (
        "pods default/web is encrypted with key key1 of the provider aesgcm: name the file that has this key, "
        "--encryption-provider-config FILE"
    )
    assert path.read_bytes() == kept
    async with opened(path, encryption("aesgcm:key1")) as store:
        assert store.list(PODS).items == before


@pytest.mark.parametrize(
    ("written", "configured", "words"),
    [
        (
            "aesgcm:key1",
            ["aesgcm:key2", "identity"],
            "pods default/web is encrypted with key key1 of the provider aesgcm, which /usb/keys.yaml does not name "
            "for pods: add it behind the key that is to write",
        ),
        (
            "aesgcm:key1",
            ["aesgcm:key1/other"],
            "pods default/web cannot be read with key key1 of the provider aesgcm of /usb/keys.yaml (cipher: message "
            "authentication failed): it was written with another secret of that name, or has changed since; put the "
            "secret that was there in its place",
        ),
        (
            "aescbc:key1",
            ["aescbc:key1/other"],
            "pods default/web cannot be read with key key1 of the provider aescbc of /usb/keys.yaml (invalid padding "
            "on input): it was written with another secret of that name, or has changed since; put the secret that "
            "was there in its place",
        ),
        (
            "identity",
            ["aesgcm:key1"],
            "pods default/web is not encrypted, and /usb/keys.yaml has no provider `identity` for pods: add "
            "`- identity: {}` behind the other providers until the leader has started once",
        ),
    ],
)
async def test_what_cannot_be_read_stops_the_start_with_a_cure(path: Path, written, configured, words):
    before = await fill(path, encryption(written), "web")
    assert await refusal(path, encryption(*configured)) == words
    async with opened(path, encryption(written)) as store:
        assert store.list(PODS).items == before


async def test_resources_that_are_no_longer_named_are_missed(path: Path):
    await fill(path, encryption("aesgcm:key1"), "web")
    said = await refusal(path, encryption("aesgcm:key1", resources=("secrets",)))
    assert "does not name for pods" in said


def flip(path: Path) -> None:
    """A card that fails inside the ciphertext."""
    data = path.read_bytes()
    at = data.index(b"k8s:enc:aesgcm:v1:key1:") + 40
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


async def test_a_flipped_byte_is_told_from_a_wrong_key(path: Path):
    await fill(path, encryption("aesgcm:key1"), "web")
    flip(path)
    assert "is corrupt (the bytes of pods/default/web have changed)" in await refusal(
        path, encryption("aesgcm:key1")
    )


def swap(path: Path) -> None:
    """Somebody with the card puts one row's bytes, and their checksum, in the place of another's."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE objects SET (value, checksum) = (SELECT value, checksum FROM objects WHERE name = 'mine') "
            "WHERE name = 'admin'"
        )
    connection.close()


async def test_a_row_in_the_place_of_another_is_refused(path: Path):
    await fill(path, encryption("aesgcm:key1"), "admin", "mine")
    await trio.to_thread.run_sync(swap, path)
    assert "pods default/admin cannot be read" in await refusal(path, encryption("aesgcm:key1"))


def test_the_first_rule_of_a_resource_is_the_most_exact_one():
    found = entries(
        (("pods",), ("identity",)),
        (("*.apps",), ("aesgcm:apps",)),
        (("*.",), ("aesgcm:core",)),
        (("*.*",), ("aesgcm:all",)),
    )
    assert found.writers == {
        "pods": "identity",
        "*.apps": "aesgcm:apps",
        "*.": "aesgcm:core",
        "*.*": "aesgcm:all",
    }
    for resource, prefix in (
        (PODS, b"{}"),
        (DEPLOYMENTS, b"k8s:enc:aesgcm:v1:apps:"),
        ("/secrets", b"k8s:enc:aesgcm:v1:core:"),
        ("awesome.bears.example/pandas", b"k8s:enc:aesgcm:v1:all:"),
    ):
        assert found.seal(Key(resource, "default", "x"), b"{}").startswith(prefix)


def test_ciphertext_is_bound_to_the_path_that_kubernetes_binds_it_to():
    assert place_of(Key("/secrets", "default", "web")) == b"/registry/secrets/default/web"
    assert place_of(Key("/nodes", "", "pi")) == b"/registry/nodes/pi"
    assert (
        place_of(Key("awesome.bears.example/pandas", "zoo", "po"))
        == b"/registry/awesome.bears.example/pandas/zoo/po"
    )


@given(
    written=st.sampled_from([*PROVIDERS, "identity"]),
    others=st.lists(st.sampled_from([*PROVIDERS, "aesgcm:key2", "identity"]), max_size=3, unique=True),
    position=st.integers(0, 3),
    text=st.text(max_size=50),
)
def test_every_provider_reads_what_it_wrote_wherever_it_stands(written, others, position, text):
    key, value = Key(PODS, "default", "web"), b'{"text":"' + text.encode() + b'"}'
    data = encryption(written).seal(key, value)
    before = [each for each in others if each != written]
    position = min(position, len(before))
    found = encryption(*before[:position], written, *before[position:])
    assert found.unseal(key, data) == (value, position > 0)
    assert found.unseal(key, found.seal(key, value)) == (value, False)


def cut_copies(path: Path, encrypted: Encryption) -> list[Path]:
    """What a power cut leaves on disk after each step of concealing."""
    copies = []
    database = Database(path, encrypted)
    try:
        list(database.load(describe))
        for number, _ in enumerate(database.conceal_steps()):
            copy = path.parent / f"cut-{number}"
            copy.mkdir()
            for name in ("state.db", "state.db-wal"):
                shutil.copyfile(path.with_name(name), copy / name)
            copies.append(copy / "state.db")
    finally:
        database.close()
    return copies


@pytest.mark.parametrize("first", ["aesgcm:key1", "secretbox:key1"])
async def test_a_power_cut_between_any_steps_loses_nothing_and_the_next_start_does_the_rest(
    path: Path, first: str
):
    before = await fill(path, None, *(f"web-{number}" for number in range(8)))
    copies = await trio.to_thread.run_sync(cut_copies, path, encryption(first, "identity"))
    assert len(copies) == 4
    for copy in copies:
        async with opened(copy, encryption(first, "identity")) as store:
            assert store.list(PODS).items == before
            assert holds(copy.parent, SECRET) == []
        async with opened(copy, encryption(first)) as store:
            assert store.list(PODS).items == before


async def test_a_power_cut_inside_the_rewrite_is_all_or_nothing(path: Path):
    before = await fill(path, None, *(f"web-{number}" for number in range(8)), text=SECRET * 20)
    marked, rewritten = (
        await trio.to_thread.run_sync(cut_copies, path, encryption("aesgcm:key1", "identity"))
    )[:2]
    log, longer = (each.with_name("state.db-wal").read_bytes() for each in (marked, rewritten))
    assert longer.startswith(log) and len(longer) > len(log)
    chance = random.Random(7)
    for edge in sorted(
        {len(log) + 24, len(longer) - 1, *(chance.randint(len(log), len(longer)) for _ in range(10))}
    ):
        place = path.parent / f"edge-{edge}"
        place.mkdir()
        shutil.copyfile(marked, place / "state.db")
        (place / "state.db-wal").write_bytes(longer[:edge])
        async with opened(place / "state.db", encryption("aesgcm:key1", "identity")) as store:
            assert store.list(PODS).items == before
            assert holds(place, SECRET) == []


async def test_a_backup_is_encrypted_and_is_restored_with_the_key_only(path: Path, tmp_path: Path):
    backup, target = tmp_path / "backup.db", tmp_path / "fresh" / "state.db"
    target.parent.mkdir()
    async with opened(path, encryption("aesgcm:key1")) as store:
        item = await store.create(draft("web", SECRET))
        await store.backup(backup)
    assert holds(tmp_path, SECRET) == []
    for encrypted in (None, encryption("aesgcm:other", "identity")):
        with pytest.raises(
            StoreUnusable, match="pods default/web is encrypted with key key1 of the provider aesgcm"
        ):
            restore_backup(backup, target, describe, encrypted)
        assert list(target.parent.iterdir()) == []
    assert restore_backup(backup, target, describe, encryption("aesgcm:key1")) == 1
    assert holds(target.parent, SECRET) == []
    async with opened(target, encryption("aesgcm:key1")) as store:
        assert store.list(PODS).items == [item]


async def test_a_copy_of_before_is_named_in_the_log(path: Path, caplog):
    await fill(path, None, "web")
    shutil.copyfile(path, path.with_name("state.db.before-restore"))
    async with opened(path, encryption("aesgcm:key1", "identity")):
        pass
    assert "event=rows_rewritten rows=1" in caplog.text
    assert f"event=old_copy path={path}.before-restore" in caplog.text


def conceal_without_room(path: Path, encrypted: Encryption) -> str:
    """A statement that is under way keeps SQLite from rebuilding the file, as a full disk does."""
    database = Database(path, encrypted)
    try:
        list(database.load(describe))
        with closing(database._connection.execute("SELECT * FROM objects")) as under_way:
            next(under_way)
            with pytest.raises(OutOfRoom) as caught:
                database.conceal()
        return str(caught.value)
    finally:
        database.close()


async def test_a_file_that_cannot_be_rebuilt_is_rebuilt_at_the_next_start(path: Path):
    before = await scribble(path)
    encrypted = encryption("aesgcm:key1", "identity")
    assert "cannot VACUUM" in await trio.to_thread.run_sync(conceal_without_room, path, encrypted)
    assert all(row.startswith(b"k8s:enc:") for row in rows(path).values())
    assert holds(path.parent, OLD_SECRET) == ["state.db"]
    async with opened(path, encrypted) as store:
        assert store.list(PODS).items == before
        assert holds(path.parent, SECRET) == holds(path.parent, OLD_SECRET) == []


def forget(path: Path) -> None:
    """What docs/security.md advises when a key is lost."""
    advice = Path(__file__).parents[2].joinpath("docs", "security.md").read_text()
    [statement] = re.findall(r'state\.db "(DELETE .*)"', advice)
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


async def test_when_a_key_is_lost_the_rest_goes_on(path: Path):
    await fill(path, encryption("aesgcm:key1"), "web")
    async with opened(path, encryption("aesgcm:key1")) as store:
        other = await store.create(draft("api", resource=DEPLOYMENTS))
    await trio.to_thread.run_sync(forget, path)
    async with opened(path) as store:
        assert store.list(PODS).items == []
        assert store.list(DEPLOYMENTS).items == [other]
