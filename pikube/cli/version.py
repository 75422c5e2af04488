"""Shell: `pikube version`."""

from __future__ import annotations

import argparse

import pikube


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("version", help="print the version")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    print(f"pikube {pikube.__version__}")
    return 0
