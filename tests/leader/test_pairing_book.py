"""Who waits for an approval: bounded, expiring, and with few tries."""

import hashlib

import pytest

from pikube.api.errors import BadRequest, Conflict, NotFound, TooManyRequests
from pikube.certs.enrolment import JoinRequest
from pikube.certs.pairing import BoardSide, LeaderSide, Terms
from pikube.leader import pairing_book
from pikube.leader.pairing_book import PairingBook

TERMS = Terms(b"ca", b"offer")


def nonce(*seed):
    return hashlib.sha256(repr(seed).encode()).digest()


class Board:
    """A board that pairs with a book."""

    def __init__(self, name, key="", address="192.0.2.2", number=0):
        self.id, self.name, self.key, self.address = f"{name}-{key}-{number}", name, key or name, address
        self.side = BoardSide(TERMS, nonce(self.id))

    def begin(self, book, now):
        leader = LeaderSide(TERMS, self.side.commitment, nonce(self.id, "leader"))
        wish = JoinRequest(token="", node=self.name, request="")
        pairing = book.begin(self.id, wish, self.key, self.address, leader, now)
        self.side.hear_commitment(leader.commitment)
        return pairing

    def reveal(self, book, now):
        return self.side.hear_nonce(book.reveal(self.id, self.side.nonce, now))

    def waits(self, book, now):
        self.begin(book, now)
        return self.reveal(book, now)


def names(book, now):
    return [pairing.wish.node for pairing in book.waiting(now)]


def test_a_board_waits_once_the_nonces_are_exchanged():
    book, board = PairingBook(), Board("b2")
    board.begin(book, 0.0)
    assert names(book, 0.0) == []
    digits = board.reveal(book, 0.1)
    [pairing] = book.waiting(0.2)
    assert pairing.digits == digits
    book.decide(pairing, "approved", 1.0)
    assert names(book, 1.0) == [] and book.get(board.id, 1.0).state == "approved"
    with pytest.raises(Conflict, match="approved already"):
        book.decide(pairing, "rejected", 1.0)


def test_what_nobody_decides_expires():
    book, board = PairingBook(), Board("b2")
    board.waits(book, 0.0)
    assert names(book, pairing_book.WAITS_S - 1) == ["b2"]
    assert names(book, pairing_book.WAITS_S) == []
    with pytest.raises(NotFound):
        book.get(board.id, pairing_book.WAITS_S)


def test_an_offer_without_its_nonce_expires_sooner():
    book, board = PairingBook(), Board("b2")
    board.begin(book, 0.0)
    with pytest.raises(NotFound):
        board.reveal(book, pairing_book.REVEALS_S)


def test_nonces_are_exchanged_once_and_a_false_one_ends_the_attempt():
    book, board = PairingBook(), Board("b2")
    board.waits(book, 0.0)
    with pytest.raises(Conflict):
        book.reveal(board.id, board.side.nonce, 1.0)
    other = Board("b3")
    other.begin(book, 2.0)
    with pytest.raises(BadRequest, match="committed itself"):
        book.reveal(other.id, nonce("false"), 2.0)
    with pytest.raises(NotFound):
        other.reveal(book, 2.0)


def test_a_board_that_asks_again_takes_its_own_place():
    book = PairingBook()
    Board("b2", number=1).waits(book, 0.0)
    second = Board("b2", number=2)
    second.waits(book, 1.0)
    assert [pairing.id for pairing in book.waiting(1.0)] == [second.id]


def test_two_keys_under_one_name_are_both_shown():
    book = PairingBook()
    Board("b2", "his").waits(book, 0.0)
    Board("b2", "hers").waits(book, 1.0)
    assert names(book, 1.0) == ["b2", "b2"]


def test_a_withdrawn_offer_is_forgotten():
    book, board = PairingBook(), Board("b2")
    board.waits(book, 0.0)
    book.withdraw(board.id, 1.0)
    assert names(book, 1.0) == []


def test_only_so_many_wait_and_few_of_one_address():
    book = PairingBook()
    for number in range(pairing_book.MAX_OF_ADDRESS):
        Board(f"b{number}").waits(book, 0.0)
    with pytest.raises(TooManyRequests, match="wait for an approval"):
        Board("more").begin(book, 0.0)
    now = 0.0
    for number in range(pairing_book.MAX_WAITING - pairing_book.MAX_OF_ADDRESS):
        Board(f"c{number}", address=f"192.0.2.{100 + number}").waits(book, now)
    with pytest.raises(TooManyRequests):
        Board("more", address="198.51.100.1").begin(book, now)


def test_tries_for_one_name_are_few_as_the_documentation_says():
    """docs/pairing.md: 15 in the ten minutes that a board waits, whatever addresses and keys are used."""
    book, tries = PairingBook(), 0
    for second in range(600):
        for attempt in range(3):
            board = Board("b2", f"{second}.{attempt}", address=f"192.0.2.{second % 200}")
            try:
                board.begin(book, float(second))
            except TooManyRequests:
                continue
            book.withdraw(board.id, float(second))
            tries += 1
    assert tries <= 15


def test_tries_for_all_names_together_are_bounded():
    book, tries = PairingBook(), 0
    for number in range(6000):
        now = number / 10
        board = Board(f"n{number}", address=f"192.0.{number % 100}.2")
        try:
            board.begin(book, now)
        except TooManyRequests:
            continue
        book.withdraw(board.id, now)
        tries += 1
    assert tries <= pairing_book.ALL_TRIES + 600 * pairing_book.ALL_TRIES_A_S + 1
    assert len(book._names) <= pairing_book.MAX_NAMES
