"""Shell: runs a Controller: queue, workers, performing, back-off, events, once for all of them.

Enter: a Controller value, the shared informers, the client. Leave: API writes. Called by run.py.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import trio

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ApiError, Conflict, NotFound
from pikube.api.kinds.meta import Object
from pikube.informer.actions import (
    Action,
    Create,
    Delete,
    DeleteAll,
    Identity,
    PatchObject,
    RecordEvent,
    Remember,
    RequeueAfter,
    Update,
)
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.clock_jumps import watch_clock
from pikube.informer.controller import Controller, Watch
from pikube.informer.informer import Informers
from pikube.informer.queue import WorkQueue
from pikube.informer.recorder import Recorder

log = logging.getLogger("pikube.controller")

CATCH_UP_S = 10.0  # far longer than a watch event ever takes; after it the decision is merely late, not wrong
DEAR_S = 0.001  # a decision that takes longer is about hundreds of objects …
REST_FACTOR = (
    20  # … and may then take a twentieth of the time: 300 changes of as many pods are no 300 decisions
)
MAX_REST_S = 0.5  # nobody should see that a set is large
WRITES = 256  # keys whose writes are waited for; beyond so many those that the caches have seen are forgotten
LARGEST_BATCH = 32  # creates in flight: more do not commit faster (one group commit takes them all)


class ControllerLoop:
    """One controller at work. `run` never returns."""

    def __init__(
        self,
        controller: Controller[Any, Any],
        client: Client,
        informers: Informers,
        recorder: Recorder,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.controller = controller
        self.queue: WorkQueue[ObjectKey] = WorkQueue()
        self._client = client
        self._informers = informers
        self._recorder = recorder
        self._now = wall_clock
        self._written: dict[ObjectKey, dict[type[Object], int]] = {}
        for index in controller.indexes:
            informers.cache(index.cls).add_index(index.name, index.indexer)
        for watch in controller.watches:
            informers.of(watch.cls).subscribe(self._subscriber(watch))

    def add_kind(self, cls: type[Object]) -> None:
        """A kind is served from now on that was not known when the controller was made."""
        if self.controller.grow is None:
            return
        watches, indexes = self.controller.grow(cls)
        for index in indexes:
            self._informers.cache(index.cls).add_index(index.name, index.indexer)
        for watch in watches:
            self._informers.of(watch.cls).subscribe(self._subscriber(watch))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Works keys off with the controller's number of workers."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.queue.run)
            for _ in range(self.controller.workers):
                nursery.start_soon(self._work)
            task_status.started()

    def _subscriber(self, watch: Watch) -> Callable[[Object | None, Object | None], None]:
        def changed(old: Object | None, new: Object | None) -> None:
            for obj in (old, new):
                if obj is None:
                    continue
                try:
                    for key in watch.keys(self._informers, obj):
                        self.queue.add(key)
                except Exception:
                    # the same boundary as in _work: this runs in the informer's task, which is everybody's
                    log.exception(
                        "event=controller_bug controller=%s object=%s", self.controller.name, key_of(obj)
                    )

        return changed

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            is_cut = True
            try:
                await self._attempt(key)
                is_cut = False
            finally:
                if is_cut:  # we are stopped, and may go on when we hold the Lease again
                    self.queue.add(key)
                self.queue.done(key)

    async def _attempt(self, key: ObjectKey) -> None:
        try:
            await self.work_off(key)
        except ConnectionLost as lost:
            self._failed(key, str(lost), logging.INFO)
        except Conflict as conflict:
            self._failed(key, conflict.message, logging.DEBUG)
        except ApiError as error:
            self._failed(key, error.message, logging.WARNING)
        except Exception:
            # one of the three places where every error is caught: a bug met with one object must not
            # stop the controller for all others
            log.exception("event=controller_bug controller=%s key=%s", self.controller.name, key)
            self.queue.retry(key)
        else:
            self.queue.forget(key)

    async def work_off(self, key: ObjectKey) -> None:
        """One round for one key: catch up, prepare, observe, decide, perform."""
        await self._catch_up(key)
        if self.controller.prepare is not None:
            await self.controller.prepare(self._informers, key)
        began = time.thread_time()  # our own work, not the time for which others had the processor
        seen = self.controller.observe(self._informers, key)
        if seen is None:
            return
        desired, observed = seen
        actions = self.controller.reconcile(desired, observed, self._now())
        took_s = time.thread_time() - began
        if took_s > DEAR_S:
            self.queue.rest(key, min(MAX_REST_S, took_s * REST_FACTOR))
        for group in batches(actions):
            failure = await self._perform_together(key, group)
            if failure is not None:
                action, error = failure
                if self.controller.on_failure is not None:
                    words = self.controller.on_failure(desired, observed, action, error, self._now())
                    for word in words:
                        await self._perform(key, word)
                raise error

    def _failed(self, key: ObjectKey, why: str, level: int) -> None:
        delay_s = self.queue.retry(key)
        log.log(
            level,
            "event=reconcile_failed controller=%s key=%s retry_s=%.3f why=%r",
            self.controller.name, key, delay_s, why,
        )  # fmt: skip

    async def _catch_up(self, key: ObjectKey) -> None:
        written = self._written.pop(key, None)
        if written is None:
            return
        with trio.move_on_after(CATCH_UP_S) as scope:
            for cls, revision in written.items():
                await self._informers.of(cls).wait_revision(revision)
        if scope.cancelled_caught:
            log.warning("event=cache_behind controller=%s key=%s", self.controller.name, key)

    async def _perform_together(
        self, key: ObjectKey, group: Sequence[Action]
    ) -> tuple[Action, ApiError] | None:
        if len(group) == 1:
            return await self._try(key, group[0])
        failures: list[tuple[Action, ApiError]] = []

        async def one(action: Action) -> None:
            failure = await self._try(key, action)
            if failure is not None:
                failures.append(failure)

        async with trio.open_nursery() as nursery:
            for action in group:
                nursery.start_soon(one, action)
        return failures[0] if failures else None

    async def _try(self, key: ObjectKey, action: Action) -> tuple[Action, ApiError] | None:
        try:
            await self._perform(key, action)
        except ApiError as error:
            return action, error
        return None

    async def _perform(self, key: ObjectKey, action: Action) -> None:
        match action:
            case Create(obj, said):
                self._done(key, await self._client.create(obj), said)
            case Update(obj, subresource, said):
                self._done(key, await self._client.update(obj, subresource=subresource), said)
            case PatchObject():
                await self._patch(key, action)
            case Delete():
                await self._delete(key, action)
            case DeleteAll(classes, namespace):
                await self._delete_all(classes, namespace)
            case RecordEvent(regarding, type_, reason, message):
                self._recorder.record(self.controller.name, regarding, type_, reason, message)
            case RequeueAfter(seconds):
                self.queue.add_after(key, seconds)
            case Remember(book, value):
                book[key] = value

    async def _patch(self, key: ObjectKey, action: PatchObject) -> None:
        try:
            changed = await self._client.patch(
                action.cls, action.key.name, action.key.namespace, action.patch,
                content_type=action.content_type, subresource=action.subresource,
            )  # fmt: skip
        except NotFound:
            return
        self._done(key, changed, None)

    async def _delete(self, key: ObjectKey, action: Delete) -> None:
        for identity in action.unless:
            if await self._is_there(identity):
                return
        try:
            gone = await self._client.delete(
                action.cls, action.key.name, action.key.namespace, uid=action.uid,
                grace_period_s=action.grace_period_s, propagation=action.propagation,
            )  # fmt: skip
        except (NotFound, Conflict):
            return
        if gone is not None:
            self._done(key, gone, action.said)

    async def _is_there(self, identity: Identity) -> bool:
        try:
            found = await self._client.get(identity.cls, identity.key.name, identity.key.namespace)
        except NotFound:
            return False
        return identity.uid in ("", found.metadata.uid)

    async def _delete_all(self, classes: Sequence[type[Object]], namespace: str | None) -> None:
        found = 0
        for cls in classes:
            listed = await self._client.list(cls, namespace)
            found += len(listed.items)
            for obj in listed.items:
                with contextlib.suppress(NotFound):
                    await self._client.delete(cls, obj.metadata.name, obj.metadata.namespace)
        if found:
            raise Conflict(f"{found} objects were left in {namespace or 'all namespaces'}")

    def _done(self, key: ObjectKey, obj: Object, said: RecordEvent | None) -> None:
        self._wrote(key, obj)
        if said is not None:
            message = said.message.replace("{name}", obj.metadata.name)
            self._recorder.record(self.controller.name, said.regarding, said.type, said.reason, message)

    @property
    def writes_remembered(self) -> int:
        """Keys that wait for the caches to see what was written for them."""
        return len(self._written)

    def _wrote(self, key: ObjectKey, obj: Object) -> None:
        if len(self._written) >= WRITES and key not in self._written:
            self._forget_seen()
        revisions = self._written.setdefault(key, {})
        cls = type(obj)
        revisions[cls] = max(revisions.get(cls, 0), int(obj.metadata.resource_version or 0))

    def _forget_seen(self) -> None:
        """A key that never comes again, as of an object that was deleted, would be kept for ever."""
        self._written = {
            key: revisions
            for key, revisions in self._written.items()
            if any(self._informers.of(cls).revision < revision for cls, revision in revisions.items())
        }


async def run_loops(
    loops: Sequence[ControllerLoop],
    *,
    wall_clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """All controllers together, until cancelled."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_clock, wall_clock, [loop.queue.hurry for loop in loops])
        for loop in loops:
            await nursery.start(loop.run)
        task_status.started()


def batches(actions: Sequence[Action]) -> Iterator[Sequence[Action]]:
    """Split into groups to perform together: runs of Creates in 1, 2, 4 … up to LARGEST_BATCH, runs of Deletes
    whole, everything else one by one, in order."""
    start = 0
    while start < len(actions):
        kind = type(actions[start])
        end = start + 1
        if kind in (Create, Delete):
            while end < len(actions) and type(actions[end]) is kind:
                end += 1
        run = actions[start:end]
        size = 1 if kind is Create else LARGEST_BATCH
        while run:
            yield run[:size]
            run = run[size:]
            size = min(size * 2, LARGEST_BATCH)
        start = end
