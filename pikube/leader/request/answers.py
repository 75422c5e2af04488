"""Pure: stored bytes as the answers clients ask for: the object, a list, a Table, metadata only; JSON, YAML or
protobuf.

Enter: items and what Accept negotiated. Leave: chunks of bytes, the store's own wherever possible.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import yaml

from pikube.api import protobuf_writer
from pikube.api.custom.objects import CustomObject
from pikube.api.go_words import parse_bool
from pikube.api.kinds.autoscaling import Scale
from pikube.api.kinds.base import Struct
from pikube.api.kinds.meta import Object, Status
from pikube.api.media_types import JSON, PROTOBUF, YAML, Accepted
from pikube.api.scheme import KindInfo
from pikube.api.table import PARTIAL_HEAD, partial_object, render_table
from pikube.leader.request.selection import Page
from pikube.leader.store.contract import Item
from pikube.wire.messages import Answer, Response

encode = msgspec.json.encode


def document(value: Any, accepted: Accepted, status: int = 200) -> Response:
    """A Struct, or the builtins of a Status, as an answer."""
    return raw([encode(value)], accepted, status, type(value) if isinstance(value, Struct) else Status)


def scale(value: Scale, accepted: Accepted, now: float) -> Response:
    """What is wanted and what there is of a kind's replicas."""
    if accepted.form != "Table":
        return document(value, accepted.whole)
    metadata = encode({"resourceVersion": value.metadata.resource_version})
    table = render_table(Scale, [encode(value)], metadata, now, version=accepted.version)
    return raw(table, accepted)


