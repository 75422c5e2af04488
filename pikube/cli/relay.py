"""Shell: `pikube relay DIRECTORY`: the process that carries Service traffic; the agent starts it."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from pikube.cli.failure import StartupError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("relay")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--stop", action="store_true", help="end the one that runs, and its connections")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.stop:
        from pikube.netproxy.relay_link import stop_relay

        return 0 if stop_relay(arguments.directory) else 1
    from pikube.netproxy.relay_process import run_relay

    logging.basicConfig(stream=sys.stderr, format="%(levelname).1s %(name)s %(message)s", level=logging.INFO)
    try:
        run_relay(arguments.directory)
    except OSError as error:
        raise StartupError(f"the relay cannot start: {error}") from None
    return 0
