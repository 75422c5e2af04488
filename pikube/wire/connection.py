"""Shell: one HTTP/1.1 connection: requests out of Incoming on one side, a Handler on the other.

Enter: an open stream (TLS handshake done) and its Peer. Leave: answers. A request takes no task and no
nursery of its own; only an answer that streams gets a second task, which notices that the client has
gone. One cancel scope holds the deadline of whatever the connection waits for. Called by the server for each
accepted connection.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from time import time

import trio

from pikube.api.errors import ApiError, BadRequest, InternalError, RequestEntityTooLarge
from pikube.wire.answers import BODILESS, error_response, gzip, head, should_gzip
from pikube.wire.incoming import Head, Incoming, Malformed
from pikube.wire.messages import Handler, Headers, Peer, Response, StreamResponse, UpgradeResponse
from pikube.wire.request import HttpRequest
from pikube.wire.tls import TlsStream

log = logging.getLogger("pikube.wire")

READ_BYTES = 64 * 1024
JOIN_BYTES = 256 * 1024  # chunks are joined up to this: one system call and one TLS pass for usual answers
HEADER_BYTES = 64 * 1024  # client certificates are not in headers, but impersonation groups may be many
HEADERS_S = 20.0  # a client that began a request and does not finish its head in this time is cut off
BODY_S = 120.0  # bodies are some MB at most: slower than this is not a client but an attack
SEND_S = 60.0  # for JOIN_BYTES: a watcher that reads slower than 5 KB/s is better off with a new list
IDLE_S = 120.0  # client-go keeps idle connections for 90 s: the client closes first
LINGER_S = 2.0  # for a client to read an early answer while it still sends: closing at once would reset it
LINGER_BYTES = 16 * 1024 * 1024
DRAIN_BYTES = 1024 * 1024  # of a body that nobody wanted, read to keep the connection; more closes it


class ClientGone(Exception):
    """The client closed, broke or is too slow; there is nobody to answer."""


class Connection:
    """One client's connection; `run` serves it until either side closes."""

    def __init__(
        self, stream: trio.abc.Stream, peer: Peer, handler: Handler, compressing: trio.CapacityLimiter
    ) -> None:
        self._stream = stream
        self._peer = peer
        self._handler = handler
        self._compressing = compressing
        self._incoming = Incoming(HEADER_BYTES)
        self._head = Head()
        self._has_answered = False
        self._is_last = False
        self._scope = trio.CancelScope()
        self._may_cut = True
        self._is_stopping = False

    def stop(self) -> None:
        """Take no further request; a connection that is idle, streams or was upgraded ends at once."""
        self._is_stopping = True
        if self._may_cut:
            self._scope.cancel()

    async def run(self) -> None:
        """Requests one after the other."""
        with self._scope:
            try:
                while await self._serve_one():
                    pass
            except ClientGone:
                pass

    async def _serve_one(self) -> bool:
        """One request and its answer; whether another may follow."""
        self._may_cut = True
        try:
            found = await self._next_head()
        except Malformed as error:
            await self._refuse(error)
            return False
        self._may_cut = False
        if found is None:
            return False
        self._head, self._has_answered, self._is_last = found, False, not found.keeps_alive
        request = HttpRequest(found, self._peer, self._read_body, self._read_chunk)
        failure: ApiError
        try:
            return await self._answer(request)
        except ApiError as error:
            failure = error
        except ClientGone:
            raise
        except Exception:
            # one of the three places where every error is caught: a bug met by one request must not end
            # the program
            log.exception("event=request_bug method=%s path=%s", request.method, request.path)
            failure = InternalError.of("the request could not be served; the log says why")
        if self._has_answered:
            return False  # the answer had begun: the client sees it cut off
        return await self._send_response(request, error_response(failure, request.headers.get("accept", "")))

    async def _answer(self, request: HttpRequest) -> bool:
        answer = await self._handler(request)
        if isinstance(answer, Response):
            return await self._send_response(request, answer)
        self._may_cut = True
        if self._is_stopping:
            self._scope.cancel()
        if isinstance(answer, StreamResponse):
            return await self._stream_answer(request, answer)
        await self._upgrade(answer)
        return False

    async def _next_head(self) -> Head | None:
        """None when the client closes or says nothing for too long. Raises Malformed."""
        found = self._incoming.next_head()
        if found is None:
            self._wait_at_most(IDLE_S)
            is_open = await self._receive()
            found = self._incoming.next_head()
            if found is None:
                self._wait_at_most(HEADERS_S)  # a head in pieces must be whole soon
                while found is None and is_open:
                    is_open = await self._receive()
                    found = self._incoming.next_head()
            self._wait_at_most(None)
        return found

    async def _read_body(self, limit_bytes: int) -> bytes:
        """What is left of the body of the current request."""
        chunks: list[bytes] = []
        size = 0
        while chunk := await self._read_chunk():
            size += len(chunk)
            if size > limit_bytes:
                raise RequestEntityTooLarge.of(limit_bytes)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _read_chunk(self) -> bytes:
        """The next part of the body of the current request; b'' at its end. Raises BadRequest."""
        current = self._head
        if not current.body and not current.is_whole:
            self._wait_at_most(BODY_S)
            if self._is_waiting_for_100_continue():
                await self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
                current.has_body = True
            is_open = True
            while not current.body and not current.is_whole:
                if self._incoming.error is not None:
                    raise BadRequest(f"malformed request body: {self._incoming.error}")
                if not is_open:
                    raise BadRequest("malformed request body: the client closed before its end")
                is_open = await self._receive()
            self._wait_at_most(None)
        return current.body.popleft() if current.body else b""

    async def _send_response(self, request: HttpRequest, answer: Response) -> bool:
        """Send a whole answer; whether another request may follow."""
        chunks, headers = answer.chunks, list(answer.headers)
        size = sum(map(len, chunks))
        if should_gzip(size, answer, request.headers):
            packed = await trio.to_thread.run_sync(gzip, chunks, limiter=self._compressing)
            chunks, size = (packed,), len(packed)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        if answer.status not in BODILESS:
            headers.append(("Content-Length", str(size)))
        if request.method == "HEAD" or answer.status in BODILESS:
            chunks = ()
        await self._send_chunks(self._begin(answer.status, headers), chunks)
        return await self._may_go_on()

    def _begin(self, status: int, headers: Headers) -> bytes:
        """The head of the answer; from here on it cannot become another one."""
        if any(name.lower() == "connection" for name, _ in headers):
            self._is_last = True
        elif self._is_last or self._is_stopping or self._is_waiting_for_100_continue():
            # we stop, or the client waits with a body that nobody asked for
            self._is_last = True
            headers = [*headers, ("Connection", "close")]
        first = head(status, headers, int(time()))
        self._has_answered = True
        return first

    def _is_waiting_for_100_continue(self) -> bool:
        current = self._head
        return (
            "expect" in current.headers
            and current.headers["expect"].lower() == "100-continue"
            and current.is_http_11
            and not current.has_body
            and not current.is_whole
        )

    async def _send_chunks(self, first: bytes, chunks: Sequence[bytes]) -> None:
        """Small chunks joined, large ones as they are."""
        pending, waiting = [first], len(first)
        for chunk in chunks:
            if waiting + len(chunk) > JOIN_BYTES:
                await self._write(b"".join(pending))
                pending, waiting = [], 0
            if len(chunk) > JOIN_BYTES:
                for start in range(0, len(chunk), JOIN_BYTES):
                    await self._write(chunk[start : start + JOIN_BYTES])
            else:
                pending.append(chunk)
                waiting += len(chunk)
        if pending:
            await self._write(b"".join(pending) if len(pending) > 1 else pending[0])

    async def _stream_answer(self, request: HttpRequest, answer: StreamResponse) -> bool:
        """Send chunks as they come, and stop when the client has gone. An HTTP/1.0 client gets them as they are, and
        the end of the connection as their end."""
        is_complete = False
        is_chunked = self._head.is_http_11
        self._is_last = self._is_last or not is_chunked

        def begin() -> bytes:
            if self._has_answered:
                return b""
            framing = [("Transfer-Encoding", "chunked")] if is_chunked else []
            return self._begin(answer.status, [*answer.headers, *framing])

        async def send(chunk: bytes) -> None:
            data = begin()
            if chunk:
                data = b"%b%x\r\n%b\r\n" % (data, len(chunk), chunk) if is_chunked else data + chunk
            if data:
                await self._write(data)

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_for_end, nursery.cancel_scope)
                if request.method != "HEAD":
                    await answer.run(send)
                ending = b"0\r\n\r\n" if is_chunked and request.method != "HEAD" else b""
                await self._write(begin() + ending)
                nursery.cancel_scope.cancel()
                is_complete = True
        except ExceptionGroup as group:
            raise _innermost(group) from group
        return is_complete and await self._may_go_on()

    async def _watch_for_end(self, scope: trio.CancelScope) -> None:
        """While an answer streams, anything that ends the client's side ends the answer."""
        early = 0
        try:
            while data := await self._stream.receive_some(READ_BYTES):
                self._incoming.feed(bytes(data))  # a pipelined request waits for its turn
                early += len(data)
                if early > HEADER_BYTES:
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    async def _upgrade(self, answer: UpgradeResponse) -> None:
        """Hand the stream over. `run` is called even when the client has gone: it owns things to close."""
        with suppress(ClientGone):
            await self._read_body(READ_BYTES)  # of bytes that nobody can mean
            await self._write(head(answer.status, answer.headers, int(time())))
        self._has_answered = True
        try:
            await answer.run(self._stream, self._incoming.upgrade())
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _may_go_on(self) -> bool:
        """Whether both sides are ready for the next request; reads away a short body that nobody wanted."""
        current = self._head
        if not current.is_whole:
            self._wait_at_most(LINGER_S)
            drained, largest = 0, LINGER_BYTES if self._is_last else DRAIN_BYTES
            while not current.is_whole and drained < largest:
                drained += sum(map(len, current.body))
                current.body.clear()
                if self._incoming.error is not None or not await self._receive():
                    return False
        return current.is_whole and not self._is_last and not self._is_stopping

    async def _refuse(self, error: Malformed) -> None:
        """Answer bytes that are no HTTP."""
        body = f"{error.status} {error}\n".encode()
        headers = [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        await self._write(head(error.status, headers, int(time())) + body)

    def _wait_at_most(self, seconds: float | None) -> None:
        """The deadline of what comes next; None for as long as it takes."""
        self._scope.deadline = trio.current_time() + seconds if seconds is not None else float("inf")

    async def _receive(self) -> bool:
        """Take what the client sends next; False when it has closed."""
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ClientGone from error
        if data:  # to the parser no bytes are the end of a body
            self._incoming.feed(bytes(data))
        return bool(data)

    async def _write(self, data: bytes) -> None:
        """Give the client SEND_S to take it. Usually the kernel takes it at once, and no deadline need be set."""
        stream = self._stream
        try:
            if isinstance(stream, TlsStream):
                if stream.send_nowait(data):
                    return
                data = b""
            self._wait_at_most(SEND_S)
            await stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ClientGone from error
        self._wait_at_most(None)


def _innermost(group: ExceptionGroup[Exception]) -> Exception:
    """The one error in a group of groups of one; else the group."""
    error: Exception = group
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
