"""Shell: `pikube kubeconfig`: print the administrator's kubeconfig."""

from __future__ import annotations

import argparse
import re
import sys

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("kubeconfig", help="print the administrator's kubeconfig")
    add_flags(parser, "leader")
    parser.add_argument(
        "--host", default="", metavar="HOST", help="name or address of the leader to write into it"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = read_settings(arguments).kubeconfig
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise StartupError(f"there is no {path}: has `pikube leader` run on this board?") from None
    except PermissionError:
        raise StartupError(f"{path} may be read by root only: try sudo") from None
    if arguments.host:
        text = re.sub(r"(server: https://)[^:/]+", rf"\g<1>{arguments.host}", text)
    sys.stdout.write(text)
    return 0
