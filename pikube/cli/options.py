"""Shell: flags, environment and configuration file into Settings."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pikube.cli.failure import StartupError
from pikube.config import SETTINGS, BadSetting, Settings, merge

CONFIG_FILE = "/etc/pikube/config.yaml"


def add_flags(parser: argparse.ArgumentParser, mode: str, *, only: Collection[str] = ()) -> None:
    """A flag for each setting of a mode (or for `only` some of them), and --config."""
    parser.add_argument("--config", metavar="FILE", default=None, help=f"settings file ({CONFIG_FILE})")
    for setting in SETTINGS:
        if mode not in setting.modes or (only and setting.name not in only):
            continue
        shown = "" if setting.default in ("", (), False) else f" ({setting.default})"
        words = setting.words.replace("%", "%%") + shown
        if setting.is_switch:
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
    given = vars(arguments)
    try:
        return merge(given, os.environ, _read_file(given.get("config")), host=socket.gethostname())
    except BadSetting as error:
        raise StartupError(str(error)) from None


def _read_file(name: str | None) -> Mapping[str, Any]:
    path = Path(name or os.environ.get("PIKUBE_CONFIG") or CONFIG_FILE)
    if not path.exists():
        if name:
            raise StartupError(f"there is no configuration file {path}")
        return {}
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
