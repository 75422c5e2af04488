"""Pure: agrees with a client on WebSocket or SPDY and on the protocol spoken inside.

Enter: request headers and query, and the protocols that the caller speaks, best first. Leave: the protocol and the
headers of the 101 answer; or an ApiError. Called by remote_command and port_forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from wsproto.utilities import generate_accept_token

from pikube.api.errors import BadRequest, Forbidden
from pikube.wire.messages import Headers

TRUE = ("1", "true", "True", "TRUE", "t", "T")  # strconv.ParseBool, as the API reads options


@dataclass(frozen=True, slots=True)
class Agreed:
    """`protocol` is '' for a WebSocket client that named none."""

    is_websocket: bool
    protocol: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class CommandStreams:
    """Which streams a command's client wants. A terminal has no stderr of its own."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


def command_streams(query: str) -> CommandStreams:
    """By the API's names (stdin, stdout, stderr, tty) or kubelet's (input, output, error). BadRequest for none."""
    values = parse_qs(query)

    def has(*names: str) -> bool:
        return any(values.get(name, [""])[0] in TRUE for name in names)

    tty = has("tty")
    streams = CommandStreams(
        has("stdin", "input"), has("stdout", "output"), has("stderr", "error") and not tty, tty
    )
    if not (streams.stdin or streams.stdout or streams.stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return streams


def wants_socket(headers: Mapping[str, str]) -> bool:
    """Whether the client asks for a WebSocket."""
    return (
        "websocket" in headers.get("upgrade", "").lower()
        and "upgrade" in headers.get("connection", "").lower()
    )


def without_upgrade(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The same request for whoever gives the bytes."""
    return {
        name: value
        for name, value in headers.items()
        if name not in ("upgrade", "connection") and not name.startswith("sec-websocket-")
    }


def offered_protocols(headers: Mapping[str, str]) -> list[str]:
    """Those that a client of a WebSocket names."""
    return _listed(headers.get("sec-websocket-protocol", ""))


def agree(headers: Mapping[str, str], websocket: Sequence[str], spdy: Sequence[str]) -> Agreed:
    """The first protocol of the client's list that we speak. BadRequest, Forbidden when there is none."""
    kinds = [kind.lower() for kind in _listed(headers.get("upgrade", ""))]
    if "upgrade" not in headers.get("connection", "").lower() or not kinds:
        raise BadRequest("unable to upgrade: missing upgrade headers in request")
    if "websocket" in kinds:
        return _agree_websocket(headers, websocket)
    if "spdy/3.1" in kinds:
        return _agree_spdy(headers, spdy)
    raise BadRequest(f"unable to upgrade: unknown protocol {headers['upgrade']!r}")


def _agree_websocket(headers: Mapping[str, str], spoken: Sequence[str]) -> Agreed:
    key = headers.get("sec-websocket-key", "").strip()
    if headers.get("sec-websocket-version", "").strip() != "13" or not key:
        raise BadRequest("unable to upgrade: only version 13 of the WebSocket protocol is spoken, with a key")
    offered = offered_protocols(headers)
    chosen = _choose(offered, spoken, BadRequest) if offered else ""
    answer = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", generate_accept_token(key.encode("latin-1")).decode("ascii")),
    ]
    if chosen:
        answer.append(("Sec-WebSocket-Protocol", chosen))
    return Agreed(True, chosen, answer)


def _agree_spdy(headers: Mapping[str, str], spoken: Sequence[str]) -> Agreed:
    offered = _listed(headers.get("x-stream-protocol-version", ""))
    if not offered:
        raise BadRequest("unable to upgrade: header X-Stream-Protocol-Version does not exist in request")
    chosen = _choose(offered, spoken, Forbidden)
    return Agreed(
        False,
        chosen,
        (("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", chosen)),
    )


def _choose(
    offered: Sequence[str], spoken: Sequence[str], refusal: type[BadRequest] | type[Forbidden]
) -> str:
    for protocol in offered:
        if protocol in spoken:
            return protocol
    raise refusal(
        f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], "
        f"server accepts [{' '.join(spoken)}]"
    )


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
