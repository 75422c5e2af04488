"""Shell: what every long-running command does around its nursery: logs, signals, and failures in one sentence."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import trio

from pikube.agent.runtime.contract import RuntimeMissing
from pikube.cli.failure import StartupError
from pikube.config import Settings

log = logging.getLogger("pikube")


def run_until_signal(
    program: Callable[[Settings], Awaitable[None]],
    settings: Settings,
    failures: tuple[type[Exception], ...] = (),
) -> None:
    """Run `program` under Trio. Raises StartupError for it, RuntimeMissing and `failures`, wherever they arose; the
    failure is its cause."""
    start_logging(settings.log_level)
    told: tuple[type[Exception], ...] = (StartupError, RuntimeMissing, *failures)
    failure: BaseException | None = None
    try:
        trio.run(program, settings)
    except* told as group:
        failure = _first_leaf(group)
    if failure is not None:
        raise StartupError(str(failure)) from failure


def check_root(reason: str) -> None:
    """StartupError unless we are root."""
    if os.geteuid() != 0:
        raise StartupError(reason)


def start_logging(level: str) -> None:
    """One line an event on stderr; journald adds the time where it reads them."""
    in_journal = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format=("" if in_journal else "%(asctime)s ") + "%(levelname).1s %(name)s %(message)s",
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


async def cancel_on_signal(scope: trio.CancelScope) -> None:
    """SIGTERM and SIGINT cancel the scope."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("event=stopping signal=%s", signal.Signals(number).name)
            scope.cancel()
            return


def _first_leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
