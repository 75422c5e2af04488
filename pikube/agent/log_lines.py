"""Pure: the lines of a container's log file, and which of them a client wants.

A line is `2026-11-24T15:39:59.510523313+00:00 stdout F text`; P marks a part whose line goes on (the
k8s-file format of conmon, the CRI's own). Enter: bytes of the file. Leave: bytes for the client.
"""

from __future__ import annotations

from pikube.api.log_options import LogWish
from pikube.api.times import parse_time


class LineReader:
    """Turns file bytes into client bytes; keeps what is incomplete for the next call."""

    def __init__(self, wish: LogWish, now: float) -> None:
        self._wish = wish
        self._since_at = wish.since_at(now)
        self._rest = b""
        self._begins_line = True
        self._left = wish.limit_bytes
        self.is_full = False

    def feed(self, data: bytes) -> bytes:
        """What of `data` the client gets."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        out = b"".join(text for line in lines if (text := self._text_of(line)))
        if self._left is not None:
            out = out[: self._left]
            self._left -= len(out)
            self.is_full = self._left <= 0
        return out

    def _text_of(self, line: bytes) -> bytes:
        parsed = split_line(line)
        if parsed is None:
            return b""
        stamp, stream, is_partial, text = parsed
        if self._wish.stream not in ("All", stream.capitalize()):
            return b""
        if self._since_at is not None and _is_before(stamp, self._since_at):
            return b""
        prefix = rfc3339_nano(stamp).encode() + b" " if self._wish.timestamps and self._begins_line else b""
        self._begins_line = not is_partial
        return prefix + text + (b"" if is_partial else b"\n")


def split_line(line: bytes) -> tuple[str, str, bool, bytes] | None:
    """(timestamp, stream, is partial, text); None for a line that is none of conmon's."""
    parts = line.split(b" ", 3)
    if len(parts) < 3:
        return None
    text = parts[3] if len(parts) > 3 else b""
    return parts[0].decode("ascii", "replace"), parts[1].decode("ascii", "replace"), parts[2] == b"P", text


def tail_offset(data: bytes, lines: int) -> int:
    """Where the last `lines` lines of the file begin; the parts of a line count as one, finished or not."""
    if lines <= 0:
        return len(data)
    last = split_line(data[data.rfind(b"\n", 0, len(data) - 1) + 1 :].rstrip(b"\n"))
    found = 1 if last is not None and last[2] else 0
    end = len(data)
    while end > 0:
        begin = data.rfind(b"\n", 0, end - 1) + 1
        line = data[begin:end].rstrip(b"\n")
        parsed = split_line(line)
        if parsed is not None and not parsed[2]:
            found += 1
            if found > lines:
                return end
        end = begin
    return 0


def rfc3339_nano(stamp: str) -> str:
    """conmon's offset `+00:00` as the `Z` that kubectl shows."""
    return f"{stamp[:-6]}Z" if stamp.endswith("+00:00") else stamp


def _is_before(stamp: str, at: float) -> bool:
    head, dot, tail = stamp.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        stamp = f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}"
    try:
        return parse_time(stamp) < at
    except ValueError:
        return False
