"""Pure: ControllerRevisions: the past templates of DaemonSets and StatefulSets, for `kubectl rollout undo`.

Enter: the owner, its template, the revisions there are. Leave: the current revision, made or renumbered, and
those to clean up. Called by daemon_set.py and stateful_set.py. Source: kubernetes pkg/controller/history.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import structs

from pikube.api.kinds.apps import ControllerRevision
from pikube.api.kinds.core_pod import PodTemplateSpec
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.informer.actions import Action, Create, Delete, Update
from pikube.informer.cache import key_of
from pikube.leader.controllers.ownership import owner_reference
from pikube.leader.controllers.templates import hash_of

HASH_LABEL = "controller-revision-hash"
# A StatefulSet's revision has this one; its pods have the revision's name under the other (kubernetes
# pkg/controller/history: ControllerRevisionHashLabel).
DATA_HASH_LABEL = "controller.kubernetes.io/hash"


@dataclass(frozen=True, slots=True)
class History:
    """`current` has the owner's template; `old` are the others, oldest first; `actions` write what is new."""

    current: ControllerRevision
    old: tuple[ControllerRevision, ...]
    actions: tuple[Action, ...] = ()

    @property
    def hash(self) -> str:
        """What a DaemonSet's pods of the current template are labelled with."""
        return hash_of_revision(self.current)


def hash_of_revision(revision: ControllerRevision) -> str:
    """What a DaemonSet's pods of this revision are labelled with."""
    return revision.metadata.labels.get(HASH_LABEL, "")


def name_of_revision(revision: ControllerRevision) -> str:
    """What a StatefulSet's pods of this revision are labelled with."""
    return revision.metadata.name


def template_patch(template: PodTemplateSpec) -> dict[str, Any]:
    """The patch that brings an owner back to this template: what kubectl sends to undo."""
    return {"spec": {"template": {**msgspec.json.decode(msgspec.json.encode(template)), "$patch": "replace"}}}


def construct(
    owner: Object,
    template: PodTemplateSpec,
    revisions: Sequence[ControllerRevision],
    collisions: int | None,
    *,
    label: str = HASH_LABEL,
) -> History:
    """Find, renumber or make the revision of a template. `label`: what a new one carries its hash under."""
    data = template_patch(template)
    ordered = sorted(revisions, key=lambda r: (r.revision, r.metadata.creation_timestamp, r.metadata.name))
    newest = ordered[-1].revision if ordered else 0
    same = [r for r in ordered if r.data == data]
    if not same:
        made = _new(owner, template, data, newest + 1, collisions, label)
        return History(made, tuple(ordered), (Create(made),))
    current = same[-1]
    others = tuple(r for r in ordered if r is not current)
    if current.revision == newest:
        return History(current, others)
    renumbered = structs.replace(current, revision=newest + 1)
    return History(renumbered, others, (Update(renumbered),))


def clean_up(
    history: History, live: Collection[str], limit: int | None, label_of: Callable[[ControllerRevision], str]
) -> list[Action]:
    """Delete the oldest revisions beyond the limit that no pod has; `live`: what pods are labelled with."""
    unused = [r for r in history.old if label_of(r) not in live]
    excess = len(unused) - (10 if limit is None else limit)
    return [Delete(ControllerRevision, key_of(r), r.metadata.uid) for r in unused[: max(0, excess)]]


def _new(
    owner: Object,
    template: PodTemplateSpec,
    data: dict[str, Any],
    number: int,
    collisions: int | None,
    label: str,
) -> ControllerRevision:
    hash_ = hash_of(data, collisions)
    name = f"{owner.metadata.name}-{hash_}"
    return ControllerRevision(
        metadata=ObjectMeta(
            name=name,
            namespace=owner.metadata.namespace,
            labels={**template.metadata.labels, label: hash_},
            annotations=dict(owner.metadata.annotations),  # the change's cause is among them
            owner_references=(owner_reference(owner),),
        ),
        data=data,
        revision=number,
    )
