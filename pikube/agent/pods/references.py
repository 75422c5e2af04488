"""Shell: what pods refer to, as this board sees it: ConfigMaps, Secrets, Services, tokens, bound volumes; and
one shared look at the runtime for all workers.

Called by pod workers. Objects come from watches that the pods of this board share, so that a pod's files
change when the object does; many workers that look at the runtime at the same moment share one listing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import trio

from pikube.agent.pods.environment import Facts
from pikube.agent.pods.kept import Ref
from pikube.agent.pods.object_watch import ObjectWatches, Unknown
from pikube.agent.pods.tokens import Tokens
from pikube.agent.pods.volume_files import VolumeProblem
from pikube.agent.runtime.contract import Container, Runtime, Sandbox
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.core_volume import Volume
from pikube.api.kinds.meta import Object
from pikube.api.kinds.node import RuntimeClass
from pikube.informer.informer import Informers

K = TypeVar("K", bound=Object)


class References:
    """One a board."""

    def __init__(
        self,
        runtime: Runtime,
        informers: Informers,
        watches: ObjectWatches,
        tokens: Tokens,
        allocatable: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._runtime = runtime
        self._services = informers.cache(Service)
        self._watches = watches
        self.tokens = tokens
        self.allocatable = allocatable
        self._view: tuple[list[Sandbox], list[Container]] = ([], [])
        self._looking: trio.Event | None = None

    async def runtime_view(self, uid: str) -> tuple[Sandbox | None, list[Container]]:
        """The sandbox and containers of one pod, as of a listing that began after this call."""
        sandboxes, containers = await self._runtime_list()
        sandbox = next((s for s in sandboxes if s.uid == uid), None)
        return sandbox, [c for c in containers if c.pod_uid == uid]

    async def _runtime_list(self) -> tuple[list[Sandbox], list[Container]]:
        while self._looking is not None:
            # a listing that began before us may be stale: wait, then share the next
            await self._looking.wait()
        self._looking = trio.Event()
        try:
            self._view = await self._runtime.list_all()
        finally:
            self._looking.set()
            self._looking = None
        return self._view

    async def follow(self, pod: Pod, wake: Callable[[], None]) -> None:
        """Watch what the pod names; returns when it is known. `wake` is called when any of it changes."""
        uid, wanted = pod.metadata.uid, references_of(pod)
        self._watches.follow(uid, wanted | self._bound(wanted), wake)
        await self._watches.settled(wanted)
        bound = self._bound(wanted)
        if bound:
            self._watches.follow(uid, wanted | bound, wake)
            await self._watches.settled(bound)

    def _bound(self, wanted: set[Ref]) -> set[Ref]:
        """The volumes of the claims among `wanted`."""
        bound = set()
        for ref in wanted:
            if ref.cls is PersistentVolumeClaim:
                try:
                    claim = self._find(PersistentVolumeClaim, ref.name, ref.namespace)
                except VolumeProblem:
                    continue
                if claim is not None and claim.spec.volume_name:
                    bound.add(Ref(PersistentVolume, "", claim.spec.volume_name))
        return bound

    def facts(self, pod: Pod, pod_ip: str, host_ip: str) -> Facts:
        """The objects that the pod's environment and volumes name; `follow` comes first. Raises VolumeProblem."""
        refs = references_of(pod)
        namespace = pod.metadata.namespace
        return Facts(
            config_maps={
                r.name: self._find(ConfigMap, r.name, namespace) for r in refs if r.cls is ConfigMap
            },
            secrets={r.name: self._find(Secret, r.name, namespace) for r in refs if r.cls is Secret},
            services=list(self._services),
            pod_ip=pod_ip,
            host_ip=host_ip,
            allocatable=self.allocatable(),
        )

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self.tokens.forget(uid)
        self._watches.forget(uid)

    def bound_volume(self, pod: Pod, volume: Volume) -> tuple[Volume, PersistentVolume | None]:
        """A claim's volume as what it is on this board; other volumes as they are. VolumeProblem."""
        name = claim_name(pod, volume)
        if not name:
            return volume, None
        claim = self._find(PersistentVolumeClaim, name, pod.metadata.namespace)
        if claim is None:
            raise VolumeProblem(f'persistentvolumeclaim "{name}" not found')
        if not claim.spec.volume_name or claim.status.phase != "Bound":
            raise VolumeProblem(f'persistentvolumeclaim "{name}" is not bound')
        bound = self._find(PersistentVolume, claim.spec.volume_name, "")
        if bound is None:
            raise VolumeProblem(f'persistentvolume "{claim.spec.volume_name}" not found')
        spec = bound.spec
        if spec.host_path is None and spec.local is None and spec.nfs is None:
            raise VolumeProblem(
                f'persistentvolume "{bound.metadata.name}" is of a kind that pikube cannot mount: '
                "it mounts hostPath, local and nfs volumes"
            )
        return Volume(name=volume.name, host_path=spec.host_path, nfs=spec.nfs), bound

    def runtime_handler(self, pod: Pod) -> str:
        """What the pod's class of runtime is called on boards, '' for one without a class; `follow` comes first.
        Raises VolumeProblem."""
        name = pod.spec.runtime_class_name
        if not name:
            return ""
        found = self._find(RuntimeClass, name, "")
        if found is None:
            raise VolumeProblem(f'runtimeclasses.node.k8s.io "{name}" not found')
        return found.handler

    def pull_credentials(self, pod: Pod) -> list[tuple[str, str]]:
        """(registry, base64 user:password) of the pod's imagePullSecrets; the admission of service accounts has
        put those of the account there."""
        found: list[tuple[str, str]] = []
        for ref in pod.spec.image_pull_secrets:
            try:
                secret = self._find(Secret, ref.name, pod.metadata.namespace)
            except VolumeProblem:
                continue
            if secret is not None:
                found += registry_credentials(secret)
        return found

    def _find(self, cls: type[K], name: str, namespace: str) -> K | None:
        try:
            found = self._watches.get(Ref(cls, namespace, name))
        except Unknown as unknown:
            raise VolumeProblem(str(unknown)) from None
        assert found is None or isinstance(found, cls)
        return found


