"""Shell: the one door to sqlite3: a file that holds the current objects, nothing else. `sqlite.py` calls it.

Every function here blocks; callers use a worker thread, one at a time. Foreign errors leave as StoreUnusable (the
file cannot be used at all) or CommitFailed (this transaction did not happen, the next may).

Choices, measured with 1.8 kB objects, one a commit:
- A rowid table with a unique key: 16 kB written for a create, 7 kB for an update. WITHOUT ROWID keeps at most a
  quarter of a page in the tree and took 30 and 14 kB, and twice the file.
- Pages of 4 kB: 8 kB pages nearly double what an update writes.
- WAL with synchronous=FULL: one fsync a commit, and what was acknowledged survives a power cut.
- locking_mode=EXCLUSIVE: a second process cannot open the file, and no -shm file is needed.
- No auto_vacuum (2 kB more for a create): free pages are reused, so the file is bounded by the largest state ever
  held; a file that is mostly free is rebuilt when it is opened.

With an `Encryption` rows hold what it makes of objects. SQLite leaves what was written before in free pages and in
its log: `conceal` has neither hold it any longer.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from zlib import crc32

from pikube.leader.store.contract import Describe, Item, Key, StoreUnusable
from pikube.leader.store.encryption import Encryption, check_plain

SCHEMA_VERSION = 1
APPLICATION_ID = 0x70696B75  # "piku"
WAL_LIMIT_BYTES = 4 * 1024 * 1024
CACHE_KB = 512  # reads happen at start only
BUSY_TIMEOUT_S = 1.0  # a predecessor that is just ending
VACUUM_PAGES = 256  # below 1 MB of free pages a rebuild is not worth its writes

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    revision INTEGER NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name));
CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision_ceiling', 1);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_PUT = """
INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET revision = excluded.revision, checksum = excluded.checksum, value = excluded.value
"""
_REMOVE = "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
_SET_CEILING = "UPDATE meta SET number = ? WHERE name = 'revision_ceiling'"
_CONCEALED = "SELECT coalesce(max(number), 0) FROM meta WHERE name = 'concealed'"
_SET_CONCEALED = "INSERT INTO meta VALUES ('concealed', ?) ON CONFLICT DO UPDATE SET number = excluded.number"

Row = tuple[str, str, str, int, int, bytes]


class CommitFailed(Exception):
    """A transaction was rolled back; the message is the system's reason."""


class OutOfRoom(Exception):
    """The file could not be rebuilt; it is whole. The message is the system's reason."""


class Database:
    """An open database file. `ceiling` is the highest revision that may be given without a further reservation;
    `stale` what was loaded from rows that the encryption's first provider did not write."""

    def __init__(self, path: Path, encryption: Encryption | None = None) -> None:
        """Open or create `path`. Raises StoreUnusable."""
        self.path = path
        self.stale: list[Item] = []
        self._encryption = encryption
        self._row: Callable[[Item], Row] = _row if encryption is None else partial(_sealed_row, encryption)
        _touch(path)
        self._connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        with contextlib.ExitStack() as unusable:
            unusable.callback(self._connection.close)
            with _unusable(path):
                _configure(self._connection)
                _check(self._connection, path)
                self.ceiling = _read_number(
                    self._connection, "SELECT number FROM meta WHERE name = 'revision_ceiling'"
                )
                _rebuild_if_mostly_free(self._connection)
            unusable.pop_all()

    def load(self, describe: Describe) -> Iterator[Item]:
        """All objects, ordered by resource, namespace and name. Raises StoreUnusable."""
        with _unusable(self.path):
            rows = self._connection.execute("SELECT * FROM objects ORDER BY resource, namespace, name")
            for resource, namespace, name, revision, checksum, value in rows:
                if crc32(value) != checksum:
                    where = "/".join(part for part in (resource.strip("/"), namespace, name) if part)
                    raise _corrupt(self.path, f"the bytes of {where} have changed")
                key = Key(sys.intern(resource), sys.intern(namespace), name)
                value, is_stale = self._read(key, value)
                uid, select = describe(key, value)
                item = Item(key, value, revision, uid, select)
                if is_stale:
                    self.stale.append(item)
                yield item

    def _read(self, key: Key, data: bytes) -> tuple[bytes, bool]:
        if self._encryption is None:
            return check_plain(key, data), False
        return self._encryption.unseal(key, data)

    def conceal(self) -> None:
        """After `load`: leave nothing on disk that the encryption in force would not write, neither in rows nor in
        free pages nor in the log. Cut off anywhere, the next start does the rest.

        Raises StoreUnusable, and OutOfRoom when rows are as they should be, but the file could not be rebuilt.
        """
        for _ in self.conceal_steps():
            pass

    def conceal_steps(self) -> Iterator[None]:
        """The same, in steps that are durable one by one. The mark says that no step is left to do."""
        connection = self._connection
        mark = self._encryption.mark if self._encryption is not None else 0
        with _unusable(self.path):
            if not self.stale and _read_number(connection, _CONCEALED) == mark:
                return
            connection.execute(_SET_CONCEALED, (0,))
            yield
            if not mark:
                return
            self._put(self.stale)
            yield
            try:
                connection.execute("VACUUM")
            except sqlite3.OperationalError as error:
                raise OutOfRoom(str(error)) from error
            yield
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert not busy, "nobody else can have the file open"
            yield
            connection.execute(_SET_CONCEALED, (mark,))

    def reserve(self, ceiling: int) -> None:
        """Durably allow revisions up to `ceiling`, before the first use. Raises StoreUnusable."""
        self._put([], ceiling)

    def _put(self, items: Sequence[Item], ceiling: int | None = None) -> None:
        """A commit that must not fail. Raises StoreUnusable."""
        try:
            self.commit(items, [], ceiling)
        except CommitFailed as error:
            assert isinstance(error.__cause__, sqlite3.Error)
            raise _advice(self.path, error.__cause__) from error

    def commit(self, items: Sequence[Item], removed: Sequence[Key], ceiling: int | None = None) -> None:
        """One durable transaction: put items, remove keys, raise the ceiling. Raises CommitFailed: no change."""
        connection = self._connection
        try:
            if len(items) == 1 and not removed and ceiling is None:
                connection.execute(_PUT, self._row(items[0]))  # one statement is a transaction by itself
                return
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_PUT, map(self._row, items))
            connection.executemany(_REMOVE, removed)
            if ceiling is not None:
                connection.execute(_SET_CEILING, (ceiling,))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back some failures itself
                connection.execute("ROLLBACK")
            raise CommitFailed(str(error)) from error
        if ceiling is not None:
            self.ceiling = ceiling

    def file_bytes(self) -> int:
        """The size of the database and its log on disk."""
        return sum(file.stat().st_size for file in (self.path, log_of(self.path)) if file.exists())

    def close(self) -> None:
        """Fold the log into the database (best effort: it is valid with its log, too) and close."""
        self._connection.close()


