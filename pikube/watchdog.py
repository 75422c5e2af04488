"""Shell: feeds systemd's watchdog for as long as the program really answers on its port.

A program that hangs (a task that blocks the loop, an accept loop that has ended) stops feeding, and systemd starts it
again; pods go on meanwhile. Called by run.py and run_agent.py. Without a watchdog nothing happens.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable

import trio

from pikube.notify import notify, watchdog_s
from pikube.wire.sockets import dial

log = logging.getLogger("pikube.watchdog")


def answers_on(address: str, port: int) -> Callable[[], Awaitable[None]]:
    """A check that the port of this program accepts a connection and speaks TLS. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # our own port on our own board: alive is all that is asked
    where = ("127.0.0.1" if address in ("", "0.0.0.0", "::") else address, port)

    async def check() -> None:
        stream = await dial(where, context)
        with trio.move_on_after(1):
            await stream.aclose()

    return check


async def feed_watchdog(check: Callable[[], Awaitable[None]], interval_s: float | None = None) -> None:
    """Check and feed, for ever. `interval_s` is how often it is due; systemd's own when None."""
    interval_s = watchdog_s() if interval_s is None else interval_s
    if interval_s is None:
        return
    while True:
        try:
            with trio.fail_after(interval_s):
                await check()
        except (OSError, trio.TooSlowError) as error:
            log.error("event=health_check_failed why=%r", str(error) or "it took too long")
        else:
            notify("WATCHDOG=1")
        await trio.sleep(interval_s)
