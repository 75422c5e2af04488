"""Shell: watches exactly the objects that pods of this board name: one watch an object, however many pods.

Enter: what each pod refers to. Leave: those objects as they are now, and a wake-up for every pod that refers to
one that changed. A board may not list the Secrets of others, so each watch selects one name (kubernetes
pkg/kubelet/util/manager/watch_based_manager.go). Without the leader the copies on the card answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial

import trio

from pikube.agent.pods.kept import KeptObjects, Ref
from pikube.api.client import Client
from pikube.api.kinds.meta import Object
from pikube.informer.cache import ObjectKey
from pikube.informer.informer import Informer

FIRST_ANSWER_S = 3.0  # a leader that has not answered by then is taken to be away


class Unknown(Exception):
    """The API does not answer, and the object was never seen before."""


@dataclass(slots=True)
class Watched:
    """One object's informer and the pods that want to know."""

    informer: Informer[Object]
    scope: trio.CancelScope
    wakes: dict[str, Callable[[], None]] = field(default_factory=dict)  # by pod uid
    has_waited: bool = False


class ObjectWatches:
    """One a board; `run` lives as long as the agent."""

    def __init__(self, client: Client, kept: KeptObjects) -> None:
        self._client = client
        self._kept = kept
        self._watched: dict[Ref, Watched] = {}
        self._by_owner: dict[str, frozenset[Ref]] = {}
        self._nursery: trio.Nursery | None = None
        self._writes = trio.CapacityLimiter(1)  # one after the other: the newest is written last

    def __repr__(self) -> str:
        return f"<ObjectWatches {len(self._watched)} objects for {len(self._by_owner)} pods>"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Holds the watches."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def follow(self, uid: str, wanted: AbstractSet[Ref], wake: Callable[[], None]) -> None:
        """From now on `wake` is called when one of `wanted` changes, and only then."""
        before = self._by_owner.get(uid, frozenset())
        if before == wanted:
            return
        self._by_owner[uid] = frozenset(wanted)
        for ref in before - wanted:
            self._release(uid, ref)
        for ref in wanted - before:
            self._watch(ref).wakes[uid] = wake

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for ref in self._by_owner.pop(uid, ()):
            self._release(uid, ref)

    async def settled(self, refs: Iterable[Ref]) -> None:
        """Until each of these is known, or the leader is taken to be away."""
        waiting = [self._watched[ref] for ref in refs if ref in self._watched]
        with trio.move_on_after(FIRST_ANSWER_S):
            for watched in waiting:
                if not watched.has_waited:
                    await watched.informer.wait_synced()
        for watched in waiting:
            watched.has_waited = True

    def get(self, ref: Ref) -> Object | None:
        """The object as it is; as it was kept, if the leader has not answered yet; None if there is none. Unknown."""
        watched = self._watched.get(ref)
        if watched is not None and watched.informer.is_synced:
            return watched.informer.cache.get(ObjectKey(ref.namespace, ref.name))
        kept = self._kept.read(ref)
        if kept is None:
            raise Unknown(f"{ref} cannot be read: the API server does not answer")
        return kept

    def _watch(self, ref: Ref) -> Watched:
        watched = self._watched.get(ref)
        if watched is None:
            assert self._nursery is not None, "run comes first"
            informer = Informer(
                self._client, ref.cls, ref.namespace or None, field_selector=f"metadata.name={ref.name}"
            )
            watched = self._watched[ref] = Watched(informer, trio.CancelScope())
            informer.subscribe(partial(self._changed, ref, watched))
            self._nursery.start_soon(self._run, watched)
        return watched

    async def _run(self, watched: Watched) -> None:
        with watched.scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(watched.informer.run)
                if not len(watched.informer.cache):  # an answer, too: it is not there
                    for wake in list(watched.wakes.values()):
                        wake()

    def _changed(self, ref: Ref, watched: Watched, old: Object | None, new: Object | None) -> None:
        if self._nursery is not None and new is not None:
            self._nursery.start_soon(self._keep, ref, new)
        for wake in list(watched.wakes.values()):
            wake()

    async def _keep(self, ref: Ref, obj: Object) -> None:
        await trio.to_thread.run_sync(self._kept.write, ref, obj, limiter=self._writes)

    def _release(self, uid: str, ref: Ref) -> None:
        watched = self._watched[ref]
        watched.wakes.pop(uid, None)
        if not watched.wakes:
            del self._watched[ref]
            watched.scope.cancel()
            self._kept.drop(ref)
