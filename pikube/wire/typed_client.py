"""Shell: api.client.Client over an ApiConnection: what a remote agent and netproxy see of the API.

Enter: kind classes, objects. Leave: objects; the errors of pikube.api.errors, or ConnectionLost. Built by run.py
in agent mode.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import msgspec

from pikube.api.client import MERGE_PATCH, ConnectionLost, Listed, Patch, WatchEvent
from pikube.api.errors import error_from_status
from pikube.api.kinds.base import Kind, Struct
from pikube.api.kinds.meta import DeleteOptions, ListMeta, Object, ObjectMeta, Preconditions
from pikube.wire.client import ApiConnection

K = TypeVar("K", bound=Object)
A = TypeVar("A", bound=Kind)
S = TypeVar("S", bound=Kind)

WATCH_S = 300  # a watch is begun anew after this time: one that hangs unseen does not hang for ever
SILENCE_S = WATCH_S + 30.0


class _List(Struct):
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[msgspec.Raw] = msgspec.field(default_factory=list)


class _Event(Struct):
    type: str
    object: msgspec.Raw


class _Bookmark(Struct):
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)


class _Kinded(Struct):
    kind: str = ""


class TypedClient:
    """Implements pikube.api.client.Client. Kinds that `read_as` names are listed and watched as another user, who
    may see more of them than we may."""

    def __init__(self, connection: ApiConnection, read_as: Mapping[type[Kind], str] | None = None) -> None:
        self._connection = connection
        self._read_as = dict(read_as or {})
        self._decoders: dict[type[Kind], msgspec.json.Decoder[Any]] = {}

    async def get(self, cls: type[K], name: str, namespace: str = "") -> K:
        return self._decode(cls, await self._connection.request("GET", cls.names.path(namespace, name)))

    async def list(
        self,
        cls: type[K],
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listed[K]:
        query = _selectors(label_selector, field_selector)
        path, user = cls.names.path(namespace or ""), self._read_as.get(cls, "")
        body = await self._connection.request("GET", path, query, as_user=user)
        page = _decoded(msgspec.json.Decoder(_List), body)
        return Listed([self._decode(cls, item) for item in page.items], page.metadata.resource_version)

    def watch(
        self,
        cls: type[K],
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[K]]]:
        query = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
        }

        @asynccontextmanager
        async def watching() -> AsyncIterator[AsyncIterator[WatchEvent[K]]]:
            path, user = cls.names.path(namespace or ""), self._read_as.get(cls, "")
            async with self._connection.stream_lines(path, query, idle_s=SILENCE_S, as_user=user) as lines:
                yield _Events(lines, cls, self)

        return watching()

    async def create(self, obj: K) -> K:
        path = obj.names.path(obj.metadata.namespace)
        return self._decode(type(obj), await self._connection.request("POST", path, body=_encode(obj)))

    async def create_subresource(
        self, cls: type[Kind], name: str, namespace: str, subresource: str, body: A
    ) -> A:
        path = cls.names.path(namespace, name, subresource)
        answer = await self._connection.request("POST", path, body=_encode(body))
        if _decoded(msgspec.json.Decoder(_Kinded), answer).kind == "Status":
            return body  # bindings and evictions are answered with a Status of success
        return self._decode(type(body), answer)

    async def update(self, obj: K, *, subresource: str = "") -> K:
        path = obj.names.path(obj.metadata.namespace, obj.metadata.name, subresource)
        return self._decode(type(obj), await self._connection.request("PUT", path, body=_encode(obj)))

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
        path = cls.names.path(namespace, name, subresource)
        body = msgspec.json.encode(patch)
        return self._decode(cls, await self._connection.request("PATCH", path, None, body, content_type))

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
        preconditions = Preconditions(uid=uid or None, resource_version=resource_version or None)
        options = DeleteOptions(
            kind="DeleteOptions",
            api_version="v1",
            preconditions=preconditions if uid or resource_version else None,
            grace_period_seconds=grace_period_s,
            propagation_policy=propagation or None,
        )
        body = msgspec.json.encode(options)
        answer = await self._connection.request("DELETE", cls.names.path(namespace, name), body=body)
        if _decoded(msgspec.json.Decoder(_Kinded), answer).kind == "Status":
            return None
        return self._decode(cls, answer)

    def _decode(self, cls: type[S], body: bytes | msgspec.Raw) -> S:
        """An object; items of a list do not say their kind."""
        decoder = self._decoders.get(cls)
        if decoder is None:
            decoder = self._decoders[cls] = msgspec.json.Decoder(cls)
        obj: S = _decoded(decoder, body)
        obj.kind, obj.api_version = cls.names.kind, cls.names.api_version
        return obj


class _Events(AsyncIterator[WatchEvent[K]]):
    """The events of one watch; its error event is raised."""

    def __init__(self, lines: AsyncIterator[bytes], cls: type[K], client: TypedClient) -> None:
        self._lines = lines
        self._cls = cls
        self._client = client
        self._decoder = msgspec.json.Decoder(_Event)
        self._bookmarks = msgspec.json.Decoder(_Bookmark)

    async def __anext__(self) -> WatchEvent[K]:
        event = _decoded(self._decoder, await anext(self._lines))
        if event.type == "ERROR":
            raise error_from_status(msgspec.json.decode(event.object))
        if (
            event.type == "BOOKMARK"
        ):  # kubernetes' has nulls where an object has none: only its revision counts
            version = _decoded(self._bookmarks, event.object).metadata.resource_version
            return WatchEvent(event.type, self._cls(metadata=ObjectMeta(resource_version=version)))
        return WatchEvent(event.type, self._client._decode(self._cls, event.object))


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw) -> Any:
    """An answer that is no such document is as good as none: the server is not the one we know."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConnectionLost(f"the server's answer cannot be read: {error}") from error


def _encode(obj: Kind) -> bytes:
    named = msgspec.structs.replace(obj, kind=obj.names.kind, api_version=obj.names.api_version)
    return msgspec.json.encode(named)


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in query.items() if value}
