"""Durations as Go reads them."""

import pytest

from pikube.api.durations import BadDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("1h2m3.5s", 3723.5), ("300ms", 0.3), ("-1.5h", -5400), ("+5s", 5), (".5s", 0.5),
     ("1.s", 1), ("1h1h", 7200), ("2us", 2e-6), ("2µs", 2e-6), ("7ns", 7e-9)],
)  # fmt: skip
def test_what_go_reads(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("x", 'time: invalid duration "x"'),
        ("3", 'time: missing unit in duration "3"'),
        ("1h3", 'time: missing unit in duration "1h3"'),
        ("3d", 'time: unknown unit "d" in duration "3d"'),
        (".s", 'time: invalid duration ".s"'),
    ],
)
def test_what_it_does_not(text, words):
    with pytest.raises(BadDuration) as refused:
        parse_duration(text)
    assert str(refused.value) == words
