"""Declaration: what the HTTP server hands to a handler and what a handler hands back.

`Handler` is the only seam between bytes and meaning: the leader's request path and the agent's kubelet
API are each one Handler. Enter: `Request`. Leave: one of `Response`, `StreamResponse`, `UpgradeResponse`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import trio


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: address, and the verified client certificate's subject if one was shown."""

    host: str
    port: int
    common_name: str = ""
    organizations: tuple[str, ...] = ()
    certificate_der: bytes = b""


class Request(Protocol):
    """One request. The body is read on demand, so that a handler can refuse it unread."""

    method: str
    path: str
    """Percent-decoded path, without the query."""
    raw_path: str
    """As sent, without the query (for relaying)."""
    query: str
    """The raw query string, without `?`."""
    headers: Mapping[str, str]
    """Lower-case names; repeated headers joined with `, `."""
    peer: Peer

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body, `Content-Encoding: gzip` undone. RequestEntityTooLarge over the limit."""
        ...

    async def read_chunk(self) -> bytes:
        """The next part of the body as it was sent, for relaying; b'' at its end."""
        ...


Headers: TypeAlias = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Response:
    """A complete answer; the server adds Content-Length and Date. Several chunks are sent joined, not copied
    into one, so that a list can share the store's bytes."""

    status: int
    headers: Headers = ()
    chunks: Sequence[bytes] = ()


Send: TypeAlias = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class StreamResponse:
    """An answer without known length (watch, logs -f): `run` sends chunks until it returns. It is cancelled
    when the client goes away; a raised ApiError before the first chunk becomes the answer."""

    status: int
    headers: Headers
    run: Callable[[Send], Awaitable[None]]


@dataclass(slots=True)
class UpgradeResponse:
    """Takes the connection over: after the server wrote `101` with these headers, `run` owns the raw stream.
    `leftover` are bytes that the client sent already after its request. The handler has negotiated
    the protocol before (pikube.wire.channels)."""

    headers: Headers
    run: Callable[[trio.abc.Stream, bytes], Awaitable[None]]
    status: int = 101


Answer: TypeAlias = Response | StreamResponse | UpgradeResponse
Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]
