"""What a command says when it fails."""

from pikube.__main__ import shown


def test_a_strangers_words_cannot_steer_the_terminal():
    assert shown("no leader: \x1b[2Jé\nnext") == "no leader: \N{REPLACEMENT CHARACTER}[2Jé\nnext"
