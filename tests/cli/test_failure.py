"""What a command says when it fails."""

import pytest

from pikube.__main__ import main, shown
from pikube.cli.failure import NO_MEMBER, StartupError


class Raising:
    """A command that does not get far."""

    def __init__(self, raised):
        self._raised = raised

    def add_parser(self, commands):
        commands.add_parser("version").set_defaults(run=self.run)

    def run(self, arguments):
        raise self._raised


def test_a_strangers_words_cannot_steer_the_terminal():
    assert shown("no leader: \x1b[2Jé\nnext") == "no leader: \N{REPLACEMENT CHARACTER}[2Jé\nnext"


@pytest.mark.parametrize(
    "raised",
    [
        KeyboardInterrupt(),
        BaseExceptionGroup("nursery", [BaseExceptionGroup("inner", [KeyboardInterrupt()])]),
    ],
)
def test_an_interrupted_command_ends_quietly(raised, capsys):
    assert main(["version"], lambda name: Raising(raised)) == 130
    assert capsys.readouterr().err == "\n"


def test_a_failure_is_one_sentence_and_its_exit_code(capsys):
    assert main(["version"], lambda name: Raising(StartupError("no card"))) == 1
    assert main(["version"], lambda name: Raising(StartupError("no longer the node", NO_MEMBER))) == 77
    assert capsys.readouterr().err == "pikube: no card\npikube: no longer the node\n"
