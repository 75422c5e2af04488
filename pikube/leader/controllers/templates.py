"""Pure: pod templates compared and hashed.

Enter: templates. Leave: whether two are the same, and short names for them. Called by controllers that keep
revisions (Deployment, DaemonSet, StatefulSet).
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import structs

from pikube.api.kinds.core_pod import PodTemplateSpec
from pikube.api.names import safe_encoded

HASH_LABEL = "pod-template-hash"
_encoder = msgspec.json.Encoder(order="deterministic")


def hash_of(document: object, collisions: int | None = None) -> str:
    """A name of up to ten safe characters for a document; `collisions` gives it another one. The same in every
    process and version: objects are named by it."""
    digest = hashlib.blake2b(_encoder.encode(document), digest_size=4)
    if collisions:
        digest.update(b"%d" % collisions)
    return safe_encoded(str(int.from_bytes(digest.digest(), "big")))


def without_hash(template: PodTemplateSpec) -> PodTemplateSpec:
    """The template as its Deployment has it."""
    meta = template.metadata
    if HASH_LABEL not in meta.labels:
        return template
    labels = {key: value for key, value in meta.labels.items() if key != HASH_LABEL}
    return structs.replace(template, metadata=structs.replace(meta, labels=labels))


def is_same_template(left: PodTemplateSpec, right: PodTemplateSpec) -> bool:
    """Whether two templates make the same pods, whatever their hash labels."""
    return without_hash(left) == without_hash(right)
