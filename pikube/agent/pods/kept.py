"""Shell: what this board keeps on its card of the API, so that its pods live on without the leader.

Enter: objects as the API has them. Leave: the same objects when the leader is away. One file an object,
readable by root only, written when the object says something new and never otherwise.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import structs

from pikube.api.kinds.meta import Object
from pikube.certs.files import read_or_none, write_atomic

log = logging.getLogger("pikube.pods")

K = TypeVar("K", bound=Object)


class Ref(NamedTuple):
    """One object of the API by kind, namespace ('' for cluster-scoped kinds) and name."""

    cls: type[Object]
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f'{self.cls.names.kind.lower()} "{place}"'


class KeptObjects:
    """The objects under one directory (DATA-DIR/agent/kept); without one, nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def read(self, ref: Ref) -> Object | None:
        """As it was last seen; None if it is not kept or cannot be read."""
        data = self._bytes(ref)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=ref.cls)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("event=kept_object_unreadable what=%s why=%r", ref, str(error))
            return None

    def read_all(self, cls: type[K]) -> list[K]:
        """Every kept object of a kind; what cannot be read is left out and logged."""
        found: list[K] = []
        for path in sorted(self._files(cls)):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=cls))
            except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
                log.warning("event=kept_object_unreadable what=%s why=%r", path.name, str(error))
        return found

    def write(self, ref: Ref, obj: Object) -> bool:
        """Keep an object; whether anything was written."""
        path = self._path(ref)
        meta = structs.replace(obj.metadata, managed_fields=())  # half of an object, and nobody's here
        data = msgspec.json.encode(structs.replace(obj, metadata=meta))
        if path is None or self._bytes(ref) == data:
            return False
        try:
            write_atomic(path, data)
        except OSError as error:  # a full card: the pod runs on, only its memory of a reboot is older
            log.warning("event=object_not_kept what=%s why=%r", ref, error.strerror or str(error))
            return False
        return True

    def drop(self, ref: Ref) -> None:
        """Forget an object."""
        path = self._path(ref)
        if path is not None:
            with suppress(OSError):  # a card that has become read-only
                path.unlink(missing_ok=True)

    def drop_others(self, cls: type[Object], kept: Iterable[Ref]) -> None:
        """Forget every object of a kind but these."""
        names = {path.name for ref in kept if (path := self._path(ref)) is not None}
        for path in self._files(cls):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def _files(self, cls: type[Object]) -> list[Path]:
        return list(self._directory.glob(f"{cls.names.plural}_*.json")) if self._directory is not None else []

    def _bytes(self, ref: Ref) -> bytes | None:
        path = self._path(ref)
        try:
            return read_or_none(path) if path is not None else None
        except OSError:
            return None

    def _path(self, ref: Ref) -> Path | None:
        """By a digest: two names of 253 letters are more than a file's name may have."""
        if self._directory is None:
            return None
        place = hashlib.sha256(f"{ref.namespace}/{ref.name}".encode()).hexdigest()[:32]
        return self._directory / f"{ref.cls.names.plural}_{place}.json"
