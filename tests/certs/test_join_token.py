"""The text of a token."""

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.certs.join_token import BadToken, JoinToken, hash_secret, is_same, make_token, parse_token

HASH = "ab" * 32


@given(st.binary(min_size=22, max_size=64))
def test_what_is_made_is_read_back(random):
    token = make_token(random, HASH)
    assert parse_token(str(token)) == token
    assert parse_token(f"  {token}\n") == token


def test_kubeadm_s_form_carries_no_hash():
    assert parse_token("abcdef.0123456789abcdef") == JoinToken("abcdef", "0123456789abcdef")
    assert parse_token(f"abcdef.0123456789abcdef.sha256:{HASH}").ca_hash == HASH


@pytest.mark.parametrize(
    "text", ["", "abcdef", "abcdef.short", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef.12"]
)
def test_anything_else_is_no_token(text):
    with pytest.raises(BadToken, match="a token has"):
        parse_token(text)


@given(st.text(alphabet=string.printable, max_size=120))
def test_no_text_is_worse_than_a_bad_token(text):
    with contextlib.suppress(BadToken):
        parse_token(text)


def test_hashes_are_compared_whole():
    assert is_same(hash_secret("a"), hash_secret("a"))
    assert not is_same(hash_secret("a"), hash_secret("b"))
