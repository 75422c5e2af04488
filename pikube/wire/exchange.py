"""Shell: one HTTP/1.1 connection to a server, used for one request after the other.

Enter: an address, a TLS context, requests. Leave: status, headers and body as they come, or the raw stream after a
101; PeerLost when there is no answer. Called by tunnel and client. It stands on h11: httpx, by
which webhooks are asked, took twice the CPU for a request (0.54 ms against 0.25), and its nested generators cannot
be left in the middle of a watch under Trio.
"""

from __future__ import annotations

import os
import select
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import h11
import trio

from pikube.wire.sockets import CLOSED, Address, dial

READ_BYTES = 64 * 1024
GOODBYE_S = 1.0


class PeerLost(Exception):
    """The server cannot be reached, hung up, or does not speak HTTP; the words say which and who."""


class PeerSilent(PeerLost):
    """The server did not answer in time."""


class Upload(NamedTuple):
    """A body that is read while it is sent: `read` gives b'' at its end; `length` is None where nobody said it."""

    read: Callable[[], Awaitable[bytes]]
    length: int | None


class Exchange:
    """A connection with one request in flight. Whoever holds it closes it, or asks again when `may_ask_again`."""

    def __init__(self, address: Address, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._name = name_of(address)
        self._h11 = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, address: Address, ssl_context: ssl.SSLContext | None) -> Exchange:
        """Dial. PeerLost says why it cannot be."""
        try:
            return cls(address, await dial(address, ssl_context))
        except OSError as error:
            raise PeerLost(f"{name_of(address)} cannot be reached: {_reason(error)}") from error

    async def ask(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | Upload = b"",
        *,
        answer_s: float,
    ) -> None:
        """Send a request and read the head of its answer into `status` and `headers`. The time counts anew from each
        part of an Upload; whoever answers before he has read all of it is heard as well."""
        with trio.move_on_after(answer_s) as scope:
            if isinstance(body, Upload):
                await self._send_upload(method, target, headers, body, scope, answer_s)
            else:
                await self._send(method, target, headers, body)
            await self._read_head()
            return
        raise PeerSilent(f"{self._name} did not answer within {answer_s:g} s")

    async def chunk(self) -> bytes:
        """The next part of the body; b'' at its end. PeerLost when it is cut off."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                if event.data:
                    return bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return b""
            else:
                raise self._hung_up()

    @property
    def may_ask_again(self) -> bool:
        """Whether the answer was read to its end and both sides keep the connection."""
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    def has_ended(self) -> bool:
        """Whether the server has closed, or says something unasked, while no request is in flight."""
        stream = self.stream.transport_stream if isinstance(self.stream, trio.SSLStream) else self.stream
        if not isinstance(stream, trio.SocketStream):
            return False
        if stream.socket.fileno() < 0:
            return True  # by `abort`
        poll = select.poll()
        poll.register(stream.socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def next_request(self) -> None:
        """Make ready to ask again."""
        self._h11.start_next_cycle()

    def leftover(self) -> bytes:
        """What was read past the head of a 101."""
        return bytes(self._h11.trailing_data[0])

    def abort(self) -> None:
        """End it now, whatever waits for it: that gets PeerLost."""
        stream = self.stream.transport_stream if isinstance(self.stream, trio.SSLStream) else self.stream
        if isinstance(stream, trio.SocketStream):
            stream.socket.close()

    async def close(self) -> None:
        """Bounded, also when we are being cancelled."""
        with trio.move_on_after(GOODBYE_S, shield=True):
            await self.stream.aclose()

    async def _send(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        rows = self._with_host(headers)
        if body or method in ("POST", "PUT", "PATCH"):
            rows.append(("Content-Length", str(len(body))))
        data = self._h11.send(h11.Request(method=method, target=target, headers=rows)) or b""
        if body:
            data += self._h11.send(h11.Data(data=body)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        try:
            await self.stream.send_all(data)
        except CLOSED:
            raise self._hung_up() from None

    def _with_host(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        rows = list(headers)
        is_named = any(name.lower() == "host" for name, _ in rows)
        return rows if is_named else [("Host", self._name), *rows]

    async def _send_upload(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        upload: Upload,
        scope: trio.CancelScope,
        pause_s: float,
    ) -> None:
        rows = self._with_host(headers)
        if upload.length is None:
            rows.append(("Transfer-Encoding", "chunked"))
        else:
            rows.append(("Content-Length", str(upload.length)))
        data = self._h11.send(h11.Request(method=method, target=target, headers=rows)) or b""
        try:
            await self.stream.send_all(data)
            while chunk := await upload.read():
                await self.stream.send_all(self._h11.send(h11.Data(data=chunk)) or b"")
                scope.deadline = trio.current_time() + pause_s
            await self.stream.send_all(self._h11.send(h11.EndOfMessage()) or b"")
        except CLOSED:
            pass  # perhaps it has answered already; if not, reading says that it hung up
        except h11.LocalProtocolError as error:
            raise PeerLost(f"the body is not what its headers said: {error}") from None

    async def _read_head(self) -> None:
        while True:
            event = await self._event()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == 101
            ):
                self.status = event.status_code
                self.headers = [
                    (name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers
                ]
                return
            if not isinstance(event, h11.InformationalResponse):
                raise self._hung_up()

    async def _event(self) -> object:
        data: bytes | bytearray | None = None
        try:
            event: object = self._h11.next_event()
            while event is h11.NEED_DATA:
                data = await self.stream.receive_some(READ_BYTES)
                self._h11.receive_data(bytes(data))
                event = self._h11.next_event()
        except CLOSED:
            raise self._hung_up() from None
        except h11.RemoteProtocolError as error:
            if data == b"":
                raise self._hung_up() from None
            raise PeerLost(f"{self._name} does not answer in HTTP: {error}") from None
        return event

    def _hung_up(self) -> PeerLost:
        return PeerLost(f"{self._name} hung up")


def name_of(address: Address) -> str:
    """`host:port`, as the Host header and people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: OSError) -> str:
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup) and cause.exceptions:
        cause = cause.exceptions[0]
    found = cause if isinstance(cause, OSError) else error
    return os.strerror(found.errno) if found.errno and not isinstance(found, ssl.SSLError) else str(found)
