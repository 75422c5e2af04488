"""What strangers say on the LAN is read only when it has the form that a leader gives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.wire.announcement import MAX_ADDRESSES, SERVICE_TYPE, Announcement, read_txt, render_txt

HOME = Announcement(
    "home", "de01809a-5b6e-4f0c-8b0f-40c6a0d3655b", ("ab" * 32,), "0.1.0", "alpha", 6443, ("192.0.2.7",)
)
NAMES = st.text(st.characters(categories=("L", "N", "Pd")), min_size=1, max_size=20)


def as_sent(announcement: Announcement) -> dict[bytes, bytes | None]:
    return {key.encode(): value.encode() for key, value in render_txt(announcement).items()}


def read(changes: dict[bytes, bytes | None], port: int | None = 6443, addresses=("192.0.2.7",)):
    return read_txt({**as_sent(HOME), **changes}, port, addresses)


@given(NAMES, NAMES, st.lists(st.just("cd" * 32), min_size=1, max_size=3))
def test_what_a_leader_says_is_read_as_it_was_meant(name, node, fingerprints):
    said = Announcement(name, HOME.cluster_id, tuple(fingerprints), "1.2.3rc1", node, 6443, ("192.0.2.7",))
    assert read_txt(as_sent(said), 6443, ["192.0.2.7"]) == said
    assert all(len(f"{key}={value}".encode()) <= 255 for key, value in render_txt(said).items())


@given(NAMES, NAMES)
def test_an_instance_is_one_label_before_the_type(name, node):
    said = Announcement(name * 5, HOME.cluster_id, (), "1", node, 6443)
    label, dot, rest = said.instance.partition(".")
    assert dot and rest == SERVICE_TYPE and 0 < len(label.encode()) <= 63


@pytest.mark.parametrize(
    "changes",
    [
        {b"txtvers": b"2"},
        {b"txtvers": None},
        {b"cluster": b""},
        {b"cluster": b"\x1b[2J"},
        {b"cluster": b"\xff"},
        {b"cluster": b"x" * 65},
        {b"node": b"a\nb"},
        {b"id": b"../.."},
        {b"ca": b""},
        {b"ca": b"AB" * 32},
        {b"ca": b"ab" * 32 + b","},
        {b"version": b"1 \x07"},
    ],
)
def test_what_has_another_form_is_nobody(changes):
    assert read({}) == HOME
    assert read(changes) is None


@given(
    st.dictionaries(st.sampled_from(list(as_sent(HOME))) | st.binary(), st.none() | st.binary()),
    st.none() | st.integers(),
    st.lists(st.text() | st.ip_addresses().map(str)),
)
def test_nothing_that_is_sent_can_break_the_reader(changes, port, addresses):
    found = read(changes, port, addresses)
    assert found is None or (found.cluster_name.isprintable() and len(found.addresses) <= MAX_ADDRESSES)


def test_every_leader_of_a_cluster_has_a_host_name_of_its_own():
    def host(node):
        return Announcement("home", HOME.cluster_id, (), "1", node, 6443).host

    assert host("alpha.lan") == "pikube-de01809a-alpha-lan.local." != host("beta.lan")
    assert len(host("x" * 99).partition(".")[0]) == 63


def test_addresses_come_in_one_order_and_only_those_that_can_be_dialled():
    found = read(
        {}, addresses=["2001:db8::1", "127.0.0.1", "192.0.2.9", "fe80::1", "0.0.0.0", "192.0.2.10", "x"]
    )
    assert found is not None
    assert found.addresses == ("192.0.2.9", "192.0.2.10", "2001:db8::1")
    assert found.urls[-1] == "https://[2001:db8::1]:6443"
