"""Which of the leaders that announce themselves is meant."""

import pytest

from pikube.agent.finding import LeaderNotFound, choose, port_in
from pikube.wire.announcement import Announcement

HOME = Announcement("home", "1111-1111", ("aa" * 32,), "0.1.0", "alpha", 6443, ("192.0.2.1",))
WORK = Announcement("work", "2222-2222", ("bb" * 32,), "0.1.0", "beta", 6443, ("192.0.2.2",))
FAKE = Announcement("home", "1111-1111", ("cc" * 32,), "0.1.0", "alpha", 6443, ("192.0.2.66",))
LIAR = Announcement("home", "1111-1111", ("aa" * 32,), "0.1.0", "alpha-2", 6443, ("192.0.2.66",))


def test_one_leader_is_the_one():
    assert choose([HOME], "") == [HOME]


def test_none_is_told_with_a_cure():
    with pytest.raises(LeaderNotFound, match=r"no leader was found on this LAN.*--leader https://"):
        choose([], "")


@pytest.mark.parametrize("other", [WORK, FAKE])
def test_two_are_both_named_also_when_one_pretends_to_be_the_other(other):
    with pytest.raises(LeaderNotFound) as caught:
        choose([HOME, other], "")
    assert all(
        words in str(caught.value)
        for words in (
            "192.0.2.1:6443",
            other.urls[0],
            "aaaaaaaaaaaaaaaa",
            other.ca_fingerprints[0][:16],
            "--leader",
        )
    )


def test_who_knows_the_ca_is_not_disturbed_by_others():
    assert choose([HOME, WORK, FAKE], "aa" * 32) == [HOME]


def test_who_announces_a_foreign_ca_is_only_a_candidate_that_must_prove_it():
    assert choose([LIAR, HOME], "aa" * 32) == [LIAR, HOME]


def test_only_others_is_told():
    with pytest.raises(LeaderNotFound, match=r"of other clusters.*work at https://192.0.2.2:6443"):
        choose([WORK], "aa" * 32)


@pytest.mark.parametrize(
    "url", ["192.0.2.1:6443", "http://192.0.2.1:6443", "https://", "https://a:b", "ftp://a", ""]
)
def test_what_is_no_url_of_a_leader_is_told(url):
    with pytest.raises(LeaderNotFound, match=r"is no URL of a leader: write https://ADDRESS:6443"):
        port_in(url)


def test_the_port_in_a_url():
    assert port_in("https://192.0.2.1:6443") == 6443
    assert port_in("https://leader.lan") is None
