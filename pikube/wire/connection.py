"""Shell: one HTTP/1.1 connection: h11's events on one side, a Handler on the other.

Enter: an open stream (TLS handshake done) and its Peer. Leave: answers. A request takes no task and no
nursery of its own; only an answer that streams gets a second task, which notices that the client has
gone. Called by the server for each accepted connection.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from time import time
from urllib.parse import unquote

import h11
import trio

from pikube.api.errors import ApiError, BadRequest, InternalError, RequestEntityTooLarge
from pikube.wire.messages import Answer, Handler, Peer, Response, StreamResponse, UpgradeResponse

log = logging.getLogger("pikube.wire")

READ_BYTES = 64 * 1024
JOIN_BYTES = (
    256 * 1024
)  # chunks are joined up to this size: one system call and one TLS pass for usual answers
HEADER_BYTES = 64 * 1024  # client certificates are not in headers, but impersonation groups may be many
HEADERS_S = 20.0  # a client that began a request and does not finish its head in this time is cut off
IDLE_S = 120.0  # client-go keeps idle connections for 90 s: the client closes first
GZIP_BYTES = 128 * 1024  # kubernetes endpoints/handlers/responsewriters/writers.go:defaultGzipThresholdBytes
DRAIN_BYTES = 1024 * 1024  # of a body that nobody wanted, read to keep the connection; more closes it

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


class HttpRequest:
    """Implements pikube.wire.messages.Request over a connection."""

    __slots__ = ("_connection", "headers", "method", "path", "peer", "query", "raw_path")

    def __init__(self, connection: Connection, request: h11.Request, peer: Peer) -> None:
        self._connection = connection
        self.method = request.method.decode("ascii")
        raw_path, _, query = request.target.decode("latin-1").partition("?")
        self.raw_path = raw_path
        self.path = unquote(raw_path) if "%" in raw_path else raw_path
        self.query = query
        self.peer = peer
        headers: dict[str, str] = {}
        for name, value in request.headers:
            key, text = name.decode("ascii"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        self.headers: Mapping[str, str] = headers

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body; RequestEntityTooLarge over the limit, which counts what gzip unpacks to."""
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit_bytes:
            raise RequestEntityTooLarge.of(limit_bytes)
        data = await self._connection.read_body(limit_bytes)
        if self.headers.get("content-encoding", "") == "gzip":
            data = _gunzip(data, limit_bytes)
        return data


