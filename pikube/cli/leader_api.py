"""Shell: the leader of this board, for commands that ask it something as the administrator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError
from pikube.certs.contexts import client_context
from pikube.certs.directory import CertificateDirectory
from pikube.certs.profiles import ADMIN, LEADER_NAME
from pikube.cli.failure import StartupError
from pikube.config import Settings
from pikube.wire.client import ApiConnection, open_api_connection

T = TypeVar("T")


def ask_leader(settings: Settings, question: Callable[[ApiConnection], Awaitable[T]]) -> T:
    """What `question` returns, asked over a connection as kubernetes-admin. Raises StartupError."""
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
    host = f"[{host}]" if ":" in host else host
    url = f"https://{host}:{settings.https_listen_port}"

    async def ask() -> T:
        async with open_api_connection([url], tls) as connection:
            return await question(connection)

    try:
        return trio.run(ask)
    except ConnectionLost as error:
        raise StartupError(f"the leader does not answer: {error}; is `pikube leader` running?") from None
    except ApiError as error:
        raise StartupError(error.message) from None
