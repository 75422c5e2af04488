"""Shell: `pikube flash-files`: write to a card's boot partition what makes it a node at its first start."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from pikube.cli.failure import StartupError
from pikube.config import AGENT, BY_NAME, LEADER


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("flash-files", help="make a card start as a node, with nobody logging in")
    add = parser.add_argument
    add("--node", required=True, metavar="NAME", help="the board's name")
    add("--out", required=True, metavar="DIR", type=Path, help="where the card's boot partition is mounted")
    add("--mode", choices=("leader", "agent"), default="agent", help="what the board will be (agent)")
    add("--format", choices=("auto", "cloud-init", "firstrun"), default="auto",
        help="cloud-init for Raspberry Pi OS Trixie and Ubuntu, firstrun for Bookworm (seen by files)")  # fmt: skip
    add("--token", default="", metavar="TOKEN", help="from `pikube token create`")
    add("--ca-hash", default="", metavar="HASH", help="the cluster's CA, to be approved by `pikube pair`")
    add("--server", default="", metavar="URL", help="the leader, where mDNS does not reach")
    add("--user", default="pi", metavar="NAME", help="the person's account (pi)")
    add(
        "--ssh-key",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="a public key that may log in",
    )
    add("--password-hash", default="", metavar="HASH", help="as `openssl passwd -6` prints it")
    add("--wifi-ssid", default="", metavar="NAME")
    add("--wifi-passphrase-file", default=None, metavar="FILE", type=Path)
    add("--wifi-country", default="", metavar="CC", help="two letters, for example DE")
    add("--timezone", default="", metavar="ZONE", help="for example Europe/Berlin")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="a line of the board's config.yaml")
    add("--program", action="append", default=[], metavar="FILE", type=Path,
        help="the self-contained program (pikube-aarch64), or .deb files for a board without internet")  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from pikube.flash.card import BadCard, Card, Wifi
    from pikube.flash.render import boot_files
    from pikube.flash.write import guess_format, write_boot_files

    try:
        wifi = None
        if arguments.wifi_ssid:
            passphrase = _read(arguments.wifi_passphrase_file, "--wifi-passphrase-file") or ""
            wifi = Wifi(ssid=arguments.wifi_ssid, passphrase=passphrase, country=arguments.wifi_country)
        card = Card(
            node=arguments.node,
            mode=arguments.mode,
            user=arguments.user,
            ssh_keys=tuple(_keys(arguments.ssh_key)),
            password_hash=arguments.password_hash,
            wifi=wifi,
            timezone=arguments.timezone,
            token=arguments.token,
            ca_hash=arguments.ca_hash,
            settings=_settings(arguments),
        )
        format_ = guess_format(arguments.out) if arguments.format == "auto" else arguments.format
        payload = [_existing(path) for path in arguments.program]
        written = write_boot_files(arguments.out, boot_files(card, format_), format_, payload)
    except BadCard as error:
        raise StartupError(str(error)) from None
    for name in written:
        print(arguments.out / name)
    return 0


def _settings(arguments: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    modes = LEADER if arguments.mode == "leader" else AGENT
    pairs = [("server", arguments.server)] if arguments.server else []
    for text in arguments.set:
        name, separator, value = text.partition("=")
        known = BY_NAME.get(name)
        if not separator or known is None or not set(modes) & set(known.modes):
            raise StartupError(f"--set {text}: write NAME=VALUE with a setting of the {arguments.mode}")
        try:
            known.read(value)
        except ValueError as error:
            raise StartupError(f"--set {name} cannot be {value!r}: {error}") from None
        pairs.append((name, value))
    return tuple(pairs)


def _keys(files: Iterable[Path]) -> list[str]:
    return [line for file in files for line in (_read(file, "--ssh-key") or "").splitlines() if line.strip()]


def _read(file: Path | None, flag: str) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{flag} {file} cannot be read: {error}") from None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise StartupError(f"--program {path}: there is no such file")
    return path
