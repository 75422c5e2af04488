"""The SPDY codec: laws over all frames and all ways to cut their bytes, and what breaks a connection."""

import contextlib
import itertools
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.wire import spdy
from pikube.wire.spdy import (
    DICTIONARY,
    Data,
    GoAway,
    MoreHeaders,
    Ping,
    RstStream,
    Settings,
    SpdyCodec,
    SpdyError,
    SynReply,
    SynStream,
    WindowUpdate,
)

ids = st.integers(1, 0x7FFFFFFF)
names = st.text("abcdefghijklmnopqrstuvwxyz-:", min_size=1, max_size=12)
values = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=40)
headers = st.dictionaries(names, values, max_size=5)
frames = st.one_of(
    st.builds(SynStream, ids, headers, st.booleans(), st.booleans()),
    st.builds(SynReply, ids, headers, st.booleans()),
    st.builds(MoreHeaders, ids, headers, st.booleans()),
    st.builds(RstStream, ids, st.integers(1, 11)),
    st.builds(Ping, ids),
    st.builds(GoAway, st.integers(0, 0x7FFFFFFF), st.integers(0, 2)),
    st.builds(WindowUpdate, ids, ids),
    st.builds(Settings, st.dictionaries(st.integers(1, 8), st.integers(0, 0xFFFFFFFF))),
    st.builds(Data, ids, st.binary(max_size=300), st.booleans()),
)


def joined(received):
    """Data frames come in pieces; put together what belongs together."""
    out = []
    for frame in received:
        last = out[-1] if out else None
        if (
            isinstance(frame, Data)
            and isinstance(last, Data)
            and not last.is_final
            and last.stream_id == frame.stream_id
        ):
            out[-1] = Data(frame.stream_id, last.data + frame.data, frame.is_final)
        else:
            out.append(frame)
    return out


@given(st.lists(frames, max_size=8), st.lists(st.integers(0, 4000), max_size=12))
def test_what_is_encoded_is_received_wherever_the_bytes_are_cut(sent, cuts):
    sender, receiver = SpdyCodec(), SpdyCodec()
    wire = b"".join(sender.encode(frame) for frame in sent)
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    received = []
    for start, end in itertools.pairwise(edges):
        received += receiver.receive(wire[start:end])
    assert joined(received) == joined(sent)


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_or_a_spdy_error(data):
    with contextlib.suppress(SpdyError):
        SpdyCodec().receive(data)


@given(st.sampled_from(range(1, 12)), st.binary(max_size=60))
def test_any_control_frame_is_a_frame_or_a_spdy_error(kind, payload):
    with contextlib.suppress(SpdyError):
        SpdyCodec().receive(struct.pack(">HHI", 0x8003, kind, len(payload)) + payload)


def test_the_dictionary_is_the_one_of_the_draft():
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_a_stream_of_kubectl_is_understood():
    """A SYN_STREAM as Go writes it: level 9, header names as sent by client-go."""
    plain = struct.pack(">I", 1)
    for text in (b"streamtype", b"error"):
        plain += struct.pack(">I", len(text)) + text
    packer = zlib.compressobj(9, zdict=DICTIONARY)
    block = packer.compress(plain) + packer.flush(zlib.Z_SYNC_FLUSH)
    wire = bytes.fromhex("80030001") + struct.pack(">I", 10 + len(block)) + struct.pack(">IIBB", 1, 0, 0, 0)
    assert SpdyCodec().receive(wire + block) == [SynStream(1, {"streamtype": "error"})]


def test_several_values_of_a_header_are_joined():
    frame = SynStream(1, {"a": "x\0y"})
    assert SpdyCodec().receive(SpdyCodec().encode(frame)) == [SynStream(1, {"a": "x, y"})]


def test_a_large_data_frame_is_not_kept():
    codec = SpdyCodec()
    assert codec.receive(struct.pack(">II", 1, 1 << 24 | 0xFFFFFF)) == []
    for _ in range(16):
        (piece,) = codec.receive(b"x" * 1024)
        assert (len(piece.data), piece.is_final) == (1024, False)
    assert codec._buffer == b""


@pytest.mark.parametrize(
    "wire, words",
    [
        (bytes.fromhex("8002000600000004") + b"\0\0\0\1", "version 2"),
        (bytes.fromhex("80030001") + struct.pack(">I", spdy.MAX_CONTROL_BYTES + 1), "larger than"),
        (bytes.fromhex("8003000600000002") + b"\0\0", "too short"),
        (bytes.fromhex("8003000200000008") + b"\0\0\0\1????", "does not unpack"),
        (bytes.fromhex("0000000000000001"), "stream 0"),
    ],
)
def test_what_breaks_the_protocol_says_why(wire, words):
    with pytest.raises(SpdyError, match=words):
        SpdyCodec().receive(wire)


def test_a_header_bomb_ends_the_connection():
    bomb = SpdyCodec().encode(SynStream(1, {"a": "x" * (spdy.MAX_HEADER_BYTES + 1)}))
    assert len(bomb) < 1000
    with pytest.raises(SpdyError, match="unpacks to more"):
        SpdyCodec().receive(bomb)


def test_unknown_control_frames_are_passed_over():
    codec = SpdyCodec()
    assert codec.receive(bytes.fromhex("8003000a00000003") + b"abc") == []
    assert codec.receive(codec.encode(Ping(7))) == [Ping(7)]
