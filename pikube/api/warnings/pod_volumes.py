"""Pure: volumes that nothing mounts any more, and files of one volume that are in each other's way.

Enter: a pod's volumes. Leave: warnings. Called by pods. Source: kubernetes pkg/api/pod/warnings.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pikube.api.kinds.core_volume import Volume, VolumeProjection
from pikube.api.warnings.storage import claim_spec_warnings

GONE = (
    ("photon_persistent_disk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("git_repo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scale_io", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
)


def volume_warnings(volumes: Sequence[Volume], path: str) -> list[str]:
    """`path` is the list's."""
    found = []
    for i, volume in enumerate(volumes):
        for attribute, name, words in GONE:
            if getattr(volume, attribute) is not None:
                found.append(f"{path}[{i}].{name}: {words}")
        claim = volume.ephemeral.volume_claim_template if volume.ephemeral is not None else None
        if claim is not None:
            found += claim_spec_warnings(claim.spec, f"{path}[{i}].ephemeral.volumeClaimTemplate.spec")
    for volume in volumes:
        found += _overlaps(volume)
    return found


def _overlaps(volume: Volume) -> list[str]:
    """Files at one path, or below another's: the later one hides the other, or the mount fails."""
    name, found = f'volume "{volume.name}"', []
    if volume.config_map is not None:
        paths = [item.path for item in volume.config_map.items]
        found += _collisions(paths, f'{name} (ConfigMap "{volume.config_map.name}"): overlapping paths')
    if volume.secret is not None:
        paths = [item.path for item in volume.secret.items]
        found += _collisions(paths, f'{name} (Secret "{volume.secret.secret_name}"): overlapping paths')
    if volume.downward_api is not None:
        paths = [item.path for item in volume.downward_api.items]
        found += _collisions(paths, f"{name} (DownwardAPI): overlapping paths")
    taken: set[str] = set()
    for source in volume.projected.sources if volume.projected is not None else ():
        if source == VolumeProjection():
            found.append(f"{name} (Projected) has no sources provided")
            continue
        what, paths = _projected(source)
        words = f"{name} (Projected {what}): overlapping paths"
        found += _collisions(paths, words)
        found += _collisions(sorted([*set(paths), *taken]), words) if taken else []
        taken.update(paths)
    return found


def _projected(source: VolumeProjection) -> tuple[str, list[str]]:
    """What a source is called, and the paths that it takes for itself."""
    if source.config_map is not None:
        return f'ConfigMap "{source.config_map.name}"', [item.path for item in source.config_map.items]
    if source.secret is not None:
        return f'Secret "{source.secret.name}"', [item.path for item in source.secret.items]
    if source.downward_api is not None:
        return "DownwardAPI", [item.path for item in source.downward_api.items]
    if source.service_account_token is not None:
        return "ServiceAccountToken", [source.service_account_token.path]
    bundle = source.cluster_trust_bundle
    if bundle is not None:
        return f'ClusterTrustBundle "{bundle.name or bundle.signer_name or ""}"', [bundle.path]
    return "", []


def _collisions(paths: Iterable[str], words: str) -> list[str]:
    """Upstream takes `config` and `config.yaml` for overlapping, too; here a whole step of a path counts."""
    seen: list[str] = []
    found = []
    for path in (path.rstrip("/") for path in paths):
        other = next((p for p in seen if path and p and f"{path}/".startswith(f"{p}/")), None)
        other = other or next((p for p in seen if path and f"{p}/".startswith(f"{path}/")), None)
        if other is not None:
            found.append(f'{words}: "{path}" with "{other}"')
        seen.append(path)
    return found
