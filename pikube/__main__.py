"""Shell: argv to one command; nothing is imported before it is known to be needed."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from typing import Any

from pikube.cli.failure import StartupError

COMMANDS = (
    "leader",
    "agent",
    "join",
    "token",
    "certs",
    "discover",
    "check",
    "flash-files",
    "install",
    "uninstall",
    "pair",
    "status",
    "backup",
    "restore",
    "config",
    "kubeconfig",
    "version",
)
HIDDEN = ("relay",)  # what pikube runs itself


def load(name: str) -> Any:
    """The module of a command."""
    return importlib.import_module(f"pikube.cli.{name.replace('-', '_')}")


def main(argv: list[str] | None = None, load: Callable[[str], Any] = load) -> int:
    """Run one command; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="pikube", description="Kubernetes for a drawer of Raspberry Pis.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    wanted = [name for name in (*COMMANDS, *HIDDEN) if name in arguments[:1]] or COMMANDS
    for name in wanted:
        load(name).add_parser(commands)
    parsed = parser.parse_args(arguments)
    try:
        try:
            return int(parsed.run(parsed))
        except* KeyboardInterrupt:  # alone, or in the groups of Trio's nurseries
            print(file=sys.stderr)
    except StartupError as error:
        print(f"pikube: {shown(str(error))}", file=sys.stderr)
        return error.exit_code
    return 130  # as shells tell an interrupted program


def shown(text: str) -> str:
    """For a terminal: what a stranger answered may be in it, and must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


if __name__ == "__main__":
    sys.exit(main())
