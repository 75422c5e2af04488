"""Shell: the server's side of TLS on a socket: ssl's state machine between two buffers, and as few steps of Trio as
there are waits.

Enter: an accepted TCP stream and a context. Leaves: a Stream of plain bytes. Called by the server. It does what
trio.SSLStream(https_compatible=True) does, but `send_all` returns at once when the kernel takes everything: a watch
event for fifty clients is then fifty system calls, where it was some two hundred turns of the scheduler (measured:
half the time from a write to the last of fifty watchers, and a tenth of every request).
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from typing import Any

import trio

READ_BYTES = 64 * 1024
CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)


class TlsStream(trio.abc.Stream):
    """One task may send while another receives. What a cancelled `send_all` left unsent goes out before the next
    bytes, so that the records stay whole."""

    def __init__(self, transport: trio.SocketStream, context: ssl.SSLContext) -> None:
        self.transport_stream = transport
        self._socket = transport.socket
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._sending = trio.Lock()
        self._unsent = b""

    def getpeercert(self, *, binary_form: bool = False) -> Any:
        """As ssl.SSLObject's."""
        return self._tls.getpeercert(binary_form)

    def selected_alpn_protocol(self) -> str | None:
        """As ssl.SSLObject's."""
        return self._tls.selected_alpn_protocol()

    async def do_handshake(self) -> None:
        """Agree with the client. BrokenResourceError, whose cause says why."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLError as error:
                await self._break(error)
            else:
                await self._flush()
                return

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes; b'' when the client has closed, politely or not. One checkpoint at least. Who is cancelled
        loses none: bytes that are taken are returned."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._fileno()
        has_waited = False
        while True:
            try:
                data = self._tls.read(max_bytes or READ_BYTES)
            except ssl.SSLWantReadError:
                # key updates; never wait for a sender here: a client may send all it has before it reads
                if not self._sending.locked():
                    self._write_nowait()
                has_waited = await self._fill() or has_waited
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                data = b""
            except ssl.SSLError as error:
                await self._break(error)
            if not has_waited:
                # a client with much to say must not keep others waiting
                await trio.lowlevel.cancel_shielded_checkpoint()
            return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Returns without a checkpoint when the kernel takes everything."""
        if not self.send_nowait(data):
            await self._flush()

    def send_nowait(self, data: bytes | bytearray | memoryview) -> bool:
        """Whether the kernel took everything; what it did not take goes out with the next `send_all`, before its own
        bytes."""
        self._fileno()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError as error:
            raise trio.BrokenResourceError from error
        return not self._sending.locked() and self._write_nowait()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()
        async with self._sending:
            pass

    async def aclose(self) -> None:
        """Say goodbye if that costs no waiting, and close."""
        with suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()  # it would wait for the client's goodbye, which HTTP does not need
        with suppress(*CLOSED):
            if not self._sending.locked():
                self._write_nowait()
        await self.transport_stream.aclose()

    async def _break(self, error: ssl.SSLError) -> Any:
        """Tell the client what is wrong with its bytes, if it listens."""
        with suppress(*CLOSED):
            self._write_nowait()
        await trio.lowlevel.checkpoint()
        raise trio.BrokenResourceError from error

    async def _flush(self) -> None:
        async with self._sending:
            while not self._write_nowait():
                await trio.lowlevel.wait_writable(self._socket)

    def _write_nowait(self) -> bool:
        """Whether the kernel took all there is to send."""
        while self._unsent or self._outgoing.pending:
            data = self._unsent or self._outgoing.read()
            self._unsent = data
            try:
                sent = os.write(self._fileno(), data)
            except BlockingIOError:
                return False
            except OSError as error:
                raise trio.BrokenResourceError from error
            self._unsent = data[sent:]
        return True

    async def _fill(self) -> bool:
        """Take what the client has sent; whether that had to be waited for."""
        has_waited = False
        while True:
            try:
                data = os.read(self._fileno(), READ_BYTES)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
                has_waited = True
                continue
            except OSError as error:
                raise trio.BrokenResourceError from error
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
            return has_waited

    def _fileno(self) -> int:
        number = self._socket.fileno()
        if number < 0:
            raise trio.ClosedResourceError
        return number
