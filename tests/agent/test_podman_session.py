"""A command's bytes, taken out of Podman's stream."""

import pytest
import trio.testing

from pikube.agent.runtime.exec import PodmanSession

OWN = b"Error: write unixpacket @->/proc/self/fd/15/attach: write: connection reset by peer\n"


def frame(number, data):
    return bytes((number, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


async def heard(data, *, has_tty):
    """Everything of a session whose first bytes came with the answer's head."""
    ours, theirs = trio.testing.memory_stream_pair()
    session = PodmanSession(None, ours, data[:3], has_tty)
    await theirs.send_all(data[3:])
    await theirs.send_eof()
    return [piece async for piece in session.output()], session.has_ended


async def test_frames_are_taken_apart():
    data = frame(1, b"out") + frame(2, b"bad") + frame(1, b"") + frame(1, b"more")
    assert await heard(data, has_tty=False) == ([(1, b"out"), (2, b"bad"), (1, b"more")], True)


async def test_a_frame_that_is_cut_off_is_told_as_far_as_it_came():
    assert (await heard(frame(1, b"whole") + frame(2, b"half")[:-2], has_tty=False))[0] == [
        (1, b"whole"),
        (2, b"ha"),
    ]


@pytest.mark.parametrize("has_tty", [False, True])
async def test_what_podman_says_behind_a_command_that_did_not_read_is_no_word_of_it(has_tty):
    if has_tty:
        pieces, _ = await heard(b"words\r\n" + OWN, has_tty=True)
        assert b"".join(data for _, data in pieces) == b"words\r\n"
    else:
        assert await heard(frame(2, b"words\n") + frame(2, OWN), has_tty=False) == ([(2, b"words\n")], True)


async def test_who_says_something_like_it_is_heard():
    words = b"Error: write unixpacket @->elsewhere: no\n"
    assert (await heard(frame(2, words), has_tty=False))[0] == [(2, words)]
