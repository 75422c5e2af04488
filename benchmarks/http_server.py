"""Shell: pikube's HTTP server against a bare h11 loop over the same TLS, printed as a ratio.

Run: `python -m benchmarks.http_server [seconds]`. Both servers run alone in a process of their own, one after
the other and again the other way round, answer the same 1 KB document to the same blocking client over one
kept-alive connection, and are judged by the CPU time they took for each request.
"""

from __future__ import annotations

import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h11
import trio
import trustme

from pikube.wire.messages import Request, Response
from pikube.wire.server import serve

BODY = b'{"kind":"ConfigMap","data":{"key":"' + b"x" * 980 + b'"}}'
REQUEST = (
    b"GET /api/v1/namespaces/default/configmaps/one HTTP/1.1\r\nHost: 127.0.0.1:6443\r\n"
    b"User-Agent: kubectl/v1.33.4 (linux/arm64) kubernetes/4c9af5d\r\nAccept: application/json, */*\r\n"
    b"Accept-Encoding: gzip\r\nKubectl-Command: kubectl get\r\n"
    b"Kubectl-Session: 5b9e6c8e-3f3f-4b57-8df1-5c4d2ac7d1d2\r\n\r\n"
)
ROUNDS = 4


async def answer(_: Request) -> Response:
    return Response(200, (("Content-Type", "application/json"),), (BODY,))


async def bare_loop(stream: trio.abc.Stream) -> None:
    """The least that a server on h11 can do for each request."""
    connection = h11.Connection(h11.SERVER)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    while True:
        event = connection.next_event()
        while event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(65536))
            event = connection.next_event()
        if not isinstance(event, h11.Request):
            return
        while not isinstance(connection.next_event(), h11.EndOfMessage):
            pass
        head = connection.send(h11.Response(status_code=200, headers=headers)) or b""
        body = connection.send(h11.Data(data=BODY)) or b""
        connection.send(h11.EndOfMessage())
        await stream.send_all(head + body)
        connection.start_next_cycle()


async def run_server(which: str, identity: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    print(listeners[0].socket.getsockname()[1], flush=True)
    if which == "ours":
        await serve(answer, listeners, context)
    else:

        async def handle(raw: trio.SocketStream) -> None:
            await bare_loop(trio.SSLStream(raw, context, server_side=True, https_compatible=True))

        await trio.serve_listeners(handle, listeners)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(which: str, identity: Path, authority: Path, seconds: float) -> tuple[float, float]:
    """(requests a second, milliseconds of server CPU for each)."""
    command = [sys.executable, "-m", "benchmarks.http_server", "serve", which, str(identity)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            context = ssl.create_default_context(cafile=authority)
            raw = socket.create_connection(("127.0.0.1", port))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as client:
                for _ in range(200):
                    exchange(client)
                before, start, count = cpu_s(server.pid), time.perf_counter(), 0
                while (elapsed := time.perf_counter() - start) < seconds:
                    for _ in range(50):
                        exchange(client)
                    count += 50
                return count / elapsed, (cpu_s(server.pid) - before) / count * 1000
        finally:
            server.kill()


def exchange(client: ssl.SSLSocket) -> None:
    client.sendall(REQUEST)
    data = client.recv(65536)
    while not data.endswith(BODY):
        data += client.recv(65536)


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        trio.run(run_server, sys.argv[2], Path(sys.argv[3]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    figures: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder:
        authority, identity = Path(folder) / "ca.pem", Path(folder) / "server.pem"
        ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        ca.cert_pem.write_to_path(authority)
        ca.issue_cert(
            "127.0.0.1", key_type=trustme.KeyType.ECDSA
        ).private_key_and_cert_chain_pem.write_to_path(identity)
        for turn in range(ROUNDS):
            for which in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
                figures[which].append(measure(which, identity, authority, seconds))
    rates = {which: statistics.median(rate for rate, _ in rows) for which, rows in figures.items()}
    costs = {which: statistics.median(cost for _, cost in rows) for which, rows in figures.items()}
    for which in ("ours", "bare"):
        print(f"http_server {which}: {rates[which]:.0f} requests/s, {costs[which]:.3f} ms CPU a request")
    print(
        f"http_server ours/bare: rate {rates['ours'] / rates['bare']:.2f}, CPU {costs['ours'] / costs['bare']:.2f}"
    )


if __name__ == "__main__":
    main()
