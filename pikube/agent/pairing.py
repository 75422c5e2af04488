"""Shell: pairing on the board: offer, nonces, digits, and the wait for the leader's answer.

Enter: URLs, the authority that whoever answers there claims to have, what the board asks for. Leave: the digits, to
be shown; Certificates; PairingRefused and the errors of the connection. Called by the command join.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import trio

from pikube.agent.enrolling import ANSWER_BYTES, decoded
from pikube.api.client import ConnectionLost
from pikube.api.errors import ApiError, NotFound, TooManyRequests
from pikube.certs.contexts import client_context
from pikube.certs.enrolment import Certificates, JoinRequest
from pikube.certs.pairing import NONCE_BYTES, BoardSide, PairingBroken, Terms
from pikube.certs.pairing_messages import PAIRINGS, PairingAnswer, PairingNonce, PairingOffer, PairingState
from pikube.certs.profiles import LEADER_NAME
from pikube.wire.client import ApiConnection, open_api_connection

WITHDRAW_S = 2.0
RETRY_S, RETRIES = 1.0, 30  # a leader that is restarted meanwhile is back within seconds


class PairingRefused(Exception):
    """The board may not join, or somebody interferes; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Digits to compare, and the way to the answer."""

    digits: str
    _connection: ApiConnection
    _path: str

    async def wait(self) -> Certificates:
        """Until a person has decided on the leader. PairingRefused, ConnectionLost, ApiError."""
        lost = 0
        while True:
            asked_at = trio.current_time()
            try:
                state = decoded(await self._connection.request("GET", self._path), PairingState)
            except NotFound:
                raise PairingRefused(
                    "nobody approved this board in time, or the leader was restarted: run `pikube join` again"
                ) from None
            except (ConnectionLost, TooManyRequests):
                lost += 1
                if lost > RETRIES:
                    raise
                await trio.sleep(RETRY_S)
                continue
            if state.state == "approved" and state.certificates is not None:
                return state.certificates
            if state.state != "waiting":
                raise PairingRefused(f"the leader refused this board: {state.message or state.state}")
            await trio.sleep_until(
                asked_at + RETRY_S
            )  # a leader waits before it says so; a false one may not


@asynccontextmanager
async def open_pairing(
    urls: Sequence[str], verified: str, claimed: str, wish: JoinRequest
) -> AsyncIterator[Pairing]:
    """Exchange commitments and nonces. `claimed` is the authority as the leader told it, which goes into the digits;
    `verified` are those of its certificates that the leader must prove to have. The leader forgets the offer when
    the block is left. PairingRefused, ConnectionLost, ApiError.
    """
    offer = msgspec.json.encode(wish).decode()
    board = BoardSide(Terms(claimed.encode(), offer.encode()), secrets.token_bytes(NONCE_BYTES))
    tls = client_context(ca_data=verified, server_name=LEADER_NAME)
    async with open_api_connection(urls, tls, most_bytes=ANSWER_BYTES) as connection:
        body = msgspec.json.encode(PairingOffer(offer=offer, commitment=board.commitment.hex()))
        answer = decoded(await connection.request("POST", PAIRINGS, body=body), PairingAnswer)
        path = f"{PAIRINGS}/{answer.id}"
        try:
            nonce = board.hear_commitment(bytes.fromhex(answer.commitment))
            body = msgspec.json.encode(PairingNonce(nonce=nonce.hex()))
            revealed = decoded(await connection.request("POST", path, body=body), PairingNonce)
            digits = board.hear_nonce(bytes.fromhex(revealed.nonce))
            yield Pairing(digits, connection, path)
        except PairingBroken as error:
            raise PairingRefused(
                f"{error}: somebody interferes with this network, or the two pikubes are of different versions; join "
                "by a token instead"
            ) from None
        finally:
            with trio.move_on_after(WITHDRAW_S, shield=True):
                await _withdraw(connection, path)


async def _withdraw(connection: ApiConnection, path: str) -> None:
    try:
        await connection.request("DELETE", path)
    except (ApiError, ConnectionLost):
        return