def log_of(path: Path) -> Path:
    """The write-ahead log beside a database file."""
    return path.with_name(path.name + "-wal")


def _row(item: Item) -> Row:
    return (*item.key, item.revision, crc32(item.value), item.value)


def _sealed_row(encryption: Encryption, item: Item) -> Row:
    data = encryption.seal(item.key, item.value)
    return (*item.key, item.revision, crc32(data), data)


def _touch(path: Path) -> None:
    """Make the file, private (it holds Secrets), and its directory entry durable; also proves it is writable."""
    try:
        is_new = not path.exists()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if is_new:
            sync_directory(path.parent)
    except OSError as error:
        raise StoreUnusable(
            f"the database {path} cannot be opened ({error.strerror}); "
            "make sure that its directory exists and is writable"
        ) from error


def sync_directory(path: Path) -> None:
    """Make a directory's entries durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _configure(connection: sqlite3.Connection) -> None:
    for pragma in (
        "locking_mode = EXCLUSIVE",  # before the first use of the log, or a -shm file is made
        "journal_mode = WAL",
        "synchronous = FULL",
        f"journal_size_limit = {WAL_LIMIT_BYTES}",
        f"cache_size = -{CACHE_KB}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Create the schema in an empty file; refuse a foreign, newer or damaged one."""
    version = _read_number(connection, "PRAGMA user_version")
    application = _read_number(connection, "PRAGMA application_id")
    is_empty = _read_number(connection, "SELECT count(*) FROM sqlite_schema") == 0
    if is_empty and version == application == 0:
        connection.executescript(_SCHEMA)
    elif application != APPLICATION_ID:
        raise StoreUnusable(f"{path} is a database of another program; choose another data directory")
    elif version > SCHEMA_VERSION:
        raise StoreUnusable(
            f"the database {path} was written by a newer pikube (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); start that version, or restore a backup made by this one"
        )
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise _corrupt(path, problem.splitlines()[-1])


def _rebuild_if_mostly_free(connection: sqlite3.Connection) -> None:
    free = _read_number(connection, "PRAGMA freelist_count")
    if free > VACUUM_PAGES and free * 2 > _read_number(connection, "PRAGMA page_count"):
        with contextlib.suppress(
            sqlite3.OperationalError
        ):  # no space for the copy: a large file works as well
            connection.execute("VACUUM")


def _read_number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


@contextlib.contextmanager
def _unusable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one sentence that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise _advice(path, error) from error


def _advice(path: Path, error: sqlite3.Error) -> StoreUnusable:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnusable(
                f"the database {path} is in use by another process; stop the other pikube first",
                is_in_use=True,
            )
        case sqlite3.SQLITE_FULL:
            return StoreUnusable(
                f"the database {path} cannot be opened ({error}); free some space on its disk"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _corrupt(path, str(error))
        case _:
            return StoreUnusable(
                f"the database {path} cannot be used ({error}); "
                "check that its disk is healthy, writable and not full"
            )


def _corrupt(path: Path, why: str) -> StoreUnusable:
    return StoreUnusable(
        f"the database {path} is corrupt ({why}); restore a backup with `pikube restore`, "
        "or move the file away to begin with an empty cluster"
    )
