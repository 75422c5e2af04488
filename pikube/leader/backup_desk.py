"""Shell: a backup of the running cluster, for people who may do everything.

GET /pikube/v1/backup answers with an archive. Who may ask for it gets the authority's key: only system:masters, whom
nothing is refused anyway.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from pikube import __version__
from pikube.api.errors import Forbidden, InternalError, MethodNotAllowed
from pikube.api.times import render_time
from pikube.config import Settings
from pikube.leader.archive import FORMAT, Manifest, pack
from pikube.leader.request.context import MASTERS, User
from pikube.leader.request.route import Route
from pikube.leader.store.contract import StoreUnusable
from pikube.wire.messages import Answer, Request, Response

log = logging.getLogger("pikube.backup")

WriteDatabase = Callable[[Path], Awaitable[object]]
PART = ".backup-"


def remove_parts(directory: Path) -> None:
    """What is left of backups that a lost plug cut off: whole databases, as they were then."""
    for left in directory.glob(f"{PART}*"):
        shutil.rmtree(left, ignore_errors=True)


class BackupDesk:
    """`write_database` puts every object into a new database file; `cluster_id` is the uid of kube-system."""

    def __init__(
        self,
        write_database: WriteDatabase,
        settings: Settings,
        cluster_id: str,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._write_database = write_database
        self._settings = settings
        self._cluster_id = cluster_id
        self._now = wall_clock
        self._one_at_a_time = trio.Lock()

    async def answer(self, route: Route, request: Request, user: User) -> Answer:
        """The archive. MethodNotAllowed, Forbidden, InternalError when the card is full."""
        if route.verb not in ("get", "head"):
            raise MethodNotAllowed()
        if MASTERS not in user.groups:
            raise Forbidden(f"a backup holds the cluster's keys: only members of {MASTERS} may have it")
        async with self._one_at_a_time:
            data = await self._make()
        log.warning("event=backup_made by=%r bytes=%d", user.name, len(data))
        headers = (("Content-Type", "application/gzip"), ("Cache-Control", "no-store"))
        return Response(200, headers, (data,))

    async def _make(self) -> bytes:
        settings = self._settings
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            cluster=settings.cluster_name,
            id=self._cluster_id,
            node=settings.node_name,
            made_at=render_time(self._now()),
        )
        with tempfile.TemporaryDirectory(dir=settings.database.parent, prefix=PART) as name:
            database, archive = Path(name) / "state.db", Path(name) / "backup.tar.gz"
            try:
                await self._write_database(database)
                await trio.to_thread.run_sync(pack, archive, database, settings.certificates, manifest)
                return await trio.Path(archive).read_bytes()
            except (StoreUnusable, OSError) as error:
                raise InternalError(f"the backup cannot be made: {error}") from error
