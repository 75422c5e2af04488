"""Which lines of a container's log a client gets."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.agent.log_lines import LineReader, tail_offset
from pikube.api.errors import BadRequest
from pikube.api.log_options import LogWish, log_options_causes, parse_log_options

STAMP = "2026-11-24T15:39:%02d.510523313+00:00"
WHOLE = b"".join(
    f"{STAMP % second} {rest}\n".encode()
    for second, rest in enumerate(
        ("stdout F one", "stderr F two", "stdout P thr", "stdout F ee", "stdout P open")
    )
)
NOW = 1_795_534_800.0  # 2026-11-24T15:40:00Z


def read(query, data=WHOLE):
    wish = parse_log_options(query)
    if wish.tail_lines is not None:
        data = data[tail_offset(data, wish.tail_lines) :]
    return LineReader(wish, NOW).feed(data)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", b"one\ntwo\nthree\nopen"),
        ("tailLines=1", b"open"),
        ("tailLines=2", b"three\nopen"),
        ("tailLines=3", b"two\nthree\nopen"),
        ("tailLines=0", b""),
        ("tailLines=99", b"one\ntwo\nthree\nopen"),
        ("limitBytes=5", b"one\nt"),
        ("sinceTime=2026-11-24T15:39:02Z", b"three\nopen"),
        ("sinceSeconds=58", b"three\nopen"),
        ("stream=Stderr", b"two\n"),
        (
            "timestamps=true&tailLines=2",
            b"2026-11-24T15:39:02.510523313Z three\n2026-11-24T15:39:04.510523313Z open",
        ),
    ],
)
def test_a_client_gets_the_lines_it_wished(query, text):
    assert read(query) == text


def test_a_file_that_ends_with_a_whole_line_has_no_open_one():
    data = WHOLE[: WHOLE.index(b"ee\n") + 3]
    assert read("tailLines=1", data) == b"three\n"


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8), st.none() | st.integers(1, 20))
def test_a_log_may_be_read_in_any_pieces(cuts, limit_bytes):
    wish = LogWish(limit_bytes=limit_bytes)
    reader = LineReader(wish, NOW)
    edges = [0, *sorted(cuts), len(WHOLE)]
    pieces = b"".join(reader.feed(WHOLE[a:b]) for a, b in itertools.pairwise(edges))
    assert pieces == LineReader(wish, NOW).feed(WHOLE)


@pytest.mark.parametrize(
    "query", ["tailLines=x", "limitBytes=1.5", "sinceTime=noon", "sinceSeconds=99999999999999999999"]
)
def test_what_is_no_number_and_no_time_is_a_bad_request(query):
    with pytest.raises(BadRequest):
        parse_log_options(query)


def test_since_is_named_once():
    (cause,) = log_options_causes(parse_log_options("sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z"))
    assert cause.message.endswith("at most one of `sinceTime` or `sinceSeconds` may be specified")
