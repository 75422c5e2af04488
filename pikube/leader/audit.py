"""Shell: a line for each write: who changed what, and how it ended. Off unless a file is named: cards wear.

Enter: the facts of a finished request. Leaves: lines of audit.k8s.io/v1 Events of level Metadata, as log collectors
read them. Called by the API's handler. A file that has reached its size is set aside once, as FILE.1.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from pikube.api.times import render_micro_time
from pikube.leader.request.context import User
from pikube.leader.request.route import Route
from pikube.wire.messages import Request

log = logging.getLogger("pikube.audit")

LARGEST_BYTES = 50 * 1024 * 1024
WRITES = frozenset(("create", "update", "patch", "delete", "deletecollection"))


class AuditLog:
    """Appends to one file; the operating system decides when it reaches the card."""

    def __init__(self, path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._path = path
        self._largest_bytes = largest_bytes
        self._descriptor = -1

    def record(
        self,
        request: Request,
        route: Route,
        user: User | None,
        code: int,
        received_at: float,
        done_at: float,
        notes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write the line of a finished request; reads are not recorded. A full disk costs the line only."""
        if route.verb not in WRITES and not route.subresource:
            return
        line = (
            msgspec.json.encode(audit_event(request, route, user, code, received_at, done_at, notes)) + b"\n"
        )
        try:
            os.write(self._opened(), line)
        except OSError as error:
            log.warning("event=audit_lost path=%s why=%r", self._path, error.strerror)

    def _opened(self) -> int:
        if self._descriptor >= 0 and os.fstat(self._descriptor).st_size > self._largest_bytes:
            self.close()
            os.replace(self._path, self._path.with_name(self._path.name + ".1"))
        if self._descriptor < 0:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self._descriptor

    def close(self) -> None:
        """The next line opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def audit_event(
    request: Request,
    route: Route,
    user: User | None,
    code: int,
    received_at: float,
    done_at: float,
    notes: Mapping[str, str],
) -> dict[str, Any]:
    """The Event of one request (kubernetes apiserver pkg/apis/audit/v1)."""
    who: dict[str, Any] = {}
    if user is not None:
        who = {"username": user.name, "groups": list(user.groups)}
        if user.uid:
            who["uid"] = user.uid
        if user.extra:
            who["extra"] = {key: list(values) for key, values in user.extra.items()}
    event: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": str(uuid.uuid4()),
        "stage": "ResponseComplete",
        "requestURI": request.raw_path + (f"?{request.query}" if request.query else ""),
        "verb": route.verb,
        "user": who,
        "sourceIPs": [request.peer.host],
        "userAgent": request.headers.get("user-agent", ""),
        "responseStatus": {"metadata": {}, "code": code},
        "requestReceivedTimestamp": render_micro_time(received_at),
        "stageTimestamp": render_micro_time(done_at),
    }
    if notes:
        event["annotations"] = dict(notes)
    if route.is_resource:
        reference = {
            "resource": route.resource, "namespace": route.namespace, "name": route.name,
            "apiGroup": route.group, "apiVersion": route.version, "subresource": route.subresource,
        }  # fmt: skip
        event["objectRef"] = {name: value for name, value in reference.items() if value}
    return event