def registry_credentials(secret: Secret) -> list[tuple[str, str]]:
    """(registry, base64 user:password) of a Secret of type dockerconfigjson or the older dockercfg; what is
    malformed is left out, as a pull without credentials then says why."""
    try:
        new = json.loads(base64.b64decode(secret.data.get(".dockerconfigjson", "")) or b"{}").get("auths", {})
        old = json.loads(base64.b64decode(secret.data.get(".dockercfg", "")) or b"{}")
        found = []
        for registry, entry in {**old, **new}.items():
            plain = f"{entry.get('username', '')}:{entry.get('password', '')}"
            found.append((registry, entry.get("auth") or base64.b64encode(plain.encode()).decode()))
    except (ValueError, AttributeError):
        return []
    return found


def claim_name(pod: Pod, volume: Volume) -> str:
    """The claim behind a volume, '' for one of another kind."""
    if volume.persistent_volume_claim is not None:
        return volume.persistent_volume_claim.claim_name
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else ""


def references_of(pod: Pod) -> set[Ref]:
    """Every ConfigMap, Secret, claim and class of runtime that the pod names."""
    namespace = pod.metadata.namespace
    maps, secrets = referenced_names(pod)
    claims = {name for volume in pod.spec.volumes if (name := claim_name(pod, volume))}
    secrets |= {ref.name for ref in pod.spec.image_pull_secrets}
    class_name = pod.spec.runtime_class_name
    return {
        *((Ref(RuntimeClass, "", class_name),) if class_name else ()),
        *(Ref(ConfigMap, namespace, name) for name in maps if name),
        *(Ref(Secret, namespace, name) for name in secrets if name),
        *(Ref(PersistentVolumeClaim, namespace, name) for name in claims),
    }


def referenced_names(pod: Pod) -> tuple[set[str], set[str]]:
    """(ConfigMaps, Secrets) that the pod's environment and volumes name."""
    maps: set[str] = set()
    secrets: set[str] = set()
    spec = pod.spec
    containers: list[Any] = [*spec.init_containers, *spec.containers, *spec.ephemeral_containers]
    for container in containers:
        for source in container.env_from:
            if source.config_map_ref is not None:
                maps.add(source.config_map_ref.name)
            if source.secret_ref is not None:
                secrets.add(source.secret_ref.name)
        for variable in container.env:
            origin = variable.value_from
            if origin is not None and origin.config_map_key_ref is not None:
                maps.add(origin.config_map_key_ref.name)
            if origin is not None and origin.secret_key_ref is not None:
                secrets.add(origin.secret_key_ref.name)
    for volume in spec.volumes:
        if volume.config_map is not None:
            maps.add(volume.config_map.name)
        if volume.secret is not None:
            secrets.add(volume.secret.secret_name)
        for part in volume.projected.sources if volume.projected else ():
            if part.config_map is not None:
                maps.add(part.config_map.name)
            if part.secret is not None:
                secrets.add(part.secret.name)
    return maps, secrets
