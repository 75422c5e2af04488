"""Shell: one HTTP GET of a probe: connect, ask, read the status; TLS is not verified, as kubelet does not.

Called by probes. A probe counts 200 to 399 as success.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any

import trio

from pikube import __version__

READ_BYTES = 4096


async def probe_http(action: Any, host: str, port: int, timeout_s: float, failure: type[Exception]) -> None:
    """Raises `failure` unless the answer is a success."""
    headers = {"Host": f"{host}:{port}", "User-Agent": f"kube-probe/{__version__}", "Accept": "*/*"}
    for header in action.http_headers:
        headers[header.name] = header.value
    path = action.path or "/"
    if not path.startswith("/"):
        path = f"/{path}"
    lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "Connection: close", "", ""]
    try:
        stream: trio.abc.Stream = await trio.open_tcp_stream(host, port)
        if action.scheme == "HTTPS":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            stream = trio.SSLStream(stream, context, https_compatible=True)
        async with stream:
            await stream.send_all("\r\n".join(lines).encode("latin-1"))
            head = b""
            while b"\r\n" not in head and len(head) < READ_BYTES:
                data = await stream.receive_some(READ_BYTES)
                if not data:
                    break
                head += data
            await trio.aclose_forcefully(stream)
    except OSError as error:
        url = f"{action.scheme.lower()}://{host}:{port}{path}"
        raise failure(f'Get "{url}": {dial_words(host, port, error)}') from None
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        raise failure(f'Get "http://{host}:{port}{path}": EOF') from None
    parts = head.split(b" ", 2)
    status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
    if not 200 <= status < 400:
        raise failure(f"HTTP probe failed with statuscode: {status}")


def dial_words(host: str, port: int, error: OSError) -> str:
    """`dial tcp HOST:PORT: connect: connection refused`. Trio tells what each address said as its error's cause;
    the words are Go's (net/net.go:OpError), which is what people search for."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        error = next((one for one in cause.exceptions if isinstance(one, OSError)), error)
    elif isinstance(cause, OSError):
        error = cause
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    words = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"dial tcp {host}:{port}: connect: {words}"
