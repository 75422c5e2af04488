"""Pure: what a board may read because its pods use it: the edges node → pod → Secret, ConfigMap, claim, volume,
service account.

Enter: pods, claims as the informers' caches hold them, with an index each. Leaves: whether a node reaches an
object. Called by the node authorizer. Source: kubernetes plugin/pkg/auth/authorizer/node/graph.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import Volume
from pikube.informer.cache import Cache, ObjectKey

INDEX = "node-reach"
SOURCES = tuple(field for field in Volume.__struct_fields__ if field != "name")


def secrets_of(pod: Pod) -> Iterator[str]:
    """The Secrets that a pod names, anywhere."""
    spec = pod.spec
    yield from (ref.name for ref in spec.image_pull_secrets)
    for origin in _env_sources(pod):
        yield from _name(origin.secret_key_ref if hasattr(origin, "secret_key_ref") else origin.secret_ref)
    for volume in spec.volumes:
        if volume.secret is not None:
            yield volume.secret.secret_name
        for part in volume.projected.sources if volume.projected else ():
            yield from _name(part.secret)
        for field in SOURCES:  # hot: asked of every pod at each of its changes
            source: Any = getattr(volume, field)
            if source is None:
                continue
            for attribute in ("secret_ref", "node_publish_secret_ref"):
                yield from _name(getattr(source, attribute, None))
            if field == "azure_file":
                yield source.secret_name


def config_maps_of(pod: Pod) -> Iterator[str]:
    """The ConfigMaps that a pod names, anywhere."""
    for origin in _env_sources(pod):
        is_one = hasattr(origin, "config_map_key_ref")
        yield from _name(origin.config_map_key_ref if is_one else origin.config_map_ref)
    for volume in pod.spec.volumes:
        yield from _name(volume.config_map)
        for part in volume.projected.sources if volume.projected else ():
            yield from _name(part.config_map)


def claims_of(pod: Pod) -> Iterator[str]:
    """The claims that a pod uses; those of ephemeral volumes are named after pod and volume."""
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield volume.persistent_volume_claim.claim_name
        if volume.ephemeral is not None:
            yield f"{pod.metadata.name}-{volume.name}"


def _env_sources(pod: Pod) -> Iterator[Any]:
    spec = pod.spec
    containers: tuple[Any, ...] = (*spec.init_containers, *spec.containers, *spec.ephemeral_containers)
    for container in containers:
        yield from container.env_from
        yield from (v.value_from for v in container.env if v.value_from is not None)


def _name(ref: Any) -> Iterator[str]:
    if ref is not None and ref.name:
        yield ref.name


def reach_of(pod: Pod) -> Iterator[str]:
    """Index: `node/resource/name` for each object of the pod's namespace that its node reaches."""
    node, namespace = pod.spec.node_name, pod.metadata.namespace
    if not node:
        return
    yield f"{node}/pods/{namespace}/{pod.metadata.name}"
    yield f"{node}/serviceaccounts/{namespace}/{pod.spec.service_account_name}"
    for resource, names in (
        ("secrets", secrets_of(pod)),
        ("configmaps", config_maps_of(pod)),
        ("persistentvolumeclaims", claims_of(pod)),
    ):
        for name in set(names):
            yield f"{node}/{resource}/{namespace}/{name}"


class NodeGraph:
    """Reads the caches of the leader's informers."""

    def __init__(self, pods: Cache[Pod], claims: Cache[PersistentVolumeClaim]) -> None:
        self._pods = pods
        self._claims = claims
        pods.add_index(INDEX, reach_of)
        claims.add_index("volume", lambda claim: [claim.spec.volume_name] if claim.spec.volume_name else [])

    def reaches(self, node: str, resource: str, namespace: str, name: str) -> bool:
        """Whether a pod of the node uses it."""
        if resource == "persistentvolumes":
            return any(
                self.reaches(node, "persistentvolumeclaims", claim.metadata.namespace, claim.metadata.name)
                for claim in self._claims.indexed("volume", name)
            )
        return bool(self._pods.indexed(INDEX, f"{node}/{resource}/{namespace}/{name}"))

    def pod(self, namespace: str, name: str) -> Pod | None:
        """A pod as it is known."""
        return self._pods.get(ObjectKey(namespace, name))
