"""Shell: the manifests folder: what files say is applied, what they no longer say is removed.

    files → documents → apply (as any client would) → objects that carry the file's label → prune

Every object carries the label `pikube.io/manifest` with the name of its file: so a file that is gone is known after a
restart, too. A file that cannot be read or applied is said once in the log and tried again; nothing of it is pruned
meanwhile. Called by run.py with the API's own handler. Files are looked at every 15 s (k3s' rhythm), by their times.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from pikube.api.errors import ApiError
from pikube.wire.messages import Handler, Peer, Response

log = logging.getLogger("pikube.manifests")

LABEL = "pikube.io/manifest"
MANAGER = "pikube-manifests"
LOOK_S = 15.0
ENDINGS = (".yaml", ".yml", ".json")
FIRST = ("Namespace", "CustomResourceDefinition")  # what others need to be there
SELF = Peer("127.0.0.1", 0, "system:pikube:manifests", ("system:masters",))
BODY_BYTES = 3 << 20  # as the API's own limit


class BadManifest(Exception):
    """One sentence: what of the file cannot be used."""


@dataclass(slots=True)
class Call:
    """A request that no wire carries; implements pikube.wire.messages.Request."""

    method: str
    path: str
    query: str = ""
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"accept": "application/json"})
    peer: Peer = SELF
    raw_path: str = ""

    async def body(self, limit_bytes: int) -> bytes:
        return self.content

    async def read_chunk(self) -> bytes:
        chunk, self.content = self.content, b""
        return chunk


Identity = tuple[str, str, str, str]
"""group, plural, namespace, name"""


class Manifests:
    """`run` never returns."""

    def __init__(self, directory: Path, handler: Handler) -> None:
        self._directory = directory
        self._handler = handler
        self._seen: dict[str, tuple[int, int]] = {}
        self._failed: dict[str, str] = {}
        self._knows_old = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started at once: a bad file must not hold up the leader."""
        task_status.started()
        while True:
            await self.look()
            await trio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look at the folder."""
        found = self._files()
        changed = [name for name, facts in sorted(found.items()) if self._seen.get(name) != facts]
        gone = self._seen.keys() - found.keys()
        if not changed and not gone and self._knows_old:
            return
        kept: dict[str, set[Identity]] = {}
        for name in changed:
            try:
                kept[name] = await self._apply(self._directory / name)
            except (BadManifest, ApiError, OSError, UnicodeDecodeError) as error:
                self._say(name, str(error))
                continue
            self._failed.pop(name, None)
            self._seen[name] = found[name]
            log.info("event=manifest_applied file=%s objects=%d", name, len(kept[name]))
        for name in gone:
            del self._seen[name]
            self._failed.pop(name, None)
        await self._prune(kept, found.keys())
        self._knows_old = True

    def _files(self) -> dict[str, tuple[int, int]]:
        """Name → (time, size) of what is there now."""
        found = {}
        with suppress(OSError):  # no folder, or a file that went while we looked: the next look tells
            for path in self._directory.iterdir():
                if path.suffix in ENDINGS and path.is_file():
                    facts = path.stat()
                    found[path.name] = (facts.st_mtime_ns, facts.st_size)
        return found

    def _say(self, name: str, why: str) -> None:
        if self._failed.get(name) != why:
            log.error("event=manifest_failed file=%s why=%r", name, why)
            self._failed[name] = why

    async def _apply(self, path: Path) -> set[Identity]:
        documents = read_documents(await trio.to_thread.run_sync(path.read_text), label_of(path.name))
        kept = set()
        for document in documents:
            identity, url = await self._place(document)
            kept.add(identity)
            body = json.dumps(document).encode()
            query = f"fieldManager={MANAGER}&force=true"
            headers = {"accept": "application/json", "content-type": "application/apply-patch+yaml"}
            await self._call(Call("PATCH", url, query, body, headers))
        return kept

    async def _place(self, document: dict[str, Any]) -> tuple[Identity, str]:
        version, kind = document["apiVersion"], document["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        try:
            listed = await self._call(Call("GET", root))
        except ApiError:
            listed = {"resources": []}
        for resource in listed["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"]:
                break
        else:
            raise BadManifest(f'no matches for kind "{kind}" in version "{version}"')
        metadata = document["metadata"]
        name, namespace = metadata["name"], ""
        url = f"{root}/{resource['name']}/{name}"
        if resource["namespaced"]:
            namespace = metadata.setdefault("namespace", "default")
            url = f"{root}/namespaces/{namespace}/{resource['name']}/{name}"
        group = version.partition("/")[0] if "/" in version else ""
        return (group, resource["name"], namespace, name), url

    async def _prune(self, kept: Mapping[str, set[Identity]], files: Iterable[str]) -> None:
        """Remove labelled objects that no file asks for: of files applied just now, and of files that are gone."""
        there = {label_of(name) for name in files}
        asked = {label_of(name): identities for name, identities in kept.items()}
        for root, resource in await self._listable():
            listed = await self._call(Call("GET", f"{root}/{resource}", f"labelSelector={LABEL}"))
            for item in listed["items"]:
                meta = item["metadata"]
                label, namespace = meta["labels"][LABEL], meta.get("namespace", "")
                group = root.removeprefix("/apis/").partition("/")[0] if root.startswith("/apis/") else ""
                identity = (group, resource, namespace, meta["name"])
                if label in there and identity in asked.get(label, {identity}):
                    continue
                where = f"{root}/namespaces/{namespace}/{resource}" if namespace else f"{root}/{resource}"
                log.info("event=manifest_pruned resource=%s name=%s", resource, meta["name"])
                try:
                    await self._call(
                        Call("DELETE", f"{where}/{meta['name']}", "propagationPolicy=Background")
                    )
                except ApiError as error:
                    log.warning("event=manifest_prune_failed name=%s why=%r", meta["name"], str(error))

    async def _listable(self) -> list[tuple[str, str]]:
        """(root, plural) of everything that can be listed and deleted, one version of each group."""
        groups = await self._call(Call("GET", "/apis"))
        roots = ["/api/v1", *(f"/apis/{g['preferredVersion']['groupVersion']}" for g in groups["groups"])]
        found = []
        for root in roots:
            for resource in (await self._call(Call("GET", root)))["resources"]:
                if {"list", "delete"} <= set(resource["verbs"]) and "/" not in resource["name"]:
                    found.append((root, resource["name"]))
        return found

    async def _call(self, call: Call) -> Any:
        answer = await self._handler(call)
        assert isinstance(answer, Response)
        return json.loads(b"".join(answer.chunks))


def label_of(name: str) -> str:
    """A file's name as the value of a label: at most 63 characters of those that a label may have."""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    return stem[-63:].strip("-_.") or "manifest"


def read_documents(text: str, label: str) -> list[dict[str, Any]]:
    """The objects of a file in the order in which they are applied, each with its label. Raises BadManifest."""
    import yaml  # only those who have manifests pay for it

    try:
        loaded = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise BadManifest(" ".join(str(error).split())) from None
    objects = []
    for document in loaded:
        items = (
            document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else None
        )
        objects += items if isinstance(items, list) else [document]
    for number, obj in enumerate(objects, 1):
        meta = obj.get("metadata") if isinstance(obj, dict) else None
        if not isinstance(meta, dict) or not all(isinstance(obj.get(k), str) for k in ("kind", "apiVersion")):
            raise BadManifest(f"document {number} is no object: apiVersion, kind and metadata must be set")
        if not isinstance(meta.get("name"), str):
            raise BadManifest(f"document {number}: metadata.name must be set")
        meta["labels"] = {**(meta.get("labels") or {}), LABEL: label}
    return sorted(objects, key=lambda obj: FIRST.index(obj["kind"]) if obj["kind"] in FIRST else len(FIRST))
