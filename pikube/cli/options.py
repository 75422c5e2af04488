"""Shell: flags, environment and configuration file into Settings."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pikube.cli.failure import StartupError
from pikube.config import SETTINGS, BadSetting, Found, Settings, merge, resolve

T = TypeVar("T")

CONFIG_FILE = "/etc/pikube/config.yaml"


def add_flags(parser: argparse.ArgumentParser, *modes: str, only: Collection[str] = ()) -> None:
    """A flag for each setting of these modes (or for `only` some of them), and --config."""
    parser.add_argument("--config", metavar="FILE", default=None, help=f"settings file ({CONFIG_FILE})")
    for setting in SETTINGS:
        if not set(modes) & set(setting.modes) or (only and setting.name not in only):
            continue
        shown = "" if setting.default in ("", (), False) else f" ({setting.default})"
        words = (setting.words + shown).replace("%", "%%")
        if setting.is_switch and setting.default:  # to be switched off: --anonymous-auth=false
            parser.add_argument(
                setting.flag,
                dest=setting.name,
                nargs="?",
                const="true",
                default=None,
                metavar="BOOL",
                help=words,
            )
        elif setting.is_switch:
            parser.add_argument(
                setting.flag, dest=setting.name, action="store_const", const="true", default=None, help=words
            )
        else:
            action = "append" if setting.is_list else "store"
            parser.add_argument(
                setting.flag,
                dest=setting.name,
                action=action,
                default=None,
                metavar=setting.metavar,
                help=words,
            )


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Settings of a command. Raises StartupError in one sentence."""
    return _join(merge, arguments)


def read_resolved(arguments: argparse.Namespace) -> list[Found]:
    """The same, each with its source. Raises StartupError in one sentence."""
    return _join(resolve, arguments)


def flags_of(found: list[Found]) -> list[str]:
    """The flags that a person gave on the command line, to be given again at each start."""
    flags = []
    for each in found:
        if each.source != each.setting.flag:
            continue
        if each.setting.is_switch:
            flags.append(each.setting.flag if each.value else f"{each.setting.flag}=false")
            continue
        values = each.value if each.setting.is_list else (each.value,)
        flags += [f"{each.setting.flag}={value}" for value in values]
    return flags


def _join(join: Callable[..., T], arguments: argparse.Namespace) -> T:
    given = vars(arguments)
    try:
        return join(given, os.environ, _read_files(given.get("config")), host=socket.gethostname())
    except BadSetting as error:
        raise StartupError(str(error)) from None


def _read_files(name: str | None) -> dict[str, Mapping[str, Any]]:
    """The configuration file and, after it, the *.yaml of the directory beside it (config.yaml.d), by name."""
    path = Path(name or os.environ.get("PIKUBE_CONFIG") or CONFIG_FILE)
    if name and not path.exists():
        raise StartupError(f"there is no configuration file {path}")
    parts = sorted(path.with_name(f"{path.name}.d").glob("*.yaml"))
    return {str(each): _read_file(each) for each in (path, *parts) if each.exists()}


def _read_file(path: Path) -> Mapping[str, Any]:
    import yaml  # only those who have a file pay for it

    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StartupError(
            f"the configuration file {path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise StartupError(f"the configuration file {path} must hold settings as `name: value`")
    return document
