"""What changes on the way through a proxy subresource."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.leader.request.proxy_rules import (
    HtmlRewriter,
    forwarded_headers,
    returned_headers,
    rewrite_link,
    split_name,
    split_path,
    target_of,
)

PREFIX = "/api/v1/namespaces/n/pods/web/proxy"
HOSTS = ("10.42.0.9:8080", "board:6443")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("web", ("", "web", "")),
        ("web:80", ("", "web", "80")),
        ("web:http", ("", "web", "http")),
        ("https:web:", ("https", "web", "")),
        ("http:web:443", ("http", "web", "443")),
        ("ftp:web:21", None),
        ("a:b:c:d", None),
        (":80", None),
        ("web:", None),
    ],
)
def test_names_with_scheme_and_port(text, parts):
    assert split_name(text) == parts


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (PREFIX, (PREFIX, "")),
        (PREFIX + "/", (PREFIX, "/")),
        (PREFIX + "/a%2Fb/proxy/c", (PREFIX, "/a%2Fb/proxy/c")),
        ("/api/v1/nodes/proxy/proxy/x", ("/api/v1/nodes/proxy/proxy", "/x")),
    ],
)
def test_paths_keep_what_was_sent(path, parts):
    assert split_path(path) == parts


@pytest.mark.parametrize(
    ("link", "rewritten"),
    [
        ("/a/b?c=d#e", PREFIX + "/a/b?c=d#e"),
        ("/", PREFIX + "/"),
        ("a/b", "a/b"),
        ("#top", "#top"),
        ("http://elsewhere/a", "http://elsewhere/a"),
        ("http://10.42.0.9:8080/a", PREFIX + "/a"),
        ("https://board:6443/a", PREFIX + "/a"),
        (PREFIX + "/a", PREFIX + "/a"),
        ("mailto:you@example.org", "mailto:you@example.org"),
        ("//cdn/x.js", "//cdn/x.js"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_links_stay_inside(link, rewritten):
    assert rewrite_link(link, PREFIX, HOSTS) == rewritten


def test_credentials_and_hops_do_not_pass():
    sent = {
        "authorization": "Bearer secret",
        "impersonate-user": "root",
        "connection": "keep-alive",
        "host": "board:6443",
        "x-forwarded-for": "192.0.2.1",
        "cookie": "mine",
    }
    assert sorted(forwarded_headers(sent, PREFIX, "/x", "192.0.2.2")) == [
        ("cookie", "mine"),
        ("x-forwarded-for", "192.0.2.1, 192.0.2.2"),
        ("x-forwarded-uri", PREFIX + "/x"),
    ]


def test_redirects_stay_inside_and_cross_origin_grants_do_not_come_back():
    answered = [("location", "/login"), ("access-control-allow-origin", "*"), ("x-mine", "1")]
    assert returned_headers(answered, PREFIX, HOSTS) == [("location", PREFIX + "/login"), ("x-mine", "1")]


PAGE = (
    b'<!doctype html><p>1 < 2 > 0</p><A HREF="/a" title="/b">x</A><img src=\'/c.png\' alt="a > b">'
    b'<script src="/d.js">if (a<b) "/e"</script><link href="f.css"><p data="/g"><a href="/caf\xc3\xa9">'
)


def test_links_of_a_page_are_rewritten_where_they_are_links():
    rewriter = HtmlRewriter(PREFIX, HOSTS)
    page = rewriter.feed(PAGE) + rewriter.end()
    inside = PREFIX.encode()
    expected = PAGE
    for link in (b'HREF="', b"src='", b'src="', b'<a href="'):
        expected = expected.replace(link + b"/", link + inside + b"/")
    assert page == expected


@given(st.lists(st.integers(1, len(PAGE) - 1), max_size=6))
def test_a_page_may_come_in_any_pieces(cuts):
    whole = HtmlRewriter(PREFIX, HOSTS)
    expected = whole.feed(PAGE) + whole.end()
    rewriter = HtmlRewriter(PREFIX, HOSTS)
    edges = [0, *sorted(cuts), len(PAGE)]
    pieces = [rewriter.feed(PAGE[a:b]) for a, b in itertools.pairwise(edges)]
    assert b"".join(pieces) + rewriter.end() == expected


@given(st.binary(max_size=300))
def test_whatever_is_no_link_passes_unchanged(data):
    rewriter = HtmlRewriter(PREFIX, HOSTS)
    passed = rewriter.feed(data) + rewriter.end()
    assert passed.replace(PREFIX.encode(), b"") == data


@given(st.text(max_size=40))
def test_a_target_is_one_word_of_ascii(path):
    target = target_of("/" + path, "")
    assert target.isascii() and not set(target) & set(" \r\n#?")
