"""Shell: `pikube uninstall`: take pikube off this board; lists what it removes before it does."""

from __future__ import annotations

import argparse
import os
import sys

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "uninstall", help="take pikube off this board, with its pods, network and files"
    )
    parser.add_argument("--keep-data", action="store_true", help="leave the data directory and /etc/pikube")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_flags(parser, "leader", "agent")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from pikube.removal import remove, things

    settings = read_settings(arguments)
    if os.geteuid() != 0:
        raise StartupError("what is removed is root's: use sudo")
    found = list(things(settings, keep_data=arguments.keep_data))
    if not found:
        print("there is nothing of pikube on this board")
        return 0
    for thing in found:
        print(f"  {thing.words}")
    if arguments.dry_run:
        return 0
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise StartupError("nobody can be asked here: give --yes to remove all this")
        if input("Remove all this, with the data of its pods? [y/N] ").strip().lower() not in ("y", "yes"):
            return 1
    failures = remove(found, print)
    # what came to light meanwhile: a mount below a mount, a pod that was just being made
    failures += remove(list(things(settings, keep_data=arguments.keep_data)), print) if not failures else []
    for failure in failures:
        print(f"pikube: not removed: {failure}", file=sys.stderr)
    return 1 if failures else 0
