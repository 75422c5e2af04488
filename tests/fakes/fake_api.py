"""The Kubernetes API in memory: what controllers need of it, by the rules that the real request path uses.

Implements pikube.api.client.Client; the same operations exist without waiting (`…_nowait`) for tests of pure code.
No admission, validation or authorisation: `refuse` stands for all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import trio

from pikube.api.client import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Listed, Patch, WatchEvent
from pikube.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pikube.api.field_selector import parse_field_selector
from pikube.api.kinds.core_pod import Binding, Pod, PodCondition
from pikube.api.merge_patch import merge_patch
from pikube.api.scheme import Scheme
from pikube.api.selector import parse_label_selector
from pikube.api.served import SERVED
from pikube.api.strategic_merge import strategic_merge
from pikube.api.times import render_time
from pikube.informer.cache import ObjectKey, key_of
from pikube.leader.controllers.conditions import with_condition
from pikube.leader.request.context import DeleteWish
from pikube.leader.request.deletion import Verdict, begin_deletion, is_finished
from pikube.leader.request.metadata import prepare_create, prepare_update

START_AT = 1_700_000_000.0
Refuse = Callable[[str, Any], ApiError | None]


def nothing(verb: str, obj: Any) -> ApiError | None:
    """Refuses nothing."""
    return None


class FakeApi:
    """`refuse(verb, object)` may answer an error for a write; `writes` counts what was stored."""

    def __init__(self, wall_clock: Callable[[], float] = lambda: START_AT, refuse: Refuse = nothing) -> None:
        self.scheme = Scheme(SERVED)
        self.revision = 0
        self.writes = 0
        self.refuse = refuse
        self._now = wall_clock
        self._objects: dict[str, dict[ObjectKey, Any]] = {}
        self._history: list[tuple[int, str, Any]] = []
        self._moved = trio.Event()
        self._names = 0

    # --- without waiting

    def all_of(self, cls: type[Any], namespace: str | None = None) -> list[Any]:
        """Every object of a kind, by key."""
        stored = self._objects.get(cls.names.resource, {})
        return [stored[key] for key in sorted(stored) if namespace in (None, key.namespace)]

    def get_nowait(self, cls: type[Any], name: str, namespace: str = "") -> Any:
        obj = self._objects.get(cls.names.resource, {}).get(ObjectKey(namespace, name))
        if obj is None:
            raise NotFound.of(self.scheme.by_class(cls).resource, name)
        return obj

    def create_nowait(self, obj: Any) -> Any:
        info = self.scheme.by_class(type(obj))
        self._check("create", obj)
        new = _copy(obj)
        prepare_create(info, new, new.metadata.namespace, f"uid-{self.revision + 1}", self._now())
        if info.has_status:  # tests set the scene with objects that have lived already
            new.status = _copy(obj).status
        if not new.metadata.name:
            self._names += 1
            new.metadata.name = f"{new.metadata.generate_name}{self._names:05d}"
        if key_of(new) in self._objects.get(info.names.resource, {}):
            raise AlreadyExists.of(info.resource, new.metadata.name)
        info.default(new)
        info.prepare(new)
        return self._store("ADDED", new)

    def update_nowait(self, obj: Any, subresource: str = "") -> Any:
        cls = type(obj)
        info = self.scheme.by_class(cls)
        self._check("update", obj)
        old = self.get_nowait(cls, obj.metadata.name, obj.metadata.namespace)
        if obj.metadata.resource_version not in ("", old.metadata.resource_version):
            raise Conflict.modified(info.resource, obj.metadata.name)
        if obj.metadata.uid not in ("", old.metadata.uid):
            raise Conflict.of(info.resource, obj.metadata.name, "the UID is another")
        new = _copy(obj)
        prepare_update(info, new, _copy(old), subresource)
        info.default(new)
        info.carry(new, old)
        new.metadata.resource_version = old.metadata.resource_version
        if new == old:
            return old
        if is_finished(new):
            return self._remove(new)
        return self._store("MODIFIED", new)

    def patch_nowait(
        self,
        cls: type[Any],
        name: str,
        namespace: str,
        patch: Any,
        subresource: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Any:
        old = msgspec.json.decode(msgspec.json.encode(self.get_nowait(cls, name, namespace)))
        is_strategic = content_type == STRATEGIC_MERGE_PATCH
        document = strategic_merge(old, patch, cls) if is_strategic else merge_patch(old, patch)
        return self.update_nowait(msgspec.convert(document, cls), subresource)

    def delete_nowait(self, cls: type[Any], name: str, namespace: str = "", **wish: Any) -> Any:
        info = self.scheme.by_class(cls)
        obj = _copy(self.get_nowait(cls, name, namespace))
        self._check("delete", obj)
        match begin_deletion(obj, DeleteWish(**wish), info.resource, self._now()):
            case Verdict.REMOVE:
                return self._remove(obj)
            case Verdict.MARK:
                return self._store("MODIFIED", obj)
        return obj

    def changes_since(self, revision: int) -> list[tuple[str, Any]]:
        """(type, object) of each change after a revision."""
        return [(type_, obj) for at, type_, obj in self._history[revision:] if at > revision]

    def bind_nowait(self, name: str, namespace: str, node: str) -> None:
        pod = _copy(self.get_nowait(Pod, name, namespace))
        if pod.spec.node_name:
            raise Conflict.of(self.scheme.by_class(Pod).resource, name, "it is on a node")
        condition = PodCondition(
            type="PodScheduled", status="True", last_transition_time=render_time(self._now())
        )
        pod.spec.node_name = node
        pod.status.conditions = with_condition(pod.status.conditions, condition)
        self._store("MODIFIED", pod)

    def _check(self, verb: str, obj: Any) -> None:
        error = self.refuse(verb, obj)
        if error is not None:
            raise error

    def _store(self, type_: str, obj: Any) -> Any:
        self._stamp(type_, obj)
        self._objects.setdefault(type(obj).names.resource, {})[key_of(obj)] = obj
        return obj

    def _remove(self, obj: Any) -> Any:
        del self._objects[type(obj).names.resource][key_of(obj)]
        self._stamp("DELETED", obj)
        return obj

    def _stamp(self, type_: str, obj: Any) -> None:
        self.revision += 1
        self.writes += 1
        obj.metadata.resource_version = str(self.revision)
        self._history.append((self.revision, type_, obj))
        self._moved.set()
        self._moved = trio.Event()

    # --- the Client protocol

    async def get(self, cls: type[Any], name: str, namespace: str = "") -> Any:
        await trio.lowlevel.checkpoint()
        return self.get_nowait(cls, name, namespace)

    async def list(
        self,
        cls: type[Any],
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listed[Any]:
        await trio.lowlevel.checkpoint()
        matches = self._matcher(cls, label_selector, field_selector)
        return Listed([obj for obj in self.all_of(cls, namespace) if matches(obj)], str(self.revision))

    def watch(
        self,
        cls: type[Any],
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[Any]]]:
        matches = self._matcher(cls, label_selector, field_selector)

        async def events() -> AsyncIterator[WatchEvent[Any]]:
            position = next((i for i, e in enumerate(self._history) if e[0] > int(resource_version)), -1)
            position = len(self._history) if position < 0 else position
            while True:
                while position < len(self._history):
                    _, type_, obj = self._history[position]
                    position += 1
                    is_ours = type(obj) is cls and namespace in (None, obj.metadata.namespace)
                    if is_ours and matches(obj):
                        yield WatchEvent(type_, obj)
                await self._moved.wait()

        @asynccontextmanager
        async def watching() -> AsyncIterator[AsyncIterator[WatchEvent[Any]]]:
            stream = events()
            try:
                yield stream
            finally:
                await stream.aclose()

        return watching()

    async def create(self, obj: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return self.create_nowait(obj)

    async def create_subresource(
        self, cls: type[Any], name: str, namespace: str, subresource: str, body: Any
    ) -> Any:
        await trio.lowlevel.checkpoint()
        assert isinstance(body, Binding), body
        self._check("bind", body)
        self.bind_nowait(name, namespace, body.target.name)
        return body

    async def update(self, obj: Any, *, subresource: str = "") -> Any:
        await trio.lowlevel.checkpoint()
        return self.update_nowait(obj, subresource)

    async def patch(
        self,
        cls: type[Any],
        name: str,
        namespace: str,
        patch: Patch,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
    ) -> Any:
        await trio.lowlevel.checkpoint()
        return self.patch_nowait(cls, name, namespace, patch, subresource, content_type)

    async def delete(self, cls: type[Any], name: str, namespace: str = "", **wish: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return self.delete_nowait(cls, name, namespace, **wish)

    def _matcher(self, cls: type[Any], labels: str, fields: str) -> Callable[[Any], bool]:
        info = self.scheme.by_class(cls)
        by_label, by_field = parse_label_selector(labels), parse_field_selector(fields, info.field_labels)

        def matches(obj: Any) -> bool:
            known = {**info.select(obj), "metadata.name": obj.metadata.name}
            known["metadata.namespace"] = obj.metadata.namespace
            return by_label.matches(obj.metadata.labels) and by_field.matches(known)

        return matches


def _copy(obj: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(obj), type=type(obj))
