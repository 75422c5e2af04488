"""Pure: which class is the default one, of storage or of ingresses, and which one a claim or a volume has.

Enter: all classes, or an object. Leaves: a name. Called by admission, for what is new, by the controller that gives a
class to claims that are older than their default, and by all who look at a claim's class. Sources: kubernetes
pkg/volume/util/storageclass.go:GetDefaultClass, pkg/apis/core/v1/helper:GetPersistentVolumeClaimClass.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.meta import Object

OF_STORAGE = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
"""The annotation of before Kubernetes 1.6, which still counts before the field."""
OF_INGRESS = ("ingressclass.kubernetes.io/is-default-class",)


def default_class(classes: Iterable[Object], marks: Iterable[str]) -> str | None:
    """The newest of those that an annotation marks; of several as new the first by name."""
    marked = [c.metadata for c in classes if any(c.metadata.annotations.get(m) == "true" for m in marks)]
    newest = max((meta.creation_timestamp for meta in marked), default="")
    return min((meta.name for meta in marked if meta.creation_timestamp == newest), default=None)


def class_of(obj: PersistentVolumeClaim | PersistentVolume) -> str | None:
    """None for a claim that says nothing; empty for one that wants no class."""
    return obj.metadata.annotations.get(BETA_CLASS, obj.spec.storage_class_name)
