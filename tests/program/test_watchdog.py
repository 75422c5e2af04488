"""The watchdog against a real notify socket and a real TLS port."""

import socket
import ssl

import pytest
import trio
import trustme

from pikube.watchdog import answers_on, feed_watchdog


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """What systemd would be: a datagram socket that the program knows of."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield trio.socket.from_stdlib_socket(sock)


async def test_a_program_that_answers_feeds_the_watchdog(manager):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def serve(stream):
        await trio.SSLStream(stream, context, server_side=True).do_handshake()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        nursery.start_soon(feed_watchdog, answers_on("0.0.0.0", port), 0.5)
        with trio.fail_after(20):
            assert await manager.recv(100) == b"WATCHDOG=1"
            assert await manager.recv(100) == b"WATCHDOG=1"
        nursery.cancel_scope.cancel()


async def test_a_program_that_does_not_answer_is_not_fed(manager):
    checks = 0
    is_enough = trio.Event()

    async def check():
        nonlocal checks
        checks += 1
        if checks == 3:
            is_enough.set()
        raise ConnectionRefusedError("nobody listens")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed_watchdog, check, 0.01)
        with trio.fail_after(5):
            await is_enough.wait()
        nursery.cancel_scope.cancel()
    with trio.move_on_after(0.05) as scope:
        await manager.recv(100)
    assert scope.cancelled_caught


async def test_a_check_that_hangs_is_not_fed(manager):
    with trio.move_on_after(0.1):
        await feed_watchdog(trio.sleep_forever, 0.02)
    with trio.move_on_after(0.05) as scope:
        await manager.recv(100)
    assert scope.cancelled_caught


async def test_without_a_watchdog_nothing_happens(monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await feed_watchdog(trio.sleep_forever)
