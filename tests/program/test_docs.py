"""The documents say what the program does."""

import re
from pathlib import Path

import pytest

from pikube.__main__ import COMMANDS
from pikube.cli.reference import render_reference

ROOT = Path(__file__).parent.parent.parent
DOCS = [ROOT / "README.md", ROOT / "ansible/README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_is_that_of_the_settings():
    assert (ROOT / "docs/configuration.md").read_text() == render_reference(), "run scripts/configuration"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described(command):
    assert f"`pikube {command}" in (ROOT / "docs/commands.md").read_text()


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
