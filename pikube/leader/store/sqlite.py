"""Shell: the durable store: MemoryStore plus one SQLite file, written by group commit. `run` opens it.

Writers queue; one task takes all that wait, checks them against the committed items and one another, commits the
changes in one transaction in a worker thread, and only then publishes them and wakes their writers. So

1. what a writer was told, and what a reader or watcher saw, survives a power cut;
2. revisions are published in growing order, each once, and never repeat over restarts: a block of them is reserved
   durably before the first one is used;
3. ephemeral resources share the order and the revisions but are not written: an idle cluster, whose heartbeats are
   ephemeral, writes nothing;
4. when the disk fails, memory stays as it was, ephemeral changes go on, and the next commit is tried afresh.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio

from pikube.api.errors import ApiError, ServiceUnavailable, TooManyRequests
from pikube.leader.store.backup import write_backup
from pikube.leader.store.batch import Batch, Operation
from pikube.leader.store.contract import Describe, Item, StoreStatistics
from pikube.leader.store.database import CommitFailed, Database
from pikube.leader.store.memory import MemoryStore

MAX_PENDING = 2_048  # writers that wait; more get 429 and come again, as client-go does by itself
REVISION_BLOCK = 10_000_000  # reserved by one durable write: at 10 changes a second they last 11 days
MAX_BATCH = 512  # changes in one transaction: some 5 MB of log at most for usual objects

log = logging.getLogger("pikube.store")


class _Request:
    """One writer that waits for its change."""

    __slots__ = ("done", "is_wanted", "operation", "outcome")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.done = trio.Event()
        self.outcome: Item | ApiError | None = None
        self.is_wanted = True

    def settle(self, outcome: Item | ApiError) -> None:
        self.outcome = outcome
        self.done.set()


class SqliteStore(MemoryStore):
    """A durable `Store` (see contract); made by `open_sqlite_store`."""

    def __init__(
        self,
        database: Database,
        items: Iterable[Item],
        *,
        revision: int,
        revision_block: int,
        ephemeral: frozenset[str],
    ) -> None:
        super().__init__(items, revision)
        self._revision_block = revision_block
        self._database = database
        self._ephemeral = ephemeral
        self._pending: deque[_Request] = deque()
        self._taken: list[_Request] = []
        self._idle = trio.lowlevel.ParkingLot()
        self._thread = trio.CapacityLimiter(1)
        self._is_closed = False
        self._commits = 0
        self._commit_failures = 0
        self._is_failing = False
        self._commit_time_s = 0.0

    def statistics(self) -> StoreStatistics:
        return replace(
            super().statistics(),
            pending_writes=len(self._pending) + len(self._taken),
            commits=self._commits,
            commit_failures=self._commit_failures,
            commit_time_s=self._commit_time_s,
            file_bytes=self._database.file_bytes(),
        )

    async def backup(self, path: Path) -> int:
        """Write a database with the current durable objects to `path`; returns the revision it holds.

        Writes go on meanwhile: the copy is made from memory, not from the file. Raises StoreUnusable, OSError.
        """
        items = [
            item
            for resource, table in self._tables.items()
            if resource not in self._ephemeral
            for item in table.items()
        ]
        revision, ceiling = self._revision, self._database.ceiling
        await trio.to_thread.run_sync(write_backup, path, items, ceiling)
        return revision

    async def _write(self, operation: Operation) -> Item:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_closed:
            raise ServiceUnavailable("the store is closing")
        if len(self._pending) >= MAX_PENDING:
            raise TooManyRequests(
                "too many writes are waiting for the disk, please try again", retry_after_s=1
            )
        request = _Request(operation)
        self._pending.append(request)
        self._idle.unpark_all()
        try:
            await request.done.wait()
        finally:
            request.is_wanted = False  # cancelled before its turn: it is not written at all
        if isinstance(request.outcome, ApiError):
            raise request.outcome
        assert request.outcome is not None
        return request.outcome

    async def _run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The one writer."""
        task_status.started()
        try:
            while True:
                if not self._pending:
                    await self._idle.park()
                self._taken = self._take_nowait()
                await self._commit(self._taken)
                self._taken = []
        finally:
            self._is_closed = True
            for request in (*self._taken, *self._pending):
                request.settle(ServiceUnavailable("the store is closing"))

    def _take_nowait(self) -> list[_Request]:
        taken: list[_Request] = []
        while self._pending and len(taken) < MAX_BATCH:
            request = self._pending.popleft()
            if request.is_wanted:
                taken.append(request)
        return taken

    async def _commit(self, requests: list[_Request]) -> None:
        """Check, make durable, publish, answer. Answers wait for the disk: they may rest on one another."""
        batch = Batch(self.get, self._revision)
        outcomes = [_apply(batch, request.operation) for request in requests]
        events, revision = batch.events, batch.revision
        refusal = await self._make_durable(batch)
        if refusal is not None:
            # A restart gives unreserved revisions again: nobody may see them, not even on an ephemeral change.
            going_on = self._ephemeral if revision <= self._database.ceiling else frozenset()
            events = [event for event in events if event.item.key.resource in going_on]
            revision = events[-1].item.revision if events else self._revision
            outcomes = [
                outcome if request.operation.key.resource in going_on else ServiceUnavailable(refusal)
                for request, outcome in zip(requests, outcomes, strict=True)
            ]
        self._publish(events, revision)
        for request, outcome in zip(requests, outcomes, strict=True):
            request.settle(outcome)

    async def _make_durable(self, batch: Batch) -> str | None:
        """Write the batch's durable part, if it has one; what to tell its writers if the disk refused."""
        durable = [(key, item) for key, item in batch.latest.items() if key.resource not in self._ephemeral]
        is_over = batch.revision > self._database.ceiling
        if not durable and not is_over:
            return None
        items = [item for _, item in durable if item is not None]
        removed = [key for key, item in durable if item is None]
        ceiling = batch.revision + self._revision_block if is_over else None
        started_at = trio.current_time()
        try:
            await trio.to_thread.run_sync(
                self._database.commit, items, removed, ceiling, limiter=self._thread
            )
        except CommitFailed as error:
            return self._refuse(str(error))
        self._commits += 1
        self._commit_time_s += trio.current_time() - started_at
        if self._is_failing:
            log.warning("event=commits_work_again failures=%d", self._commit_failures)
            self._is_failing = False
        return None

    def _refuse(self, why: str) -> str:
        self._commit_failures += 1
        if not self._is_failing:  # once, not for each retry of each writer
            log.error("event=commit_failed path=%s why=%r", self._database.path, why)
            self._is_failing = True
        return f"the store could not write to its disk: {why}"


