"""Shell: pods that a board runs from manifests in a folder, with or without a leader, and their mirrors in the API.

Enter: DATA-DIR/agent/pod-manifests (YAML or JSON, a pod a file). Leave: pods for the manager; a mirror pod for each,
by which kubectl sees them. A mirror that is deleted comes back; only the file ends the pod. Source: kubernetes
pkg/kubelet/config/{file,common}.go, pkg/kubelet/pod/mirror_client.go.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio
from msgspec import structs

from pikube.agent.file_follow import watch_directory
from pikube.agent.pods.node_admission import SOURCE
from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import Toleration
from pikube.api.kinds.meta import OwnerReference
from pikube.api.served import SERVED
from pikube.api.times import render_time

log = logging.getLogger("pikube.pods")

HASH = "kubernetes.io/config.hash"
SEEN = "kubernetes.io/config.seen"
MIRROR = "kubernetes.io/config.mirror"
LOOK_S = 20.0  # kubelet's fileCheckFrequency, for file systems that tell no changes
RETRY_S = 5.0

Changed = Callable[[Pod | None, Pod | None], None]


class StaticPods:
    """`changed(old, new)` is the manager's; `node` is this board's."""

    def __init__(
        self, directory: Path, node: Callable[[], Node], client: Client, wall_clock: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._node = node
        self._client = client
        self._now = wall_clock
        self._pods: dict[str, Pod] = {}  # by uid
        self._mirrors: dict[tuple[str, str], Pod] = {}
        self._problems: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._wake = trio.Event()

    def mirror_of(self, pod: Pod) -> Pod | None:
        """The mirror in the API, None while there is none."""
        return self._mirrors.get((pod.metadata.namespace, pod.metadata.name))

    def pod_of(self, mirror: Pod) -> Pod | None:
        """The pod behind a mirror."""
        return self._pods.get(mirror.metadata.annotations.get(MIRROR, ""))

    def mirror_changed(self, old: Pod | None, new: Pod | None) -> None:
        """The API's mirrors, as the informer of this board's pods tells them."""
        found = new or old
        assert found is not None
        key = (found.metadata.namespace, found.metadata.name)
        if new is not None:
            self._mirrors[key] = new
        elif key in self._mirrors and self._mirrors[key].metadata.uid == found.metadata.uid:
            del self._mirrors[key]
        self._wake.set()

    async def run(
        self, changed: Changed, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Follows the folder for ever."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with trio.open_nursery() as nursery:
            with watch_directory(str(self._directory)) as changes:
                await self._read(changed)
                task_status.started()
                nursery.start_soon(self._mirror)
                while True:
                    with trio.move_on_after(LOOK_S):
                        await changes.wait()
                    await self._read(changed)

    async def _read(self, changed: Changed) -> None:
        found = await trio.to_thread.run_sync(self._read_files)
        for uid in [uid for uid in self._pods if uid not in found]:
            changed(self._pods.pop(uid), None)
            self._wake.set()
        for uid, pod in found.items():
            if uid not in self._pods:
                self._pods[uid] = pod
                changed(None, pod)
                self._wake.set()

    def _read_files(self) -> dict[str, Pod]:
        found: dict[str, Pod] = {}
        problems: dict[str, str] = {}
        names: dict[tuple[str, str], str] = {}
        for path in sorted(self._directory.glob("*")):
            if path.name.startswith(".") or path.suffix not in (".yaml", ".yml", ".json"):
                continue
            try:
                pod = static_pod(path.read_bytes(), str(path), self._node().metadata.name, self._now())
                other = names.setdefault((pod.metadata.namespace, pod.metadata.name), path.name)
                if other != path.name:
                    raise ValueError(f"a pod of this name is in {other}")
                found[pod.metadata.uid] = pod
            except (OSError, ValueError) as error:
                problems[path.name] = str(error)
                if self._problems.get(path.name) != str(error):
                    log.warning("event=static_pod_unusable file=%s why=%r", path.name, str(error))
        self._problems = problems
        return found

    async def _mirror(self) -> None:
        while True:
            self._wake = trio.Event()
            try:
                wait_s = RETRY_S if await self._mirror_once() else float("inf")
            except (ApiError, ConnectionLost) as error:
                log.debug("event=mirror_failed why=%r", str(error))
                wait_s = RETRY_S
            with trio.move_on_after(wait_s):
                await self._wake.wait()

    async def _mirror_once(self) -> bool:
        """Whether one was refused, which holds up no other: its namespace is not there, or it names a Secret."""
        for mirror in list(self._mirrors.values()):
            if self.pod_of(mirror) is None or mirror.metadata.deletion_timestamp:
                meta = mirror.metadata
                try:
                    await self._client.delete(Pod, meta.name, meta.namespace, uid=meta.uid, grace_period_s=0)
                except (NotFound, Conflict):
                    continue
        refused = {}
        for uid, pod in list(self._pods.items()):
            if self.mirror_of(pod) is None:
                try:
                    await self._client.create(mirror_pod(pod, self._node()))
                except AlreadyExists:
                    continue
                except ApiError as error:
                    refused[uid] = str(error)
                    if self._refused.get(uid) != str(error):
                        log.warning("event=mirror_refused pod=%s why=%r", pod.metadata.name, str(error))
        self._refused = refused
        return bool(refused)


def static_pod(data: bytes, path: str, node: str, now: float) -> Pod:
    """The pod of a manifest. Raises ValueError, whose words say what is wrong."""
    try:
        pod = msgspec.yaml.decode(data, type=Pod)
    except msgspec.DecodeError as error:
        raise ValueError(f"couldn't parse as pod: {error}") from None
    if pod.kind != "Pod" or not pod.metadata.name:
        raise ValueError("invalid pod: it needs kind Pod and metadata.name")
    if not pod.spec.containers:
        raise ValueError("invalid pod: spec.containers: Required value")
    info = next(info for info in SERVED if info.cls is Pod)
    info.default(pod)
    digest = hashlib.md5(f"{node} {path} ".encode() + data, usedforsecurity=False).hexdigest()
    meta = pod.metadata
    pod.metadata = structs.replace(
        meta,
        name=f"{meta.name}-{node}",
        namespace=meta.namespace or "default",
        uid=digest,
        creation_timestamp=render_time(now),
        annotations={**meta.annotations, SOURCE: "file", HASH: digest, SEEN: render_time(now)},
    )
    pod.spec.node_name = node
    pod.spec.tolerations = (*pod.spec.tolerations, Toleration(operator="Exists", effect="NoExecute"))
    return pod


def mirror_pod(pod: Pod, node: Node) -> Pod:
    """What the API shows of a static pod."""
    owner = OwnerReference(
        api_version="v1", kind="Node", name=node.metadata.name, uid=node.metadata.uid, controller=True
    )
    meta = structs.replace(
        pod.metadata,
        uid="",
        creation_timestamp="",
        annotations={**pod.metadata.annotations, MIRROR: pod.metadata.annotations[HASH]},
        owner_references=(owner,),
    )
    return structs.replace(pod, metadata=meta)
