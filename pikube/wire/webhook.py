"""Shell: asks a webhook: one POST of JSON over TLS, within a time. It stands on httpx, which keeps connections.

Enter: a URL, where to dial for it, the authority to trust, a document. Leaves: the answered document, or
WebhookFailed. Called by admission and by the conversion of custom resources.
"""

from __future__ import annotations

import importlib
import os
import socket
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from pikube.wire.sockets import Address

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES = 12 * 1024 * 1024  # an object of the largest size thrice: as patch, in base64, and in JSON
KEPT = 16  # clients, each with the connections of one authority: there are rarely as many webhooks
KEPT_S = 60.0
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "kube-apiserver-admission",
}


class WebhookFailed(Exception):
    """There is no answer; the words continue `failed calling webhook "x": `."""


class _NoAnswer(Exception):
    """The words say why."""


@dataclass(frozen=True, slots=True)
class Target:
    """url: as errors name it, with path and query. address: where to dial. name: what its certificate must be for.
    ca: PEM of the authority to trust, b'' for those that the system trusts."""

    url: str
    path: str
    address: Address
    name: str
    ca: bytes = b""


@dataclass(slots=True)
class _Client:
    """users: how many ask by it now."""

    http: httpx.AsyncClient
    users: int = 0


class WebhookCaller:
    """Keeps a client for each authority, of the last `kept`; connections that wait for a next question end after a
    minute. An answer has at most `answer_bytes`."""

    def __init__(self, *, kept: int = KEPT, answer_bytes: int = ANSWER_BYTES) -> None:
        self._kept = kept
        self._answer_bytes = answer_bytes
        self._clients: OrderedDict[bytes, _Client] = OrderedDict()

    async def post(self, target: Target, body: bytes, timeout_s: float) -> bytes:
        """The answered body. Raises WebhookFailed."""
        failure = f'failed to call webhook: Post "{target.url}": '
        with trio.move_on_after(timeout_s):
            # 8 MB and 0.2 s (a Pi: 1 s) that only clusters with webhooks pay, and that hold up nobody else
            await trio.to_thread.run_sync(importlib.import_module, "httpx")
            try:
                async with self._using(target.ca) as client:
                    status, answer = await _ask(client, target, body, self._answer_bytes)
            except _NoAnswer as error:
                raise WebhookFailed(failure + str(error)) from error
            if status != 200:
                words = answer[:200].decode("utf-8", "replace").strip()
                raise WebhookFailed(f"failed to call webhook: an error on the server ({words!r}) has prevented the "
                                    f"request from succeeding (code {status})")  # fmt: skip
            return answer
        raise WebhookFailed(f"{failure}context deadline exceeded")

    async def aclose(self) -> None:
        """End the connections that wait for a next question."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.http.aclose()

    @asynccontextmanager
    async def _using(self, ca: bytes) -> AsyncIterator[httpx.AsyncClient]:
        """The client of an authority. _NoAnswer."""
        client = self._clients.get(ca)
        if client is None:
            client = self._clients[ca] = _Client(_new_client(ca))
        self._clients.move_to_end(ca)
        client.users += 1
        try:
            yield client.http
        finally:
            client.users -= 1
            idle = [known for known, one in self._clients.items() if not one.users]
            for known in idle[: max(0, len(self._clients) - self._kept)]:
                await self._clients.pop(known).http.aclose()


def _new_client(ca: bytes) -> httpx.AsyncClient:
    import httpx

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca:
            context.load_verify_locations(cadata=ca.decode("ascii"))
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError) as error:
        raise _NoAnswer(f"unable to load root certificates: {error}") from error
    limits = httpx.Limits(keepalive_expiry=KEPT_S)
    return httpx.AsyncClient(verify=context, limits=limits, timeout=None, trust_env=False)


async def _ask(client: httpx.AsyncClient, target: Target, body: bytes, most: int) -> tuple[int, bytes]:
    """Status and body."""
    import httpx

    url = f"https://{joined(target.address)}{target.path}"
    headers = {**HEADERS, "Host": target.name}
    named = {"sni_hostname": target.name}  # what its certificate must be for, too
    try:
        async with client.stream("POST", url, content=body, headers=headers, extensions=named) as answer:
            return answer.status_code, await _body(answer, most)
    except httpx.TransportError as error:
        raise _NoAnswer(reason(error, target.address)) from error


async def _body(answer: httpx.Response, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    with trio.CancelScope() as scope:
        async for part in answer.aiter_bytes():
            chunks.append(part)
            size += len(part)
            if size > most:
                scope.cancel()  # httpx's nested generators end by that only: they may not be left in the middle
    if size > most:
        raise _NoAnswer(f"the answer is larger than {most} bytes")
    return b"".join(chunks)


def reason(error: BaseException, address: Address) -> str:
    """Why there is no answer, in the words of Go's net, crypto/tls and net/http."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"tls: failed to verify certificate: x509: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"remote error: tls: {cause.reason or cause}"
        if isinstance(cause, socket.gaierror):
            return f"dial tcp: lookup {address[0]}: no such host"
        if isinstance(cause, OSError) and cause.errno:
            return f"dial tcp {joined(address)}: connect: {os.strerror(cause.errno).lower()}"
    return f"EOF: {error}" if str(error) else "EOF"


def joined(address: Address) -> str:
    """As in a URL."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and what it came from, groups opened."""
    while error is not None:
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        yield error
        error = error.__cause__ or error.__context__
