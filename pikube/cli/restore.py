"""Shell: `pikube restore`: a cluster out of a backup, on this card."""

from __future__ import annotations

import argparse
from pathlib import Path

from pikube.cli.failure import StartupError
from pikube.cli.options import add_flags, read_settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "restore", help="put a cluster from a backup on this board, the leader being stopped"
    )
    parser.add_argument("file", metavar="FILE", help="what `pikube backup` wrote")
    parser.add_argument(
        "--force", action="store_true", help="also when this board has a cluster; it is kept aside"
    )
    add_flags(parser, "leader", only=("data-dir", "node-name", "encryption-provider-config"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    from pikube.leader.archive import UNFINISHED, BadArchive, restore
    from pikube.leader.control_plane import describer, make_scheme
    from pikube.leader.encryption_file import load_encryption
    from pikube.leader.store.contract import StoreUnusable

    is_unfinished = (settings.data / UNFINISHED).exists()
    if settings.database.exists() and not arguments.force and not is_unfinished:
        raise StartupError(
            f"this board has a cluster already ({settings.database}): add --force to put the backup in its place; "
            "what is there is kept beside it as .before-restore"
        )
    if settings.membership.exists():
        raise StartupError(
            f"this board is a node of a cluster ({settings.membership}), and cannot lead another: forget that one "
            "with `pikube join --reset`, or restore on a fresh card"
        )
    archive = Path(arguments.file).absolute()
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        manifest, objects = restore(
            archive,
            settings.data,
            settings.database,
            settings.certificates,
            describer(make_scheme()),
            load_encryption(settings.encryption_provider_config),
        )
    except FileNotFoundError:
        raise StartupError(f"there is no {archive}: name a file that `pikube backup` wrote") from None
    except OSError as error:
        raise StartupError(
            f"the backup cannot be restored: {error.filename}: {error.strerror or error}"
        ) from None
    except (BadArchive, StoreUnusable) as error:
        raise StartupError(str(error)) from None
    keys = settings.encryption_provider_config
    start = f"pikube leader --encryption-provider-config {keys}" if keys else "pikube leader"
    print(
        f"Cluster {manifest.cluster} of {manifest.made_at} is restored: {objects} objects. Start it: {start}"
    )
    if manifest.node != settings.node_name:
        print(
            f"Its leader's board was called {manifest.node}, this one is {settings.node_name}: start it with "
            f"--node-name {manifest.node} to be the same node, or remove the old one with `kubectl delete node "
            f"{manifest.node}`."
        )
    return 0
