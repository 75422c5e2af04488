"""Shell: asks a webhook: one POST of JSON over TLS, within a time.

Enter: a URL, where to dial for it, the authority to trust, a document. Leaves: the answered document, or
WebhookFailed. Called by admission and by the conversion of custom resources. Connections are kept for the next
question.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import trio

from pikube.wire.exchange import Exchange, PeerLost
from pikube.wire.sockets import Address

ANSWER_BYTES = 12 * 1024 * 1024  # an object of the largest size thrice: as patch, in base64, and in JSON
KEPT = 16  # idle connections: there are rarely as many webhooks
KEPT_S = 60.0


class WebhookFailed(Exception):
    """There is no answer; the words continue `failed calling webhook "x": `."""


@dataclass(frozen=True, slots=True)
class Target:
    """url: as errors name it, with path and query. address: where to dial. name: what its certificate must be for.
    ca: PEM of the authority to trust, b'' for those that the system trusts."""

    url: str
    path: str
    address: Address
    name: str
    ca: bytes = b""


class WebhookCaller:
    """Keeps connections and TLS contexts."""

    def __init__(self) -> None:
        self._idle: OrderedDict[Target, tuple[Exchange, float]] = OrderedDict()
        self._contexts: OrderedDict[tuple[bytes, str], ssl.SSLContext] = OrderedDict()

    async def post(self, target: Target, body: bytes, timeout_s: float) -> bytes:
        """The answered body. Raises WebhookFailed."""
        failure = f'failed to call webhook: Post "{target.url}": '
        with trio.move_on_after(timeout_s):
            try:
                return await self._post(target, body, timeout_s)
            except PeerLost as lost:
                raise WebhookFailed(failure + str(lost)) from lost
            except (ssl.SSLError, ValueError) as error:
                raise WebhookFailed(f"{failure}unable to load root certificates: {error}") from error
        raise WebhookFailed(f"{failure}context deadline exceeded")

    async def aclose(self) -> None:
        """End the connections that wait for a next question."""
        while self._idle:
            _, (exchange, _) = self._idle.popitem()
            await exchange.close()

    async def _post(self, target: Target, body: bytes, timeout_s: float) -> bytes:
        exchange = await self._exchange(target)
        may_keep = False
        headers = [("Host", target.name), ("Content-Type", "application/json"), ("Accept", "application/json"),
                   ("User-Agent", "pikube")]  # fmt: skip
        try:
            await exchange.ask("POST", target.path, headers, body, answer_s=timeout_s)
            answer = await _body(exchange)
            may_keep = exchange.may_ask_again
        finally:
            if not may_keep:
                await exchange.close()
        if may_keep:
            exchange.next_request()
            await self._keep(target, exchange)
        if exchange.status != 200:
            words = answer[:200].decode("utf-8", "replace").strip()
            raise WebhookFailed(f"failed to call webhook: an error on the server ({words!r}) has prevented the "
                                f"request from succeeding (code {exchange.status})")  # fmt: skip
        return answer

    async def _exchange(self, target: Target) -> Exchange:
        kept = self._idle.pop(target, None)
        if kept is not None:
            exchange, since = kept
            if trio.current_time() - since < KEPT_S and not exchange.has_ended():
                return exchange
            await exchange.close()
        return await Exchange.open(target.address, self._context(target))

    async def _keep(self, target: Target, exchange: Exchange) -> None:
        earlier = self._idle.pop(target, None)
        self._idle[target] = exchange, trio.current_time()
        if earlier is not None:
            await earlier[0].close()
        if len(self._idle) > KEPT:
            _, (oldest, _) = self._idle.popitem(last=False)
            await oldest.close()

    def _context(self, target: Target) -> ssl.SSLContext:
        key = (target.ca, target.name)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = NamedContext.trusting(target.ca, target.name)
            if len(self._contexts) > KEPT:
                self._contexts.popitem(last=False)
        return context


class NamedContext(ssl.SSLContext):
    """Looks for one name in the server's certificate, whatever address was dialled."""

    _name: str

    @classmethod
    def trusting(cls, ca: bytes, name: str) -> NamedContext:
        self = cls(ssl.PROTOCOL_TLS_CLIENT)
        self._name = name
        if ca:
            self.load_verify_locations(cadata=ca.decode("ascii"))
        else:
            self.load_default_certs()
        return self

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        options["server_hostname"] = self._name
        return super().wrap_bio(*arguments, **options)


async def _body(exchange: Exchange) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await exchange.chunk():
        chunks.append(chunk)
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise PeerLost(f"the answer is larger than {ANSWER_BYTES} bytes")
    return b"".join(chunks)
