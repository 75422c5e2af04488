"""The ciphers of stored objects: what one seals only itself opens, in kube-apiserver's format."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.certs.at_rest import CIPHERS, NotOpened

KEY = bytes(range(32))
PLACE = b"/registry/secrets/default/web"
PLAIN = b'{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}'

# What k8s.io/apiserver v0.33.2 pkg/storage/value/encrypt made of PLAIN in PLACE, by keys of so many bytes.
BY_KUBERNETES = [
    ("aescbc", 16, "JoXzTsJFdqgX5xFC0zt2Od9Vy4UyjoQS4n6oGM2gwrdR2PkKubhuEgu0JNqMcOrpg4w+XnRl19kf/EIttopN5WQub899NyGayTC4RLQvaoQ="),
    ("aescbc", 24, "8qWG/Wv+bvWszUc5dJrx90KaRr2mgICNm+Ttu7Jbzmc46WHN/5uTpRyCsteqNC6BSspWn1l3f2dZmdDkTlVJFFJ6GO+J/Te6WDlJRPxAsNc="),
    ("aescbc", 32, "13rBFbZ7MjIuf5Y4TQ9UkXvOu4Ftr1NT+UysNP3Hi2Dc8W4J8cG44Q0PPlOE5NM/FKBbXBo1yUVvm7uNrutyhF6ubCSCuXEh4Iymlw51am8="),
    ("aesgcm", 16, "ulm9u0Lz2G3LoZIKEdNg5Kc0iJKM3mGkpdBPt6kUshSbgN+tIRHDzBSN0upLvbz/BGwns3A/es+jFB2u7MmjyIKOsBeUxYJ75SSWagGu01s="),
    ("aesgcm", 24, "hQTP31gGfjEol3Zo9E+lvHR01j65Js3+lJICaJFK25cKmUyJKmd65BZE6XB0xQcNId2WbizQwZuXFyTYHdouuB6GQBevKWXElRDJxbA6Ocg="),
    ("aesgcm", 32, "WbSHUyJSJM6xXtVWgRPquh7m4FVV8ThaCbV21/OhHe8TD8al/0VxOFjNpRjbHvPV4gN8OSeaL885V3lVA4h8GtmWAWwlShD5KxBYkzhKLls="),
    ("secretbox", 32, "r3Bvnfn5NbENo/DVd3z8N83XDvzPIll/S/SzE/PgT+c8/x1JgVBw4jGbnNIHnb28LAE1BhiJoIlfnkdf1D/q8gRXYC17oCzDcGuYVTJSJSQonUw5rxqIVE+M+qU="),
]  # fmt: skip

ciphers = st.sampled_from(sorted(CIPHERS))


def cipher_of(name, key=KEY):
    make, _ = CIPHERS[name]
    return make(key)


def lengths():
    return [(name, length) for name, (_, lengths) in CIPHERS.items() for length in lengths]


@pytest.mark.parametrize(("name", "length"), lengths())
@given(plain=st.binary(max_size=100), nonce=st.binary(min_size=24, max_size=24), place=st.binary())
def test_what_is_sealed_opens(name, length, plain, nonce, place):
    cipher = cipher_of(name, KEY[:length])
    sealed = cipher.seal(plain, nonce[: cipher.nonce_bytes], place)
    assert sealed.startswith(nonce[: cipher.nonce_bytes])
    assert cipher.open(sealed, place) == plain


@pytest.mark.parametrize(("name", "length", "sealed"), BY_KUBERNETES)
def test_what_kubernetes_sealed_opens_and_is_sealed_to_the_same_bytes(name, length, sealed):
    cipher, data = cipher_of(name, KEY[:length]), base64.b64decode(sealed)
    assert cipher.open(data, PLACE) == PLAIN
    assert cipher.seal(PLAIN, data[: cipher.nonce_bytes], PLACE) == data


@given(name=st.sampled_from(["aesgcm", "secretbox"]), at=st.integers(0, 200), bit=st.integers(0, 7))
def test_what_was_changed_does_not_open(name, at, bit):
    cipher = cipher_of(name)
    sealed = bytearray(cipher.seal(PLAIN, bytes(cipher.nonce_bytes), PLACE))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(NotOpened):
        cipher.open(bytes(sealed), PLACE)


@given(name=ciphers, data=st.binary(max_size=80))
def test_noise_does_not_open_or_is_noise(name, data):
    """CBC authenticates nothing: what it opens by chance, the store tells from an object."""
    try:
        opened = cipher_of(name).open(data, PLACE)
    except NotOpened:
        return
    assert name == "aescbc" and not opened.startswith(b'{"kind"')


@pytest.mark.parametrize("name", ["aesgcm", "secretbox"])
def test_another_key_opens_nothing(name):
    sealed = cipher_of(name).seal(PLAIN, bytes(cipher_of(name).nonce_bytes), PLACE)
    with pytest.raises(NotOpened):
        cipher_of(name, bytes(32)).open(sealed, PLACE)


def test_a_row_moved_to_another_place_does_not_open_in_gcm():
    cipher = cipher_of("aesgcm")
    sealed = cipher.seal(PLAIN, bytes(12), PLACE)
    with pytest.raises(NotOpened, match="message authentication failed"):
        cipher.open(sealed, b"/registry/secrets/kube-system/web")


@pytest.mark.parametrize("name", sorted(CIPHERS))
@pytest.mark.parametrize("length", [0, 1, 15, 16])
def test_what_is_too_short_is_said_to_be(name, length):
    with pytest.raises(NotOpened):
        cipher_of(name).open(bytes(length), PLACE)


def test_a_cipher_that_is_not_installed_is_said_to_be_missing():
    program = """
import sys
sys.modules["nacl"] = None
from pikube.certs.at_rest import CipherMissing, SecretBox
try:
    SecretBox(bytes(32))
except CipherMissing as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "the provider secretbox needs the Python package PyNaCl" in said
