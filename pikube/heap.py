"""Shell: gives the system back what a busy hour took: C's heap keeps freed memory, here up to a fifth of the process.

Started by run.py and run_agent.py. Source: malloc_trim(3); libraries without it (musl) need none.
"""

from __future__ import annotations

import ctypes

import trio

EVERY_S = 60.0


async def give_back() -> None:
    """For ever, beside the work: a millisecond or a few each time."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await trio.sleep(EVERY_S)
        await trio.to_thread.run_sync(trim, 0)
