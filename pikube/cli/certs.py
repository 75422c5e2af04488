"""Shell: `pikube certs`: what expires when; `pikube certs rotate-ca`: another authority for the running cluster."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from pikube.cli.access import run_on_leader
from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings
from pikube.cli.output import add_output_flag, print_json, print_table
from pikube.config import Settings
from pikube.wire.client import ApiConnection

PATH = "/pikube/v1/certs"
LOOK_AGAIN_S = 1.0
DAY_S = 86400


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("certs", help="show what certificates expire when, and change the CA")
    actions = parser.add_subparsers(metavar="ACTION")
    rotate = actions.add_parser(
        "rotate-ca", help="move the running cluster to a new CA, without losing a board"
    )
    rotate.add_argument(
        "--finish", action="store_true",
        help="wait for boards that are off no longer; they must join again",
    )  # fmt: skip
    for action, run in ((parser, show), (rotate, rotate_ca)):
        add_flags(action, "leader")
        add_output_flag(action)
        action.set_defaults(run=run)


def show(arguments: argparse.Namespace) -> int:
    document = ask(read_settings(arguments), "GET", PATH)
    if arguments.output == "json":
        print_json(document)
        return 0
    print_table(("CERTIFICATE", "OF", "EXPIRES", "LEFT", "REMARK"), list(rows(document)))
    if document["phase"] != "idle":
        print(f"\nThe CA is being changed ({document['phase']}); waiting for {waiting(document)}.")
    return 0


def rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table's lines: authorities, the leader's, the boards'; what is left, by the leader's clock."""
    from pikube.api.times import parse_time

    now = parse_time(document["time"])
    found: list[tuple[str, ...]] = [
        (
            "ca",
            item["fingerprint"][:16],
            *_life(item["expires"], now),
            "signs" if item["signs"] else "trusted",
        )
        for item in document["authorities"]
    ]
    found += [(item["name"], "leader", *_life(item["expires"], now), "") for item in document["leader"]]
    found += [
        (
            "node",
            item["name"],
            *_life(item["expires"], now),
            "" if item["follows"] else "has not followed yet",
        )
        for item in document["boards"]
    ]
    return found


def _life(expires: str, now: float) -> tuple[str, str]:
    from pikube.api.times import parse_time

    if not expires:
        return "", "?"
    return expires, f"{int((parse_time(expires) - now) // DAY_S)}d"


def rotate_ca(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    document = ask(settings, "POST", f"{PATH}/{'finish' if arguments.finish else 'rotate'}")
    told = ""
    while document["phase"] != "idle":
        words = f"{document['phase']}: waiting for {waiting(document)}"
        if words != told:
            print(words, file=sys.stderr)
            told = words
        time.sleep(LOOK_AGAIN_S)
        document = ask(settings, "GET", PATH)
    if arguments.output == "json":
        print_json(document)
        return 0
    print(
        f"The cluster has a new CA, {document['authorities'][0]['fingerprint']}. Kubeconfigs and join tokens that "
        "were given away before are void: make new ones with `pikube kubeconfig` and `pikube token create`."
    )
    return 0


def waiting(document: dict[str, Any]) -> str:
    """Whom, in words."""
    return ", ".join(document["waitingFor"]) or "the next step"


def ask(settings: Settings, method: str, path: str) -> dict[str, Any]:
    """The leader's answer; TLS from the files as they are now. StartupError."""

    async def question(connection: ApiConnection) -> bytes:
        return await connection.request(method, path)

    document = json.loads(run_on_leader(settings, question))
    if not isinstance(document, dict):
        raise StartupError("the leader's answer cannot be read")
    return document
