"""Declaration: every error the API answers, worded as kubectl users know it.

ApiError                     a metav1.Status of status Failure; `code` and `reason` are fixed by the class
├── BadRequest 400           malformed body, bad selector, bad query
├── Unauthorized 401
├── Forbidden 403
├── NotFound 404             ├── PathNotFound (no such route)
├── MethodNotAllowed 405
├── NotAcceptable 406
├── AlreadyExists 409
├── Conflict 409             the resourceVersion or a precondition does not hold; apply conflicts carry causes
├── Expired 410              watch or continue token too old
├── RequestEntityTooLarge 413
├── UnsupportedMediaType 415
├── Invalid 422              carries causes, one for each field
├── TooManyRequests 429
├── InternalError 500
├── Unexpected 500           what upstream answers without a reason, because nobody there expects it
├── ServiceUnavailable 503
└── ServerTimeout 504

What enters are facts (resource, name, field, value, limit); what leaves is the wording of
kubernetes apimachinery `pkg/api/errors/errors.go`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Resource:
    """A group and a plural, as errors name them: `deployments.apps`, `pods`."""

    group: str
    plural: str

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Cause:
    """One metav1.StatusCause: reason such as FieldValueInvalid, message, field path."""

    reason: str
    message: str
    field: str = ""

    def to_builtins(self) -> dict[str, str]:
        out = {"reason": self.reason, "message": self.message}
        if self.field:
            out["field"] = self.field
        return out


class ApiError(Exception):
    """An answer of status Failure. `message` is what kubectl prints after `Error from server (Reason): `."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"
    has_details: ClassVar[bool] = False
    """Whether upstream sends details even when there are none."""
    is_page = False
    is_for_people = False
    """Whether its Status is written on many lines."""

    def __init__(
        self,
        message: str,
        *,
        resource: Resource | None = None,
        name: str = "",
        kind: str = "",
        uid: str = "",
        causes: Sequence[Cause] = (),
        retry_after_s: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.resource = resource
        self.name = name
        self.kind = kind or (resource.plural if resource else "")
        self.uid = uid
        self.causes = tuple(causes)
        self.retry_after_s = retry_after_s
        self.warnings: tuple[str, ...] = ()

    def to_status(self) -> dict[str, Any]:
        """The metav1.Status document as builtins."""
        details: dict[str, Any] = {}
        if self.name:
            details["name"] = self.name
        if self.resource is not None and self.resource.group:
            details["group"] = self.resource.group
        if self.kind:
            details["kind"] = self.kind
        if self.uid:
            details["uid"] = self.uid
        if self.causes:
            details["causes"] = [cause.to_builtins() for cause in self.causes]
        if self.retry_after_s:
            details["retryAfterSeconds"] = self.retry_after_s
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if details or self.has_details:
            status["details"] = details
        status["code"] = self.code
        return status

    def to_bytes(self) -> bytes:
        """The Status as a JSON body."""
        if self.is_for_people:
            return json.dumps(self.to_status(), indent=2).encode() + b"\n"
        return json.dumps(self.to_status(), separators=(",", ":")).encode() + b"\n"


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """`why` is for a TokenReview: whoever shows a bad credential is told nothing of it."""

    code, reason = 401, "Unauthorized"

    def __init__(self, message: str = "Unauthorized", why: str = "") -> None:
        super().__init__(message)
        self.why = why


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"

    @classmethod
    def of(cls, resource: Resource, name: str, why: str) -> Forbidden:
        """`pods "web" is forbidden: why`."""
        quoted = f' "{name}"' if name else ""
        return cls(f"{resource}{quoted} is forbidden: {why}", resource=resource, name=name)


class NotFound(ApiError):
    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, resource: Resource, name: str) -> NotFound:
        """`pods "web" not found`."""
        return cls(f'{resource} "{name}" not found', resource=resource, name=name)


class PathNotFound(NotFound):
    has_details = True

    def __init__(
        self, message: str = "the server could not find the requested resource", *, is_page: bool = False
    ) -> None:
        """`is_page`: answered as Go's own server answers a path that nobody has, in plain words."""
        super().__init__(message)
        self.is_page = is_page


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"
    has_details = True

    def __init__(
        self, message: str = "the server does not allow this method on the requested resource"
    ) -> None:
        super().__init__(message)


class NotAcceptable(ApiError):
    code, reason = 406, "NotAcceptable"

    @classmethod
    def of(cls, offered: Sequence[str]) -> NotAcceptable:
        """Names the media types this server can answer with."""
        return cls(f"only the following media types are accepted: {', '.join(offered)}")


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, resource: Resource, name: str) -> AlreadyExists:
        """`pods "web" already exists`."""
        return cls(f'{resource} "{name}" already exists', resource=resource, name=name)


class Conflict(ApiError):
    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, resource: Resource, name: str, why: str) -> Conflict:
        """`Operation cannot be fulfilled on pods "web": why`."""
        return cls(
            f'Operation cannot be fulfilled on {resource} "{name}": {why}', resource=resource, name=name
        )

    @classmethod
    def modified(cls, resource: Resource, name: str) -> Conflict:
        """The stale resourceVersion of a PUT."""
        return cls.of(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )

    @classmethod
    def apply(cls, causes: Sequence[Cause]) -> Conflict:
        """Server-side apply met fields of other managers; each cause says `conflict with "M" using V` and
        names a field (kubernetes managedfields `conflict.go:getConflictMessage`, which groups by manager)."""
        if len(causes) == 1:
            return cls(f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}", causes=causes)
        by_manager: dict[str, list[str]] = {}
        for cause in causes:
            by_manager.setdefault(cause.message, []).append(f"- {cause.field}")
        lines = [
            line
            for words, fields in by_manager.items()
            for line in (words.replace("conflict with", "conflicts with", 1) + ":", *fields)
        ]
        return cls(f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines), causes=causes)


