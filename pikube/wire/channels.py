"""Pure: what travels on the channels of a remote command, in each version of the protocol.

Enter: messages, exit codes. Leave: messages, Status documents, terminal sizes. Called by remote_command and
port_forward. Sources: kubernetes apimachinery `util/remotecommand/constants.go` and
`util/httpstream/wsstream`; KEP-4006.

| protocol                    | status at the end | resize | stdin can end | messages |
|-----------------------------|-------------------|--------|---------------|----------|
| v5.channel.k8s.io           | JSON              | yes    | yes           | binary   |
| v4.channel.k8s.io           | JSON              | yes    | SPDY only     | binary   |
| v4.base64.channel.k8s.io    | JSON              | yes    | no            | text     |
| v3, v2, channel.k8s.io      | text, on failure  | not v2 | SPDY only     | binary   |
| base64.channel.k8s.io       | text, on failure  | yes    | no            | text     |
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255

V5, V4, V3, V2, V1 = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
)
V4_BASE64, V1_BASE64 = "v4.base64.channel.k8s.io", "base64.channel.k8s.io"

WEBSOCKET_COMMAND = (V5, V4, V1, V4_BASE64, V1_BASE64)
SPDY_COMMAND = (V5, V4, V3, V2, V1)


def has_status(protocol: str) -> bool:
    """Whether the error channel carries a Status, which can say an exit code, rather than words."""
    return protocol in (V5, V4, V4_BASE64)


def has_resize_stream(protocol: str) -> bool:
    """Whether a SPDY client with a terminal opens a resize stream."""
    return protocol in (V5, V4, V3)


def is_text(protocol: str) -> bool:
    """Whether WebSocket messages are text: a digit and base64."""
    return "base64" in protocol


def encode(channel: int, data: bytes, *, as_text: bool) -> bytes | str:
    """A WebSocket message for one channel."""
    if as_text:
        return f"{channel}{base64.b64encode(data).decode('ascii')}"
    return bytes((channel,)) + data


def decode(message: bytes | str, *, as_text: bool) -> tuple[int, bytes]:
    """Channel and data of a WebSocket message. ValueError when it has none.

    What counts is the protocol, not the kind of frame: the official Python client sends text frames whose first
    character is the channel's number, and kubernetes takes them (apimachinery wsstream/conn.go reads both alike).
    """
    data = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
    if not data:
        raise ValueError("a message without a channel")
    if not as_text:
        return data[0], data[1:]
    try:
        return int(data[:1]), base64.b64decode(data[1:], validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"a text message is not a digit and base64: {error}") from None


def exit_status(code: int) -> dict[str, Any]:
    """The Status of a command that ended by itself (kubelet `remotecommand/exec.go:ServeExec`)."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def error_bytes(status: dict[str, Any], protocol: str) -> bytes:
    """What the error channel carries for a Status; nothing for a success in the old protocols."""
    if has_status(protocol):
        return json.dumps(status, separators=(",", ":")).encode()
    return b"" if status["status"] == "Success" else str(status["message"]).encode()


def size_of(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a resize message; None when it is not one."""
    try:
        document = json.loads(data)
        width, height = document["Width"], document["Height"]
    except (ValueError, KeyError, TypeError):
        return None
    if not all(type(side) is int and 0 <= side <= 0xFFFF for side in (width, height)):
        return None
    return width, height
