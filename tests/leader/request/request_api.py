"""The whole request path on a memory store, without bytes on a wire: what handlers answer, quickly."""

import contextlib
import json
from dataclasses import dataclass, field

import trio

from pikube.api.errors import ApiError
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.meta import ObjectMeta
from pikube.config import merge
from pikube.leader.control_plane import build_control_plane, make_scheme
from pikube.leader.store.memory import MemoryStore
from pikube.wire.messages import Peer

ADMIN = Peer("127.0.0.1", 1, "admin", ("system:masters",))


@dataclass
class FakeRequest:
    """Implements pikube.wire.messages.Request."""

    method: str
    path: str
    query: str = ""
    headers: dict = field(default_factory=dict)
    peer: Peer = ADMIN
    content: bytes = b""

    @property
    def raw_path(self):
        return self.path

    async def body(self, limit_bytes):
        return self.content

    async def read_chunk(self):
        chunk, self.content = self.content, b""
        return chunk


class NoSigner:
    def sign(self, claims):
        return "token"

    def verify(self, token):
        raise ValueError("no tokens here")

    def key_set(self):
        return {"keys": []}


class Api:
    """Ask it: `await api("GET", "/api/v1/…")` gives (status, document)."""

    def __init__(self, *, signer=None, **settings):
        self.scheme = make_scheme()
        self.store = MemoryStore()
        self.now = 1_700_000_000.0
        self.health = {}
        flags = {name.replace("_", "-"): value for name, value in settings.items()}
        self.plane = build_control_plane(
            self.scheme,
            self.store,
            signer or NoSigner(),
            merge(flags, {}, {}, host="board"),
            "127.0.0.1:6443",
            lambda: self.health,
            lambda: self.now,
        )
        self.handler = self.plane.handler(None)
        self.warnings = []

    async def __call__(self, method, url, body=None, *, peer=ADMIN, **headers):
        path, _, query = url.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = FakeRequest(method, path, query, sent, peer, content)
        try:
            answer = await self.handler(request)
        except ApiError as error:
            self.warnings = list(error.warnings)
            return error.code, error.to_status()
        self.warnings = [value for name, value in answer.headers if name == "Warning"]
        text = b"".join(answer.chunks)
        return answer.status, json.loads(text) if text.startswith((b"{", b"[{", b"[]")) else text.decode(
            "utf-8", "replace"
        )

    async def make_namespace(self, name="default"):
        await self.plane.client.create(Namespace(metadata=ObjectMeta(name=name)))

    @contextlib.asynccontextmanager
    async def watching(self, url):
        """Watch events as they come, from a memory channel."""
        path, _, query = url.partition("?")
        answer = await self.handler(FakeRequest("GET", path, query))
        send, receive = trio.open_memory_channel(100)

        async def take(chunk):
            for line in chunk.splitlines():
                await send.send(json.loads(line))

        async def run():
            async with send:
                await answer.run(take)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            yield receive
            nursery.cancel_scope.cancel()
