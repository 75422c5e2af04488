"""The SQLite store keeps the contract, and everything over a restart."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from store_contract import LEASES, PODS, StoreContract, describe, draft, value_of

from pikube.api.errors import Conflict, Expired, ServiceUnavailable, TooManyRequests
from pikube.leader.store.contract import Key, StoreUnusable
from pikube.leader.store.sqlite import MAX_BATCH, MAX_PENDING, InFlight, SqliteStore, open_sqlite_store


def opened(path: Path):
    return open_sqlite_store(path, describe=describe, ephemeral=frozenset({LEASES}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[SqliteStore]:
        async with opened(path) as store:
            yield store


def size_of(path: Path) -> int:
    return path.stat().st_size


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """What a failing card does to a file."""
    path.write_bytes(change(path.read_bytes()))


@asynccontextmanager
async def busy_disk(store: SqliteStore):
    """A disk that does not answer until the block ends; the commit of `first` waits for it."""
    async with trio.open_nursery() as nursery:
        answers = threading.Event()
        store._work.put(InFlight([], 0, [], [], Slow(answers), [], None, 0.0))
        nursery.start_soon(store.create, draft("first"))
        await trio.testing.wait_all_tasks_blocked()
        try:
            yield
        finally:
            answers.set()


class Slow(list):
    """Nothing to write, for which the thread that writes has to wait."""

    def __init__(self, answers: threading.Event):
        self._answers = answers

    def __iter__(self):
        self._answers.wait()
        return iter(())


async def refusal(path: Path) -> str:
    """The sentence with which the store refuses to open."""
    with pytest.raises(StoreUnusable) as caught:
        async with opened(path):
            pass
    return str(caught.value)


async def test_objects_survive_a_restart_byte_for_byte(path: Path):
    async with opened(path) as store:
        for namespace in ("b", "a"):
            for number in range(20):
                await store.create(draft(f"web-{number}", "ü", namespace=namespace))
        item = await store.update(
            draft("web-3", "new", namespace="a"), expected_revision=store.list(PODS, "a").items[13].revision
        )
        await store.delete(Key(PODS, "a", "web-4"))
        before = store.list(PODS).items
    async with opened(path) as store:
        assert store.list(PODS).items == before
        assert store.get(item.key) == item
        with pytest.raises(Conflict):
            await store.update(draft("web-3", namespace="a"), expected_revision=item.revision - 1)
        await store.update(draft("web-3", namespace="a"), expected_revision=item.revision)


async def test_revisions_never_repeat_over_restarts(path: Path):
    """Not those of deletions either, nor those of ephemeral writes, of which the file knows nothing."""
    newest = 0
    for _ in range(3):
        async with opened(path) as store:
            assert store.revision >= newest
            assert store.list(PODS).items == []
            item = await store.create(draft("web"))
            assert item.revision > newest
            await store.delete(item.key)
            newest = (await store.create(draft("n1", resource=LEASES))).revision


async def test_a_restart_forgets_ephemeral_objects_and_history(path: Path):
    async with opened(path) as store:
        pod = await store.create(draft("web"))
        await store.create(draft("n1", resource=LEASES))
    async with opened(path) as store:
        assert store.list(LEASES).items == []
        assert store.list(PODS).items == [pod]
        with pytest.raises(Expired):
            async with store.watch(PODS, after_revision=pod.revision):
                pass
        with pytest.raises(Expired):
            store.list(PODS, at_revision=pod.revision)
        async with store.watch(PODS, after_revision=store.list(PODS).revision):
            pass


async def test_ephemeral_writes_do_not_touch_the_disk(path: Path):
    async with opened(path) as store:
        await store.create(draft("web"))
        log = path.with_name("state.db-wal")
        before = [(file.stat().st_mtime_ns, file.read_bytes()) for file in (path, log)]
        commits = store.statistics().commits
        item = await store.create(draft("n1", resource=LEASES))
        for number in range(100):
            item = await store.update(
                draft("n1", str(number), resource=LEASES), expected_revision=item.revision
            )
        assert [(file.stat().st_mtime_ns, file.read_bytes()) for file in (path, log)] == before
        assert store.statistics().commits == commits


async def test_concurrent_writes_share_commits(path: Path):
    async with opened(path) as store:
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(store.create, draft(f"web-{number}"))
        assert store.statistics().commits < 20
        assert len(store.list(PODS).items) == 200


async def test_a_chain_of_changes_of_one_key_in_one_commit_ends_with_the_last(path: Path):
    async with opened(path) as store:
        revision = store.revision
        async with trio.open_nursery() as nursery, busy_disk(store):
            nursery.start_soon(store.create, draft("web", "1"))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(store.delete, Key(PODS, "default", "web"))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(store.create, draft("web", "2"))
            await trio.testing.wait_all_tasks_blocked()
        assert store.revision >= revision + 4
    async with opened(path) as store:
        item = store.get(Key(PODS, "default", "web"))
        assert item is not None
        assert item.value == value_of(item, "2")


async def test_revisions_never_repeat_when_one_reservation_is_not_enough(path: Path):
    newest = 0
    for _ in range(3):
        async with open_sqlite_store(
            path, describe=describe, ephemeral=frozenset({LEASES}), revision_block=5
        ) as store:
            assert store.revision >= newest
            for number in range(13):
                newest = (await store.create(draft(f"n{number}", resource=LEASES))).revision


async def test_a_write_cancelled_before_its_turn_does_not_happen(path: Path):
    async with opened(path) as store:
        with trio.CancelScope() as scope:
            scope.cancel()
            await store.create(draft("never"))
        assert scope.cancelled_caught
        async with busy_disk(store):
            with trio.move_on_after(0):
                await store.create(draft("given up"))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(store.create, draft("given up, too"))
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        await store.create(draft("last"))
        assert [item.key.name for item in store.list(PODS).items] == ["first", "last"]


async def test_nothing_is_visible_before_it_is_durable(path: Path):
    async with opened(path) as store, store.watch(PODS, after_revision=store.revision) as watch:
        revision = store.revision
        async with busy_disk(store):
            assert store.list(PODS).items == []
            assert store.revision == watch.revision == revision
            assert store.statistics().pending_writes == 1
        assert len(await anext(watch)) == 1


async def test_writes_that_wait_at_the_end_are_answered(path: Path):
    refused: list[str] = []

    async def write(store: SqliteStore, name: str) -> None:
        try:
            await store.create(draft(name))
        except ServiceUnavailable as error:
            refused.append(error.message)

    answers = threading.Event()

    async def answer_late() -> None:
        await trio.testing.wait_all_tasks_blocked()
        answers.set()

    async with trio.open_nursery() as nursery, opened(path) as store:
        store._work.put(InFlight([], 0, [], [], Slow(answers), [], None, 0.0))
        nursery.start_soon(write, store, "taken")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(write, store, "pending")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(answer_late)
    assert refused == ["the store is closing"] * 2


async def test_a_bug_in_a_batch_ends_the_program_and_leaves_nobody_waiting(path: Path):
    with pytest.raises(ExceptionGroup) as caught:
        async with opened(path) as store, trio.open_nursery() as nursery:
            broken = replace(draft("web"), value=b"without its mark")
            nursery.start_soon(store.create, broken)
            nursery.start_soon(store.create, draft("other"))
    assert caught.group_contains(AssertionError)


async def test_a_bug_in_the_committing_thread_ends_the_program(path: Path):
    class Broken(list):
        def __iter__(self):
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(10):
        async with opened(path) as store:
            store._in_flight = InFlight([], 0, [], [], Broken(), [], None, 0.0)
            store._work.put(store._in_flight)
            await store.create(draft("web"))
    assert caught.group_contains(ZeroDivisionError)


async def test_too_many_waiting_writes_are_told_to_come_again(path: Path):
    async with opened(path) as store:
        async with trio.open_nursery() as nursery, busy_disk(store):
            for number in range(MAX_PENDING):
                nursery.start_soon(store.create, draft(f"web-{number}"))
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(TooManyRequests) as caught:
                await store.create(draft("one too many"))
            assert caught.value.retry_after_s == 1
        assert len(store.list(PODS).items) == MAX_PENDING + 1
        assert store.statistics().commits == 1 + MAX_PENDING / MAX_BATCH


async def test_after_the_end_writes_are_refused_and_watches_end(path: Path):
    async with opened(path) as store:
        await store.create(draft("web"))
    with pytest.raises(ServiceUnavailable):
        await store.create(draft("late"))
    async with store.watch(PODS, after_revision=store.revision) as watch:
        assert [batch async for batch in watch] == []


async def test_the_log_and_the_file_stay_small_under_rewrites(path: Path):
    async with opened(path) as store:
        item = await store.create(draft("web"))
        for number in range(2_500):
            item = await store.update(draft("web", f"{number:05}" * 400), expected_revision=item.revision)
        assert store.statistics().file_bytes < 6_000_000
        assert size_of(path) < 100_000


async def test_a_file_that_became_mostly_free_is_rebuilt_at_the_next_start(path: Path):
    async with opened(path) as store:
        async with trio.open_nursery() as nursery:
            for number in range(1_000):
                nursery.start_soon(store.create, draft(f"web-{number}", "x" * 3_000))
        kept = store.list(PODS).items[7]
        async with trio.open_nursery() as nursery:
            for item in store.list(PODS).items:
                if item != kept:
                    nursery.start_soon(store.delete, item.key)
    assert size_of(path) > 3_000_000
    async with opened(path) as store:
        assert store.list(PODS).items == [kept]
    assert size_of(path) < 100_000


async def test_database_files_are_readable_by_their_owner_only(path: Path):
    async with opened(path) as store:
        await store.create(draft("secret"))
        assert [file.stat().st_mode & 0o077 for file in path.parent.iterdir()] == [0, 0]


async def test_a_second_process_is_refused(path: Path):
    async with opened(path):
        assert "in use by another process; stop the other pikube first" in await refusal(path)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path):
    put(path, b"kind: ConfigMap\n" * 500)
    sentence = await refusal(path)
    assert f"the database {path} is corrupt (file is not a database)" in sentence
    assert "restore a backup" in sentence
    assert size_of(path) == len(b"kind: ConfigMap\n" * 500)


async def test_a_damaged_page_is_found_at_start(path: Path):
    async with opened(path) as store:
        for number in range(50):
            await store.create(draft(f"web-{number}", "x" * 2_000))
    rewrite(path, lambda data: data[: 4096 * 3] + b"\xa5" * 4096 * 9 + data[4096 * 12 :])
    assert "is corrupt" in await refusal(path)


async def test_a_flipped_byte_inside_an_object_is_found_at_start(path: Path):
    async with opened(path) as store:
        await store.create(draft("web", "precious"))
    rewrite(path, lambda data: data.replace(b"precious", b"preciouz"))
    assert "is corrupt (the bytes of pods/default/web have changed)" in await refusal(path)


async def test_a_truncated_file_is_found_at_start(path: Path):
    async with opened(path) as store:
        for number in range(50):
            await store.create(draft(f"web-{number}", "x" * 2_000))
    rewrite(path, lambda data: data[: 4096 * 7])
    assert "is corrupt" in await refusal(path)


async def test_an_empty_file_is_a_new_store(path: Path):
    """A power cut between the first two steps of the very first start leaves one."""
    put(path, b"")
    async with opened(path) as store:
        assert store.statistics().objects == {}


async def test_a_newer_schema_is_refused(path: Path):
    async with opened(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "was written by a newer pikube (schema 99" in await refusal(path)


async def test_the_database_of_another_program_is_refused(path: Path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tracks (title)")
    connection.close()
    assert "is a database of another program" in await refusal(path)


@pytest.mark.parametrize("place", ["missing/state.db", "file/state.db", "folder"])
async def test_a_place_that_cannot_hold_a_database_is_refused(tmp_path: Path, place: str):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert f"the database {tmp_path / place} cannot be opened (" in await refusal(tmp_path / place)
