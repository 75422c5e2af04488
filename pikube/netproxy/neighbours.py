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

    def is_answer(self, data: bytes) -> bool: ...


async def announce(interface: str, address: str) -> None:
    """Tell the link that the address is here now, some times. Raises OSError."""
    say = ndp.announce if ":" in address else arp.announce
    for turn in range(TIMES):
        if turn:
            await trio.sleep(GAP_S)
        say(interface, address)


async def is_elsewhere(interface: str, address: str, silence_s: float) -> bool:
    """Whether another machine answers for it. It is asked again and again; nobody has it after so much silence.
    Raises OSError."""
    kind = ndp.NdpQuestion if ":" in address else arp.ArpQuestion
    question: Question = kind(interface, address)
    with question.socket:
        with trio.move_on_after(silence_s):
            while True:
                question.ask()
                with trio.move_on_after(ASK_S):
                    while not _is_answered(question):
                        await trio.lowlevel.wait_readable(question.socket)
                    return True
        return _is_answered(question)  # a board so busy that its time was over before it looked


def _is_answered(question: Question) -> bool:
    """By what has arrived so far."""
    while True:
        try:
            data = question.socket.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return False
        if question.is_answer(data):
            return True
