"""Shell: `pikube token create|list|revoke`: tokens with which boards join."""

from __future__ import annotations

import argparse
import re
import secrets

from pikube.api.durations import BadDuration, parse_duration
from pikube.api.errors import NotFound
from pikube.api.kinds.core_config import Secret
from pikube.cli.access import run_on_leader
from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings
from pikube.config import Settings
from pikube.wire.client import ApiConnection

DAY_S = 86400


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("token", help="make, list and revoke tokens with which boards join")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a token and print it; it cannot be shown again")
    create.add_argument(
        "--ttl", default="24h", metavar="TIME", help="how long it serves: 30m, 24h (the default), 0 for ever"
    )
    create.add_argument(
        "--uses", type=int, default=None, metavar="N", help="how many boards may use it (any number)"
    )
    create.add_argument("--description", default="", metavar="WORDS", help="what it is for")
    list_ = actions.add_parser("list", help="list tokens, without their secrets")
    list_.add_argument("-o", "--output", choices=("table", "json"), default="table")
    revoke = actions.add_parser("revoke", aliases=["delete"], help="make a token worthless")
    revoke.add_argument("token", metavar="ID", nargs="+", help="the token, or the part before its first dot")
    for action, run in ((create, run_create), (list_, run_list), (revoke, run_revoke)):
        add_flags(action, "leader")
        action.set_defaults(run=run)


def run_create(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    life_s = read_duration(arguments.ttl)
    if arguments.uses is not None and arguments.uses < 1:
        raise StartupError("--uses must be 1 or more")
    print(make_token(settings, life_s, arguments.uses, arguments.description))
    return 0


def make_token(settings: Settings, life_s: float, uses: int | None, description: str) -> str:
    """A new token; its hash is stored. Raises StartupError."""
    from pikube.certs import join_token
    from pikube.certs.authority import fingerprint
    from pikube.certs.authority_files import AuthorityFiles
    from pikube.leader.join_tokens import token_secret
    from pikube.wire.typed_client import TypedClient

    async def create(connection: ApiConnection) -> str:
        serving = AuthorityFiles(settings.certificates).load().serving
        token = join_token.make_token(secrets.token_bytes(32), fingerprint(serving.certificate))
        expires_at = await leader_time(connection) + life_s if life_s else None
        secret = token_secret(token, expires_at=expires_at, uses=uses, description=description)
        await TypedClient(connection).create(secret)
        return str(token)

    return run_on_leader(settings, create)


async def leader_time(connection: ApiConnection) -> float:
    """By the clock that will judge the token: this board's own may be years behind what its leader knows."""
    from msgspec import json

    from pikube.certs.enrolment import CLUSTER, ClusterDocument

    return json.decode(await connection.request("GET", CLUSTER), type=ClusterDocument).time


def run_list(arguments: argparse.Namespace) -> int:
    from pikube.api.times import render_time
    from pikube.leader.join_tokens import NAMESPACE, KnownToken, read_secret
    from pikube.wire.typed_client import TypedClient

    async def find(connection: ApiConnection) -> tuple[list[KnownToken], float]:
        listed = await TypedClient(connection).list(Secret, NAMESPACE)
        known = [token for secret in listed.items if (token := read_secret(secret)) is not None]
        return known, await leader_time(connection)

    known, now = run_on_leader(read_settings(arguments), find)
    rows = [
        {
            "id": token.id,
            "expires": render_time(token.expires_at) if token.expires_at is not None else None,
            "expired": token.expires_at is not None and token.expires_at <= now,
            "usesLeft": token.uses_left,
            "description": token.description,
        }
        for token in known
    ]
    if arguments.output == "json":
        import json

        print(json.dumps(rows, indent=2))
        return 0
    from pikube.cli.output import print_table

    print_table(
        ("ID", "EXPIRES", "USES LEFT", "DESCRIPTION"),
        [
            (
                str(row["id"]),
                "expired" if row["expired"] else str(row["expires"] or "never"),
                "any" if row["usesLeft"] is None else str(row["usesLeft"]),
                str(row["description"]),
            )
            for row in rows
        ],
    )
    return 0


def run_revoke(arguments: argparse.Namespace) -> int:
    from pikube.leader.join_tokens import NAMESPACE, PREFIX
    from pikube.wire.typed_client import TypedClient

    async def revoke(connection: ApiConnection) -> None:
        client = TypedClient(connection)
        for text in arguments.token:
            token_id = text.partition(".")[0]
            try:
                await client.delete(Secret, PREFIX + token_id, NAMESPACE)
            except NotFound:
                raise StartupError(f"there is no token {token_id}: see `pikube token list`") from None
            print(f"token {token_id} revoked")

    run_on_leader(read_settings(arguments), revoke)
    return 0


def read_duration(text: str) -> float:
    """Seconds of `90s`, `1h30m`, `24h`, `7d`, or a number of seconds. Raises StartupError."""
    if match := re.fullmatch(r"(\d+)(d?)", text, re.ASCII):
        return int(match[1]) * (DAY_S if match[2] else 1)
    try:
        seconds = parse_duration(text)
    except BadDuration:
        seconds = -1.0
    if seconds < 0:
        raise StartupError(f"{text!r} is no time: write 30m, 24h or 7d")
    return seconds
