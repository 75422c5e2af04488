"""Shell: carries the bytes of one TCP connection between a client and a backend.

Small exchanges go through recv and send; a direction that proves to be bulk gets a pipe and is moved by
splice(2) without touching our memory (measured 9.2 Gbit/s against 4.7: DESIGN decision 8). Half-closed
connections stay half open. Both directions are one task each only while both are busy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct

import trio

CHUNK_BYTES = 64 * 1024
BULK_BYTES = 256 * 1024  # after this much in one direction, splice pays for its pipe
PIPE_BYTES = 1024 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


async def relay(client: trio.socket.SocketType, backend: trio.socket.SocketType) -> None:
    """Until both directions have ended. Errors of either side end both."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_copy, backend, client, nursery.cancel_scope)
        await _copy(client, backend, nursery.cancel_scope)


async def _copy(
    source: trio.socket.SocketType, target: trio.socket.SocketType, scope: trio.CancelScope
) -> None:
    """One direction, to its end; the end is passed on as a half-close."""
    moved = 0
    try:
        while moved < BULK_BYTES:
            data = await source.recv(CHUNK_BYTES)
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            moved += len(data)
            await _send_all(target, data)
        await _splice(source, target)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        scope.cancel()


async def _send_all(target: trio.socket.SocketType, data: bytes) -> None:
    sent = await target.send(data)
    while sent < len(data):
        sent += await target.send(memoryview(data)[sent:])


async def _splice(source: trio.socket.SocketType, target: trio.socket.SocketType) -> None:
    """Move bytes inside the kernel until the source ends."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _enlarge(write_end)
        flags = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
        while True:
            try:
                filled = os.splice(source.fileno(), write_end, PIPE_BYTES, flags=flags)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(source.fileno())
                continue
            if filled == 0:
                return
            while filled:
                try:
                    filled -= os.splice(read_end, target.fileno(), filled, flags=flags)
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(target.fileno())
            await trio.lowlevel.checkpoint()
    finally:
        os.close(read_end)
        os.close(write_end)


def _enlarge(descriptor: int) -> None:
    """A larger pipe; a kernel that refuses leaves the usual one."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EBUSY):
            raise


def reset(client: trio.socket.SocketType) -> None:
    """Close so that the client sees `connection refused` or `reset`, not an empty answer."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
