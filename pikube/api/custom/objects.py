"""Declaration: an object of a custom kind: its document as a dict, with typed metadata.

Each version of each CustomResourceDefinition gets a subclass of its own (`pikube.api.custom.kinds` makes it), so that
generic code finds `names`, the schema and all that derives from it on the class, as it does for built-in kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from pikube.api.custom.json_path import JsonPath
from pikube.api.kinds.base import Names
from pikube.api.kinds.meta import Object, ObjectMeta

Schema = dict[str, Any]
"""An openAPIV3Schema as builtins; {} where nothing is known."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where /scale finds what it shows and changes: JSON paths of plain members."""

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    label_selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """One of additionalPrinterColumns."""

    name: str
    type: str
    path: JsonPath
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFacts:
    """What a version of a CustomResourceDefinition says of its objects."""

    schema: Schema = field(default_factory=dict)
    columns: tuple[PrinterColumn, ...] = ()
    has_status: bool = False
    scale: ScalePaths | None = None
    keeps_unknown: bool = False


class CustomObject(dict[str, Any]):
    """A document whose `metadata` is an ObjectMeta; apiVersion, kind and metadata come first."""

    names: ClassVar[Names]
    facts: ClassVar[CustomFacts]
    head: ClassVar[type[Object]]
    """What caches keep of it: metadata only."""

    @classmethod
    def made(cls, metadata: ObjectMeta, document: dict[str, Any]) -> CustomObject:
        """An object of this kind with the document's own members."""
        obj = cls(apiVersion=cls.names.api_version, kind=cls.names.kind, metadata=metadata)
        for name, value in document.items():
            if name not in obj:
                obj[name] = value
        return obj

    @classmethod
    def read(cls, document: dict[str, Any]) -> CustomObject:
        """A stored document."""
        return cls.made(msgspec.convert(document.get("metadata") or {}, ObjectMeta), document)

    @property
    def metadata(self) -> ObjectMeta:
        meta: ObjectMeta = self["metadata"]
        return meta

    @property
    def kind(self) -> str:
        return str(self["kind"])

    @property
    def api_version(self) -> str:
        return str(self["apiVersion"])

    def content(self, *without: str) -> dict[str, Any]:
        """The members beside type and metadata, but those named."""
        hidden = ("apiVersion", "kind", "metadata", *without)
        return {name: value for name, value in self.items() if name not in hidden}

    def replace_content(self, content: dict[str, Any]) -> None:
        """Give it other members."""
        head = (self["apiVersion"], self["kind"], self["metadata"])
        self.clear()
        self["apiVersion"], self["kind"], self["metadata"] = head
        self.update(content)

    def at(self, path: tuple[str, ...]) -> Any:
        """The value at a path of members; None if there is none."""
        here: Any = self
        for name in path:
            here = here.get(name) if isinstance(here, dict) else None
        return here

    def put(self, path: tuple[str, ...], value: Any) -> None:
        """Set the value at a path; objects on the way are made, and copied, since members may be shared."""
        here: dict[str, Any] = self
        for name in path[:-1]:
            below = here.get(name)
            here[name] = dict(below) if isinstance(below, dict) else {}
            here = here[name]
        here[path[-1]] = value


def read_hook(cls: type[Any], document: Any) -> Any:
    """msgspec's dec_hook: what a Decoder of a CustomObject makes of a document."""
    if issubclass(cls, CustomObject):
        return cls.read(document)
    raise NotImplementedError(cls)
