"""Shell: removes the directories of this board that the leader's local provisioner made and that nobody needs more.

Enter: PersistentVolumes as the informer brings them. Leave: directories gone, then the finalizer that held the
volume. A board that was away does it when it is back: the volume waits for it. Called by agent.py.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import trio

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ApiError
from pikube.api.kinds.core_storage import PersistentVolume
from pikube.api.local_volumes import HELD_BY_BOARD, board_of, directory_of
from pikube.informer.informer import Informers

log = logging.getLogger("pikube.agent.volumes")

RETRY_S = 10.0  # a directory that is busy, a leader that is away
WAITING_LIMIT = 64  # volumes to remove; what does not fit is found again at the next look


class LocalVolumes:
    """`hostname` is the board's label kubernetes.io/hostname."""

    def __init__(self, client: Client, informers: Informers, hostname: str) -> None:
        self._client = client
        self._hostname = hostname
        self._cache = informers.cache(PersistentVolume)
        self._wake = trio.Event()
        informers.of(PersistentVolume).subscribe(self._changed)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Remove what is to be removed; sleeps when there is nothing."""
        task_status.started()
        while True:
            self._wake = wake = trio.Event()
            going = [volume for volume in self._cache if self._is_ours(volume)]
            is_done = True
            for volume in going[:WAITING_LIMIT]:
                is_done = await self._remove(volume) and is_done
            if is_done and len(going) <= WAITING_LIMIT:
                await wake.wait()
            else:
                with trio.move_on_after(RETRY_S):
                    await wake.wait()

    async def _remove(self, volume: PersistentVolume) -> bool:
        directory, meta = directory_of(volume), volume.metadata
        try:
            if directory:
                await trio.to_thread.run_sync(_remove_tree, Path(directory))
            kept = [name for name in meta.finalizers if name != HELD_BY_BOARD]
            patch = {
                "metadata": {
                    "uid": meta.uid,
                    "resourceVersion": meta.resource_version,
                    "finalizers": kept or None,
                }
            }
            await self._client.patch(PersistentVolume, meta.name, "", patch)
        except (OSError, ApiError, ConnectionLost) as error:
            log.warning("event=volume_not_removed volume=%s path=%s why=%r", meta.name, directory, str(error))
            return False
        log.info("event=volume_removed volume=%s path=%s", meta.name, directory)
        return True

    def _changed(self, old: PersistentVolume | None, new: PersistentVolume | None) -> None:
        if new is not None and self._is_ours(new):
            self._wake.set()

    def _is_ours(self, volume: PersistentVolume) -> bool:
        meta, spec = volume.metadata, volume.spec
        return (
            bool(meta.deletion_timestamp)
            and HELD_BY_BOARD in meta.finalizers
            and spec.persistent_volume_reclaim_policy == "Delete"
            and board_of(volume) == self._hostname
        )


def _remove_tree(directory: Path) -> None:
    """Raises OSError; what is gone already is well."""
    if directory.is_dir() and not directory.is_symlink():
        shutil.rmtree(directory)
