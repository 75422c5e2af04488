"""Pure: one request as handlers see it, made from its head.

Enter: the head of a request, and a way to get its body. Leaves: an implementation of messages.Request. Called
by connection.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from pikube.api.errors import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from pikube.wire.incoming import Head
from pikube.wire.messages import Peer, Request


class HttpRequest:
    """Implements pikube.wire.messages.Request."""

    __slots__ = ("_read_body", "_read_chunk", "headers", "method", "path", "peer", "query", "raw_path")

    def __init__(
        self,
        head: Head,
        peer: Peer,
        read_body: Callable[[int], Awaitable[bytes]],
        read_chunk: Callable[[], Awaitable[bytes]],
    ) -> None:
        self._read_body = read_body
        self._read_chunk = read_chunk
        self.method = head.method
        raw_path, _, query = head.target.partition("?")
        self.raw_path = raw_path
        self.path = unquote(raw_path) if "%" in raw_path else raw_path
        self.query = query
        self.peer = peer
        self.headers: Mapping[str, str] = head.headers

    async def read_chunk(self) -> bytes:
        """The next part of the body as it was sent."""
        return await self._read_chunk()

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body; RequestEntityTooLarge over the limit, which counts what gzip unpacks to."""
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit_bytes:
            raise RequestEntityTooLarge.of(limit_bytes)
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("gzip", "identity", ""):
            raise UnsupportedMediaType(f"a body with Content-Encoding {encoding} cannot be read; gzip can")
        data = await self._read_body(limit_bytes)
        return gunzip(data, limit_bytes) if encoding == "gzip" and data else data


@dataclass(slots=True)
class RelayedRequest:
    """The same request for somebody else: under another path, or with other headers. Implements messages.Request."""

    original: Request
    path: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    method: str = field(init=False)
    peer: Peer = field(init=False)

    def __post_init__(self) -> None:
        self.method, self.peer = self.original.method, self.original.peer

    async def body(self, limit_bytes: int) -> bytes:
        return await self.original.body(limit_bytes)

    async def read_chunk(self) -> bytes:
        return await self.original.read_chunk()


def gunzip(data: bytes, limit_bytes: int) -> bytes:
    """The plain bytes; BadRequest when it is not whole gzip, RequestEntityTooLarge when it is a bomb."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(data, limit_bytes + 1)
    except zlib.error as error:
        raise BadRequest(f"the body is not valid gzip: {error}") from None
    if len(plain) > limit_bytes:
        raise RequestEntityTooLarge.of(limit_bytes)
    if not unpacker.eof:
        raise BadRequest("the body is not valid gzip: it ends too early")
    return plain
