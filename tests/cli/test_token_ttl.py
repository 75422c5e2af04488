"""How long a token is to serve, as people write it."""

import pytest

from pikube.cli.failure import StartupError
from pikube.cli.token import read_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("24h", 86400), ("7d", 604800)],
)
def test_a_time_is_read(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5m", "7 d", "7dd", "1d12h", "²d", "5w"])
def test_what_is_no_time_is_refused_in_words(text):
    with pytest.raises(StartupError, match="is no time: write 30m, 24h or 7d"):
        read_duration(text)
