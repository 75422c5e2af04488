"""Shell: where the volumes of one pod are on the board: made before its sandbox, and again when what they show has
changed or a token grows old.

Enter: the pod, its address. Leave: places by volume name; a RuntimeFailure (FailedMount) says what is missing. One a
worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio
from msgspec import structs

from pikube.agent.pods.board import Board
from pikube.agent.pods.environment import Facts
from pikube.agent.pods.image_pulls import Pulling, Say
from pikube.agent.pods.references import claim_name
from pikube.agent.pods.tokens import JITTER_S
from pikube.agent.pods.volume_files import TokensByKey, VolumeProblem, volume_files
from pikube.agent.pods.volumes import Place, PodVolumes
from pikube.agent.runtime.contract import RuntimeFailure
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_volume import Volume

TOKENS = "kube-api-access"
MOUNT_FAILED = "FailedMount"


class PodPlaces:
    """`changed` is called when an object that the pod names is another one now."""

    def __init__(
        self, board: Board, volumes: PodVolumes, say: Say, changed: Callable[[], None], pulling: Pulling
    ) -> None:
        self._board = board
        self._volumes = volumes
        self._say = say
        self._changed = changed
        self._pulling = pulling
        self._places: Mapping[str, Place] | None = None  # None: to be made anew before they are used
        self._forgotten = 0  # how often; what changes while files are written must be written again
        self._of_images: dict[str, Place] = {}
        self.latest: Mapping[str, Place] = {}  # as they were made last
        self._has_tried = False

    def forget(self) -> None:
        """What they show is not up to date."""
        self._forgotten += 1
        self._places = None

    def is_due(self, pod: Pod) -> bool:
        """Whether files of a running pod must be written anew."""
        has_files = any(_is_shown(volume) for volume in pod.spec.volumes)
        is_old = self._places is None or self._board.references.tokens.renews_in_s(pod) <= JITTER_S
        has_claims = any(claim_name(pod, volume) for volume in pod.spec.volumes)
        # a pod of a former life: where its claims are is not known yet
        return (has_files and is_old) or (has_claims and not self._has_tried)

    async def get(self, pod: Pod, address: str) -> Mapping[str, Place]:
        """As they were made, or made now."""
        return self._places if self._places is not None else await self.make(pod, address)

    async def refresh(self, pod: Pod, address: str) -> None:
        """What cannot be asked for now keeps its old files."""
        try:
            await self.make(pod, address)
        except RuntimeFailure as failure:
            self._say("Warning", failure.reason, failure.message)

    async def make(self, pod: Pod, address: str) -> Mapping[str, Place]:
        """All of them, whatever was before. One whose object is gone keeps the files that it has, and holds up
        neither the others (tokens, too, grow old) nor a container that is started again."""
        references = self._board.references
        forgotten = self._forgotten
        self._has_tried = True
        places: dict[str, Place] = {}
        name, problems = TOKENS, []
        try:
            await references.follow(pod, self._changed)
            facts = references.facts(pod, address, self._board.host_ip())
            tokens = await references.tokens.of(pod)
            for volume in pod.spec.volumes:
                name = volume.name
                if volume.image is not None:
                    places[name] = await self._of_image(pod, volume)
                    continue
                try:
                    places[name] = await self._of_files(pod, volume, facts, tokens)
                except VolumeProblem as problem:
                    if name not in self.latest or not _is_shown(volume):
                        raise
                    places[name] = self.latest[name]
                    problems.append(_words(name, problem))
        except VolumeProblem as problem:
            raise RuntimeFailure(_words(name, problem), MOUNT_FAILED) from None
        for words in problems:
            self._say("Warning", MOUNT_FAILED, words)
        self.latest = places
        if self._forgotten == forgotten:
            self._places = places
        return places

    async def _of_files(self, pod: Pod, volume: Volume, facts: Facts, tokens: TokensByKey) -> Place:
        source, bound = self._board.references.bound_volume(pod, volume)
        files = volume_files(pod, source, facts, tokens)
        if source is not volume:
            source = structs.replace(source, persistent_volume_claim=volume.persistent_volume_claim)
        return await trio.to_thread.run_sync(self._volumes.make, pod, source, bound, files)

    async def _of_image(self, pod: Pod, volume: Volume) -> Place:
        """Pulled once a pod, however often files are refreshed."""
        found = self._of_images.get(volume.name)
        if found is None:
            found = await self._board.starter.image_of(pod, volume, self._say, self._pulling)
            self._of_images[volume.name] = found
        return found


def _is_shown(volume: Volume) -> bool:
    """Whether its files are what the API says, and stay on the board when that says nothing any more."""
    return bool(volume.config_map or volume.secret or volume.projected or volume.downward_api)


def _words(name: str, problem: VolumeProblem) -> str:
    return f'MountVolume.SetUp failed for volume "{name}" : {problem}'