def raw(
    chunks: Sequence[bytes], accepted: Accepted, status: int = 200, cls: type[Any] | None = None
) -> Response:
    """JSON chunks as an answer, turned into YAML if that is wanted, or into protobuf by the declaration `cls`."""
    if accepted.encoding == PROTOBUF:
        assert cls is not None
        builtins = msgspec.json.decode(b"".join(chunks))
        return _protobuf(protobuf_writer.encode_document(builtins, cls), status)
    if accepted.encoding == YAML:
        builtins = msgspec.json.decode(b"".join(chunks))
        text = yaml.dump(builtins, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        return Response(status, (("Content-Type", YAML),), (text.encode(),))
    return Response(status, (("Content-Type", JSON),), chunks)


def _protobuf(document: bytes, status: int = 200) -> Response:
    return Response(status, (("Content-Type", PROTOBUF),), (document,))


_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def one(
    info: KindInfo, item: Item, accepted: Accepted, now: float, status: int = 200, include: str = ""
) -> Response:
    """One object."""
    value = info.shown(item.value)
    if accepted.form == "Table":
        metadata = encode({"resourceVersion": str(item.revision)})
        return raw(
            render_table(info.cls, [value], metadata, now, include_object=include or "Metadata",
                         version=accepted.version),
            accepted,
            status,
        )  # fmt: skip
    if accepted.form:
        return raw([partial_object(value)], accepted, status, Object)
    return raw([value], accepted, status, info.cls)


def listing(info: KindInfo, page: Page, accepted: Accepted, now: float, include: str = "") -> Response:
    """A page of a list."""
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.continue_token:
        metadata["continue"] = page.continue_token
    if page.remaining:
        metadata["remainingItemCount"] = page.remaining
    meta = encode(metadata)
    values = [info.shown(item.value) for item in page.items]
    if accepted.form == "Table":
        return raw(
            render_table(info.cls, values, meta, now, include_object=include or "Metadata",
                         version=accepted.version),
            accepted,
        )  # fmt: skip
    names = info.names
    if accepted.encoding == PROTOBUF:
        return _protobuf(_protobuf_list(info, accepted, metadata, values))
    if accepted.form:
        head = b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":%s,"items":['
        return raw([head % meta, b",".join(map(partial_object, values)), b"]}\n"], accepted)
    head = b'{"kind":"%s","apiVersion":"%s","metadata":%s,"items":[' % (
        (names.list_kind or f"{names.kind}List").encode(),
        names.api_version.encode(),
        meta,
    )
    if issubclass(info.cls, CustomObject) or not values:
        return raw([head, b",".join(values), b"]}\n"], accepted)
    # what an item is, the list says already: upstream leaves it out of the items of its own kinds
    start = len(b'{"kind":"%s","apiVersion":"%s",' % (names.kind.encode(), names.api_version.encode()))
    return raw([head, b"{", b",{".join([value[start:] for value in values]), b"]}\n"], accepted)


def _protobuf_list(
    info: KindInfo, accepted: Accepted, metadata: dict[str, Any], values: Sequence[bytes]
) -> bytes:
    names = info.names
    if accepted.form:
        partial = map(partial_object, values)
        return protobuf_writer.encode_list(
            "meta.k8s.io/v1", "PartialObjectMetadataList", metadata, partial, Object
        )
    kind = names.list_kind or f"{names.kind}List"
    return protobuf_writer.encode_list(names.api_version, kind, metadata, values, info.cls)


INDENTED_BYTES = 4 * 1024 * 1024  # nobody reads more than this


def is_pretty(wish: str, user_agent: str) -> bool:
    """Whether a person reads the answer (kubernetes endpoints/handlers/negotiation:isPrettyPrint)."""
    if wish:
        return parse_bool(wish) is True
    return user_agent.startswith(("curl", "Wget", "Mozilla/5.0"))


def indented(answer: Answer) -> Answer:
    """JSON on many lines; other answers as they are."""
    if not isinstance(answer, Response) or ("Content-Type", JSON) not in answer.headers:
        return answer
    if sum(map(len, answer.chunks)) > INDENTED_BYTES:
        return answer
    return Response(answer.status, answer.headers, (msgspec.json.format(b"".join(answer.chunks), indent=2),))


def watch_line(
    info: KindInfo, type_: str, value: bytes, accepted: Accepted, now: float, *, is_first: bool, include: str
) -> bytes:
    """One watch event, with its newline."""
    value = info.shown(value)
    if accepted.form == "Table":
        meta = _table_metadata(value)
        body = b"".join(
            render_table(info.cls, [value], meta, now, include_object=include or "Metadata",
                         version=accepted.version, has_header=is_first)
        ).rstrip()  # fmt: skip
    elif accepted.form:
        body = partial_object(value)
    else:
        body = value
    return _event(type_, body, accepted, info)


def error_line(status: bytes, accepted: Accepted, info: KindInfo) -> bytes:
    """What ends a watch that began well."""
    return _event("ERROR", status.rstrip(), accepted, info)


def _event(type_: str, body: bytes, accepted: Accepted, info: KindInfo) -> bytes:
    if accepted.encoding != PROTOBUF:
        return b'{"type":"%s","object":%s}\n' % (type_.encode(), body)
    cls = Status if type_ == "ERROR" else Object if accepted.form else info.cls
    document = protobuf_writer.encode_document(msgspec.json.decode(body), cls)
    return protobuf_writer.frame(type_, document)


def events_of(chunk: bytes, accepted: Accepted) -> Iterator[bytes]:
    """The events of a part of a watch, as they are where messages say where each ends: JSON has its newline, protobuf
    not its length."""
    if accepted.encoding != PROTOBUF:
        yield from chunk.splitlines(keepends=True)  # JSON has no newline inside
        return
    start = 0
    while start < len(chunk):
        begin = start + protobuf_writer.FRAME_HEAD_BYTES
        start = begin + int.from_bytes(chunk[start:begin], "big")
        yield chunk[begin:start]


def bookmark_line(info: KindInfo, revision: int, accepted: Accepted, *, ends_initial: bool) -> bytes:
    """A BOOKMARK: an empty object that carries a revision."""
    meta: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
    if ends_initial:
        meta["annotations"] = {
            "k8s.io/initial-events-end": "true",
            BLUEPRINT: base64.b64encode(_empty_list(info, accepted)).decode(),
        }
    names = info.names
    if accepted.form == "Table":
        obj = (
            b'{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":%s,"columnDefinitions":null,"rows":[]}'
        )
        body = obj % encode({"resourceVersion": str(revision)})
        if ends_initial:
            row = b'{"cells":[],"object":%s%s}}' % (PARTIAL_HEAD, encode(meta))
            body = body.replace(b'"rows":[]', b'"rows":[%s]' % row)
    elif accepted.form:
        body = b"%s%s}" % (PARTIAL_HEAD, encode(meta))
    else:
        body = encode({"kind": names.kind, "apiVersion": names.api_version, "metadata": meta})
    return _event("BOOKMARK", body, accepted, info)


BLUEPRINT = "kubernetes.io/initial-events-list-blueprint"
"""What a client makes its list of that streamed it: an empty one, as LIST would have answered (client-go's
WatchList asks with LIST once more when it is missing)."""


def _empty_list(info: KindInfo, accepted: Accepted) -> bytes:
    names = info.names
    if accepted.encoding == PROTOBUF:
        return _protobuf_list(info, accepted, {}, ())
    if accepted.form and accepted.form != "Table":
        return b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{},"items":[]}'
    kind = names.list_kind or f"{names.kind}List"
    document = {"kind": kind, "apiVersion": names.api_version, "metadata": {}, "items": []}
    return encode(document)


class _Version(msgspec.Struct):
    resourceVersion: str = ""


class _Meta(msgspec.Struct):
    metadata: _Version = msgspec.field(default_factory=_Version)


_meta = msgspec.json.Decoder(_Meta)


def _table_metadata(value: bytes) -> bytes:
    return encode({"resourceVersion": _meta.decode(value).metadata.resourceVersion})
