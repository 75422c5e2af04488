"""Pure: which class is the default one: of storage, or of ingresses.

Enter: all classes. Leaves: a name. Called by admission, for what is new, and by the controller that gives a class to
claims that are older than their default. Source: kubernetes pkg/volume/util/storageclass.go:GetDefaultClass.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.kinds.meta import Object

OF_STORAGE = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
OF_INGRESS = ("ingressclass.kubernetes.io/is-default-class",)


def default_class(classes: Iterable[Object], marks: Iterable[str]) -> str | None:
    """The newest of those that an annotation marks; of several as new the first by name."""
    marked = [c.metadata for c in classes if any(c.metadata.annotations.get(m) == "true" for m in marks)]
    newest = max((meta.creation_timestamp for meta in marked), default="")
    return min((meta.name for meta in marked if meta.creation_timestamp == newest), default=None)
