"""Shell: one SPDY connection with its streams, each a Trio stream of its own.

Enter: a raw stream (or a WebSocket that tunnels one) and the bytes already read from it. Leave: SpdyStreams, in
the order in which the other side opened them. Called for exec, attach and port-forward of clients that speak
SPDY; tests use the client role.

A stream that nobody reads holds up to STREAM_BYTES; then the whole connection waits, for SPDY as Kubernetes speaks
it has no flow control of its own (see spdy).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import trio

from pikube.wire.spdy import (
    CANCEL,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    Data,
    Frame,
    GoAway,
    Ping,
    RstStream,
    SpdyCodec,
    SpdyError,
    SynReply,
    SynStream,
)

log = logging.getLogger("pikube.wire")

READ_BYTES = 64 * 1024
STREAM_BYTES = 256 * 1024  # unread bytes of one stream before the connection waits
WRITE_BYTES = 32 * 1024  # a frame: streams take turns, as io.Copy of the Go side makes them
MAX_STREAMS = 512  # open at once; a browser behind a port-forward opens a few dozen
GOODBYE_S = 1.0

CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


class SpdyStream(trio.abc.HalfCloseableStream):
    """One stream. BrokenResourceError when the other side reset it or the connection ended before it did."""

    def __init__(self, connection: SpdyConnection, stream_id: int, headers: Mapping[str, str]) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self._connection = connection
        self._chunks = bytearray()
        self._is_finished = False  # they send no more
        self._is_broken = False
        self._has_sent_end = False
        self._is_closed = False
        self._changed = trio.Event()

    def __repr__(self) -> str:
        return f"<SpdyStream {self.stream_id} {dict(self.headers)}>"

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has come; b'' after the other side's end."""
        while not self._chunks:
            if self._is_closed:
                raise trio.ClosedResourceError("this stream is closed")
            if self._is_finished:
                await trio.lowlevel.checkpoint()
                return b""
            if self._is_broken:
                raise trio.BrokenResourceError("the other side reset the stream or went away")
            await self._changed.wait()
        await trio.lowlevel.checkpoint()
        size = len(self._chunks) if max_bytes is None else max_bytes
        data = bytes(self._chunks[:size])
        del self._chunks[:size]
        self._wake()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, waiting for TCP only."""
        with memoryview(data) as view:
            for start in range(0, len(view), WRITE_BYTES):
                self._check_may_send()
                await self._connection.send(Data(self.stream_id, bytes(view[start : start + WRITE_BYTES])))

    async def wait_send_all_might_not_block(self) -> None:
        """Nothing but TCP knows."""
        self._check_may_send()
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        """We send no more; reading goes on."""
        if self._has_sent_end:
            return
        self._check_may_send()
        self._has_sent_end = True
        await self._connection.send(Data(self.stream_id, b"", is_final=True))
        self._forget_if_done()

    async def aclose(self) -> None:
        """Our end, and what still comes is dropped. Safe to call twice, and when the connection is gone."""
        if self._is_closed:
            await trio.lowlevel.checkpoint()
            return
        with suppress(*CLOSED):
            await self.send_eof()
        self._shut()

    async def reset(self) -> None:
        """Both directions end at once."""
        if not self._is_broken and not self._is_closed:
            self._shut()
            with suppress(*CLOSED):
                await self._connection.send(RstStream(self.stream_id, CANCEL))

    def _check_may_send(self) -> None:
        if self._is_closed or self._has_sent_end:
            raise trio.ClosedResourceError("the sending side of this stream is closed")
        if self._is_broken:
            raise trio.BrokenResourceError("the other side reset the stream or went away")

    def _shut(self) -> None:
        self._is_closed = True
        self._chunks.clear()
        self._connection.forget(self.stream_id)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _forget_if_done(self) -> None:
        if self._is_finished and self._has_sent_end:
            self._connection.forget(self.stream_id)

    async def take(self, data: bytes, is_final: bool) -> None:
        """For the connection's reader: keep data, waiting while too much is unread."""
        while len(self._chunks) > STREAM_BYTES and not self._is_closed:
            await self._changed.wait()
        if self._is_closed:
            return
        self._chunks += data
        if is_final:
            self._is_finished = True
            self._forget_if_done()
        self._wake()

    def break_off(self) -> None:
        """For the connection: no more will come, and nothing more can be sent."""
        if not (self._is_finished and self._has_sent_end):
            self._is_broken = True
        self._wake()


