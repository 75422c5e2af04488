"""Clients for upgrades: wsproto's own WebSocket client, and SPDY over our codec, on a memory or socket stream."""

import wsproto
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, RejectData, Request


class WebSocketClient:
    """Full handshake and messages, by wsproto."""

    def __init__(self, stream):
        self.stream = stream
        self.ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.events = []
        self.close_code = None

    async def connect(self, target, *subprotocols):
        """The subprotocol chosen; or the status of the refusal."""
        request = Request(host="test", target=target, subprotocols=list(subprotocols))
        await self.stream.send_all(self.ws.send(request))
        event = await self.next_event()
        if isinstance(event, AcceptConnection):
            return event.subprotocol
        assert isinstance(event, RejectConnection)
        while not (isinstance(data := await self.next_event(), RejectData) and data.body_finished):
            pass
        return event.status_code

    async def next_event(self):
        while not self.events:
            data = await self.stream.receive_some(65536)
            self.ws.receive_data(bytes(data) or None)
            self.events = list(self.ws.events())
        return self.events.pop(0)

    async def send(self, event):
        await self.stream.send_all(self.ws.send(event))

    async def message(self):
        """The next whole message; None after the server's close, which is answered."""
        parts = []
        while True:
            event = await self.next_event()
            if isinstance(event, CloseConnection):
                self.close_code = event.code
                if self.ws.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
                    await self.send(event.response())
                return None
            if isinstance(event, Ping):
                await self.send(event.response())
                continue
            if not hasattr(event, "data"):
                continue
            parts.append(event.data)
            if event.message_finished:
                return "".join(parts) if isinstance(parts[0], str) else b"".join(map(bytes, parts))


async def spdy_upgrade(stream, target, *protocols):
    """(status, headers, bytes after the head) of a SPDY upgrade as kubectl 1.27 asks for it."""
    lines = [
        f"POST {target} HTTP/1.1",
        "Host: test",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "Content-Length: 0",
    ]
    lines += [f"X-Stream-Protocol-Version: {protocol}" for protocol in protocols]
    await stream.send_all("\r\n".join([*lines, "", ""]).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        part = await stream.receive_some(65536)
        assert part
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *rows = head.decode().split("\r\n")
    headers = dict(row.lower().split(": ", 1) for row in rows)
    return int(status.split()[1]), headers, rest
