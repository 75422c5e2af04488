"""Shell: `pikube backup`: the whole cluster in one file, made while it runs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pikube.cli.access import add_access_flags, run_with_api
from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings

if TYPE_CHECKING:
    from pikube.certs.kubeconfig import Access
    from pikube.wire.client import ApiConnection

SUFFIX = ".pikube-backup.tar.gz"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("backup", help="write the whole cluster into one file")
    parser.add_argument(
        "path", metavar="PATH", nargs="?", default=".", help="a file, or a directory for it (.)"
    )
    parser.add_argument(
        "--keep", type=int, default=0, metavar="N", help="keep the newest N backups of that directory only"
    )
    add_flags(parser, "leader", only=("data-dir", "write-kubeconfig"))
    add_access_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    if arguments.keep < 0 or (arguments.keep and not Path(arguments.path).is_dir()):
        raise StartupError("--keep needs a number of 1 or more, and a directory that exists")
    target = target_of(Path(arguments.path), time.localtime())

    async def ask(connection: ApiConnection, access: Access) -> bytes:
        return await connection.request("GET", "/pikube/v1/backup")

    data = run_with_api(arguments.kubeconfig, settings.kubeconfig, arguments.context, ask)
    manifest_words = write(target, data)
    print(
        f"{target}: {manifest_words}. It holds the cluster's keys and Secrets: keep it where only you can read it."
    )
    if arguments.keep:
        for old in too_many(target.parent, arguments.keep):
            old.unlink()
            print(f"{old} removed", file=sys.stderr)
    return 0


def target_of(path: Path, now: time.struct_time) -> Path:
    """The file itself; in a directory a name that sorts by time."""
    return path / f"{time.strftime('%Y%m%d-%H%M%S', now)}{SUFFIX}" if path.is_dir() else path


def too_many(directory: Path, keep: int) -> list[Path]:
    """Our backups in a directory beyond the newest `keep`, by name."""
    return sorted(directory.glob(f"*{SUFFIX}"))[:-keep]


def write(target: Path, data: bytes) -> str:
    """Write it, read it back whole, and say what is in it. StartupError."""
    from pikube.certs.files import write_atomic
    from pikube.leader.archive import BadArchive, check

    try:
        write_atomic(target, data)
        manifest = check(target, target.with_name(f".{target.name}.check"))
    except OSError as error:
        raise StartupError(f"{target} cannot be written: {error.strerror or error}") from None
    except BadArchive as error:
        raise StartupError(f"the backup arrived damaged: {error}; try again") from None
    return f"cluster {manifest.cluster} of {manifest.made_at}, {len(data) // 1024 + 1} KiB"
