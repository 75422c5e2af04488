"""Pure: SPDY/3.1 frames, sans-IO: bytes in, frames out, and back.

kubectl before 1.31 runs exec, attach and port-forward over SPDY, and newer ones tunnel it through a WebSocket for
port-forward. What is spoken is the subset of moby/spdystream, the other side of every Kubernetes client:

1. Flow control does not exist: spdystream neither sends WINDOW_UPDATE nor waits for one. Back-pressure is TCP's.
2. Header blocks share one zlib stream a direction, begun with the dictionary of the draft.
3. A DATA frame leaves `receive` in the pieces in which it arrived: nothing is kept but an unfinished control frame,
   which has a largest size. The FIN flag comes with the last piece.

Source: the SPDY protocol draft 3.1, §2; called by spdy_session.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN, UNIDIRECTIONAL = 0x01, 0x02
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, CANCEL = 1, 2, 3, 5  # §2.6.3

MAX_CONTROL_BYTES = 64 * 1024  # stream headers are some 100 bytes; this is far more, and still nothing
MAX_HEADER_BYTES = 64 * 1024  # of a header block once unpacked: a zlib bomb ends here
MAX_DATA_BYTES = 0xFFFFFF

_NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
    "allow authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_VALUES = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authorita"
    b"tive Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found"
    b"500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct "
    b"Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,appli"
    b"cation/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=ut"
    b"f-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(
        struct.pack(">I", len(name)) + name.replace("_", " ").encode("ascii") for name in _NAMES.split(" ")
    )
    + _VALUES
)
"""The preset of §2.6.10.1: 1,423 bytes, Adler-32 0xe3c6a7c2."""


class SpdyError(Exception):
    """The other side broke the protocol; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class SynStream:
    stream_id: int
    headers: Mapping[str, str]
    is_final: bool = False
    is_unidirectional: bool = False


@dataclass(frozen=True, slots=True)
class SynReply:
    stream_id: int
    headers: Mapping[str, str] = field(default_factory=dict)
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class MoreHeaders:
    stream_id: int
    headers: Mapping[str, str]
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class RstStream:
    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Ping:
    ping_id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    last_stream_id: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    stream_id: int
    delta_bytes: int


@dataclass(frozen=True, slots=True)
class Settings:
    values: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Data:
    stream_id: int
    data: bytes
    is_final: bool = False


Frame: TypeAlias = (
    SynStream | SynReply | MoreHeaders | RstStream | Ping | GoAway | WindowUpdate | Settings | Data
)


