"""Shell: `pikube join`: make this board a node of a cluster, and run it."""

from __future__ import annotations

import argparse
import os

from pikube.cli.options import add_flags, flags_of, read_resolved, read_settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("join", help="make this board a node of a cluster")
    parser.add_argument("--leader", dest="server", metavar="URL", help="the same as --server")
    parser.add_argument(
        "--token",
        default="",
        metavar="TOKEN",
        help="from `pikube token create` on the leader (or in PIKUBE_TOKEN); without it, digits are compared",
    )
    parser.add_argument(
        "--ca-hash",
        default="",
        metavar="HASH",
        help="SHA-256 of the cluster's CA: for a token that holds none, or to pair without a terminal",
    )
    parser.add_argument(
        "--replace", action="store_true", help="take the place of a board of this name that is gone"
    )
    parser.add_argument(
        "--reset", action="store_true", help="forget the cluster that this board belonged to before"
    )
    parser.add_argument(
        "--no-start", action="store_true", help="join only; start the agent later with `pikube agent`"
    )
    add_flags(parser, "agent")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    from pikube import run_join as program  # the whole program: only now

    wish = program.Wish(
        token=arguments.token or os.environ.get("PIKUBE_TOKEN", ""),
        ca_hash=arguments.ca_hash.removeprefix("sha256:").replace(":", "").lower(),
        replace=arguments.replace,
        reset=arguments.reset,
        starts=not arguments.no_start,
        flags=tuple(flags_of(read_resolved(arguments))),
    )
    program.main_join(settings, wish)
    return 0
