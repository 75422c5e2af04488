"""Shell: the durable store: MemoryStore plus one SQLite file, written by group commit. `run` opens it.

Writers queue. While nothing is being written, who comes takes all that wait, checks them against the committed
items and one another, and hands the changes to one thread, which commits them in one transaction; only then are they
published and their writers woken, and the next batch begins. So

1. what a writer was told, and what a reader or watcher saw, survives a power cut;
2. revisions are published in growing order, each once, and never repeat over restarts: a block of them is reserved
   durably before the first one is used;
3. ephemeral resources share the order and the revisions but are not written: an idle cluster, whose heartbeats are
   ephemeral, writes nothing;
4. when the disk fails, memory stays as it was, ephemeral changes go on, and the next commit is tried afresh.
"""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from pikube.api.errors import ApiError, ServiceUnavailable, TooManyRequests
from pikube.leader.store.backup import KEPT, write_backup
from pikube.leader.store.batch import Batch, Operation
from pikube.leader.store.contract import Describe, Event, Item, Key, StoreStatistics
from pikube.leader.store.database import CommitFailed, Database, OutOfRoom
from pikube.leader.store.encryption import Encryption
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


@dataclass(slots=True)
class InFlight:
    """A batch on its way to the disk."""

    events: list[Event]
    revision: int
    requests: list[_Request]
    outcomes: list[Item | ApiError]
    items: Sequence[Item]
    removed: list[Key]
    ceiling: int | None
    began_at: float
    failure: CommitFailed | None = None


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
        encryption: Encryption | None = None,
    ) -> None:
        super().__init__(items, revision)
        self._revision_block = revision_block
        self._database = database
        self._ephemeral = ephemeral
        self._encryption = encryption
        self._pending: deque[_Request] = deque()
        self._in_flight: InFlight | None = None
        # one thread that stays: a task and trio.to_thread for each commit cost a tenth of a CREATE
        self._work: queue.SimpleQueue[InFlight | None] = queue.SimpleQueue()
        self._bug = trio.Event()
        self._bug_error: BaseException | None = None
        self._is_closed = False
        self._commits = 0
        self._commit_failures = 0
        self._is_failing = False
        self._commit_time_s = 0.0

    def statistics(self) -> StoreStatistics:
        return replace(
            super().statistics(),
            pending_writes=len(self._pending) + (len(self._in_flight.requests) if self._in_flight else 0),
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
        await trio.to_thread.run_sync(write_backup, path, items, ceiling, self._encryption)
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
        self._begin_nowait()
        try:
            await request.done.wait()
        finally:
            request.is_wanted = False  # cancelled before its turn: it is not written at all
        if isinstance(request.outcome, ApiError):
            raise request.outcome
        assert request.outcome is not None
        return request.outcome

    async def _run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keeps the committing thread; when cancelled, waits for the commit that it is at. A bug in the thread, or in
        what is done with its work, ends the program."""
        token = trio.lowlevel.current_trio_token()
        try:
            async with trio.open_nursery() as nursery:
                commits = partial(
                    trio.to_thread.run_sync, thread_name="commits", limiter=trio.CapacityLimiter(1)
                )
                nursery.start_soon(commits, self._commit_for_ever, token)
                task_status.started()
                try:
                    await self._bug.wait()
                    assert self._bug_error is not None
                    raise self._bug_error
                finally:
                    self._is_closed = True
                    self._work.put(None)
        finally:
            waiting = self._in_flight.requests if self._in_flight else []
            for request in (*waiting, *self._pending):
                request.settle(ServiceUnavailable("the store is closing"))

    def _commit_for_ever(self, token: trio.lowlevel.TrioToken) -> None:
        """The thread: one transaction after the other."""
        while (work := self._work.get()) is not None:
            try:
                self._database.commit(work.items, work.removed, work.ceiling)
            except CommitFailed as error:
                work.failure = error
            token.run_sync_soon(self._end_nowait, work)

    def _begin_nowait(self) -> None:
        """Begin batches until one has something for the disk, or nobody waits."""
        with self._bugs_end_the_program():
            while self._pending and self._in_flight is None and not self._is_closed:
                requests = self._take_nowait()
                batch = Batch(self.get, self._revision)
                outcomes = [_apply(batch, request.operation) for request in requests]
                work = self._work_of(batch, requests, outcomes)
                if work is None:
                    self._settle(batch.events, batch.revision, requests, outcomes)
                else:
                    self._in_flight = work
                    self._work.put(work)

    @contextmanager
    def _bugs_end_the_program(self) -> Iterator[None]:
        """Who is at work on a batch is not the only one that waits for it."""
        try:
            yield
        except BaseException as bug:
            self._is_closed = True
            self._bug_error = bug
            self._bug.set()

    def _take_nowait(self) -> list[_Request]:
        taken: list[_Request] = []
        while self._pending and len(taken) < MAX_BATCH:
            request = self._pending.popleft()
            if request.is_wanted:
                taken.append(request)
        return taken

    def _work_of(
        self, batch: Batch, requests: list[_Request], outcomes: list[Item | ApiError]
    ) -> InFlight | None:
        """The batch's durable part, if it has one."""
        durable = [(key, item) for key, item in batch.latest.items() if key.resource not in self._ephemeral]
        is_over = batch.revision > self._database.ceiling
        if not durable and not is_over:
            return None
        return InFlight(
            batch.events,
            batch.revision,
            requests,
            outcomes,
            [item for _, item in durable if item is not None],
            [key for key, item in durable if item is None],
            batch.revision + self._revision_block if is_over else None,
            trio.current_time(),
        )

    def _end_nowait(self, work: InFlight) -> None:
        """The thread has done its work: publish, answer, go on. Answers waited for the disk: they may rest on one
        another."""
        if work is not self._in_flight or self._is_closed:
            return
        self._in_flight = None
        with self._bugs_end_the_program():
            self._publish_nowait(work)
        self._begin_nowait()

    def _publish_nowait(self, work: InFlight) -> None:
        events, revision, outcomes = work.events, work.revision, work.outcomes
        if work.failure is None:
            self._commits += 1
            self._commit_time_s += trio.current_time() - work.began_at
            if self._is_failing:
                log.warning("event=commits_work_again failures=%d", self._commit_failures)
                self._is_failing = False
        else:
            refusal = self._refuse(str(work.failure))
            # A restart gives unreserved revisions again: nobody may see them, not even on an ephemeral change.
            going_on = self._ephemeral if revision <= self._database.ceiling else frozenset()
            events = [event for event in events if event.item.key.resource in going_on]
            revision = events[-1].item.revision if events else self._revision
            outcomes = [
                outcome if request.operation.key.resource in going_on else ServiceUnavailable(refusal)
                for request, outcome in zip(work.requests, outcomes, strict=True)
            ]
        self._settle(events, revision, work.requests, outcomes)

    def _settle(
        self,
        events: list[Event],
        revision: int,
        requests: list[_Request],
        outcomes: list[Item | ApiError],
    ) -> None:
        self._publish(events, revision)
        for request, outcome in zip(requests, outcomes, strict=True):
            request.settle(outcome)

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
    encryption: Encryption | None = None,
) -> AsyncIterator[SqliteStore]:
    """Open the store at `path`, made if absent. Resources in `ephemeral` live in memory only; the file holds what
    `encryption` makes of the others, from the start.

    `describe` runs once for each stored object, in a worker thread. When the body ends, watches end and writes
    that still wait get ServiceUnavailable. Raises StoreUnusable; the body's errors leave as from any nursery.
    """
    database, items, revision = await trio.to_thread.run_sync(
        _open, path, describe, revision_block, encryption
    )
    store = SqliteStore(
        database,
        items,
        revision=revision,
        revision_block=revision_block,
        ephemeral=ephemeral,
        encryption=encryption,
    )
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(store._run)
            yield store
            nursery.cancel_scope.cancel()
    finally:
        store.close()
        database.close()


