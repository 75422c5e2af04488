"""Shell: what pods refer to, as this board sees it: ConfigMaps, Secrets, Services, tokens, bound volumes; and
one shared look at the runtime for all workers.

Called by pod workers. API objects are read through the client; many workers that look at the runtime at the
same moment share one listing.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import trio

from pikube.agent.pods.environment import Facts
from pikube.agent.pods.volume_files import VolumeProblem
from pikube.agent.runtime.contract import Container, Runtime, Sandbox
from pikube.api.client import Client
from pikube.api.errors import NotFound
from pikube.api.kinds.authentication import BoundObjectReference, TokenRequest, TokenRequestSpec
from pikube.api.kinds.core_config import ConfigMap, Secret, ServiceAccount
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.core_volume import HostPathVolumeSource, Volume
from pikube.api.kinds.meta import Object
from pikube.api.times import parse_time
from pikube.informer.informer import Informers

K = TypeVar("K", bound=Object)

TOKEN_RENEW_AT = 0.8  # kubelet token_manager.go: a token is renewed at four fifths of its life


class References:
    """One a board."""

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        informers: Informers,
        allocatable: Callable[[], Mapping[str, Any]],
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._runtime = runtime
        self._services = informers.cache(Service)
        self._allocatable = allocatable
        self._now = wall_clock
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}
        self._view: tuple[list[Sandbox], list[Container]] = ([], [])
        self._looking: trio.Event | None = None

    async def runtime_view(self, uid: str) -> tuple[Sandbox | None, list[Container]]:
        """The sandbox and containers of one pod, as of a listing that began after this call."""
        sandboxes, containers = await self._runtime_list()
        sandbox = next((s for s in sandboxes if s.uid == uid), None)
        return sandbox, [c for c in containers if c.pod_uid == uid]

    async def _runtime_list(self) -> tuple[list[Sandbox], list[Container]]:
        while (
            self._looking is not None
        ):  # a listing that began before us may be stale: wait, then share the next
            await self._looking.wait()
        self._looking = trio.Event()
        try:
            self._view = await self._runtime.list_all()
        finally:
            self._looking.set()
            self._looking = None
        return self._view

    async def facts(self, pod: Pod, pod_ip: str, host_ip: str) -> Facts:
        """The objects that the pod's environment and volumes name."""
        namespace = pod.metadata.namespace
        maps, secrets = referenced_names(pod)
        return Facts(
            config_maps={name: await self._find(ConfigMap, name, namespace) for name in maps},
            secrets={name: await self._find(Secret, name, namespace) for name in secrets},
            services=list(self._services),
            pod_ip=pod_ip,
            host_ip=host_ip,
            allocatable=self._allocatable(),
        )

    async def tokens(self, pod: Pod) -> dict[str, str]:
        """The service-account tokens that projected volumes ask for, by path; renewed when they get old."""
        found = {}
        for volume in pod.spec.volumes:
            for source in volume.projected.sources if volume.projected else ():
                wanted = source.service_account_token
                if wanted is not None:
                    found[wanted.path] = await self._token(pod, wanted.audience, wanted.expiration_seconds)
        return found

    async def _token(self, pod: Pod, audience: str, life_s: int | None) -> str:
        key = (pod.metadata.uid, audience)
        token, renew_at = self._tokens.get(key, ("", 0.0))
        now = self._now()
        if token and now < renew_at:
            return token
        request = TokenRequest(
            spec=TokenRequestSpec(
                audiences=(audience,) if audience else (),
                expiration_seconds=life_s,
                bound_object_ref=BoundObjectReference(
                    kind="Pod", api_version="v1", name=pod.metadata.name, uid=pod.metadata.uid
                ),
            )
        )
        try:
            made = await self._client.create_subresource(
                ServiceAccount, pod.spec.service_account_name, pod.metadata.namespace, "token", request
            )
        except NotFound:
            name = pod.spec.service_account_name
            raise VolumeProblem(f'serviceaccount "{name}" not found') from None
        expires_at = parse_time(made.status.expiration_timestamp)
        self._tokens[key] = (made.status.token, now + (expires_at - now) * TOKEN_RENEW_AT)
        return made.status.token

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for key in [key for key in self._tokens if key[0] == uid]:
            del self._tokens[key]

    async def bound_volume(self, pod: Pod, volume: Volume) -> Volume:
        """A claim's volume as the hostPath it is on this board; other volumes as they are. VolumeProblem."""
        if volume.persistent_volume_claim is None and volume.ephemeral is None:
            return volume
        if volume.persistent_volume_claim is not None:
            name = volume.persistent_volume_claim.claim_name
        else:
            name = f"{pod.metadata.name}-{volume.name}"
        claim = await self._find(PersistentVolumeClaim, name, pod.metadata.namespace)
        if claim is None:
            raise VolumeProblem(f'persistentvolumeclaim "{name}" not found')
        if not claim.spec.volume_name or claim.status.phase != "Bound":
            raise VolumeProblem(f'persistentvolumeclaim "{name}" is not bound')
        bound = await self._find(PersistentVolume, claim.spec.volume_name, "")
        if bound is None:
            raise VolumeProblem(f'persistentvolume "{claim.spec.volume_name}" not found')
        if bound.spec.host_path is not None:
            return Volume(name=volume.name, host_path=bound.spec.host_path)
        if bound.spec.local is not None:
            return Volume(
                name=volume.name,
                host_path=HostPathVolumeSource(path=bound.spec.local.path, type="DirectoryOrCreate"),
            )
        raise VolumeProblem(f"persistentvolume {bound.metadata.name} is of a kind that pikube cannot mount")

    async def pull_credentials(self, pod: Pod) -> list[tuple[str, str]]:
        """(registry, base64 user:password) of the pod's imagePullSecrets."""
        found: list[tuple[str, str]] = []
        for ref in pod.spec.image_pull_secrets:
            secret = await self._find(Secret, ref.name, pod.metadata.namespace)
            text = secret.data.get(".dockerconfigjson", "") if secret is not None else ""
            if not text:
                continue
            auths = json.loads(base64.b64decode(text)).get("auths", {})
            for registry, entry in auths.items():
                auth = (
                    entry.get("auth")
                    or base64.b64encode(
                        f"{entry.get('username', '')}:{entry.get('password', '')}".encode()
                    ).decode()
                )
                found.append((registry, auth))
        return found

    async def _find(self, cls: type[K], name: str, namespace: str) -> K | None:
        try:
            return await self._client.get(cls, name, namespace)
        except NotFound:
            return None


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
    for volume in pod.spec.volumes:
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
