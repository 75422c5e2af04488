"""Shell: removes sandboxes and directories of pods that went while pikube was not there to end them.

Enter: the runtime, the pods' directory, who is known. Leave: what a former life left, gone. Called by the manager.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import trio

from pikube.agent.pods.sandbox_notes import noted
from pikube.agent.pods.volumes import PodVolumes
from pikube.agent.runtime.contract import Runtime, RuntimeFailure, Sandbox

log = logging.getLogger("pikube.pods")


class Orphans:
    """`is_known(uid)` says whether a pod is this board's."""

    def __init__(self, runtime: Runtime, pods_dir: Path, is_known: Callable[[str], bool]) -> None:
        self._runtime = runtime
        self._pods_dir = pods_dir
        self._is_known = is_known
        self.found_at_first: frozenset[str] | None = None
        """Pods with a sandbox of a former life; None until the runtime has answered."""

    async def remove(self) -> bool:
        """Whether all of them are gone; one that cannot be removed is no reason to keep the others."""
        try:
            sandboxes, _ = await self._runtime.list_all()
        except RuntimeFailure as failure:
            log.warning("event=orphans_kept why=%r", failure.message)
            return False
        if self.found_at_first is None:
            self.found_at_first = frozenset(sandbox.uid for sandbox in sandboxes)
        are_gone = True
        for sandbox in sandboxes:
            if not self._is_known(sandbox.uid):
                are_gone &= await self._remove_sandbox(sandbox)
        for directory in list(self._pods_dir.iterdir()):
            if not self._is_known(directory.name):
                are_gone &= await self._remove_directory(directory)
        return are_gone

    async def _remove_sandbox(self, sandbox: Sandbox) -> bool:
        name = f"{sandbox.namespace}/{sandbox.name}"
        try:
            await self._runtime.remove_sandbox(sandbox.id)
        except RuntimeFailure as failure:
            log.warning("event=orphan_kept pod=%s why=%r", name, failure.message)
            return False
        log.info("event=orphan_removed pod=%s", name)
        return True

    async def _remove_directory(self, directory: Path) -> bool:
        for sandbox_id in noted(directory):
            await self._runtime.forget_sandbox(sandbox_id)
        try:
            await trio.to_thread.run_sync(PodVolumes(directory).remove)
        except OSError as error:
            log.warning("event=orphan_kept directory=%s why=%r", directory, error.strerror or str(error))
            return False
        return True
