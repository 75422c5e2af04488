"""Shell: the leader's own api Client: straight into the registry, with no bytes on a wire.

Controllers, the scheduler and the embedded agent use it. Lists decode the store's bytes once for each
informer; writes follow every rule that requests follow, as the identity it was made with.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, TypeVar, cast

import msgspec

from pikube.api.client import MERGE_PATCH, Listed, Patch, WatchEvent
from pikube.api.codec import custom_from_builtins
from pikube.api.custom.objects import CustomObject
from pikube.api.kinds.base import Kind
from pikube.api.kinds.meta import Object
from pikube.api.scheme import KindInfo, Scheme
from pikube.leader.request.context import Context, DeleteWish, User
from pikube.leader.request.registry import Registry
from pikube.leader.request.route import Route
from pikube.leader.request.selection import make_filter, seen_through
from pikube.leader.request.subresources import Subresources
from pikube.leader.request.writes import patched
from pikube.leader.store.contract import Item

K = TypeVar("K", bound=Object)
A = TypeVar("A", bound=Kind)


class LocalClient:
    """Implements pikube.api.client.Client for one user. Patches are merge patches only: nothing inside needs more."""

    def __init__(
        self,
        registry: Registry,
        scheme: Scheme,
        subresources: Subresources,
        user: User,
        wall_clock: Callable[[], float],
        review: Callable[[KindInfo, Route, Any, User], Any],
    ) -> None:
        self._registry = registry
        self._scheme = scheme
        self._subresources = subresources
        self._user = user
        self._review = review
        self._now = wall_clock

    async def get(self, cls: type[K], name: str, namespace: str = "") -> K:
        info = self._scheme.by_class(cls)
        return self._object(cls, self._registry.get(info, namespace, name))

    async def list(
        self,
        cls: type[K],
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listed[K]:
        info = self._scheme.by_class(cls)
        filter_ = make_filter(info, label_selector, field_selector)
        page = await self._registry.page(info, namespace, filter_)
        return Listed([self._object(cls, item) for item in page.items], str(page.revision))

    def watch(
        self,
        cls: type[K],
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[K]]]:
        info = self._scheme.by_class(cls)
        filter_ = make_filter(info, label_selector, field_selector)

        @asynccontextmanager
        async def watching() -> AsyncIterator[AsyncIterator[WatchEvent[K]]]:
            async with self._registry.store.watch(
                info.storage,
                namespace,
                after_revision=int(resource_version),
                interest=filter_.interest(),
            ) as batches:

                async def events() -> AsyncGenerator[WatchEvent[K], None]:
                    async for batch in batches:
                        for event in batch:
                            type_ = seen_through(filter_, event)
                            if type_ is not None:
                                yield WatchEvent(type_.value, self._object(cls, event.item))

                async with aclosing(events()) as changes:
                    yield changes

        return watching()

    async def create(self, obj: K) -> K:
        info = self._scheme.by_class(type(obj))
        copy = self._copy(obj)
        if info.is_review:
            return cast(
                K, self._review(info, Route("create", "", namespace=obj.metadata.namespace), copy, self._user)
            )
        item = await self._registry.create(info, obj.metadata.namespace, copy, self._context())
        return self._object(type(obj), item)

    async def create_subresource(
        self, cls: type[Kind], name: str, namespace: str, subresource: str, body: A
    ) -> A:
        info = self._scheme.by_class(cls)
        made = await self._subresources.create(info, namespace, name, subresource, body, self._context())
        return cast(A, made)

    async def update(self, obj: K, *, subresource: str = "") -> K:
        info = self._scheme.by_class(type(obj))
        meta = obj.metadata
        item = await self._registry.replace(
            info, meta.namespace, meta.name, self._copy(obj), self._context(), subresource
        )
        return self._object(type(obj), item)

    async def patch(
        self,
        cls: type[K],
        name: str,
        namespace: str,
        patch: Patch,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
    ) -> K:
        info = self._scheme.by_class(cls)

        def transform(item: Item) -> Any:
            after = patched(msgspec.json.decode(info.shown(item.value)), patch, content_type, cls)
            if issubclass(info.cls, CustomObject):
                return custom_from_builtins(after, info.cls)
            return msgspec.convert(after, cls, strict=True)

        item, _ = await self._registry.change(
            info, namespace, name, transform, self._context(), subresource=subresource
        )
        return self._object(cls, item)

    async def delete(
        self,
        cls: type[K],
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        grace_period_s: int | None = None,
        propagation: str = "",
    ) -> K | None:
        info = self._scheme.by_class(cls)
        wish = DeleteWish(grace_period_s, propagation, uid, resource_version)
        item, _ = await self._registry.delete(info, namespace, name, wish, self._context())
        return self._object(cls, item)

    def _context(self) -> Context:
        return Context(self._user, self._now())

    def _copy(self, obj: K) -> K:
        """The registry changes what it is given; callers' objects are shared values."""
        return msgspec.json.decode(msgspec.json.encode(obj), type=type(obj))

    def _object(self, cls: type[K], item: Item) -> K:
        return self._registry.decode(self._scheme.by_class(cls), item, cls)  # type: ignore[no-any-return]
