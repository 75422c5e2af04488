"""Shell: `pikube status`: is the cluster well, and if not, what is to be done?"""

from __future__ import annotations

import argparse
import json
import ssl
import time
from typing import TYPE_CHECKING

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings
from pikube.cli.output import add_output_flag, print_json, print_table, render_table

if TYPE_CHECKING:
    from pikube.api.kinds.core_node import Node
    from pikube.certs.kubeconfig import Access
    from pikube.cli.status_report import NodeLine, Problem, Report, Seen
    from pikube.wire.client import ApiConnection

ASK_S = 3.0  # a board that is off does not answer; all are asked at once
KUBELET_PORT = 10250
COLUMNS = ("NAME", "STATUS", "ROLES", "VERSION", "ADDRESS", "MODEL", "PODS", "CERTIFICATE", "AGE")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pikube.cli.access import add_access_flags

    parser = commands.add_parser("status", help="show leader and nodes, and what is wrong")
    add_flags(parser, "leader", only=("data-dir", "write-kubeconfig"))
    add_access_flags(parser)
    add_output_flag(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    import msgspec

    from pikube.cli.access import run_with_api
    from pikube.cli.status_report import compute_report

    seen = run_with_api(arguments.kubeconfig, settings.kubeconfig, arguments.context, look)
    report = compute_report(seen)
    if arguments.output == "json":
        print_json(msgspec.to_builtins(report))
    else:
        print_report(report)
    return 1 if report.problems else 0


async def look(connection: ApiConnection, access: Access) -> Seen:
    """Ask for everything at once. ApiError, ConnectionLost."""
    import trio

    from pikube.api.kinds.core_node import Node
    from pikube.api.kinds.core_pod import Pod
    from pikube.certs.authority import facts_of
    from pikube.certs.enrolment import CLUSTER
    from pikube.cli.status_report import Seen
    from pikube.wire.typed_client import TypedClient

    client = TypedClient(connection)
    cluster = json.loads(await connection.request("GET", CLUSTER))
    asked_at = time.time()
    version = json.loads(await connection.request("GET", "/version"))
    nodes = (await client.list(Node)).items
    pods = (await client.list(Pod)).items
    failing = await failing_checks(connection)
    waiting = await waiting_boards(connection)
    ends: dict[str, float] = {}
    host, port = host_and_port(access.server)

    async def ask(name: str, host: str, port: int, server_name: str) -> None:
        found = await certificate_ends(host, port, access.ca, server_name)
        if found is not None:
            ends[name] = found

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "", host, port, "")
        for node in nodes:
            address = internal_ip(node)
            if address:
                name = node.metadata.name
                kubelet = node.status.daemon_endpoints.kubelet_endpoint.port or KUBELET_PORT
                nursery.start_soon(ask, name, address, kubelet, name)
    leader_ends = ends.pop("", None)
    return Seen(
        url=access.server,
        version=str(version.get("gitVersion", "")),
        failing=failing,
        nodes=nodes,
        pods=pods,
        waiting_boards=waiting,
        leader_certificate_ends=leader_ends,
        credential_ends=facts_of(access.certificate.encode()).expires_at if access.certificate else None,
        certificate_ends=ends,
        cluster=str(cluster.get("cluster", "")),
        leader_time=float(cluster.get("time") or asked_at),
        now=asked_at,
    )


async def failing_checks(connection: ApiConnection) -> list[str]:
    """The names of the leader's checks that are not well."""
    from pikube.api.errors import ApiError

    try:
        text = (await connection.request("GET", "/readyz", {"verbose": "true"})).decode("utf-8", "replace")
    except ApiError as error:
        text = error.message
    return [line.split()[0].removeprefix("[-]") for line in text.splitlines() if line.startswith("[-]")]


async def waiting_boards(connection: ApiConnection) -> int:
    """How many boards wait for `pikube pair`; 0 where we may not ask."""
    from pikube.api.errors import Forbidden, NotFound
    from pikube.cli.pair import PAIRINGS_PATH

    try:
        return len(json.loads(await connection.request("GET", PAIRINGS_PATH))["pairings"])
    except (Forbidden, NotFound):
        return 0


async def certificate_ends(host: str, port: int, ca: str, server_name: str) -> float | None:
    """When the certificate of a server ends, seconds since 1970; None when it cannot be asked or is not ours."""
    import trio

    from pikube.certs.contexts import client_context
    from pikube.wire.sockets import dial

    context = client_context(None, None, ca_data=ca, server_name=server_name or None)
    with trio.move_on_after(ASK_S):
        try:
            stream = await dial((host, port), context)
        except OSError:
            return None
        assert isinstance(stream, trio.SSLStream)
        certificate = stream.getpeercert() or {}
        await trio.aclose_forcefully(stream)
        ends = certificate.get("notAfter")
        return float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None
    return None


def internal_ip(node: Node) -> str:
    """Where its kubelet answers."""
    return next((a.address for a in node.status.addresses if a.type == "InternalIP"), "")


def host_and_port(url: str) -> tuple[str, int]:
    """Of an https URL. StartupError."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if not parts.hostname:
        raise StartupError(f"{url!r} in the kubeconfig is no URL of a leader")
    return parts.hostname, parts.port or 443


def print_report(report: Report) -> None:
    """For people: in colour on a terminal, the same words without it elsewhere."""
    import sys

    leader = report.leader
    ends = "" if leader.certificate_days is None else f", certificate for {leader.certificate_days} days"
    print(f"Cluster {report.cluster}: leader {leader.url}, {leader.version}{ends}\n")
    rows = [row_of(line) for line in report.nodes]
    if sys.stdout.isatty():
        print_in_colour(rows, report.problems)
    else:
        print_table(COLUMNS, rows)
        for problem in report.problems:
            print(f"\n✗ {problem.what}\n  → {problem.cure}")
    if report.pods:
        print("\nPods: " + ", ".join(f"{count} {status}" for status, count in report.pods.items()))
    if report.waiting_boards:
        print(f"\n{report.waiting_boards} board(s) wait for an approval: sudo pikube pair")
    if not report.problems:
        print("\nAll is well.")


def row_of(line: NodeLine) -> tuple[str, ...]:
    """A line of the table."""
    days = "?" if line.certificate_days is None else f"{line.certificate_days}d"
    return (
        line.name, line.status, line.roles, line.version, line.address, line.model, str(line.pods), days, line.age,
    )  # fmt: skip


def print_in_colour(rows: list[tuple[str, ...]], problems: tuple[Problem, ...]) -> None:
    """The same with rich; lines longer than the terminal are wrapped by it, never cut."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    header, *lines = render_table(COLUMNS, rows).splitlines()
    console.print(Text(header, style="bold"))
    begin = header.index("STATUS")
    for line, row in zip(lines, rows, strict=True):
        style = "green" if row[1] == "Ready" else "yellow" if row[1].startswith("Ready") else "red"
        text = Text(line)
        text.stylize(style, begin, begin + len(row[1]))
        console.print(text)
    for problem in problems:
        console.print(Text.assemble("\n", ("✗ ", "bold red"), problem.what))
        console.print(Text.assemble("  → ", (problem.cure, "cyan")))
