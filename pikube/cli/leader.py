"""Shell: `pikube leader`: the API, the store, the controllers, and an agent for this board."""

from __future__ import annotations

import argparse

from pikube.cli.options import add_flags, read_settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("leader", help="run the control plane, and pods on this board")
    add_flags(parser, "leader")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    from pikube import run as program  # the whole program: only now

    program.main_leader(settings)
    return 0
