"""Pure: the reference of all settings, as docs/configuration.md has it. Written by scripts/configuration."""

from __future__ import annotations

from typing import Any

from pikube.config import SETTINGS

HEAD = """\
# Configuration

Each setting is a flag, a variable and a line of `/etc/pikube/config.yaml` (or of a file in
`/etc/pikube/config.yaml.d/`). Flags count before variables, variables before files, a later file before an earlier
one. `pikube config` prints what is in force and where it comes from. An unknown name is an error.

| flag, `config.yaml` | variable | default | of | |
|---|---|---|---|---|
"""


def render_reference() -> str:
    """Markdown, one row a setting."""
    rows = [
        f"| `{setting.flag}` | `{setting.variable}` | {_shown(setting.default)} | {' '.join(setting.modes)} "
        f"| {setting.words.replace('|', chr(92) + '|')} |\n"
        for setting in SETTINGS
    ]
    return HEAD + "".join(rows)


def _shown(value: Any) -> str:
    if value in ("", ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
