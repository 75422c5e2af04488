"""Pure: what the leader and the boards agree on about volumes that are directories of one board.

Enter: PersistentVolumes. Leave: the board, the directory. The leader provisions and deletes the object; the board
makes the directory, and removes it before it lets the object go.
"""

from __future__ import annotations

from pikube.api.kinds.core_storage import PersistentVolume

PROVISIONER = "pikube.io/local-path"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
HELD_BY_BOARD = "pikube.io/local-path"
"""The finalizer that keeps a volume until its board has removed the directory."""
HOSTNAME = "kubernetes.io/hostname"


def board_of(volume: PersistentVolume) -> str:
    """The host name of the only board that reaches the volume; '' if it is not such a volume."""
    affinity = volume.spec.node_affinity
    terms = affinity.required.node_selector_terms if affinity and affinity.required else ()
    if len(terms) != 1:
        return ""
    for requirement in terms[0].match_expressions:
        if requirement.key == HOSTNAME and requirement.operator == "In" and len(requirement.values) == 1:
            return requirement.values[0]
    return ""


def directory_of(volume: PersistentVolume) -> str:
    """The directory that was made for the volume; '' for any other path: whoever may write a volume must not be
    able to have the root of a board removed."""
    path = volume.spec.host_path.path.rstrip("/") if volume.spec.host_path is not None else ""
    name = volume.metadata.name
    is_ours = volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER
    last = path.rpartition("/")[2]
    return path if is_ours and name.startswith("pvc-") and last.startswith(f"{name}_") else ""
