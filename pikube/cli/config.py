"""Shell: `pikube config`: the settings in force, and where each comes from."""

from __future__ import annotations

import argparse
from typing import Any

from pikube.cli.options import add_flags, read_resolved
from pikube.cli.output import add_output_flag, print_json, print_table


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("config", help="print the settings in force and where each comes from")
    add_flags(parser, "leader", "agent")
    add_output_flag(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    found = read_resolved(arguments)
    if arguments.output == "json":
        print_json({each.setting.name: {"value": each.value, "source": each.source} for each in found})
    else:
        rows = [(each.setting.name, _shown(each.value), each.source) for each in found]
        print_table(("SETTING", "VALUE", "SOURCE"), rows)
    return 0


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