class Expired(ApiError):
    code, reason = 410, "Expired"

    @classmethod
    def watch(cls, requested: int, oldest: int) -> Expired:
        """A watch from a revision whose history is gone."""
        return cls(f"too old resource version: {requested} ({oldest})")

    @classmethod
    def future_watch(cls, requested: int, current: int) -> Expired:
        """A watch from a revision that there has not been, seen in a store that was since replaced by a backup of it.
        kube-apiserver leaves such a watch open and shows it nothing until it gets there, perhaps for days; clients
        that are sent away list anew."""
        return cls(f"too large resource version: {requested}, current: {current}")

    go_on = ""
    """The token by which a list whose snapshot is gone may go on from what is there now."""

    @classmethod
    def continue_token(cls, go_on: str = "") -> Expired:
        """A `continue` token whose snapshot is gone (kubernetes etcd3/errors.go:handleCompactedErrorForPaging)."""
        error = cls(
            "The provided continue parameter is too old to display a consistent list result. "
            "You can start a new list without the continue parameter, or use the continue token in this response "
            "to retrieve the remainder of the results. Continuing with the provided token results in an "
            "inconsistent list - objects that were created, modified, or deleted between the time the first chunk "
            "was returned and now may show up in the list."
        )
        error.go_on = go_on
        return error

    def to_status(self) -> dict[str, Any]:
        status = super().to_status()
        if self.go_on:
            status["metadata"] = {"continue": self.go_on}
        return status


class RequestEntityTooLarge(ApiError):
    code, reason = 413, "RequestEntityTooLarge"

    @classmethod
    def of(cls, limit_bytes: int) -> RequestEntityTooLarge:
        """Names the limit."""
        return cls(f"Request entity too large: limit is {limit_bytes}")


class UnsupportedMediaType(ApiError):
    code, reason = 415, "UnsupportedMediaType"

    @classmethod
    def of(cls, offered: Sequence[str]) -> UnsupportedMediaType:
        """Names what is understood."""
        words = "the body of the request was in an unknown format - accepted media types include: "
        return cls(words + ", ".join(offered))


class Invalid(ApiError):
    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, kind: str, group: str, name: str, causes: Sequence[Cause]) -> Invalid:
        """`Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be …`.

        Each cause's message is the part after the field path.
        """
        qualified = f"{kind}.{group}" if group else kind
        words = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
        words = list(dict.fromkeys(words))  # causes may repeat themselves, the sentence does not
        joined = words[0] if len(words) == 1 else "[" + ", ".join(words) + "]"
        return cls(
            f'{qualified} "{name}" is invalid: {joined}',
            resource=Resource(group, kind),
            name=name,
            kind=kind,
            causes=causes,
        )


class Unprocessable(Invalid):
    """What can be read but not done (kubernetes handlers/patch.go: NewGenericServerResponse)."""

    has_details = True

    def __init__(self) -> None:
        super().__init__("the server rejected our request due to an error in our request")


class TooManyRequests(ApiError):
    code, reason = 429, "TooManyRequests"


class InternalError(ApiError):
    code, reason = 500, "InternalError"

    @classmethod
    def of(cls, why: str) -> InternalError:
        """`Internal error occurred: why`."""
        return cls(f"Internal error occurred: {why}")


class Unexpected(ApiError):
    """`Error from server: why`."""

    code, reason = 500, ""


class ServiceUnavailable(ApiError):
    code, reason = 503, "ServiceUnavailable"


class ServerTimeout(ApiError):
    code, reason = 504, "Timeout"


_BY_REASON: dict[str, type[ApiError]] = {
    cls.reason: cls
    for cls in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, AlreadyExists,
        Conflict, Expired, RequestEntityTooLarge, UnsupportedMediaType, Invalid, TooManyRequests,
        InternalError, ServiceUnavailable, ServerTimeout,
    )
}  # fmt: skip
_BY_CODE: dict[int, type[ApiError]] = {cls.code: cls for cls in reversed(_BY_REASON.values())}


def error_from_status(status: dict[str, Any]) -> ApiError:
    """The exception for a Status of status Failure that a server sent (the wire client's way back)."""
    code = int(status.get("code") or 500)
    cls = _BY_REASON.get(str(status.get("reason", "")), _BY_CODE.get(code, InternalError))
    details = status.get("details") or {}
    error = cls.__new__(cls)
    ApiError.__init__(
        error,
        str(status.get("message", "")),
        resource=Resource(details.get("group", ""), details.get("kind", "")) if details.get("kind") else None,
        name=details.get("name", ""),
        uid=details.get("uid", ""),
        causes=[
            Cause(c.get("reason", ""), c.get("message", ""), c.get("field", ""))
            for c in details.get("causes") or ()
        ],
        retry_after_s=int(details.get("retryAfterSeconds") or 0),
    )
    return error
