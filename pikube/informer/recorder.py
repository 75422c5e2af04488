"""Shell: writes Events, the ones that `kubectl describe` shows, without ever holding up who records them.

Enter: `record(...)`. Leave: core/v1 Events; the same thing said again raises the count of the first, similar things
become one (event_series.py). What cannot be kept up with is dropped and counted: events are best effort.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import trio

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ApiError, NotFound
from pikube.api.kinds.core_config import Event, EventSource
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.api.times import render_time
from pikube.informer.event_series import EventSeries, Said, Told

log = logging.getLogger("pikube.events")

WAITING_LIMIT = 256  # events not yet written; a storm beyond it tells nobody more
REMEMBERED = 1024  # distinct events whose count can still rise


@dataclass(slots=True)
class Written:
    namespace: str
    name: str
    count: int


class Recorder:
    """`host` is the node's name for events that a node records, else ''."""

    def __init__(
        self, client: Client, *, host: str = "", wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._host = host
        self._now = wall_clock
        self._send, self._receive = trio.open_memory_channel[tuple[Said, ObjectReference]](WAITING_LIMIT)
        self._written: OrderedDict[Hashable, Written] = OrderedDict()
        self._series = EventSeries()
        self.dropped = 0

    def record(
        self,
        component: str,
        regarding: Object,
        type_: str,
        reason: str,
        message: str,
        *,
        field_path: str = "",
    ) -> None:
        """Say something about an object; never waits."""
        meta = regarding.metadata
        reference = ObjectReference(
            kind=regarding.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid,
            api_version=regarding.api_version, resource_version=meta.resource_version, field_path=field_path,
        )  # fmt: skip
        said = Said(
            component, self._host,
            (reference.kind, meta.namespace, meta.name, meta.uid, regarding.api_version, field_path),
            type_, reason, message[:1024],
        )  # fmt: skip
        try:
            self._send.send_nowait((said, reference))
        except trio.WouldBlock:
            self.dropped += 1

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Writes what was recorded, in order."""
        task_status.started()
        async for said, reference in self._receive:
            try:
                await self._write(said, reference)
            except (ApiError, ConnectionLost) as error:
                self.dropped += 1
                log.debug("event=event_dropped reason=%s why=%r", said.reason, str(error))

    async def _write(self, said: Said, reference: ObjectReference) -> None:
        told = self._series.tell(said, trio.current_time())
        if told is None:
            self.dropped += 1
            return
        known = self._written.get(told.key)
        if known is not None:
            known.count += 1
            patch: dict[str, object] = {"count": known.count, "lastTimestamp": render_time(self._now())}
            if told.key != said:
                patch["message"] = told.message
            try:
                await self._client.patch(Event, known.name, known.namespace, patch)
            except NotFound:  # its time was over
                del self._written[told.key]
            else:
                self._written.move_to_end(told.key)
                return
        await self._create(said, told, reference)

    async def _create(self, said: Said, told: Told, reference: ObjectReference) -> None:
        now = self._now()
        namespace = reference.namespace or "default"
        name = f"{reference.name}.{int(now * 1e9):x}"
        text = render_time(now)
        await self._client.create(
            Event(
                metadata=ObjectMeta(name=name, namespace=namespace),
                involved_object=reference,
                reason=said.reason,
                message=told.message,
                source=EventSource(component=said.component, host=said.host),
                first_timestamp=text,
                last_timestamp=text,
                count=1,
                type=said.type,
                reporting_component=said.component,
                reporting_instance=said.host,
            )
        )
        self._written[told.key] = Written(namespace, name, 1)
        while len(self._written) > REMEMBERED:
            self._written.popitem(last=False)
