"""Pure: answers as bytes: headers, dates, errors as Status documents, compression.

Enter: Responses and ApiErrors. Leave: heads as bytes and Responses. Called by connection; handlers call
`warning`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from pikube.api.errors import ApiError, NotAcceptable
from pikube.api.kinds.meta import Status
from pikube.api.media_types import JSON, PROTOBUF, negotiate
from pikube.api.protobuf_writer import encode_document
from pikube.wire.messages import Response

GZIP_BYTES = 128 * 1024  # kubernetes endpoints/handlers/responsewriters/writers.go:defaultGzipThresholdBytes
BODILESS = (204, 304)
REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Request Entity Too Large",  # Python 3.13 took the words of RFC 9110, Go keeps the old ones
    422: "Unprocessable Entity",
}
"""What the official Python client shows as an error's reason."""


def head(status: int, headers: Sequence[tuple[str, str]], second: int) -> bytes:
    """The status line, headers and the Date of a Unix time. ValueError for a line end in a header: what a user wrote
    must not become a header of ours."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise ValueError(f"a header holds a line end: {headers!r}")
    return f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{text}Date: {_date(second)}\r\n\r\n".encode(
        "latin-1"
    )


NO_PAGE = b"404 page not found\n"
PAGE_HEADERS = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))


def error_response(error: ApiError, accept: str = "") -> Response:
    """The Status document of an error, in protobuf for those who take nothing else."""
    if error.is_page:
        return Response(error.code, PAGE_HEADERS, (NO_PAGE,))
    encoding, body = JSON, error.to_bytes()
    if PROTOBUF in accept and _takes_only_protobuf(accept):
        encoding, body = PROTOBUF, encode_document(error.to_status(), Status)
    headers = [("Content-Type", encoding)]
    if error.retry_after_s:  # only where a time is named: client-go would ask ten times before it says why
        headers.append(("Retry-After", str(error.retry_after_s)))
    if error.code == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="pikube"'))
    if error.code == 413:
        headers.append(("Connection", "close"))
    headers += [warning(words) for words in error.warnings]
    return Response(error.code, headers, (body,))


def _takes_only_protobuf(accept: str) -> bool:
    try:
        return negotiate(accept).encoding == PROTOBUF
    except NotAcceptable:
        return False


def warning(text: str) -> tuple[str, str]:
    """A header that kubectl prints as `Warning: text` (RFC 7234 §5.5; code 299, as kubernetes sends)."""
    line = " ".join(text.split()).encode("ascii", "replace").decode("ascii")
    quoted = line.replace("\\", "\\\\").replace('"', '\\"')
    return ("Warning", f'299 - "{quoted}"')


def should_gzip(size: int, answer: Response, request_headers: Mapping[str, str]) -> bool:
    """Whether the client takes gzip and the body is worth it."""
    if size < GZIP_BYTES or answer.status in BODILESS:
        return False
    return _takes_gzip(request_headers.get("accept-encoding", "")) and not any(
        name.lower() == "content-encoding" for name, _ in answer.headers
    )


def gzip(chunks: Iterable[bytes]) -> bytes:
    """Level 1: on a LAN the CPU is dearer than the bytes (kubernetes uses level 1, too)."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join([*(packer.compress(chunk) for chunk in chunks), packer.flush()])


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        if name.strip().lower() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
