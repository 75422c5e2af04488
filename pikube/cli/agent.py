"""Shell: `pikube agent`: pods on a board that has joined."""

from __future__ import annotations

import argparse

from pikube.cli.options import add_flags, read_settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("agent", help="run pods on this board, which has joined a cluster")
    add_flags(parser, "agent")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    from pikube import run_agent as program  # the whole program: only now

    program.main_agent(settings)
    return 0
