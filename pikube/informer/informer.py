"""Shell: keeps one kind's cache true by list and watch, and tells subscribers what changed.

Enter: an api Client. Leave: a Cache, change callbacks `(old, new)`, and `wait_revision`, with which a
controller waits until it sees its own writes. Started by `Informers.run`, which run.py puts into its
nursery.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import trio

from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import ApiError, Expired
from pikube.api.kinds.meta import Object
from pikube.informer.cache import Cache, ObjectKey, key_of

log = logging.getLogger("pikube.informer")

K = TypeVar("K", bound=Object)

FIRST_BACKOFF_S = 0.2
STEADY_S = 5.0  # a watch that lasted so long was a good one: its end is the first failure, not the next
MAX_BACKOFF_S = 10.0  # a leader that is away for long is asked six times a minute: cheap, and soon noticed


@dataclass(frozen=True, slots=True)
class InformerStatistics:
    kind: str
    objects: int
    revision: int
    is_synced: bool


class Reached:
    """What informers of one server share: whoever reaches it again tells those that wait for their next try."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def tell(self) -> None:
        self._event.set()
        self._event = trio.Event()

    async def wait(self, limit_s: float) -> None:
        """Until somebody reaches the server, so long at most."""
        with trio.move_on_after(limit_s):
            await self._event.wait()


class Informer(Generic[K]):
    """One kind's cache, kept true. Callbacks run in the informer's task and must be quick and synchronous."""

    def __init__(
        self,
        client: Client,
        cls: type[K],
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        reached: Reached | None = None,
    ) -> None:
        self.cls = cls
        self.cache: Cache[K] = Cache(cls)
        self.revision = 0
        self.is_synced = False
        self._client = client
        self._namespace = namespace
        self._selectors = {"label_selector": label_selector, "field_selector": field_selector}
        self._subscribers: list[Callable[[K | None, K | None], None]] = []
        self._moved = trio.Event()
        self._reached = reached or Reached()

    def __repr__(self) -> str:
        return f"<Informer {self.cls.__name__} {len(self.cache)} objects at {self.revision}>"

    def subscribe(self, callback: Callable[[K | None, K | None], None]) -> None:
        """Be told of each change as (old, new): None stands for absent. Objects known already come at once."""
        self._subscribers.append(callback)
        for obj in self.cache:
            callback(None, obj)

    def seed(self, objects: Iterable[K]) -> None:
        """Take what is known of a former life for true until the server answers; comes before `run`."""
        for obj in objects:
            self._put(obj)
        self.is_synced = True

    async def wait_revision(self, revision: int) -> None:
        """Until the cache holds everything up to `revision`."""
        while self.revision < revision:
            await self._moved.wait()

    async def wait_synced(self) -> None:
        """Until the first list is in the cache."""
        while not self.is_synced:
            await self._moved.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Lists, then watches, for ever; started once the cache is filled."""
        has_started = self.is_synced
        if has_started:
            task_status.started()
        must_list = True
        backoff_s = FIRST_BACKOFF_S
        while True:
            began_at = trio.current_time()
            try:
                if must_list:
                    await self._list()
                    must_list = False
                    if not has_started:
                        has_started = True
                        task_status.started()
                await self._watch()
                backoff_s = FIRST_BACKOFF_S
                continue
            except Expired:
                must_list = True
                continue
            except ConnectionLost as lost:
                why, is_away = str(lost), True
            except ApiError as error:
                why, is_away, must_list = error.message, False, True
            if trio.current_time() - began_at > STEADY_S:
                backoff_s = FIRST_BACKOFF_S
            log.warning("event=informer_lost kind=%s retry_s=%.1f why=%r", self.cls.__name__, backoff_s, why)
            pause_s = backoff_s * random.uniform(0.5, 1.0)
            await (self._reached if is_away else Reached()).wait(pause_s)  # a refusal is this kind's own
            backoff_s = min(MAX_BACKOFF_S, backoff_s * 2)

    def statistics(self) -> InformerStatistics:
        return InformerStatistics(self.cls.__name__, len(self.cache), self.revision, self.is_synced)

    async def _list(self) -> None:
        listed = await self._client.list(self.cls, self._namespace, **self._selectors)
        self._reached.tell()
        gone = self.cache.keys()
        for obj in listed.items:
            gone.discard(key_of(obj))
            self._put(obj)
        for key in gone:
            self._drop(key)
        self.is_synced = True
        self._advance(listed.resource_version)

    async def _watch(self) -> None:
        async with self._client.watch(
            self.cls, self._namespace, resource_version=str(self.revision), **self._selectors
        ) as events:
            self._reached.tell()
            async for event in events:
                if event.type == "DELETED":
                    self._drop(key_of(event.object))
                elif event.type != "BOOKMARK":
                    self._put(event.object)
                self._advance(event.object.metadata.resource_version)

    def _put(self, obj: K) -> None:
        old = self.cache.put(obj)
        if old is None or old.metadata.resource_version != obj.metadata.resource_version:
            self._tell(old, obj)

    def _drop(self, key: ObjectKey) -> None:
        old = self.cache.drop(key)
        if old is not None:
            self._tell(old, None)

    def _tell(self, old: K | None, new: K | None) -> None:
        for callback in self._subscribers:
            callback(old, new)

    def _advance(self, resource_version: str) -> None:
        self.revision = max(self.revision, int(resource_version or 0))
        self._moved.set()
        self._moved = trio.Event()


class Informers:
    """The informers that one program shares: each kind is listed and watched once, whoever asks. `remembered` knows
    the objects of a kind from a former life, for a program that must begin before the server answers."""

    def __init__(
        self, client: Client, remembered: Callable[[type[Any]], Iterable[Any] | None] | None = None
    ) -> None:
        self.client = client
        self._remembered = remembered
        self._by_class: dict[type[Object], Informer[Any]] = {}
        self._nursery: trio.Nursery | None = None
        self.reached = Reached()

    def of(self, cls: type[K]) -> Informer[K]:
        """The informer of a kind, made (and started, if the others run) when first asked for."""
        informer = self._by_class.get(cls)
        if informer is None:
            informer = self._by_class[cls] = Informer(self.client, cls, reached=self.reached)
            known = self._remembered(cls) if self._remembered is not None else None
            if known is not None:
                informer.seed(known)
            if self._nursery is not None:
                self._nursery.start_soon(informer.run)
        return informer

    def cache(self, cls: type[K]) -> Cache[K]:
        """Its cache: what `observe` reads."""
        return self.of(cls).cache

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Runs all informers; started once every cache asked for so far is filled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for informer in list(self._by_class.values()):
                nursery.start_soon(informer.run)
            for informer in list(self._by_class.values()):
                await informer.wait_synced()
            task_status.started()
            await trio.sleep_forever()  # also when nothing was asked for yet: it may be later

    def statistics(self) -> tuple[InformerStatistics, ...]:
        return tuple(informer.statistics() for informer in self._by_class.values())
