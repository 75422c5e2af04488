"""What a command says when it fails."""

import pytest

from pikube.__main__ import main, shown
from pikube.cli import version


def test_a_strangers_words_cannot_steer_the_terminal():
    assert shown("no leader: \x1b[2Jé\nnext") == "no leader: \N{REPLACEMENT CHARACTER}[2Jé\nnext"


@pytest.mark.parametrize(
    "raised",
    [
        KeyboardInterrupt(),
        BaseExceptionGroup("nursery", [BaseExceptionGroup("inner", [KeyboardInterrupt()])]),
    ],
)
def test_an_interrupted_command_ends_quietly(raised, monkeypatch, capsys):
    def run(arguments):
        raise raised

    monkeypatch.setattr(version, "run", run)
    assert main(["version"]) == 130
    assert capsys.readouterr().err == "\n"
