"""Shell: one HTTP/1.1 connection: h11's events on one side, a Handler on the other.

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

import h11
import trio

from pikube.api.errors import ApiError, BadRequest, InternalError, RequestEntityTooLarge
from pikube.wire.answers import BODILESS, error_response, gzip, head, should_gzip
from pikube.wire.messages import Handler, Peer, Response, StreamResponse, UpgradeResponse
from pikube.wire.request import HttpRequest

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
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES)
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
                    self._h11.start_next_cycle()
            except ClientGone:
                pass

    async def _serve_one(self) -> bool:
        """One request and its answer; whether another may follow."""
        self._may_cut = True
        try:
            event = await self._next_request()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
            return False
        self._may_cut = False
        self._wait_at_most(None)
        if event is None:
            return False
        request = HttpRequest(event, self._peer, self._read_body, self._read_chunk)
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
        if self._h11.our_state is not h11.SEND_RESPONSE:
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

    async def _next_request(self) -> h11.Request | None:
        """None when the client closes or says nothing for too long."""
        event: object = self._h11.next_event()
        if event is h11.NEED_DATA:
            self._wait_at_most(IDLE_S)
            event = await self._receive()
            if event is h11.NEED_DATA:
                self._wait_at_most(HEADERS_S)  # a head in pieces must be whole soon
                event = await self._next_event()
        return event if isinstance(event, h11.Request) else None

    async def _read_body(self, limit_bytes: int) -> bytes:
        """What is left of the body of the current request."""
        self._wait_at_most(BODY_S)
        if self._h11.they_are_waiting_for_100_continue:
            await self._write(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])))
        chunks: list[bytes] = []
        size = 0
        while self._h11.their_state is h11.SEND_BODY:
            try:
                event = await self._next_event()
            except h11.RemoteProtocolError as error:
                raise BadRequest(f"malformed request body: {error}") from None
            if isinstance(event, h11.Data):
                size += len(event.data)
                if size > limit_bytes:
                    raise RequestEntityTooLarge.of(limit_bytes)
                chunks.append(bytes(event.data))
        self._wait_at_most(None)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _read_chunk(self) -> bytes:
        """The next part of the body of the current request; b'' at its end."""
        self._wait_at_most(BODY_S)
        if self._h11.they_are_waiting_for_100_continue:
            await self._write(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])))
        chunk = b""
        while not chunk and self._h11.their_state is h11.SEND_BODY:
            try:
                event = await self._next_event()
            except h11.RemoteProtocolError as error:
                raise BadRequest(f"malformed request body: {error}") from None
            chunk = bytes(event.data) if isinstance(event, h11.Data) else b""
        self._wait_at_most(None)
        return chunk

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
        if self._must_close():
            headers.append(("Connection", "close"))
        self._wait_at_most(SEND_S)
        first = self._h11.send(head(answer.status, headers, int(time()))) or b""
        if request.method == "HEAD" or answer.status in BODILESS:
            chunks = ()
        elif size:
            # h11 has only to know how many bytes there are (its documented way for sendfile)
            self._h11.send_with_data_passthrough(h11.Data(data=_Sized(size)))  # type: ignore[arg-type]
        self._h11.send(h11.EndOfMessage())
        await self._send_chunks(first, chunks)
        return await self._may_go_on()

    async def _send_chunks(self, first: bytes, chunks: Sequence[bytes]) -> None:
        """Small chunks joined, large ones as they are."""
        pending, waiting = [first], len(first)
        for chunk in chunks:
            if waiting + len(chunk) > JOIN_BYTES:
                await self._write(b"".join(pending))
                self._wait_at_most(SEND_S)
                pending, waiting = [], 0
            if len(chunk) > JOIN_BYTES:
                for start in range(0, len(chunk), JOIN_BYTES):
                    await self._write(chunk[start : start + JOIN_BYTES])
                    self._wait_at_most(SEND_S)
            else:
                pending.append(chunk)
                waiting += len(chunk)
        if pending:
            await self._write(b"".join(pending) if len(pending) > 1 else pending[0])

    async def _stream_answer(self, request: HttpRequest, answer: StreamResponse) -> bool:
        """Send chunks as they come, and stop when the client has gone."""
        is_complete = False

        async def send(chunk: bytes) -> None:
            data = self._begin(answer)
            if chunk:
                data += self._h11.send(h11.Data(data=chunk)) or b""
            if data:
                self._wait_at_most(SEND_S)
                await self._write(data)
                self._wait_at_most(None)

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_for_end, nursery.cancel_scope)
                if request.method != "HEAD":
                    await answer.run(send)
                self._wait_at_most(SEND_S)
                end = self._begin(answer) + (self._h11.send(h11.EndOfMessage()) or b"")
                await self._write(end)
                nursery.cancel_scope.cancel()
                is_complete = True
        except ExceptionGroup as group:
            raise _innermost(group) from group
        return is_complete and await self._may_go_on()

    def _begin(self, answer: StreamResponse) -> bytes:
        """The head, the first time; h11 chooses chunks, or the closing of the connection for HTTP/1.0."""
        if self._h11.our_state is not h11.SEND_RESPONSE:
            return b""
        headers = list(answer.headers)
        if self._must_close():
            headers.append(("Connection", "close"))
        return self._h11.send(head(answer.status, headers, int(time()))) or b""

    async def _watch_for_end(self, scope: trio.CancelScope) -> None:
        """While an answer streams, anything that ends the client's side ends the answer."""
        try:
            while data := await self._stream.receive_some(READ_BYTES):
                self._h11.receive_data(bytes(data))  # a pipelined request waits for its turn
                if len(self._h11.trailing_data[0]) > HEADER_BYTES:
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    async def _upgrade(self, answer: UpgradeResponse) -> None:
        """Hand the stream over. `run` is called even when the client has gone: it owns things to close."""
        await self._read_body(READ_BYTES)  # h11 switches only after the (empty) body
        self._h11.next_event()
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers]
        switch = h11.InformationalResponse(status_code=answer.status, headers=headers)
        self._wait_at_most(SEND_S)
        with suppress(ClientGone):
            await self._write(self._h11.send(switch))
        self._wait_at_most(None)
        leftover, _ = self._h11.trailing_data
        try:
            await answer.run(self._stream, bytes(leftover))
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    def _must_close(self) -> bool:
        """Whether this answer is the last: we stop, or the client waits with a body that nobody asked for."""
        return self._is_stopping or self._h11.they_are_waiting_for_100_continue

    async def _may_go_on(self) -> bool:
        """Whether both sides are ready for the next request; reads away a short body that nobody wanted."""
        if self._h11.their_state is h11.SEND_BODY:
            is_last = self._h11.our_state is not h11.DONE
            self._wait_at_most(LINGER_S)
            drained, largest = 0, LINGER_BYTES if is_last else DRAIN_BYTES
            while self._h11.their_state is h11.SEND_BODY and drained < largest:
                try:
                    event = await self._next_event()
                except h11.RemoteProtocolError:
                    return False
                drained += len(event.data) if isinstance(event, h11.Data) else 0
        is_done = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        return is_done and not self._is_stopping

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Answer bytes that are no HTTP, if h11 still lets us."""
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = f"{error.error_status_hint} {error}\n".encode()
        headers = [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        self._wait_at_most(SEND_S)
        data = self._h11.send(head(error.error_status_hint, headers, int(time()))) or b""
        data += self._h11.send(h11.Data(data=body)) or b""
        await self._write(data + (self._h11.send(h11.EndOfMessage()) or b""))

    def _wait_at_most(self, seconds: float | None) -> None:
        """The deadline of what comes next; None for as long as it takes."""
        self._scope.deadline = trio.current_time() + seconds if seconds is not None else float("inf")

    async def _next_event(self) -> object:
        event: object = self._h11.next_event()
        while event is h11.NEED_DATA:
            event = await self._receive()
        if isinstance(event, h11.ConnectionClosed):
            raise ClientGone
        return event

    async def _receive(self) -> object:
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ClientGone from error
        self._h11.receive_data(bytes(data))
        return self._h11.next_event()

    async def _write(self, data: bytes | None) -> None:
        try:
            await self._stream.send_all(data or b"")
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ClientGone from error


class _Sized:
    """So many bytes, for h11's bookkeeping."""

    __slots__ = ("_size",)

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


def _innermost(group: ExceptionGroup[Exception]) -> Exception:
    """The one error in a group of groups of one; else the group."""
    error: Exception = group
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
