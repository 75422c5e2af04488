"""Pairing: both sides agree when nobody interferes; whoever is in between has one try in a million."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.certs.pairing import (
    NONCE_BYTES,
    BoardSide,
    LeaderSide,
    PairingBroken,
    Terms,
    digits_of,
    leader_commitment,
    spaced,
)

NONCES = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)
TEXTS = st.binary(max_size=64)
TERMS = st.builds(Terms, TEXTS, TEXTS)


def nonce(*seed: object) -> bytes:
    return hashlib.sha256(repr(seed).encode()).digest()


def pair(board: BoardSide, leader: LeaderSide) -> tuple[str, str]:
    """Run the protocol over an honest wire: (the board's digits, the leader's)."""
    revealed = board.hear_commitment(leader.commitment)
    leader_digits = leader.hear_nonce(revealed)
    return board.hear_nonce(leader.nonce), leader_digits


@given(TERMS, NONCES, NONCES)
def test_both_sides_show_the_same_six_digits(terms, board_nonce, leader_nonce):
    board = BoardSide(terms, board_nonce)
    shown, expected = pair(board, LeaderSide(terms, board.commitment, leader_nonce))
    assert shown == expected and len(shown) == 6 and shown.isdigit()


@given(TERMS, NONCES, NONCES, NONCES)
def test_no_side_can_change_its_nonce_after_it_has_committed_itself(terms, first, other, second):
    board = BoardSide(terms, first)
    leader = LeaderSide(terms, board.commitment, second)
    board.hear_commitment(leader.commitment)
    if other != first:
        with pytest.raises(PairingBroken):
            leader.hear_nonce(other)
    if other != second:
        with pytest.raises(PairingBroken):
            board.hear_nonce(other)


@given(TERMS, TERMS, NONCES, NONCES)
def test_what_was_changed_on_the_way_is_noticed(sent, received, board_nonce, leader_nonce):
    """Another CA or another offer than the board's: its commitment does not fit any more."""
    board = BoardSide(sent, board_nonce)
    leader = LeaderSide(received, board.commitment, leader_nonce)
    board.hear_commitment(leader.commitment)
    if sent == received:
        assert leader.hear_nonce(board_nonce) == board.hear_nonce(leader_nonce)
        return
    with pytest.raises(PairingBroken):
        leader.hear_nonce(board_nonce)
    with pytest.raises(PairingBroken):
        board.hear_nonce(leader_nonce)


@given(TERMS, NONCES, NONCES)
def test_a_reflected_message_is_no_answer(terms, board_nonce, leader_nonce):
    """Whoever sends a side its own commitment and nonce back gets no digits out of it."""
    board = BoardSide(terms, board_nonce)
    board.hear_commitment(board.commitment)
    with pytest.raises(PairingBroken):
        board.hear_nonce(board_nonce)


def test_parts_cannot_be_shifted_into_each_other():
    assert Terms(b"ab", b"c").digest != Terms(b"a", b"bc").digest
    assert Terms(b"", b"abc").digest != Terms(b"abc", b"").digest


def test_digits_are_spread_over_all_numbers():
    terms = Terms(b"ca", b"offer")
    found = {digits_of(terms, b"", b"", nonce("b", i), nonce("l")) for i in range(2000)}
    assert len(found) > 1990
    assert {digits[0] for digits in found} == set("0123456789")


def test_digits_as_people_read_them():
    assert spaced("012345") == "012 345"


class InTheMiddle:
    """Talks to the board as a leader with an authority of its own, and to the leader as a board with a key of its
    own. It may delay, reorder and choose, as far as the protocol lets it."""

    def __init__(self, seed: int) -> None:
        self.authority, self.offer, self.seed = b"his authority", b"his key, the board's name", seed

    def board_first(self, board: BoardSide, leader_at: LeaderFactory) -> tuple[str, str]:
        """Finishes with the board, knows its digits, and then tries to get the leader to show the same: it may
        choose among many nonces before it commits itself, but not after."""
        terms = Terms(self.authority, board.terms.offer)
        mine = LeaderSide(terms, board.commitment, nonce(self.seed, "as leader"))
        mine.hear_nonce(board.hear_commitment(mine.commitment))
        shown = board.hear_nonce(mine.nonce)
        faked = BoardSide(Terms(leader_at.authority, self.offer), nonce(self.seed, "as board"))
        leader = leader_at(faked)
        return shown, leader.hear_nonce(faked.hear_commitment(leader.commitment))

    def leader_first(self, board: BoardSide, leader_at: LeaderFactory) -> tuple[str, str]:
        """Finishes with the leader, knows its digits, and then looks for a nonce that makes the board show them. The
        board reveals its own only after it has his commitment, so that he can but guess."""
        faked = BoardSide(Terms(leader_at.authority, self.offer), nonce(self.seed, "as board"))
        leader = leader_at(faked)
        wanted = leader.hear_nonce(faked.hear_commitment(leader.commitment))
        terms = Terms(self.authority, board.terms.offer)
        guess = nonce(self.seed, "a guess at the board's")
        for number in range(50):  # the best he can do: a nonce that would fit if the board's were the guess
            mine = LeaderSide(terms, board.commitment, nonce(self.seed, number))
            if digits_of(terms, board.commitment, mine.commitment, guess, mine.nonce) == wanted:
                break
        mine.hear_nonce(board.hear_commitment(mine.commitment))
        return board.hear_nonce(mine.nonce), wanted

    def relays_everything(self, board: BoardSide, leader_at: LeaderFactory) -> tuple[str, str]:
        """Passes the board's commitment on under his own offer, hoping that nobody looks."""
        leader = LeaderSide(Terms(leader_at.authority, self.offer), board.commitment, leader_at.nonce)
        return "", leader.hear_nonce(board.hear_commitment(leader.commitment))


class LeaderFactory:
    """The true leader: a new nonce for each request."""

    def __init__(self, seed: int) -> None:
        self.authority, self.nonce = b"the true authority", nonce(seed, "leader")

    def __call__(self, faked: BoardSide) -> LeaderSide:
        return LeaderSide(faked.terms, faked.commitment, self.nonce)


@pytest.mark.parametrize("way", ["board_first", "leader_first"])
def test_whoever_is_in_between_makes_the_digits_differ(way):
    """Of 3000 attacks 0.003 should succeed; more than one would be a hole (1 in 10^5 runs by chance)."""
    successes = 0
    for seed in range(3000):
        board = BoardSide(Terms(b"his authority", b"the board's key"), nonce(seed, "board"))
        shown, expected = getattr(InTheMiddle(seed), way)(board, LeaderFactory(seed))
        successes += shown == expected
    assert successes <= 1


def test_whoever_passes_the_boards_messages_on_as_his_own_is_caught():
    board = BoardSide(Terms(b"the true authority", b"the board's key"), nonce("board"))
    with pytest.raises(PairingBroken):
        InTheMiddle(1).relays_everything(board, LeaderFactory(1))


def test_without_commitments_he_would_win():
    """Why the commitment is there: who may choose his nonce last needs some hundred thousand hashes."""
    terms = Terms(b"his authority", b"offer")
    wanted, board_nonce = "000123"[-3:], nonce("board")  # three digits, so that the test is quick
    choice = next(
        n
        for n in itertools.count()
        if digits_of(terms, b"", leader_commitment(terms, b"", nonce(n)), board_nonce, nonce(n)).endswith(
            wanted
        )
    )
    assert choice < 20_000