class SpdyCodec:
    """One side of one connection; both directions of its header compression."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(zdict=DICTIONARY)
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)
        self._buffer = bytearray()
        self._data_stream = 0
        self._data_left = 0
        self._data_is_final = False

    def receive(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. SpdyError ends the connection."""
        self._buffer += data
        frames: list[Frame] = []
        while True:
            frame = self._next_data() if self._data_left else self._next_frame()
            if frame is None:
                return frames
            if not isinstance(frame, _Ignored):
                frames.append(frame)

    def encode(self, frame: Frame) -> bytes:
        """The frame's bytes. Header blocks must be sent in the order in which they were encoded."""
        match frame:
            case Data():
                flags = FIN if frame.is_final else 0
                return struct.pack(">II", frame.stream_id, flags << 24 | len(frame.data)) + frame.data
            case SynStream():
                flags = FIN * frame.is_final | UNIDIRECTIONAL * frame.is_unidirectional
                block = self._pack(frame.headers)
                return _control(SYN_STREAM, flags, struct.pack(">IIH", frame.stream_id, 0, 0) + block)
            case SynReply():
                block = self._pack(frame.headers)
                return _control(SYN_REPLY, FIN * frame.is_final, struct.pack(">I", frame.stream_id) + block)
            case MoreHeaders():
                block = self._pack(frame.headers)
                return _control(HEADERS, FIN * frame.is_final, struct.pack(">I", frame.stream_id) + block)
            case RstStream():
                return _control(RST_STREAM, 0, struct.pack(">II", frame.stream_id, frame.status))
            case Ping():
                return _control(PING, 0, struct.pack(">I", frame.ping_id))
            case GoAway():
                return _control(GOAWAY, 0, struct.pack(">II", frame.last_stream_id, frame.status))
            case WindowUpdate():
                return _control(WINDOW_UPDATE, 0, struct.pack(">II", frame.stream_id, frame.delta_bytes))
            case Settings():
                rows = b"".join(struct.pack(">II", key, value) for key, value in frame.values.items())
                return _control(SETTINGS, 0, struct.pack(">I", len(frame.values)) + rows)

    def _next_data(self) -> Data | None:
        if not self._buffer:
            return None
        piece = bytes(self._buffer[: self._data_left])
        del self._buffer[: len(piece)]
        self._data_left -= len(piece)
        return Data(self._data_stream, piece, self._data_is_final and not self._data_left)

    def _next_frame(self) -> Frame | _Ignored | None:
        if len(self._buffer) < 8:
            return None
        first, second = struct.unpack_from(">II", self._buffer)
        flags, length = second >> 24, second & 0xFFFFFF
        if not first & 0x80000000:
            return self._begin_data(first, flags, length)
        if first >> 16 & 0x7FFF != VERSION:
            raise SpdyError(f"version {first >> 16 & 0x7FFF} is not spoken here")
        if length > MAX_CONTROL_BYTES:
            raise SpdyError(f"a control frame of {length} bytes is larger than {MAX_CONTROL_BYTES}")
        if len(self._buffer) < 8 + length:
            return None
        payload = bytes(self._buffer[8 : 8 + length])
        del self._buffer[: 8 + length]
        try:
            return self._parse(first & 0xFFFF, flags, payload)
        except struct.error:
            raise SpdyError(f"a control frame of type {first & 0xFFFF} is too short") from None

    def _begin_data(self, stream_id: int, flags: int, length: int) -> Data | _Ignored:
        if not stream_id:
            raise SpdyError("data for stream 0")
        del self._buffer[:8]
        is_final = bool(flags & FIN)
        if not length:
            return Data(stream_id, b"", is_final)
        self._data_stream, self._data_left, self._data_is_final = stream_id, length, is_final
        return IGNORED

    def _parse(self, kind: int, flags: int, payload: bytes) -> Frame | _Ignored:
        is_final = bool(flags & FIN)
        if kind in (SYN_STREAM, SYN_REPLY, HEADERS):
            offset = 10 if kind == SYN_STREAM else 4
            (stream_id,) = struct.unpack_from(">I", payload)
            if len(payload) < offset or not stream_id & 0x7FFFFFFF:
                raise SpdyError("a frame with headers is too short or is for stream 0")
            headers = self._unpack(payload[offset:])
            stream_id &= 0x7FFFFFFF
            if kind == SYN_STREAM:
                return SynStream(stream_id, headers, is_final, bool(flags & UNIDIRECTIONAL))
            return (SynReply if kind == SYN_REPLY else MoreHeaders)(stream_id, headers, is_final)
        if kind == PING:
            return Ping(struct.unpack_from(">I", payload)[0])
        if kind == SETTINGS:
            (count,) = struct.unpack_from(">I", payload)
            rows = struct.iter_unpack(">II", payload[4 : 4 + 8 * count])
            return Settings({key & 0xFFFFFF: value for key, value in rows})
        if kind in (RST_STREAM, GOAWAY, WINDOW_UPDATE):
            first, second = struct.unpack_from(">II", payload)
            first &= 0x7FFFFFFF
            if kind == RST_STREAM:
                return RstStream(first, second)
            return GoAway(first, second) if kind == GOAWAY else WindowUpdate(first, second & 0x7FFFFFFF)
        return IGNORED  # §2.6: unknown control frames are passed over

    def _pack(self, headers: Mapping[str, str]) -> bytes:
        parts = [struct.pack(">I", len(headers))]
        for name, value in headers.items():
            for text in (name.lower().encode("latin-1"), value.encode("latin-1")):
                parts += [struct.pack(">I", len(text)), text]
        return self._packer.compress(b"".join(parts)) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def _unpack(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._unpacker.decompress(block, MAX_HEADER_BYTES)
        except zlib.error as error:
            raise SpdyError(f"a header block does not unpack: {error}") from None
        if self._unpacker.unconsumed_tail:
            raise SpdyError(f"a header block unpacks to more than {MAX_HEADER_BYTES} bytes")
        return _headers(plain)


class _Ignored:
    """A frame was consumed that is nobody's business."""


IGNORED = _Ignored()


def _control(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | VERSION, kind, flags << 24 | len(payload)) + payload


def _headers(plain: bytes) -> dict[str, str]:
    """Name and value pairs; several values of one name are joined with a comma, as in HTTP."""
    try:
        (count,) = struct.unpack_from(">I", plain)
        offset, headers = 4, dict[str, str]()
        for _ in range(count):
            name, offset = _text(plain, offset)
            value, offset = _text(plain, offset)
            headers[name.lower()] = value.replace("\0", ", ")
    except struct.error:
        raise SpdyError("a header block ends in the middle of a header") from None
    return headers


def _text(plain: bytes, offset: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", plain, offset)
    end = offset + 4 + length
    if end > len(plain):
        raise SpdyError("a header is longer than its block")
    return plain[offset + 4 : end].decode("latin-1"), end
