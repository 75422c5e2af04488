"""Shell: `pikube pair`: approve boards that wait, by the six digits that they show."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pikube.cli.access import add_access_flags, run_with_api
from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings
from pikube.cli.output import add_output_flag, print_json, print_table

if TYPE_CHECKING:
    from pikube.certs.kubeconfig import Access
    from pikube.wire.client import ApiConnection

PAIRINGS_PATH = "/pikube/v1/pairings"
COLUMNS = ("NAME", "MODEL", "SERIAL", "ADDRESS", "DIGITS", "WAITING", "REMARK")
LOOK_AGAIN_S = 1.0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "pair", help="approve boards that wait to join, by the digits that they show"
    )
    actions = parser.add_subparsers(metavar="ACTION")
    list_ = actions.add_parser("list", help="list the boards that wait")
    add_output_flag(list_)
    approve = actions.add_parser("approve", help="let a board join that shows these digits")
    reject = actions.add_parser("reject", help="turn a board away")
    for action in (approve, reject):
        action.add_argument("name", metavar="NAME", help="the board's name")
        action.add_argument("digits", metavar="DIGITS", help="the six digits that it shows")
        add_output_flag(action)
    for action, program in ((parser, talk), (list_, list_boards), (approve, decide), (reject, decide)):
        add_flags(action, "leader", only=("data-dir", "write-kubeconfig"))
        add_access_flags(action)
        action.set_defaults(run=run, program=program)
    approve.set_defaults(action="approve")
    reject.set_defaults(action="reject")


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)

    async def program(connection: ApiConnection, access: Access) -> int:
        return int(await arguments.program(connection, arguments))

    return run_with_api(arguments.kubeconfig, settings.kubeconfig, arguments.context, program)


async def waiting(connection: ApiConnection) -> list[dict[str, Any]]:
    """The boards that wait, the longest first. ApiError."""
    rows: list[dict[str, Any]] = json.loads(await connection.request("GET", PAIRINGS_PATH))["pairings"]
    return rows


async def send(connection: ApiConnection, action: str, name: str, digits: str) -> dict[str, Any]:
    """Approve or reject. ApiError."""
    path = f"{PAIRINGS_PATH}/{quote(name, safe='')}/{action}"
    answer: dict[str, Any] = json.loads(
        await connection.request("POST", path, body=json.dumps({"digits": digits}).encode())
    )
    return answer


async def list_boards(connection: ApiConnection, arguments: argparse.Namespace) -> int:
    rows = await waiting(connection)
    if arguments.output == "json":
        print_json({"pairings": rows})
    elif rows:
        print_table(COLUMNS, table_of(rows))
    else:
        print("No board is waiting.", file=sys.stderr)
    return 0


async def decide(connection: ApiConnection, arguments: argparse.Namespace) -> int:
    digits = arguments.digits.replace(" ", "")
    answer = await send(connection, arguments.action, arguments.name, digits)
    if arguments.output == "json":
        print_json(answer)
    else:
        print(words_of(arguments.action, arguments.name))
    return 0


async def talk(connection: ApiConnection, arguments: argparse.Namespace) -> int:
    """Ask about each board that waits; wait for the first when there is none."""
    if not sys.stdin.isatty():
        raise StartupError(
            "`pikube pair` asks, and there is no terminal: use `pikube pair list` and `pikube pair approve NAME "
            "DIGITS`"
        )
    rows = await first_boards(connection)
    print_table(COLUMNS, table_of(rows))
    for row in rows:
        action = ask(row)
        if action:
            await send(connection, action, row["name"], row["digits"])
            print(words_of(action, row["name"]))
    return 0


async def first_boards(connection: ApiConnection) -> list[dict[str, Any]]:
    """Those that wait; when none does, the first that comes."""
    import trio

    rows = await waiting(connection)
    if not rows:
        print("No board is waiting yet: run `sudo pikube join` on it. (Ctrl-C ends this.)", flush=True)
    while not rows:
        await trio.sleep(LOOK_AGAIN_S)
        rows = await waiting(connection)
    return rows


def ask(row: dict[str, Any]) -> str:
    """approve, reject, or '' for neither."""
    print()
    if row["takesThePlaceOf"]:
        print(f"{row['name']} would take the place of another board: {row['takesThePlaceOf']}.")
    print(f"Does {row['name']} show {row['digits'][:3]} {row['digits'][3:]}?")
    answer = input("y: approve, n: reject, Enter: neither > ").strip().lower()
    return {"y": "approve", "yes": "approve", "n": "reject", "no": "reject"}.get(answer, "")


def words_of(action: str, name: str) -> str:
    return f"{name} is approved and joins." if action == "approve" else f"{name} is rejected."


def table_of(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The lines; who shares a name with another that waits is told: one of them may be somebody else."""
    counts = Counter(row["name"] for row in rows)
    return [row_of(row, is_alone=counts[row["name"]] == 1) for row in rows]


def row_of(row: dict[str, Any], *, is_alone: bool) -> tuple[str, ...]:
    """A line of the table."""
    digits = f"{row['digits'][:3]} {row['digits'][3:]}"
    remark = f"takes the place of {row['takesThePlaceOf']}" if row["takesThePlaceOf"] else "new"
    if row["takesThePlaceOf"] and not row["replace"]:
        remark = "name taken: join with --replace"
    if not is_alone:
        remark = "not the only one of this name"
    waits = f"{row['waitingSeconds']}s"
    return (row["name"], row["model"], row["serial"] or row["mac"], row["address"], digits, waits, remark)
