"""Shell: `pikube check`: the preflight: what of this board is ready for pikube, and what cures the rest."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from pikube.cli.options import add_flags, read_settings
from pikube.cli.output import add_output_flag, print_json

FLAGS = (
    "data-dir", "https-listen-port", "kubelet-port", "cluster-cidr", "service-cidr",
    "podman-root", "podman-runroot", "podman-network-dir", "containers-conf",
)  # fmt: skip
MARKS = {"ok": ("✓", "32"), "warn": ("!", "33"), "fail": ("✗", "31"), "unknown": ("?", "36")}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check", help="say what of this board is ready for pikube, and what cures the rest"
    )
    add_flags(parser, "leader", "agent", only=FLAGS)
    parser.add_argument("--fix", action="store_true", help="apply the cures that are safe")
    parser.add_argument("--no-container", action="store_true", help="run no container")
    parser.add_argument("--agent", action="store_true", help="for a board that will not lead")
    add_output_flag(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from pikube.agent.agent import podman_place  # what the program itself would run
    from pikube.preflight.findings import FAIL, findings
    from pikube.preflight.fixes import FixFailed, apply_fix
    from pikube.preflight.look import look

    settings = read_settings(arguments)
    place = podman_place(settings)
    ports = [(settings.kubelet_port, "logs and exec")]
    if not arguments.agent:
        ports.insert(0, (settings.https_listen_port, "the API"))
    board = look(
        data_dir=settings.data_dir,
        ports=ports,
        cluster_cidr=settings.cluster_cidr,
        service_cidr=settings.service_cidr,
        podman=place.prefix(),
        environment=place.environment(),
        with_trial=not arguments.no_container,
    )
    found = findings(board)
    done: list[str] = []
    is_broken = any(each.level == FAIL for each in found)
    if arguments.fix:
        for name in dict.fromkeys(each.fix for each in found if each.fix):
            try:
                done.append(apply_fix(name, board))
            except FixFailed as failure:
                done.append(str(failure))
                is_broken = True
    if arguments.output == "json":
        print_json({"ok": not is_broken, "findings": [asdict(each) for each in found], "fixed": done})
        return 1 if is_broken else 0
    for each in found:
        mark, colour = MARKS[each.level]
        print(
            f"{_coloured(mark, colour)} {each.name}: {each.message}"
            + (f" → {each.cure}" if each.cure else "")
        )
    for sentence in done:
        print(f"{_coloured('+', '32')} {sentence}")
    return 1 if is_broken else 0


def _coloured(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() else text