class SpdyConnection:
    """The streams of one connection; made by `open_spdy`, whose nursery reads."""

    def __init__(self, stream: trio.abc.Stream, *, is_server: bool) -> None:
        self._stream = stream
        self._codec = SpdyCodec()
        self._sending = trio.Lock()
        self._streams: dict[int, SpdyStream] = {}
        self._is_server = is_server
        self._next_id = 2 if is_server else 1
        self._last_id = 0
        self._is_gone = False
        self._opened_in, self.opened = trio.open_memory_channel[SpdyStream](MAX_STREAMS)
        self.closed = trio.Event()

    async def open_stream(self, headers: Mapping[str, str]) -> SpdyStream:
        """A stream of our own making."""
        stream = SpdyStream(self, self._next_id, headers)
        self._streams[stream.stream_id] = stream
        self._next_id += 2
        await self.send(SynStream(stream.stream_id, headers))
        return stream

    async def send(self, frame: Frame) -> None:
        """One frame, whole. BrokenResourceError when the connection has ended."""
        async with self._sending:
            if self._is_gone:
                raise trio.BrokenResourceError("the SPDY connection has ended")
            self._is_gone = True  # unless the frame leaves whole: half a frame (we were cancelled) is the end
            await self._stream.send_all(self._codec.encode(frame))
            self._is_gone = False

    def forget(self, stream_id: int) -> None:
        """Frames for this stream are dropped from now on."""
        self._streams.pop(stream_id, None)

    async def read(self, leftover: bytes) -> None:
        """Take frames apart until the other side ends; then every open stream is broken."""
        try:
            data = leftover or await self._stream.receive_some(READ_BYTES)
            while data:
                for frame in self._codec.receive(bytes(data)):
                    await self._handle(frame)
                data = await self._stream.receive_some(READ_BYTES)
        except CLOSED:
            pass
        except SpdyError as error:
            log.info("event=spdy_error why=%r", str(error))
            with suppress(*CLOSED):
                await self.send(GoAway(self._last_id, PROTOCOL_ERROR))
        self._is_gone = True
        for stream in list(self._streams.values()):
            stream.break_off()
        self._opened_in.close()
        self.closed.set()

    async def goodbye(self) -> None:
        """Tell the other side that we stop, if it still listens."""
        with trio.move_on_after(GOODBYE_S), suppress(*CLOSED):
            await self.send(GoAway(self._last_id))

    async def _handle(self, frame: Frame) -> None:
        match frame:
            case Data():
                stream = self._streams.get(frame.stream_id)
                if stream is not None:
                    await stream.take(frame.data, frame.is_final)
            case SynStream():
                await self._open(frame)
            case RstStream():
                reset = self._streams.pop(frame.stream_id, None)
                if reset is not None:
                    reset.break_off()
            case Ping() if frame.ping_id % 2 == self._is_server:
                with suppress(*CLOSED):
                    await self.send(frame)
            case SynReply() if frame.is_final and (stream := self._streams.get(frame.stream_id)):
                await stream.take(b"", True)
            case _:
                pass  # GOAWAY announces the end that follows; SETTINGS and WINDOW_UPDATE mean nothing here

    async def _open(self, frame: SynStream) -> None:
        if frame.stream_id % 2 != self._is_server or frame.stream_id <= self._last_id:
            raise SpdyError(f"stream {frame.stream_id} cannot be opened after {self._last_id}")
        self._last_id = frame.stream_id
        if len(self._streams) >= MAX_STREAMS:
            await self.send(RstStream(frame.stream_id, REFUSED_STREAM))
            return
        stream = SpdyStream(self, frame.stream_id, frame.headers)
        self._streams[frame.stream_id] = stream
        await self.send(SynReply(frame.stream_id))
        if frame.is_final:
            await stream.take(b"", True)
        await self._opened_in.send(stream)


@asynccontextmanager
async def open_spdy(
    stream: trio.abc.Stream, leftover: bytes = b"", *, is_server: bool = True
) -> AsyncIterator[SpdyConnection]:
    """A connection that reads while the block runs; at its end the other side is told, and streams break."""
    connection = SpdyConnection(stream, is_server=is_server)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.read, leftover)
        yield connection
        await connection.goodbye()
        nursery.cancel_scope.cancel()
