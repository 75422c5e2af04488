"""Shell: two streams joined, bytes both ways, each way ending by itself where the streams can.

Enter: two open streams. Leaves: nothing; both are closed at the end. Called by the tunnel to a kubelet and by
port-forward.
"""

from __future__ import annotations

import trio

READ_BYTES = 64 * 1024
CLOSED = (trio.BrokenResourceError, trio.ClosedResourceError)
GOODBYE_S = 1.0


async def pipe(left: trio.abc.Stream, right: trio.abc.Stream) -> None:
    """Copy until both ways have ended, or one way has broken; a stream that cannot end half ends whole."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_copy, left, right, nursery.cancel_scope)
            nursery.start_soon(_copy, right, left, nursery.cancel_scope)
    finally:
        with trio.move_on_after(GOODBYE_S, shield=True):
            await left.aclose()
            await right.aclose()


async def _copy(source: trio.abc.Stream, target: trio.abc.Stream, both: trio.CancelScope) -> None:
    try:
        while data := await source.receive_some(READ_BYTES):
            await target.send_all(data)
        if isinstance(target, trio.abc.HalfCloseableStream):
            await target.send_eof()
        else:
            both.cancel()
    except CLOSED:
        both.cancel()
