"""Shell: how commands reach the API. There are two ways, and each command has one.

    with a kubeconfig, from any computer, as kubectl does    status, pair, backup      `run_with_api`
    as the administrator, on the leader's own board          token, certs              `run_on_leader`

The second is for what concerns the authority itself: its files are true at every moment of a change of CA, when a
kubeconfig may be out of date. Enter: flags, settings. Leaves: what a command's program returns. A command that cannot
reach its leader ends with one sentence that says what to do.
"""

from __future__ import annotations

import argparse
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, Unauthorized
from pikube.certs.contexts import client_context
from pikube.certs.directory import CertificateDirectory
from pikube.certs.kubeconfig import Access, BadKubeconfig, parse_document, read_access
from pikube.certs.profiles import ADMIN, LEADER_NAME
from pikube.cli.failure import StartupError
from pikube.config import Settings
from pikube.wire.client import ApiConnection, open_api_connection

T = TypeVar("T")


def add_access_flags(parser: argparse.ArgumentParser) -> None:
    """--kubeconfig and --context."""
    parser.add_argument(
        "--kubeconfig",
        default="",
        metavar="FILE",
        help="who we are and where the leader is (default: $KUBECONFIG, this leader's own, ~/.kube/config)",
    )
    parser.add_argument("--context", default="", metavar="NAME", help="the context in it (the current one)")


def find_kubeconfig(given: str, own: Path) -> Path:
    """The file to use; `own` is the one that a leader on this board writes."""
    if given:
        return Path(given).expanduser()
    for name in os.environ.get("KUBECONFIG", "").split(":"):
        if name and Path(name).exists():
            return Path(name)
    if own.exists() and os.access(own, os.R_OK):
        return own
    return Path("~/.kube/config").expanduser()


def load_access(given: str, own: Path, context: str = "") -> Access:
    """StartupError when there is none that can be used."""
    path = find_kubeconfig(given, own)
    try:
        return read_access(parse_document(path.read_text()), context)
    except FileNotFoundError:
        raise StartupError(
            f"there is no {path}: run this on the leader with sudo, or get a kubeconfig there with "
            "`sudo pikube kubeconfig` and name it with --kubeconfig"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} cannot be read ({getattr(error, 'strerror', error)}): try sudo") from None
    except BadKubeconfig as error:
        raise StartupError(f"{path} {error}; name another one with --kubeconfig") from None


def context_of(access: Access) -> ssl.SSLContext:
    """TLS as the kubeconfig says: its CA, its certificate."""
    if not access.certificate:
        return client_context(None, None, ca_data=access.ca)
    with tempfile.NamedTemporaryFile(prefix="pikube-") as file:  # 0600; OpenSSL reads keys from files only
        file.write(access.certificate.encode() + b"\n" + access.key.encode())
        file.flush()
        return client_context(None, Path(file.name), ca_data=access.ca)


@asynccontextmanager
async def open_api(access: Access) -> AsyncIterator[ApiConnection]:
    """A connection to the API with the rights of a kubeconfig."""
    async with open_api_connection([access.server], context_of(access), token=access.token) as connection:
        yield connection


def run_with_api(
    given: str, own: Path, context: str, program: Callable[[ApiConnection, Access], Awaitable[T]]
) -> T:
    """Run a command's program on a connection of the kubeconfig's. StartupError for whatever the API or the way to it
    says."""
    access = load_access(given, own, context)

    async def main() -> T:
        async with open_api(access) as connection:
            return await program(connection, access)

    return run_said(access.server, main)


def run_on_leader(settings: Settings, program: Callable[[ApiConnection], Awaitable[T]]) -> T:
    """Run a command's program as kubernetes-admin, with the files of the leader on this board. StartupError."""
    directory = CertificateDirectory(settings.certificates)
    leaf = directory.leaf_file(ADMIN)
    try:
        tls = client_context(directory.ca_file, leaf, server_name=LEADER_NAME)
    except FileNotFoundError:
        raise StartupError(
            f"there is no {leaf}: this command is for the leader's board; has `pikube leader` run here?"
        ) from None
    except PermissionError:
        raise StartupError(f"{leaf} may be read by root only: try sudo") from None
    host = "127.0.0.1" if settings.bind_address in ("0.0.0.0", "::") else settings.bind_address
    url = f"https://[{host}]" if ":" in host else f"https://{host}"
    url = f"{url}:{settings.https_listen_port}"

    async def main() -> T:
        async with open_api_connection([url], tls) as connection:
            return await program(connection)

    return run_said(url, main)


def run_said(url: str, main: Callable[[], Awaitable[T]]) -> T:
    """Under Trio; what the API, or the way to it, answers becomes a sentence. StartupError."""
    import trio

    try:
        return trio.run(main)
    except ConnectionLost as error:
        raise StartupError(
            f"the leader {url} does not answer ({error}): is it running? `pikube discover` shows where leaders are"
        ) from None
    except Unauthorized as error:
        raise StartupError(
            f"the leader {url} does not know who we are ({error}): get a new kubeconfig there with "
            "`sudo pikube kubeconfig`"
        ) from None
    except ApiError as error:
        raise StartupError(str(error)) from None
