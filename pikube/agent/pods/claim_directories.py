"""Shell: removes the directories that pikube made for claims, once their PersistentVolume is gone.

Enter: volumes that pods of this board mount. Leave: nothing of them on the card when the API has deleted the
volume and its reclaim policy was Delete. What was made is remembered on the card, so that a board that was off
meanwhile cleans up when it is back. Called by pod workers (`remember`) and the agent (`run`).
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import trio

from pikube.agent.pods.kept import KeptObjects, Ref
from pikube.agent.pods.mounting import mounts_below
from pikube.agent.pods.object_watch import ObjectWatches
from pikube.agent.pods.volumes import PROVISIONED_BY, PROVISIONER
from pikube.api.kinds.core_storage import PersistentVolume

log = logging.getLogger("pikube.volumes")

RETRY_S = 30.0


class ClaimDirectories:
    """One a board."""

    def __init__(self, watches: ObjectWatches, remembered: KeptObjects) -> None:
        self._watches = watches
        self._remembered = remembered
        self._volumes: dict[Ref, PersistentVolume] = {}
        self._changed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Looks when a volume changes; sleeps otherwise."""
        for volume in await trio.to_thread.run_sync(self._remembered.read_all, PersistentVolume):
            self._follow(volume)
        task_status.started()
        while True:
            self._changed = trio.Event()
            has_failed = False
            for ref, volume in list(self._volumes.items()):
                if self._watches.is_gone(ref, volume.metadata.uid):
                    if await trio.to_thread.run_sync(self._remove, ref, volume):
                        del self._volumes[ref]
                        self._watches.forget(_owner(ref))
                    else:
                        has_failed = True
                else:
                    await self._update(ref)
            with trio.move_on_after(RETRY_S if has_failed else float("inf")):
                await self._changed.wait()

    async def remember(self, volume: PersistentVolume) -> None:
        """A pod mounts this one; volumes that pikube did not provision are nobody's to remove."""
        ref = _ref(volume)
        if volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER and ref not in self._volumes:
            await trio.to_thread.run_sync(self._remembered.write, ref, volume)
            self._follow(volume)

    async def _update(self, ref: Ref) -> None:
        """The reclaim policy may have changed since."""
        now = self._watches.seen(ref)
        if isinstance(now, PersistentVolume) and now.spec != self._volumes[ref].spec:
            self._volumes[ref] = now
            await trio.to_thread.run_sync(self._remembered.write, ref, now)

    def _follow(self, volume: PersistentVolume) -> None:
        ref = _ref(volume)
        self._volumes[ref] = volume
        self._watches.follow(_owner(ref), {ref}, self._wake)

    def _wake(self) -> None:
        self._changed.set()

    def _remove(self, ref: Ref, volume: PersistentVolume) -> bool:
        """Whether nothing is left to do (a worker thread's)."""
        source = volume.spec.host_path
        if source is not None and volume.spec.persistent_volume_reclaim_policy == "Delete":
            path = Path(source.path)
            if path.is_dir() and mounts_below(path):
                log.warning("event=claim_directory_kept path=%s why='something is mounted below it'", path)
                return False
            try:
                shutil.rmtree(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                log.warning("event=claim_directory_kept path=%s why=%r", path, error.strerror or str(error))
                return False
            log.info("event=claim_directory_removed volume=%s path=%s", ref.name, path)
        self._remembered.drop(ref)
        return True


def _ref(volume: PersistentVolume) -> Ref:
    return Ref(PersistentVolume, "", volume.metadata.name)


def _owner(ref: Ref) -> str:
    return f"directory/{ref.name}"
