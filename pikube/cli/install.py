"""Shell: `pikube install`: pikube as a service that starts with the board."""

from __future__ import annotations

import argparse
import os

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, flags_of, read_resolved


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("install", help="run the leader (or a joined agent) as a service of systemd")
    parser.add_argument("mode", choices=("leader", "agent"), help="what this board is")
    parser.add_argument("--no-start", action="store_true", help="install only; start it with systemctl")
    add_flags(parser, "leader", "agent")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from pikube import service

    found = read_resolved(arguments)
    for each in found:
        if each.source == each.setting.flag and arguments.mode not in each.setting.modes:
            raise StartupError(f"{each.setting.flag} is not a setting of the {arguments.mode}")
    if os.geteuid() != 0:
        raise StartupError("a service is installed by root: use sudo")
    if not service.has_systemd():
        raise StartupError(
            f"systemd does not run on this board: start `pikube {arguments.mode}` by its init instead"
        )
    unit = service.install(arguments.mode, flags_of(found))
    if not arguments.no_start:
        service.start(arguments.mode)
    print(
        f"{unit.name} is installed" + ("" if arguments.no_start else f" and runs: journalctl -fu {unit.name}")
    )
    return 0
