"""Shell: get, list and watch.

Enter: a Route, its query and what the client accepts. Leave: answers; a watch is a stream that follows the
store. Called by the handler.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import trio

from pikube.api.errors import ApiError, Expired
from pikube.api.media_types import JSON, PROTOBUF, Accepted
from pikube.api.options import check_list_options, check_table_options, check_watch_options
from pikube.api.scheme import KindInfo
from pikube.leader.request import answers
from pikube.leader.request.registry import Registry
from pikube.leader.request.route import Query, Route
from pikube.leader.request.selection import Filter, make_filter, seen_through, too_new
from pikube.leader.store.contract import Event, Watch
from pikube.wire.answer_socket import events_over_socket
from pikube.wire.messages import Response, Send, StreamResponse, UpgradeResponse

BOOKMARK_S = 60.0  # kubernetes cacher.go:bookmarkFrequency
MIN_WATCH_S = 1800  # kubernetes --min-request-timeout: without a wish a watch lasts 30 to 60 minutes


async def get(
    registry: Registry, info: KindInfo, route: Route, query: Query, accepted: Accepted, now: float
) -> Response:
    """One object."""
    version = query.get("resourceVersion")
    check_list_options("", version, "")
    check_table_options(query.get("includeObject"))
    if version and int(version) > registry.store.revision:
        raise too_new(version, registry.store.revision)
    item = registry.get(info, route.namespace, route.name)
    await registry.ready(info, [item])
    return answers.one(info, item, accepted, now, include=query.get("includeObject"))


async def list_(
    registry: Registry, info: KindInfo, route: Route, query: Query, accepted: Accepted, now: float
) -> Response:
    """A page of a collection."""
    version, match = query.get("resourceVersion"), query.get("resourceVersionMatch")
    limit = max(0, query.number("limit") or 0)
    query.number("timeoutSeconds")  # unused, but a number
    check_list_options(query.get("continue"), version, match, query.get("sendInitialEvents"), limit=limit)
    check_table_options(query.get("includeObject"))
    filter_ = make_filter(info, query.get("labelSelector"), query.get("fieldSelector"))
    page = await registry.page(
        info,
        route.namespace or None,
        filter_,
        limit=limit,
        continue_token=query.get("continue"),
        resource_version=version,
        match=match,
    )
    await registry.ready(info, page.items)
    return answers.listing(info, page, accepted, now, query.get("includeObject"))


class WatchRun:
    """One watch of one client."""

    def __init__(
        self,
        registry: Registry,
        info: KindInfo,
        route: Route,
        query: Query,
        accepted: Accepted,
        wall_clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._info = info
        self._namespace = (route.namespace or None) if info.names.namespaced else None
        fields = query.get("fieldSelector")
        if route.name:
            fields = f"metadata.name={route.name}"
        self._filter: Filter = make_filter(info, query.get("labelSelector"), fields)
        self._accepted = accepted
        self._include = query.get("includeObject")
        check_table_options(self._include)
        self._bookmarks = query.flag("allowWatchBookmarks")
        self._now = wall_clock
        self._is_first = True
        wanted_s = query.number("timeoutSeconds") or 0
        query.number("limit")  # unused, but a number
        self._timeout_s = wanted_s if wanted_s > 0 else MIN_WATCH_S * (1 + random.random())
        version = query.get("resourceVersion")
        initial = query.get("sendInitialEvents")
        check_watch_options(query.get("continue"), version, query.get("resourceVersionMatch"), initial)
        wants_initial = bool(initial) and query.flag("sendInitialEvents")
        self._ends_initial = wants_initial and self._bookmarks
        self._sends_initial = wants_initial or (not initial and version in ("", "0"))
        self._after = registry.store.revision if self._sends_initial or not version else int(version)

    def answer(self) -> StreamResponse:
        """The stream. Expired before its first byte is an answer of its own."""
        encoding = self._accepted.encoding
        type_ = f"{PROTOBUF};stream=watch" if encoding == PROTOBUF else JSON
        return StreamResponse(200, (("Content-Type", type_),), self.run)

    def answer_over_socket(self, headers: Mapping[str, str]) -> UpgradeResponse:
        """For clients that watch over a WebSocket, as Java's fabric8 does first: an event a message."""
        return events_over_socket(headers, self._run_events, as_text=self._accepted.encoding != PROTOBUF)

    async def _run_events(self, send: Send) -> None:
        async def send_each(chunk: bytes) -> None:
            for event in answers.events_of(chunk, self._accepted):
                await send(event)

        try:
            await self.run(send_each)
        except ApiError as error:
            # the connection is a WebSocket by now: there is no other way to say it
            await send_each(answers.error_line(error.to_bytes(), self._accepted, self._info))

    async def run(self, send: Send) -> None:
        """Initial objects if wished, then changes and bookmarks until the client's or our time is over."""
        async with self._registry.store.watch(
            self._info.storage,
            self._namespace,
            after_revision=self._after,
            interest=self._filter.interest(),
        ) as watch:
            await send(b"")
            if self._sends_initial:
                await self._send_initial(send)
            with trio.move_on_after(self._timeout_s):
                try:
                    await self._follow(watch, send)
                except Expired as error:
                    # it began well, so the error is an event (kubernetes endpoints/handlers/watch.go)
                    await send(answers.error_line(error.to_bytes(), self._accepted, self._info))

    async def _send_initial(self, send: Send) -> None:
        page = await self._registry.page(
            self._info,
            self._namespace,
            self._filter,
            resource_version=str(self._after),
            match="Exact",
        )
        await self._registry.ready(self._info, page.items)
        lines = [self._line("ADDED", item.value) for item in page.items]
        if self._ends_initial:
            lines.append(answers.bookmark_line(self._info, self._after, self._accepted, ends_initial=True))
        if lines:
            await send(b"".join(lines))

    async def _follow(self, watch: Watch, send: Send) -> None:
        """One scope from bookmark to bookmark, not one for each event: that cost a fifth of an event's way to fifty
        watchers."""
        while True:
            next_bookmark_at = trio.current_time() + BOOKMARK_S if self._bookmarks else math.inf
            batch: list[Event] | None = None
            with trio.CancelScope(deadline=next_bookmark_at) as until_bookmark:
                async for batch in watch:
                    if until_bookmark.cancel_called:
                        break  # both came at once
                    if self._bookmarks:
                        until_bookmark.deadline = math.inf  # it never comes into the middle of an event
                    await self._send_events(batch, send)
                    if self._bookmarks:
                        until_bookmark.deadline = next_bookmark_at
                    batch = None
                else:
                    return
            if batch is not None:
                await self._send_events(batch, send)
            revision = max(watch.revision, self._after)
            await send(answers.bookmark_line(self._info, revision, self._accepted, ends_initial=False))

    async def _send_events(self, batch: list[Event], send: Send) -> None:
        if self._info.view is not None:
            items = [event.item for event in batch]
            if self._filter.asks:
                items += [event.previous for event in batch if event.previous is not None]
            await self._registry.ready(self._info, items)
        lines = [
            self._line(type_.value, event.item.value)
            for event in batch
            if (type_ := seen_through(self._filter, event)) is not None
        ]
        if lines:
            await send(b"".join(lines))

    def _line(self, type_: str, value: bytes) -> bytes:
        is_first, self._is_first = self._is_first, False
        return answers.watch_line(
            self._info, type_, value, self._accepted, self._now(), is_first=is_first, include=self._include
        )
