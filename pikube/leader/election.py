"""Shell: of several leaders one runs the controllers and one the scheduler: who holds the Lease.

    free, ours, or silent for LEASE_S  →  take it, work, renew it  →  lost: stop the work, wait again

A foreign Lease is judged by when *we* last saw it change, never by the times in it: boards have no clock. A single
leader finds no Lease (they live in memory) and begins at once; renewing costs it one write in memory in ten seconds.
Run by run.py. Source: kubernetes client-go tools/leaderelection.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

import trio
from msgspec import structs

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pikube.api.kinds.coordination import Lease, LeaseSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import render_micro_time

log = logging.getLogger("pikube.election")

NAMESPACE = "kube-system"
LEASE_S = 30.0
RENEW_S = 10.0
KEPT_S = LEASE_S - RENEW_S  # without a renewal we stop so long after the last one
RETRY_S = 2.0  # how often somebody who waits looks, and who could not renew tries again
RELEASE_S = 1.0  # for giving it back at the end

Work = Callable[..., Awaitable[None]]


class Election:
    """`name` is the Lease, `identity` who asks for it: different at each start."""

    def __init__(
        self, client: Client, name: str, identity: str, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._name = name
        self._identity = identity
        self._now = wall_clock
        self._seen = ("", 0.0)  # resourceVersion of a foreign Lease, and when we first saw it
        self.is_leading = False

    async def run(self, work: Work, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do `work` (a daemon with a task_status) while the Lease is ours. Started once it is, or is another's."""
        is_told = False
        while True:
            lease = await self._take()
            if lease is None:
                if not is_told:
                    is_told = True
                    task_status.started()
                await trio.sleep(RETRY_S)
                continue
            log.info("event=lease_taken lease=%s holder=%s", self._name, self._identity)
            try:
                await self._lead(work, lease, trio.TASK_STATUS_IGNORED if is_told else task_status)
            finally:
                self.is_leading = False
            is_told = True
            log.warning("event=lease_lost lease=%s holder=%s", self._name, self._identity)

    async def _lead(self, work: Work, lease: Lease, task_status: trio.TaskStatus[None]) -> None:
        self.is_leading = True
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(work)
                task_status.started()
                await self._renew_until_lost(lease)
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(RELEASE_S) as scope:
                scope.shield = True
                await self._release()

    async def _renew_until_lost(self, lease: Lease) -> None:
        """Returns before another may take it, also while an attempt to renew hangs."""
        wait_s = RENEW_S
        with trio.CancelScope(deadline=trio.current_time() + KEPT_S) as kept:
            while True:
                await trio.sleep(wait_s)
                asked_at = trio.current_time()  # others count from when they see it, which is later
                wait_s = RETRY_S
                try:
                    lease = await self._write(lease)
                except NotFound:
                    lease = await self._take() or lease
                    continue
                except Conflict:
                    taken = await self._take()
                    if taken is None:
                        return
                    lease = taken
                except (ApiError, ConnectionLost) as error:
                    log.warning("event=lease_not_renewed lease=%s why=%r", self._name, str(error))
                    continue
                wait_s = RENEW_S
                kept.deadline = asked_at + KEPT_S

    async def _take(self) -> Lease | None:
        """The Lease as ours, or None while another holds it."""
        try:
            found = await self._client.get(Lease, self._name, NAMESPACE)
            if not self._is_free(found):
                return None
            changes = (found.spec.lease_transitions or 0) + (found.spec.holder_identity != self._identity)
            return await self._write(found, transitions=changes)
        except NotFound:
            meta = ObjectMeta(name=self._name, namespace=NAMESPACE)
            try:
                return await self._client.create(self._filled(Lease(metadata=meta), 0, is_new=True))
            except (AlreadyExists, ApiError, ConnectionLost):
                return None
        except (ApiError, ConnectionLost):
            return None

    def _is_free(self, lease: Lease) -> bool:
        holder, revision = lease.spec.holder_identity or "", lease.metadata.resource_version
        if holder in ("", self._identity):
            return True
        if self._seen[0] != revision:
            self._seen = revision, trio.current_time()
        return trio.current_time() - self._seen[1] >= LEASE_S

    async def _write(self, lease: Lease, *, transitions: int | None = None) -> Lease:
        known = lease.spec.lease_transitions or 0
        is_new = transitions is not None and transitions != known
        count = known if transitions is None else transitions
        return await self._client.update(self._filled(lease, count, is_new=is_new))

    def _filled(self, lease: Lease, transitions: int, *, is_new: bool) -> Lease:
        now = render_micro_time(self._now())
        spec = LeaseSpec(
            holder_identity=self._identity,
            lease_duration_seconds=int(LEASE_S),
            acquire_time=now if is_new else lease.spec.acquire_time or now,
            renew_time=now,
            lease_transitions=transitions,
        )
        return structs.replace(lease, spec=spec)

    async def _release(self) -> None:
        """Another need not wait."""
        try:
            found = await self._client.get(Lease, self._name, NAMESPACE)
            if found.spec.holder_identity == self._identity:
                spec = structs.replace(found.spec, holder_identity="")
                await self._client.update(structs.replace(found, spec=spec))
        except (ApiError, ConnectionLost) as error:
            log.debug("event=lease_not_released lease=%s why=%r", self._name, str(error))
