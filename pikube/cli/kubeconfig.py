"""Shell: `pikube kubeconfig`: a kubeconfig for the administrator, or for somebody else, printed or merged."""

from __future__ import annotations

import argparse
import os
import pwd
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings
from pikube.config import Settings

LIFE = re.compile(r"([1-9][0-9]{0,4})([dh])")
LOOPBACKS = ("127.0.0.1", "::1", "localhost")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("kubeconfig", help="print a kubeconfig, or merge it into yours")
    add_flags(parser, "leader", only=("data-dir", "write-kubeconfig", "cluster-name", "discovery-interface"))
    parser.add_argument(
        "--host", default="", metavar="HOST", help="name or address of the leader to write into it"
    )
    parser.add_argument(
        "--name", default="", help="what to call the cluster in it (default: the cluster's name)"
    )
    parser.add_argument(
        "--user", default="", metavar="NAME", help="a new certificate for this person, not the admin's"
    )
    parser.add_argument(
        "--group", action="append", default=[], metavar="GROUP", help="a group of that person (again: more)"
    )
    parser.add_argument(
        "--expires", default="365d", metavar="TIME", help="how long that certificate lives: 30d, 8h (365d)"
    )
    parser.add_argument(
        "--merge", action="store_true", help="merge into $KUBECONFIG or ~/.kube/config, and use it"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    document = own_document(settings, arguments.host)
    from pikube.certs.kubeconfig import renamed, render_document

    name = arguments.name or settings.cluster_name
    if arguments.user:
        document = issue_for(document, arguments, name)
    elif document["clusters"][0]["name"] != name:
        document = renamed(document, name)
    if not arguments.merge:
        sys.stdout.write(render_document(document))
        return 0
    path = merge_into_file(document)
    print(
        f"Merged {name} into {path}; its context {document['current-context']} is the current one.",
        file=sys.stderr,
    )
    return 0


def own_document(settings: Settings, host: str) -> dict[str, Any]:
    """What the leader on this board wrote, with an address that other computers of the LAN reach. StartupError."""
    path = settings.kubeconfig
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise StartupError(
            f"there is no {path}: run this on the leader; has `pikube leader` started there?"
        ) from None
    except PermissionError:
        raise StartupError(f"{path} may be read by root only: try sudo") from None
    from pikube.certs.kubeconfig import BadKubeconfig, parse_document, read_access, with_server

    try:
        document = parse_document(text)
        server = read_access(document).server
    except BadKubeconfig as error:
        raise StartupError(
            f"{path} {error}; remove it, and the leader writes it anew when it starts"
        ) from None
    return with_server(document, reachable(server, host, settings))


def reachable(server: str, host: str, settings: Settings) -> str:
    """The URL with `host`; or with an address that this board has now, if the one in it is gone or a loopback."""
    from pikube.wire.interfaces import lan_addresses

    parts = urlsplit(server)
    if not host:
        addresses = lan_addresses(settings.discovery_interface)
        is_good = parts.hostname in addresses or (parts.hostname not in LOOPBACKS and not addresses)
        host = (parts.hostname or "") if is_good or not addresses else addresses[0]
    shown = f"[{host}]" if ":" in host else host
    return f"https://{shown}:{parts.port or 443}"


def seconds_of(text: str) -> int:
    """30d or 8h, in seconds. StartupError."""
    match = LIFE.fullmatch(text)
    if match is None:
        raise StartupError(f"--expires is a number of days or hours, as 30d or 8h, not {text!r}")
    return int(match[1]) * (86400 if match[2] == "d" else 3600)


def issue_for(document: dict[str, Any], arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    """The kubeconfig of somebody else: a key made here, its certificate from the cluster. StartupError."""
    from pikube.certs.kubeconfig import kubeconfig_document, read_access
    from pikube.cli.access import open_api, run_said
    from pikube.cli.people import issue_client_certificate

    access = read_access(document)
    life_s = seconds_of(arguments.expires)

    async def main() -> Any:
        async with open_api(access) as connection:
            return await issue_client_certificate(connection, arguments.user, arguments.group, life_s)

    pair = run_said(access.server, main)
    return kubeconfig_document(access.server, access.ca.encode(), pair, name=name, user=arguments.user)


def merge_into_file(document: dict[str, Any]) -> Path:
    """Merge into the person's kubeconfig, atomically; under sudo that of who called it. StartupError."""
    from pikube.certs.files import read_or_none, write_atomic
    from pikube.certs.kubeconfig import BadKubeconfig, merged, parse_document, render_document

    path, owner = persons_kubeconfig()
    is_new_directory = not path.parent.exists()
    try:
        old = (read_or_none(path) or b"").decode()
        text = render_document(merged(parse_document(old), document))
        write_atomic(path, text.encode())
        if owner is not None:
            os.chown(path, owner.pw_uid, owner.pw_gid)
            if is_new_directory:
                os.chown(path.parent, owner.pw_uid, owner.pw_gid)
    except BadKubeconfig as error:
        raise StartupError(f"{path} {error}: choose another --name for this one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} cannot be written ({getattr(error, 'strerror', error)})") from None
    return path


def persons_kubeconfig() -> tuple[Path, pwd.struct_passwd | None]:
    """($KUBECONFIG's first file or ~/.kube/config, who owns it if that is not us)."""
    named = os.environ.get("KUBECONFIG", "").split(":")[0]
    caller = os.environ.get("SUDO_USER", "")
    owner = None
    if os.geteuid() == 0 and caller and caller != "root":
        try:
            owner = pwd.getpwnam(caller)
        except KeyError:
            owner = None
    home = Path(owner.pw_dir) if owner is not None else Path("~").expanduser()
    return (Path(named) if named else home / ".kube" / "config"), owner
