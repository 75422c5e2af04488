"""Shell: writes a pod's status to the API beside the pod's own work: a slow card of the leader, or a leader that is
away, must not delay a start. Only the newest status is written.

Enter: statuses. Leave: the API's pod. One a worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from pikube.agent.status_patch import status_patch
from pikube.api.client import STRATEGIC_MERGE_PATCH, Client, ConnectionLost
from pikube.api.errors import ApiError, Conflict, NotFound
from pikube.api.kinds.core_pod import Pod, PodStatus

log = logging.getLogger("pikube.pods")

RETRY_S, MAX_RETRY_S = 0.5, 10.0


class StatusReporter:
    """`written(pod)` is called with the API's answer; `pod()` is what the API calls it, None if it has none."""

    def __init__(self, client: Client, pod: Callable[[], Pod | None], written: Callable[[Pod], None]) -> None:
        self._client = client
        self._pod = pod
        self._written = written
        self._next: PodStatus | None = None
        self._is_busy = False
        self._moved = trio.Event()

    def post(self, status: PodStatus) -> None:
        """Write this; what was posted before and is not written yet is not written any more."""
        self._next = status
        self._move()

    async def flushed(self) -> None:
        """Until everything posted is written (or the pod is gone)."""
        while self._is_busy or self._next is not None:
            await self._moved.wait()

    async def run(self) -> None:
        """Writes for ever."""
        while True:
            while self._next is None:
                await self._moved.wait()
            await self._write()

    async def _write(self) -> None:
        retry_s = RETRY_S
        while self._next is not None:
            status, self._next, self._is_busy = self._next, None, True
            pod = self._pod()
            if pod is None:  # a mirror that is not there yet: its coming wakes the worker, which posts again
                self._is_busy = False
                break
            meta = pod.metadata
            try:
                await self._send(pod, status)
                retry_s = RETRY_S
            except (NotFound, Conflict):
                pass  # deleted, or replaced by another pod of the same name
            except (ApiError, ConnectionLost) as error:
                log.warning("event=status_failed pod=%s/%s why=%r", meta.namespace, meta.name, str(error))
                self._next = self._next or status
                await trio.sleep(retry_s)
                retry_s = min(MAX_RETRY_S, retry_s * 2)
            self._is_busy = False
            self._move()

    async def _send(self, pod: Pod, status: PodStatus) -> None:
        """An older `pod` than the API's does no harm: the newer one, which is on its way, wakes the worker."""
        patch = status_patch(pod, status)
        if not patch:
            return
        meta = pod.metadata
        changed = await self._client.patch(
            Pod, meta.name, meta.namespace, patch, content_type=STRATEGIC_MERGE_PATCH, subresource="status"
        )
        if changed.metadata.uid == meta.uid:
            self._written(changed)

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()
