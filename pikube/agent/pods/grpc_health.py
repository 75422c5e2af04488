"""Shell: the gRPC health check of a probe, over HTTP/2 frames written by hand.

A health check is one request and one answer; a gRPC library would cost more memory than the rest of the
agent. Sources: RFC 9113 (frames, preface), RFC 7541 §6.2 (literal headers without indexing), grpc/doc
health-checking.md and PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import struct

import trio

from pikube.agent.pods.http_probe import dial_words

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SERVING = 1
FRAME_LIMIT = 1 << 20


async def check_health(host: str, port: int, service: str, failure: type[Exception]) -> None:
    """Raises `failure` unless the service says SERVING."""
    try:
        stream = await trio.open_tcp_stream(host, port)
    except OSError as error:
        raise failure(dial_words(host, port, error)) from None
    async with stream:
        try:
            await stream.send_all(_request(host, port, service))
            status = await _read_status(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise failure("the gRPC connection was closed") from None
    if status != SERVING:
        raise failure(f'service unhealthy (responded with "{_word(status)}")')


def _word(status: int | None) -> str:
    return {0: "UNKNOWN", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}.get(status or 0, "UNKNOWN")


def _request(host: str, port: int, service: str) -> bytes:
    headers = b"".join(
        _literal(name, value)
        for name, value in (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", f"{host}:{port}"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        )
    )
    message = b"\x0a" + _varint(len(service.encode())) + service.encode() if service else b""
    body = b"\x00" + struct.pack(">I", len(message)) + message
    return (
        PREFACE
        + _frame(SETTINGS, 0, 0, b"")
        + _frame(HEADERS, END_HEADERS, 1, headers)
        + _frame(DATA, END_STREAM, 1, body)
    )


async def _read_status(stream: trio.SocketStream) -> int | None:
    """The status in the first data frame of our stream; None if there is none."""
    buffer = b""
    body = b""
    while True:
        while len(buffer) >= 9:
            size = int.from_bytes(buffer[:3], "big")
            if size > FRAME_LIMIT:
                return None
            if len(buffer) < 9 + size:
                break
            kind, flags = buffer[3], buffer[4]
            payload, buffer = buffer[9 : 9 + size], buffer[9 + size :]
            if kind == SETTINGS and not flags & ACK:
                await stream.send_all(_frame(SETTINGS, ACK, 0, b""))
            elif kind == PING and not flags & ACK:
                await stream.send_all(_frame(PING, ACK, 0, payload))
            elif kind == DATA:
                body += payload
                if len(body) >= 5 and len(body) >= 5 + int.from_bytes(body[1:5], "big"):
                    return _status_of(body[5:])
            elif kind in (RST_STREAM, GOAWAY) or (kind == HEADERS and flags & END_STREAM):
                return None
        data = await stream.receive_some(65536)
        if not data:
            return None
        buffer += data


def _status_of(message: bytes) -> int:
    """Field 1 of HealthCheckResponse, a varint; absent means UNKNOWN."""
    return message[1] if len(message) >= 2 and message[0] == 8 else 0


def _frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream_id.to_bytes(4, "big") + payload


def _literal(name: str, value: str) -> bytes:
    """A header field without indexing, both parts as plain text shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
