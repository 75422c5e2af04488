"""Pure: how often the template of a DaemonSet has changed, which an annotation says that nobody may change.

Enter: DaemonSets as they are created and updated. Leaves: the annotation, in place. Called by the registry; the
number is also a label of each pod. Clients of before 1.9 read it. Source: kubernetes
pkg/registry/apps/daemonset/strategy.go, pkg/apis/apps/v1/conversion.go.
"""

from __future__ import annotations

from pikube.api.kinds.apps import DaemonSet

ANNOTATION = "deprecated.daemonset.template.generation"


def template_generation(daemon_set: DaemonSet) -> str:
    """The number as it is written; 1 for one that says none."""
    said = daemon_set.metadata.annotations.get(ANNOTATION, "")
    return said if said.isascii() and said.isdigit() and int(said) else "1"


def begin(daemon_set: DaemonSet) -> list[str]:
    """A new one has the first template, or the one that its creator says it has. No warnings."""
    _set(daemon_set, template_generation(daemon_set))
    return []


def follow(new: DaemonSet, old: DaemonSet) -> None:
    """Another template is another number."""
    before = int(template_generation(old))
    _set(new, str(before + (new.spec.template != old.spec.template)))


def _set(daemon_set: DaemonSet, value: str) -> None:
    daemon_set.metadata.annotations = {**daemon_set.metadata.annotations, ANNOTATION: value}
