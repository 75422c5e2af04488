"""Shell: the API over the network, as bytes: requests, and lines of a watch.

Enter: TLS context, URLs of the leaders, requests. Leave: bodies, lines; the errors of pikube.api.errors, or
ConnectionLost. Called by typed_client, the join and pairing commands, and the certificate rotation.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import trio

from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, Unauthorized, error_from_status
from pikube.wire.exchange import Exchange, PeerLost, PeerSilent
from pikube.wire.sockets import Address

ANSWER_S = 60.0  # for an answer to begin: the slowest thing a leader does is a list from a cold SD card
CHUNK_S = 30.0  # for the next part of a body that has begun
BODY_BYTES = 256 * 1024 * 1024  # a list of everything in a cluster of 100 nodes is a tenth of it
LINE_BYTES = 8 * 1024 * 1024  # a watch event: an object (1.5 MB at most in Kubernetes) with room
IDLE_CONNECTIONS = 4  # kept for the next request; watches have connections of their own
IDLE_S = 90.0  # below the server's 120 s: the client closes first


class ApiConnection:
    """Requests to the first of several leaders that can be reached; made by `open_api_connection`."""

    def __init__(
        self,
        urls: Sequence[str],
        ssl_context: ssl.SSLContext | None,
        token: str,
        most_bytes: int = BODY_BYTES,
    ) -> None:
        self._most_bytes = most_bytes
        self._urls = list(urls)
        self._addresses = [_address_of(url) for url in urls]
        self._ssl_context = ssl_context
        self._headers = [("User-Agent", "pikube"), ("Accept", "application/json")]
        if token:
            self._headers.append(("Authorization", f"Bearer {token}"))
        self._current = 0
        self._idle: list[tuple[Exchange, Address, float]] = []
        self._busy: set[Exchange] = set()
        self.on_trouble: Callable[[Unauthorized | ConnectionLost], None] = lambda trouble: None
        """Told of every request that found no leader, or one that does not know us."""

    @property
    def url(self) -> str:
        """Of the leader that was reached last."""
        return self._urls[self._current]

    @property
    def urls(self) -> tuple[str, ...]:
        """Where leaders are looked for."""
        return tuple(self._urls)

    def use(self, urls: Sequence[str]) -> None:
        """From now on leaders are there. Connections that exist live on; see `abandon`."""
        if tuple(urls) != self.urls:
            self._urls = list(urls)
            self._addresses = [_address_of(url) for url in urls]
            self._current = 0

    def abandon(self) -> None:
        """End all connections, also those in use: the leader is not where they lead to, or must see us anew."""
        for exchange in self._busy:
            exchange.abort()
        for exchange, *_ in self._idle:
            exchange.abort()

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        as_user: str = "",
    ) -> bytes:
        """The answer's body. Raises the ApiError that was answered, ConnectionLost when nothing was."""
        headers = self._headers_as(as_user)
        if body:
            headers = [*headers, ("Content-Type", content_type)]
        exchange = await self._ask(method, _target(path, query), headers, body)
        may_keep = False
        try:
            answer = await _body(exchange, self._most_bytes)
            may_keep = exchange.may_ask_again and len(self._idle) < IDLE_CONNECTIONS
        finally:
            self._busy.discard(exchange)
            if not may_keep:
                await exchange.close()
        if may_keep:
            exchange.next_request()
            self._idle.append((exchange, self._addresses[self._current], trio.current_time()))
        if exchange.status >= 400:
            raise self._told(error_of(exchange.status, answer))
        return answer

    @asynccontextmanager
    async def stream_lines(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        idle_s: float | None = None,
        as_user: str = "",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of an answer as they come, without their ends. ConnectionLost when it is cut off.

        `idle_s` bounds the silence between two lines (None: for ever; the kernel asks whether the leader lives).
        """
        exchange = await self._ask("GET", _target(path, query), self._headers_as(as_user), b"")
        try:
            if exchange.status >= 400:
                raise self._told(error_of(exchange.status, await _body(exchange, self._most_bytes)))
            yield Lines(exchange, idle_s)
        finally:
            self._busy.discard(exchange)
            await exchange.close()

    async def close(self) -> None:
        """End the connections that wait for a next request."""
        while self._idle:
            exchange, *_ = self._idle.pop()
            await exchange.close()

    def _headers_as(self, user: str) -> list[tuple[str, str]]:
        return [*self._headers, ("Impersonate-User", user)] if user else self._headers

    async def _ask(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Exchange:
        """An exchange whose answer has begun, among the busy ones."""
        try:
            return await self._answered(method, target, headers, body)
        except ConnectionLost as lost:
            self.on_trouble(lost)
            raise

    def _told(self, error: ApiError) -> ApiError:
        if isinstance(error, Unauthorized):
            self.on_trouble(error)
        return error

    async def _answered(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Exchange:
        """A read that met an ending idle connection is asked anew."""
        exchange = await self._take_idle()
        while exchange is not None:
            try:
                return await self._asked(exchange, method, target, headers, body)
            except PeerSilent as error:
                raise ConnectionLost(str(error)) from error
            except PeerLost as error:
                if method != "GET":
                    raise ConnectionLost(str(error)) from error
            exchange = await self._take_idle()
        fresh = await self._dial()
        try:
            return await self._asked(fresh, method, target, headers, body)
        except PeerLost as error:
            self._current = (self._current + 1) % len(self._addresses)
            raise ConnectionLost(str(error)) from error

    async def _asked(
        self, exchange: Exchange, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Exchange:
        """The exchange once its answer has begun; closed when it does not."""
        has_answered = False
        self._busy.add(exchange)
        try:
            await exchange.ask(method, target, headers, body, answer_s=ANSWER_S)
            has_answered = True
            return exchange
        finally:
            if not has_answered:
                self._busy.discard(exchange)
                await exchange.close()

    async def _dial(self) -> Exchange:
        """A connection to the leader that was reached last, or else to the next one that can be."""
        for attempt in range(len(self._addresses)):
            try:
                return await Exchange.open(self._addresses[self._current], self._ssl_context)
            except PeerLost as error:
                self._current = (self._current + 1) % len(self._addresses)
                if attempt == len(self._addresses) - 1:
                    raise ConnectionLost(str(error)) from error
        raise AssertionError("there is at least one address")

    async def _take_idle(self) -> Exchange | None:
        """The connection that was used last, if it may still live; older ones to another leader are closed."""
        while self._idle:
            exchange, address, since = self._idle.pop()
            is_fresh = trio.current_time() - since < IDLE_S and not exchange.has_ended()
            if is_fresh and address == self._addresses[self._current]:
                return exchange
            await exchange.close()
        return None


class Lines:
    """Lines of a body as they come; each at most LINE_BYTES."""

    def __init__(self, exchange: Exchange, idle_s: float | None) -> None:
        self._exchange = exchange
        self._idle_s = idle_s
        self._whole: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._has_ended = False

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> bytes:
        while not self._whole:
            if self._has_ended:
                raise StopAsyncIteration
            await self._read()
        return self._whole.pop()

    async def _read(self) -> None:
        chunk = await _chunk(self._exchange, self._idle_s)
        if not chunk:
            self._has_ended = True
            chunk = b"\n"
        first, *rest = chunk.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        if self._size > LINE_BYTES:
            raise ConnectionLost(f"a line is longer than {LINE_BYTES} bytes")
        if rest:
            whole = [b"".join(self._parts), *rest[:-1]]
            self._whole = [line for line in reversed(whole) if line]
            self._parts, self._size = [rest[-1]], len(rest[-1])


@asynccontextmanager
async def open_api_connection(
    urls: Sequence[str],
    ssl_context: ssl.SSLContext | None = None,
    *,
    token: str = "",
    most_bytes: int = BODY_BYTES,
) -> AsyncIterator[ApiConnection]:
    """A connection to `https://host:port` URLs, tried in turn. Nothing is dialled before the first request. An answer
    of more than `most_bytes` is as good as none: who asks a stranger knows how much he has to say."""
    connection = ApiConnection(urls, ssl_context, token, most_bytes)
    try:
        yield connection
    finally:
        await connection.close()


def error_of(status_code: int, body: bytes) -> ApiError:
    """The error of an answer; one that is no Status (a proxy's page) is told by its code and first words."""
    try:
        status: Any = json.loads(body)
    except ValueError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        words = body[:200].decode("utf-8", "replace").strip()
        status = {"code": status_code, "message": words or f"the server answered {status_code}"}
    return error_from_status(status)


async def _body(exchange: Exchange, most_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await _chunk(exchange, CHUNK_S):
        chunks.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            raise ConnectionLost(f"an answer is larger than {most_bytes} bytes")
    return b"".join(chunks)


async def _chunk(exchange: Exchange, most_s: float | None) -> bytes:
    with trio.move_on_after(float("inf") if most_s is None else most_s):
        try:
            return await exchange.chunk()
        except PeerLost as error:
            raise ConnectionLost(str(error)) from error
    raise ConnectionLost(f"nothing came for {most_s or 0:g} s")


def _address_of(url: str) -> Address:
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ValueError(f"not the URL of a leader: {url!r}")
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path
