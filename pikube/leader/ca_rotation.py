"""Shell: moves the running cluster to another authority, step by step, and says what expires when.

GET /pikube/v1/certs tells; POST /pikube/v1/certs/rotate begins, POST /pikube/v1/certs/finish waits for nobody any
more. Sleeps until somebody asks or a board confirms. Started by run.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import trio

from pikube.api.errors import Conflict, Forbidden, MethodNotAllowed
from pikube.api.kinds.core_node import Node
from pikube.api.times import render_time
from pikube.certs.authority import facts_of, fingerprint, split_bundle
from pikube.certs.ca_rotation import BoardTrust, Phase, bundle_hash, waited_for
from pikube.certs.enrolment import EXPIRES_ANNOTATION, KEY_ANNOTATION, TRUSTS_ANNOTATION
from pikube.certs.leader import LeaderCertificates
from pikube.informer.informer import Informer
from pikube.leader.request.context import MASTERS, User
from pikube.leader.request.route import Route
from pikube.wire.messages import Answer, Request, Response

log = logging.getLogger("pikube.rotation")


class CaRotation:
    """A desk, and the task behind it; `told` is called after each step."""

    def __init__(
        self, certificates: LeaderCertificates, nodes: Informer[Node], told: Callable[[], None]
    ) -> None:
        self._certificates = certificates
        self._nodes = nodes
        self._told = told
        self._wake = trio.Event()
        nodes.subscribe(lambda old, new: self._wake.set())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take the next step whenever every board has followed the last."""
        task_status.started()
        while True:
            self._wake = trio.Event()
            held = self._certificates.held
            if held.phase is not Phase.IDLE and not self.waiting():
                self._step()
                continue
            await self._wake.wait()

    def waiting(self) -> list[str]:
        """The boards that have not followed yet."""
        held = self._certificates.held
        boards = [
            BoardTrust(node.metadata.name, node.metadata.annotations.get(TRUSTS_ANNOTATION, ""))
            for node in self._nodes.cache
            if KEY_ANNOTATION in node.metadata.annotations
        ]
        return waited_for(held.phase, held.bundle, boards)

    async def answer(self, route: Route, request: Request, user: User) -> Answer:
        """See handler.Desk. Forbidden, MethodNotAllowed, Conflict."""
        if MASTERS not in user.groups:
            raise Forbidden(f"certificates of the cluster are the business of {MASTERS} only")
        action = route.path.rpartition("/")[2]
        if action == "certs" and route.verb == "get":
            return _json(self.document())
        if route.verb != "post" or action not in ("rotate", "finish"):
            raise MethodNotAllowed()
        if action == "rotate":
            self._begin(user)
        else:
            self._finish(user)
        return _json(self.document())

    def document(self) -> dict[str, Any]:
        """What is held and when it ends."""
        held = self._certificates.held
        signing = fingerprint(held.signing.certificate)
        return {
            "time": render_time(self._certificates.clock()),
            "phase": held.phase.value,
            "waitingFor": self.waiting(),
            "authorities": [
                {
                    "fingerprint": fingerprint(certificate),
                    "expires": render_time(facts_of(certificate).expires_at),
                    "signs": fingerprint(certificate) == signing,
                }
                for certificate in split_bundle(held.bundle)
            ],
            "leader": [
                {"name": name, "expires": render_time(expires_at)}
                for name, expires_at in self._certificates.expiries()
            ],
            "boards": [
                {
                    "name": node.metadata.name,
                    "expires": node.metadata.annotations.get(EXPIRES_ANNOTATION, ""),
                    "follows": node.metadata.annotations.get(TRUSTS_ANNOTATION) == bundle_hash(held.bundle),
                }
                for node in sorted(self._nodes.cache, key=lambda node: node.metadata.name)
                if KEY_ANNOTATION in node.metadata.annotations
            ],
        }

    def _begin(self, user: User) -> None:
        if self._certificates.held.phase is not Phase.IDLE:
            raise Conflict("the cluster is moving to another CA already: `pikube certs` shows how far it is")
        self._certificates.begin_rotation()
        log.warning("event=ca_rotation_begun by=%r", user.name)
        self._told()
        self._wake.set()

    def _finish(self, user: User) -> None:
        if self._certificates.held.phase is Phase.IDLE:
            raise Conflict("the cluster is not moving to another CA")
        left = ",".join(self.waiting())
        if self._step() is not Phase.IDLE:
            self._step()
        log.warning("event=ca_rotation_forced by=%r left_behind=%s", user.name, left)

    def _step(self) -> Phase:
        held = self._certificates.step_rotation()
        log.warning("event=ca_rotation_step phase=%s", held.phase.value)
        self._told()
        return held.phase


def _json(document: dict[str, Any]) -> Response:
    return Response(200, (("Content-Type", "application/json"),), (msgspec.json.encode(document),))
