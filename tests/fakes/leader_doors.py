"""A leader as boards that join see it, over real TLS and on a fake API; and a false one, in the middle.

Used on loopback by tests of the doors, and on a LAN of namespaces by tests/e2e/man_in_the_middle.py.
"""

from __future__ import annotations

import json
import secrets
import time
from contextlib import asynccontextmanager

import trio
from fakes.fake_api import FakeApi

from pikube.agent.enrolling import request_for
from pikube.api.errors import PathNotFound
from pikube.certs.authority import issue, make_ca, make_key
from pikube.certs.contexts import client_context, server_context
from pikube.certs.enrolment import ClusterDocument, ClusterSettings, JoinRequest, Machine
from pikube.certs.issuer import Issuer
from pikube.certs.pairing import NONCE_BYTES, BoardSide, Terms
from pikube.certs.pairing_messages import PAIRINGS, PairingNonce, PairingOffer
from pikube.certs.profiles import APISERVER, LEADER_NAME
from pikube.leader.enrolment import Enrolment, message, read_message
from pikube.leader.joining import Joining, JoiningParts
from pikube.leader.pairing import DESK, PairingOffice
from pikube.leader.request.context import User
from pikube.leader.request.route import Query, parse_route
from pikube.wire.client import open_api_connection
from pikube.wire.messages import Peer
from pikube.wire.server import listen, serve

ADMIN = User("kubernetes-admin", ("system:masters",))
COMMON = ClusterSettings(
    cluster_cidr="10.42.0.0/16", service_cidr="10.43.0.0/16", cluster_dns="10.43.0.10", cluster_domain="x"
)


async def no_api(request):
    raise PathNotFound()


class Leader:
    """What a leader is to boards that join. `beside` are certificates of others that it says are trusted, too."""

    def __init__(self, name, directory, *, beside="", cluster_id="1"):
        self.ca = make_ca(name, time.time())
        directory.mkdir()
        leaf = issue(self.ca, APISERVER, {LEADER_NAME}, time.time())
        (directory / "leaf.pem").write_bytes(leaf.certificate + leaf.key)
        (directory / "ca.crt").write_bytes(self.ca.certificate)
        self.tls = server_context(directory / "leaf.pem", directory / "ca.crt")
        self.api = FakeApi()
        self.authority = self.ca.certificate.decode() + beside
        issuer = Issuer(self.ca, self.authority.encode())
        document = ClusterDocument(
            cluster=name, id=cluster_id, ca=self.authority, servers=(), version="1", time=0.0, settings=COMMON
        )
        parts = JoiningParts(self.api, issuer, lambda: document, lambda: {"leader"}, "leader", time.time)
        joining = Joining(parts)
        self.office = PairingOffice(lambda: issuer.bundle, joining.admit_paired, joining.node)
        self.doors = {**joining.doors(), **self.office.doors()}

    async def desk(self, method="GET", path="", body=b""):
        """What a person gets from the desk, decoded."""
        route = parse_route(method, DESK + path, Query(""))
        answer = await self.office.answer(route, FakeRequest(body), ADMIN)
        return json.loads(b"".join(answer.chunks))

    async def waiting(self):
        return (await self.desk())["pairings"]

    async def approve(self, name, digits):
        return await self.desk("POST", f"/{name}/approve", json.dumps({"digits": digits}).encode())

    async def reject(self, name, digits):
        return await self.desk("POST", f"/{name}/reject", json.dumps({"digits": digits}).encode())


class FakeRequest:
    def __init__(self, body, path="", host="192.0.2.9"):
        self._body, self.path, self.method = body, path, "POST"
        self.peer = Peer(host, 1)
        self.headers = {}

    async def body(self, limit_bytes):
        return self._body


@asynccontextmanager
async def open_leader(leader, doors=None, address="127.0.0.1", port=0):
    """Serve it; yields its URL."""
    listeners = await listen(address, port)
    handler = Enrolment(no_api, leader.doors if doors is None else doors)
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, handler, listeners, leader.tls)
        yield f"https://{address}:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def wish(name="b2", key=None, model="Raspberry Pi 4", serial="0001", **more):
    key = key or make_key()
    machine = Machine(model=model, serial=serial)
    return JoinRequest(token="", node=name, request=request_for(key, name), machine=machine, **more)


class InTheMiddle:
    """Doors of a false leader that carries on the conversation with the true one in the board's name."""

    def __init__(self, fake, true_url, true_authority):
        self.fake, self.true_url, self.key = fake, true_url, make_key()
        self.true_authority = true_authority
        self.digits_at_leader = ""

    def doors(self):
        return {**self.fake.doors, ("POST", PAIRINGS): self.offer, ("POST", f"{PAIRINGS}/"): self.reveal}

    async def offer(self, request):
        """Answer the board, and offer his own key under the board's name to the leader."""
        offered = await read_message(request, PairingOffer)
        name = json.loads(offered.offer)["node"]
        offer = json.dumps({"token": "", "node": name, "request": request_for(self.key, name)})
        side = BoardSide(
            Terms(self.true_authority.encode(), offer.encode()), secrets.token_bytes(NONCE_BYTES)
        )
        tls = client_context(ca_data=self.true_authority, server_name=LEADER_NAME)
        async with open_api_connection([self.true_url], tls) as connection:
            body = json.dumps({"offer": offer, "commitment": side.commitment.hex()}).encode()
            answer = json.loads(await connection.request("POST", PAIRINGS, body=body))
            nonce = side.hear_commitment(bytes.fromhex(answer["commitment"]))
            body = json.dumps({"nonce": nonce.hex()}).encode()
            revealed = json.loads(await connection.request("POST", f"{PAIRINGS}/{answer['id']}", body=body))
            self.digits_at_leader = side.hear_nonce(bytes.fromhex(revealed["nonce"]))
        replayed = FakeRequest(
            json.dumps({"offer": offered.offer, "commitment": offered.commitment}).encode()
        )
        return await self.fake.office.offer(replayed)

    async def reveal(self, request):
        nonce = await read_message(request, PairingNonce)
        replayed = FakeRequest(json.dumps({"nonce": nonce.nonce}).encode(), request.path)
        return message(
            PairingNonce(nonce=json.loads((await self.fake.office.reveal(replayed)).chunks[0])["nonce"])
        )
