"""Pure: whether the peer of a TCP connection is gone, by what the kernel knows of it.

Enter: a struct tcp_info (linux/tcp.h). Leaves: a verdict. Called by tcp.py. TCP_USER_TIMEOUT would be the obvious
way, but it also ends connections whose peer lives and only does not read (kernel net/ipv4/tcp_timer.c:
tcp_probe_timer): a film that is paused for half a minute. Without either the kernel sends again for a quarter of
an hour.
"""

from __future__ import annotations

import struct

INFO_BYTES = 60
FIELDS = struct.Struct("=8B13I")
RETRANSMITS, PROBES = 2, 3
UNACKED, LAST_ACK_MS = 12, 20


def is_gone(info: bytes, silent_s: float) -> bool:
    """It owes an answer (to what was sent again, or to two probes) and has said nothing at all for so long."""
    fields = FIELDS.unpack_from(info)
    if fields[LAST_ACK_MS] < silent_s * 1000:
        return False
    return bool(fields[UNACKED] and fields[RETRANSMITS]) or fields[PROBES] >= 2
