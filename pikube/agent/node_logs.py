"""Shell: the kubelet API's /logs/: the files below /var/log, for who may (`nodes/log`).

Enter: a path. Leaves: a file, or the list of a directory as Go's file server writes it. Source: kubernetes
pkg/kubelet/server/server.go:InstallSystemLogHandler, Go net/http/fs.go:dirList.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

import trio

from pikube.api.errors import PathNotFound
from pikube.wire.messages import Answer, Response, Send, StreamResponse

ROOT = Path("/var/log")
READ_BYTES = 256 * 1024


async def node_log(path: str, root: Path = ROOT) -> Answer:
    """What is at `path` below `root`. PathNotFound, also for what lies elsewhere."""
    place = Path(os.path.realpath(root / path.strip("/")))
    if not place.is_relative_to(os.path.realpath(root)):
        raise PathNotFound()
    if place.is_dir():
        return await trio.to_thread.run_sync(_listed, place)
    if not place.is_file():
        raise PathNotFound()

    async def run(send: Send) -> None:
        async with await trio.open_file(place, "rb") as file:
            left = os.fstat(file.fileno()).st_size  # not what is written meanwhile
            while left > 0 and (data := await file.read(min(READ_BYTES, left))):
                left -= len(data)
                await send(data)

    return StreamResponse(200, (("Content-Type", "text/plain; charset=utf-8"),), run)


def _listed(place: Path) -> Response:
    names = sorted(f"{found.name}/" if found.is_dir() else found.name for found in place.iterdir())
    links = "".join(f'<a href="{quote(name)}">{escape(name)}</a>\n' for name in names)
    return Response(
        200, (("Content-Type", "text/html; charset=utf-8"),), (f"<pre>\n{links}</pre>\n".encode(),)
    )
