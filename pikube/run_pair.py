"""Shell: the conversation of `pikube join` with the person in front of the board, while it is paired.

Enter: the leader that was found, what the board asks for. Leaves: Certificates, once both sides have said yes. Called
by run_join.
"""

from __future__ import annotations

import sys

import trio

from pikube.agent.finding import Found
from pikube.agent.pairing import Pairing, PairingRefused, open_pairing
from pikube.certs.authority import fingerprint, split_bundle
from pikube.certs.enrolment import Certificates, JoinRequest
from pikube.certs.pairing import spaced
from pikube.cli.failure import StartupError


async def pair(found: Found, wish: JoinRequest, *, asks: bool) -> Certificates:
    """Pair, and ask the person here unless the leader is known by its CA. StartupError, ApiError, ConnectionLost."""
    document = found.document
    print(f"Leader found: cluster {document.cluster} at {found.servers[0]} ({shown_authority(document.ca)}).")
    try:
        async with open_pairing(found.servers, found.verified, document.ca, wish) as pairing:
            print(f"The digits of this board, {wish.node}: {spaced(pairing.digits)}")
            print(
                "Run `sudo pikube pair` on the leader, and approve it there if it shows the same digits.",
                flush=True,
            )
            return await (agreed(pairing, wish.node) if asks else pairing.wait())
    except PairingRefused as error:
        raise StartupError(str(error)) from None


async def agreed(pairing: Pairing, node: str) -> Certificates:
    """The leader's answer and the person's, whichever comes first. StartupError when the person says no."""
    answer: list[Certificates] = []

    async def wait() -> None:
        answer.append(await pairing.wait())

    refusals: list[PairingRefused | StartupError] = []
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            print(f"Does the leader show {spaced(pairing.digits)}, too? [y/N] ", end="", flush=True)
            if (await read_line()).strip().lower() not in ("y", "yes"):
                raise StartupError(
                    "this board was not joined, because the digits were not confirmed; if they differ, somebody on "
                    "this network interferes: join by a token. If the leader has approved it already: "
                    f"kubectl delete node {node}"
                )
            if not answer:
                print("Waiting for the approval on the leader …", flush=True)
    except* (PairingRefused, StartupError) as group:
        refusals = [error for error in _leaves(group) if isinstance(error, PairingRefused | StartupError)]
    if refusals:
        print()
        raise refusals[0]
    return answer[0]


async def read_line() -> str:
    """A line from the terminal; '' at its end. Cancellable: no thread is left behind reading."""
    await trio.lowlevel.wait_readable(sys.stdin.fileno())
    return sys.stdin.readline()


def shown_authority(bundle: str) -> str:
    """The CA's hash, short enough to compare at a glance with `pikube discover`."""
    return "CA " + ", ".join(fingerprint(certificate)[:16] for certificate in split_bundle(bundle.encode()))


def _leaves(group: BaseExceptionGroup) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
