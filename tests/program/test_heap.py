"""What C's heap holds without need goes back to the system."""

import ctypes
from pathlib import Path

import trio
import trio.testing

from pikube.heap import EVERY_S, give_back

PIECES, SIZE = 4000, 16 * 1024  # below what malloc maps by itself


def resident_kib():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1])


async def test_freed_memory_goes_back(autojump_clock):
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pieces = [libc.malloc(SIZE) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, SIZE)
    for piece in pieces[:-1]:  # the last one holds the top of the heap
        libc.free(piece)
    before = resident_kib()
    with trio.move_on_after(1.5 * EVERY_S):
        await give_back()
    assert resident_kib() < before - PIECES * SIZE / 1024 / 2
    libc.free(pieces[-1])
