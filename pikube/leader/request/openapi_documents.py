"""Shell: the OpenAPI documents, built when first asked for, kept compressed.

Enter: a path under /openapi. Leaves: bytes, their ETag and type. Called by Documents in a worker thread.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from pikube.api import discovery, openapi
from pikube.api.aggregation import Extension, document_path
from pikube.api.errors import NotAcceptable, PathNotFound
from pikube.api.media_types import JSON, parse_accept
from pikube.api.openapi_merge import merged
from pikube.api.openapi_proto import encode_document
from pikube.api.scheme import Scheme

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
# the @ of what clients ask for is no valid media type in Go: answers are named with a dot
V2_PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
PREFIX = "/openapi/v3/"
INDEX = "v3"
V2_JSON = "v2"
V2_PROTO = "v2-protobuf"


class OpenApiDocuments:
    """Thread-safe. A document stays in memory compressed (a tenth of its size): it is asked for rarely, since
    clients keep it."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._lock = threading.Lock()
        self._packed: dict[str, tuple[bytes, str]] = {}
        self._shown: tuple[Extension, ...] = ()
        self._parts: list[bytes] = []
        self._generation = scheme.generation
        self._lasting = {
            f"{PREFIX}apis/{i.names.group}/{i.names.version}"
            if i.names.group
            else f"{PREFIX}api/{i.names.version}"
            for i in scheme.built_in
        }

    def document(
        self, path: str, accept: str, extensions: tuple[Extension, ...] = ()
    ) -> tuple[bytes, str, str]:
        """(body, ETag, Content-Type). PathNotFound, NotAcceptable. Of `extensions` the index tells where their
        documents are, and the document of version 2 has their parts."""
        with self._lock:
            if extensions is not self._shown:
                self._show(extensions)
        if path == "/openapi/v2":
            return self._v2(accept)
        if path == "/openapi/v3":
            body, etag = self._built(INDEX, lambda: self._index(extensions))
            return body, etag, "text/plain; charset=utf-8"  # what upstream sends, and kubectl expects
        if path.startswith(PREFIX):
            parts = path[len(PREFIX) :].split("/")
            group, version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else ("", "")
            if parts[0] == "apis" and len(parts) == 3:
                group, version = parts[1], parts[2]
            if (group, version) in self._scheme.group_versions():
                body, etag = self._built(path, lambda: self._v3(group, version))
                return body, etag, JSON
        raise PathNotFound(is_page=True)

    def _show(self, extensions: tuple[Extension, ...]) -> None:
        """Forget what says of extensions something else than they."""
        self._shown = extensions
        self._packed.pop(INDEX, None)
        parts = [extension.part for extension in extensions if extension.part]
        if parts != self._parts:
            self._parts = parts
            self._packed.pop(V2_JSON, None)
            self._packed.pop(V2_PROTO, None)

    def _v2(self, accept: str) -> tuple[bytes, str, str]:
        names = [media.name for media in parse_accept(accept)] or [JSON]
        for name in names:
            if name in (V2_PROTOBUF, V2_PROTOBUF_TYPE):
                body, etag = self._built(V2_PROTO, lambda: encode_document(self._whole_v2()))
                return body, etag, V2_PROTOBUF_TYPE
            if name in (JSON, "*/*", "application/*"):
                body, etag = self._built(V2_JSON, lambda: discovery.encoded(self._whole_v2()))
                return body, etag, JSON
        raise NotAcceptable.of((JSON, V2_PROTOBUF))

    def _whole_v2(self) -> dict[str, Any]:
        ours = openapi.document_v2(self._scheme)
        parts = (msgspec.json.decode(zlib.decompress(part)) for part in self._parts)
        return merged(ours, parts) if self._parts else ours

    def _v3(self, group: str, version: str) -> bytes:
        return discovery.encoded(openapi.document_v3(self._scheme, group, version))

    def _index(self, extensions: tuple[Extension, ...]) -> bytes:
        paths = {}
        for group, version in self._scheme.group_versions():
            name = f"apis/{group}/{version}" if group else f"api/{version}"
            _, etag = self._built_unlocked(PREFIX + name, group, version)
            url = f"{PREFIX}{name}?hash={etag.strip(chr(34))}"
            paths[name] = {"serverRelativeURL": url}
        for extension in extensions:
            if extension.openapi:
                name = document_path(extension.group, extension.version)
                paths.setdefault(name, {"serverRelativeURL": extension.openapi})
        return discovery.encoded({"paths": paths})

    def _built_unlocked(self, key: str, group: str, version: str) -> tuple[bytes, str]:
        """For the index, which holds the lock already."""
        if key not in self._packed:
            self._keep(key, self._v3(group, version))
        return self._packed[key]

    def _built(self, key: str, build: Callable[[], bytes]) -> tuple[bytes, str]:
        with self._lock:
            if self._generation != self._scheme.generation:
                self._generation = self._scheme.generation
                self._packed = {key: self._packed[key] for key in self._packed if key in self._lasting}
            if key not in self._packed:
                self._keep(key, build())
            packed, etag = self._packed[key]
        return zlib.decompress(packed), etag

    def _keep(self, key: str, body: bytes) -> None:
        self._packed[key] = zlib.compress(body, 6), discovery.etag_of(body)