@asynccontextmanager
async def open_sqlite_store(
    path: Path,
    *,
    describe: Describe,
    ephemeral: frozenset[str] = frozenset(),
    revision_block: int = REVISION_BLOCK,
) -> AsyncIterator[SqliteStore]:
    """Open the store at `path`, made if absent. Resources in `ephemeral` live in memory only.

    `describe` runs once for each stored object, in a worker thread. When the body ends, watches end and writes
    that still wait get ServiceUnavailable. Raises StoreUnusable; the body's errors leave as from any nursery.
    """
    database, items, revision = await trio.to_thread.run_sync(_open, path, describe, revision_block)
    store = SqliteStore(
        database, items, revision=revision, revision_block=revision_block, ephemeral=ephemeral
    )
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(store._run)
            yield store
            nursery.cancel_scope.cancel()
    finally:
        store.close()
        database.close()


def _open(path: Path, describe: Describe, revision_block: int) -> tuple[Database, list[Item], int]:
    """The database, its objects, and the revision to start from: all that may have been given out before."""
    database = Database(path)
    try:
        items = list(database.load(describe))
        revision = database.ceiling
        database.reserve(revision + revision_block)
    except BaseException:
        database.close()
        raise
    return database, items, revision


def _apply(batch: Batch, operation: Operation) -> Item | ApiError:
    try:
        return batch.apply(operation)
    except ApiError as error:
        return error
