"""Shell: which sandboxes a pod has had, noted beside its volumes: what Podman left of one that it did not finish to
remove is found by its id, also after a restart.

Enter: the pod's directory, ids. Leave: ids. Called by the pod's worker and for orphans.
"""

from __future__ import annotations

from pathlib import Path

NAME = "sandboxes"


def noted(pod_dir: Path) -> list[str]:
    """The ids that were noted last."""
    try:
        return (pod_dir / NAME).read_text().split()
    except OSError:
        return []


def note(pod_dir: Path, identity: str) -> list[str]:
    """From now on the pod has this sandbox; the ids of those before. Raises OSError."""
    before = [known for known in noted(pod_dir) if known != identity]
    pod_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    (pod_dir / NAME).write_text(identity)
    return before