def _open(
    path: Path, describe: Describe, revision_block: int, encryption: Encryption | None
) -> tuple[Database, list[Item], int]:
    """The database, its objects, and the revision to start from: all that may have been given out before."""
    database = Database(path, encryption)
    with ExitStack() as unusable:
        unusable.callback(database.close)
        items = list(database.load(describe))
        revision = database.ceiling
        database.reserve(revision + revision_block)
        _conceal(database, encryption)
        unusable.pop_all()
    return database, items, revision


def _conceal(database: Database, encryption: Encryption | None) -> None:
    """Rows that were written before the encryption in force; objects and revisions stay as they are."""
    rewritten = len(database.stale)
    try:
        database.conceal()
    except OutOfRoom as error:
        log.error(
            "event=database_not_rebuilt path=%s why=%r: what it held before may still be read out of its free pages; "
            "free as much space as it takes, and start again",
            database.path,
            str(error),
        )
    database.stale.clear()
    if encryption is None:
        return
    for resources, provider in encryption.writers.items():
        log.info("event=encryption_at_rest resources=%s writes=%s", resources, provider)
    if rewritten:
        log.warning("event=rows_rewritten rows=%d", rewritten)
        kept = database.path.with_name(f"{database.path.name}{KEPT}")
        if kept.exists():
            log.warning(
                "event=old_copy path=%s: it holds objects as they were written before; remove it", kept
            )


def _apply(batch: Batch, operation: Operation) -> Item | ApiError:
    try:
        return batch.apply(operation)
    except ApiError as error:
        return error