def _gunzip(data: bytes, limit_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(data, limit_bytes + 1)
    except zlib.error as error:
        raise BadRequest(f"the body is not valid gzip: {error}") from None
    if len(plain) > limit_bytes:
        raise RequestEntityTooLarge.of(limit_bytes)
    return plain


class Connection:
    """One client's connection; `run` serves it until either side closes."""

    def __init__(self, stream: trio.abc.Stream, peer: Peer, handler: Handler) -> None:
        self._stream = stream
        self._peer = peer
        self._handler = handler
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES)
        self._is_hijacked = False

    async def run(self) -> None:
        """Requests one after the other."""
        while True:
            try:
                request = await self._next_request()
            except h11.RemoteProtocolError as error:
                await self._refuse(error)
                return
            if request is None:
                return
            if not await self._answer(request):
                return
            self._h11.start_next_cycle()

    async def read_body(self, limit_bytes: int) -> bytes:
        """What is left of the body of the current request."""
        if self._h11.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Data):
                size += len(event.data)
                if size > limit_bytes:
                    raise RequestEntityTooLarge.of(limit_bytes)
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            else:
                raise trio.BrokenResourceError("the client left in the middle of a body")

    async def _next_request(self) -> h11.Request | None:
        with trio.move_on_after(IDLE_S):
            event: object = self._h11.next_event()
            while event is h11.NEED_DATA:
                data = await self._stream.receive_some(READ_BYTES)
                self._h11.receive_data(bytes(data))
                event = self._h11.next_event()
                if event is h11.NEED_DATA and data:
                    event = await self._finish_head()
            return event if isinstance(event, h11.Request) else None
        return None

    async def _finish_head(self) -> object:
        """A head that came in pieces must be complete soon: half-open requests cost us, not the client."""
        with trio.move_on_after(HEADERS_S):
            return await self._next_event()
        return h11.ConnectionClosed()

    async def _next_event(self) -> object:
        event: object = self._h11.next_event()
        while event is h11.NEED_DATA:
            self._h11.receive_data(bytes(await self._stream.receive_some(READ_BYTES)))
            event = self._h11.next_event()
        return event

    async def _answer(self, event: h11.Request) -> bool:
        """Handle one request; whether the connection can take another."""
        request = HttpRequest(self, event, self._peer)
        answer: Answer
        try:
            answer = await self._handler(request)
        except ApiError as error:
            answer = error_response(error)
        except h11.RemoteProtocolError as error:
            answer = error_response(BadRequest(f"malformed request body: {error}"))
        except CLOSED:
            return False
        except Exception:
            # one of the three places where every error is caught: a bug met by one request must not end
            # the program
            log.exception("event=request_bug method=%s path=%s", request.method, request.path)
            answer = error_response(InternalError.of("the request could not be served; the log says why"))
        if isinstance(answer, UpgradeResponse):
            await self._upgrade(answer)
            return False
        if isinstance(answer, StreamResponse):
            return await self._stream_answer(request, answer)
        await self._send_response(request, answer)
        return await self._may_go_on()

    async def _send_response(self, request: HttpRequest, answer: Response) -> None:
        chunks = list(answer.chunks)
        size = sum(map(len, chunks))
        headers = list(answer.headers)
        if size >= GZIP_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
            packed = await trio.to_thread.run_sync(_gzip, chunks)
            chunks, size = [packed], len(packed)
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(size)))
        head = self._h11.send(_response(answer.status, headers)) or b""
        if request.method == "HEAD" or answer.status in (204, 304):
            self._h11.send(h11.EndOfMessage())
            await self._stream.send_all(head)
            return
        pending, waiting = [head], len(head)
        for chunk in chunks:
            self._h11.send_with_data_passthrough(h11.Data(data=chunk))
            pending.append(chunk)
            waiting += len(chunk)
            if waiting >= JOIN_BYTES:
                await self._stream.send_all(b"".join(pending))
                pending, waiting = [], 0
        self._h11.send(h11.EndOfMessage())
        if pending:
            await self._stream.send_all(b"".join(pending) if len(pending) > 1 else pending[0])

    async def _stream_answer(self, request: HttpRequest, answer: StreamResponse) -> bool:
        """Send chunks as they come, and stop when the client has gone."""
        has_begun = False
        is_complete = False

        async def begin() -> None:
            nonlocal has_begun
            if not has_begun:
                has_begun = True
                headers = [*answer.headers, ("Transfer-Encoding", "chunked")]
                await self._send(_response(answer.status, headers))

        async def send(chunk: bytes) -> None:
            await begin()
            if chunk:
                await self._send(h11.Data(data=chunk))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_for_end, nursery.cancel_scope)
            try:
                await answer.run(send)
                await begin()
                await self._send(h11.EndOfMessage())
            except ApiError as error:
                if has_begun:
                    raise
                await self._send_response(request, error_response(error))
            nursery.cancel_scope.cancel()
            is_complete = True
        return is_complete and await self._may_go_on()

    async def _watch_for_end(self, scope: trio.CancelScope) -> None:
        """While an answer streams, anything that ends the client's side ends the answer."""
        try:
            while data := await self._stream.receive_some(READ_BYTES):
                self._h11.receive_data(bytes(data))  # a pipelined request waits for its turn
                if len(self._h11.trailing_data[0]) > HEADER_BYTES:
                    break
        except CLOSED:
            pass
        scope.cancel()

    async def _upgrade(self, answer: UpgradeResponse) -> None:
        await self._send(h11.InformationalResponse(status_code=answer.status, headers=_lower(answer.headers)))
        leftover, _ = self._h11.trailing_data
        await answer.run(self._stream, bytes(leftover))

    async def _may_go_on(self) -> bool:
        """Whether both sides are ready for the next request; reads away a short body that nobody wanted."""
        if self._h11.our_state is h11.MUST_CLOSE or self._h11.their_state is h11.MUST_CLOSE:
            return False
        drained = 0
        while self._h11.their_state is h11.SEND_BODY:
            if self._h11.they_are_waiting_for_100_continue:
                return False
            event = await self._next_event()
            if isinstance(event, h11.Data):
                drained += len(event.data)
                if drained > DRAIN_BYTES:
                    return False
            elif not isinstance(event, h11.EndOfMessage):
                return False
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Answer bytes that are no HTTP, if h11 still lets us."""
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = f"400 Bad Request: {error}\n".encode()
        status = error.error_status_hint
        head = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("Connection", "close")]
        with trio.move_on_after(HEADERS_S):
            await self._send(_response(status, head))
            await self._send(h11.Data(data=body))
            await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            await self._stream.send_all(data)


def error_response(error: ApiError) -> Response:
    """The Status document of an error."""
    headers = [("Content-Type", "application/json")]
    if error.retry_after_s:
        headers.append(("Retry-After", str(error.retry_after_s)))
    if error.code == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="pikube"'))
    if error.code == 413:
        headers.append(("Connection", "close"))
    return Response(error.code, headers, (error.to_bytes(),))


def _gzip(chunks: Iterable[bytes]) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return b"".join([*(packer.compress(chunk) for chunk in chunks), packer.flush()])


def _response(status: int, headers: Iterable[tuple[str, str]]) -> h11.Response:
    return h11.Response(status_code=status, headers=[*_lower(headers), (b"date", _date(int(time())))])


def _lower(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
