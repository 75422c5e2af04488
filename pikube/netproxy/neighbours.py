"""Shell: what neighbours on a link are told and asked about an address of the pool, of either family.

Enter: an interface and an address. Leave: announcements; whether another machine answers for it. Used by
balancer_addresses.py.
"""

from __future__ import annotations

import socket
from typing import Protocol

import trio

from pikube.netproxy import arp, ndp

ASK_S = 0.5  # a question or its answer may be lost, and sleeping Wi-Fi takes its time
TIMES = 3  # an announcement may be lost, too
GAP_S = 0.2
MESSAGE_BYTES = 2048


class Question(Protocol):
    socket: socket.socket

    def ask(self) -> None: ...

    def told_by(self, data: bytes) -> bytes | None: ...


async def announce(interface: str, address: str, mac: bytes | None = None) -> None:
    """Tell the link, some times, that the address is here now, or at another machine's hardware address. Raises
    OSError."""
    say = ndp.announce if ":" in address else arp.announce
    for turn in range(TIMES):
        if turn:
            await trio.sleep(GAP_S)
        say(interface, address, mac or arp.hardware_address(interface))


async def who_has(interface: str, address: str, silence_s: float) -> bytes | None:
    """The hardware address of another machine that answers for it. It is asked again and again; nobody has it after
    so much silence. Raises OSError."""
    kind = ndp.NdpQuestion if ":" in address else arp.ArpQuestion
    question: Question = kind(interface, address)
    with question.socket:
        with trio.move_on_after(silence_s):
            while True:
                question.ask()
                with trio.move_on_after(ASK_S):
                    while (mac := _told_by(question)) is None:
                        await trio.lowlevel.wait_readable(question.socket)
                    return mac
        return _told_by(question)  # a board so busy that its time was over before it looked


def _told_by(question: Question) -> bytes | None:
    """Who answers, by what has arrived so far."""
    while True:
        try:
            data = question.socket.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return None
        mac = question.told_by(data)
        if mac is not None:
            return mac
