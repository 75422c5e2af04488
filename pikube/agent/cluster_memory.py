"""Shell: what a board remembers of its cluster, so that it starts and serves its pods while the leader is away.

Enter: informers of nodes, services, endpoints and namespaces. Leave: the same objects after a reboot. Written some
time after a change, and only what says something new: a card must not wear out for endpoints that flap. A leader's
own board remembers nothing: its API is in the same process. Called by the agent and by whoever runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from pikube.agent.pods.kept import KeptObjects, Ref
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.api.kinds.meta import Object
from pikube.informer.informer import Informers

KINDS: tuple[type[Object], ...] = (Node, Service, EndpointSlice, Namespace)
FIRST_WRITE_S, WRITE_AFTER_S = 1.0, 30.0


class ClusterMemory:
    """`directory` None remembers nothing."""

    def __init__(self, directory: Path | None) -> None:
        self.kept = KeptObjects(directory)
        self._is_on = directory is not None
        self._dirty: dict[Ref, Object | None] = {}
        self._changed = trio.Event()

    def node(self, name: str) -> Node | None:
        """This board's Node as it was; None for a board that has never been ready."""
        found = self.kept.read(Ref(Node, "", name))
        return found if isinstance(found, Node) else None

    def remembered(self, cls: type[Any]) -> list[Any] | None:
        """The objects of a kind; None for a kind that is not remembered. For Informers of a board whose leader is
        away."""
        return self.kept.read_all(cls) if cls in KINDS else None

    async def run(
        self, informers: Informers, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Follows changes for ever."""
        task_status.started()
        if not self._is_on:
            return
        for cls in KINDS:
            informers.of(cls).subscribe(self._follow(cls))
        pause_s = FIRST_WRITE_S
        while True:
            await self._changed.wait()
            await trio.sleep(pause_s)
            pause_s = WRITE_AFTER_S
            self._changed = trio.Event()
            dirty, self._dirty = self._dirty, {}
            await trio.to_thread.run_sync(self._write, dirty)

    def _follow(self, cls: type[Object]) -> Callable[[Object | None, Object | None], None]:
        def changed(old: Object | None, new: Object | None) -> None:
            found = new or old
            assert found is not None
            self._dirty[Ref(cls, found.metadata.namespace, found.metadata.name)] = new
            self._changed.set()

        return changed

    def _write(self, dirty: dict[Ref, Object | None]) -> None:
        for ref, obj in dirty.items():
            if obj is None:
                self.kept.drop(ref)
            else:
                self.kept.write(ref, obj)
