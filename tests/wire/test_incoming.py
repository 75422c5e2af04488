"""A client's bytes as requests: what is one, what is none, and where one ends."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.wire.incoming import Incoming, Malformed

GET = b"GET /a?x=1 HTTP/1.1\r\nHost: t\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\nHost: u\r\n\r\n"
)
ASKS = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
REFUSED = b"GET /d HTTP/1.1\r\nHost: t\r\n" + ASKS + b"\r\n"
REFUSED_WITH_BODY = b"POST /e HTTP/1.1\r\nHost: t\r\nContent-Length: 32\r\n" + ASKS + b"\r\n" + GET
MEANT = {
    GET: ("GET", "/a?x=1", b""),
    POST: ("POST", "/b", b"hello"),
    CHUNKED: ("PUT", "/c", b"abcde"),
    REFUSED: ("GET", "/d", b""),
    REFUSED_WITH_BODY: ("POST", "/e", GET),
}


def understood(pieces):
    """(method, target, body) of each request, none of which gets the upgrade that it asks for; and the open one."""
    incoming, found, current = Incoming(1000), [], None
    for piece in pieces:
        incoming.feed(piece)
        while current is None or current.is_whole:
            if current is not None:
                found.append((current.method, current.target, b"".join(current.body)))
            current = incoming.next_head()
            if current is None:
                break
    return found, current


@given(st.lists(st.sampled_from(list(MEANT)), max_size=4), st.data())
def test_requests_cut_anywhere_are_the_same_requests(requests, data):
    bytes_ = b"".join(requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(bytes_)), max_size=8)))
    edges = [0, *cuts, len(bytes_)]
    found, open_one = understood([bytes_[a:b] for a, b in itertools.pairwise(edges) if a < b])
    assert found == [MEANT[request] for request in requests]
    assert open_one is None


def test_the_body_of_a_refused_upgrade_is_no_request():
    found, _ = understood([REFUSED_WITH_BODY + POST])
    assert [target for _, target, _ in found] == ["/e", "/b"]


def test_what_follows_an_upgrade_is_left_as_it_came():
    incoming = Incoming(1000)
    incoming.feed(REFUSED + b"\x80\x03")
    assert incoming.next_head().headers["upgrade"] == "h2c"
    incoming.feed(b"\x00\x01")
    assert incoming.upgrade() == b"\x80\x03\x00\x01"


@pytest.mark.parametrize(
    "data, status",
    [
        (b"\x16\x03\x01\x00", 400),
        (b"GET / HTTP/1.1\nHost: t\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505),
        (b"GET /a%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        (b"GET /a%2 HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\nabc", 501),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"y" * 1000, 431),
    ],
)
def test_what_is_no_request_is_refused_in_words(data, status):
    incoming = Incoming(1000)
    incoming.feed(POST + data)
    assert incoming.next_head().target == "/b"
    incoming.feed(b"")
    with pytest.raises(Malformed) as refusal:
        for _ in range(2):
            assert incoming.next_head() is None
            incoming.feed(b"y" * 1001)
    assert refusal.value.status == status
    assert str(refusal.value)


def test_a_body_that_breaks_off_is_never_whole():
    incoming = Incoming(1000)
    incoming.feed(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
    head = incoming.next_head()
    assert (list(head.body), head.is_whole, incoming.error.status) == ([b"abc"], False, 400)


def test_an_upgrade_with_a_body_in_chunks_is_refused():
    incoming = Incoming(1000)
    incoming.feed(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n" + ASKS + b"\r\n0\r\n\r\n")
    assert (incoming.next_head().is_whole, incoming.error.status) == (False, 400)


def test_framing_without_end_is_not_kept():
    incoming = Incoming(1000)
    incoming.feed(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: ")
    for _ in range(11):
        incoming.feed(b"t" * 100)
    assert incoming.error.status == 431
    assert not incoming.next_head().is_whole


@pytest.mark.parametrize(
    "words, keeps_alive",
    [
        (b" HTTP/1.1\r\nHost: t\r\n", True),
        (b" HTTP/1.1\r\nHost: t\r\nConnection: close\r\n", False),
        (b" HTTP/1.0\r\n", False),
        (b" HTTP/1.0\r\nConnection: keep-alive\r\n", False),
    ],
)
def test_whether_another_request_may_follow(words, keeps_alive):
    incoming = Incoming(1000)
    incoming.feed(b"GET /" + words + b"\r\n")
    head = incoming.next_head()
    assert (head.keeps_alive, head.is_whole) == (keeps_alive, True)


def test_a_header_that_comes_twice_is_one_and_a_groups_name_keeps_its_commas():
    incoming = Incoming(1000)
    lines = ("Accept: a/b", "Impersonate-Group: dev, ops", "Accept: c/d", "Impersonate-Group: ,,,x")
    incoming.feed("\r\n".join(("GET / HTTP/1.1", "Host: h", *lines, "", "")).encode())
    headers = incoming.next_head().headers
    assert headers["accept"] == "a/b, c/d"
    assert headers["impersonate-group"].split("\n") == ["dev, ops", ",,,x"]
