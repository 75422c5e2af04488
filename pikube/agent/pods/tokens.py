"""Shell: service-account tokens of this board's pods: asked for, kept, renewed before they get old.

Enter: a pod. Leave: its tokens by (audience, life), and when the next one must be renewed. Tokens are kept on
the card (0600), so that a board that reboots without its leader starts its pods. Source: kubernetes
pkg/kubelet/token/token_manager.go.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import trio

from pikube.agent.pods.volume_files import TokenKey, TokensByKey, VolumeProblem, token_key
from pikube.api.client import Client, ConnectionLost
from pikube.api.errors import NotFound
from pikube.api.kinds.authentication import BoundObjectReference, TokenRequest, TokenRequestSpec
from pikube.api.kinds.core_config import ServiceAccount
from pikube.api.kinds.core_pod import Pod
from pikube.certs.files import read_or_none, write_atomic

RENEW_AT_SHARE = 0.8  # of its life
MAX_AGE_S = 24 * 3600.0
JITTER_S = 1.0  # a wake-up comes when the token is surely due
RETRY_S = 30.0  # a token that could not be renewed is good for a fifth of its life more


@dataclass(frozen=True, slots=True)
class Token:
    """`asked_at` by the board's wall clock, which may be years from the leader's: how long the token lives is the
    leader's word."""

    text: str
    asked_at: float
    life_s: float


@dataclass(slots=True)
class _Held:
    token: Token
    renew_at: float  # by Trio's clock: a wall clock that jumps must not keep an old token in use


class Tokens:
    """One a board; without a directory nothing is kept."""

    def __init__(
        self, client: Client, directory: Path | None, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._directory = directory
        self._now = wall_clock
        self._held: dict[str, dict[TokenKey, _Held]] = {}

    async def of(self, pod: Pod) -> TokensByKey:
        """What projected volumes ask for; in the place of one that cannot be had, why."""
        found: dict[TokenKey, str | VolumeProblem] = {}
        for volume in pod.spec.volumes:
            for source in volume.projected.sources if volume.projected else ():
                wanted = source.service_account_token
                if wanted is not None:
                    key = token_key(wanted)
                    try:
                        found[key] = await self._token(pod, *key)
                    except VolumeProblem as problem:
                        found[key] = problem
        return found

    def renews_in_s(self, pod: Pod) -> float:
        """How long until a token of this pod must be renewed; infinite without any."""
        held = self._held.get(pod.metadata.uid, {}).values()
        first = min((h.renew_at for h in held), default=float("inf"))
        return max(0.0, first - trio.current_time()) + JITTER_S

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._held.pop(uid, None)
        if self._directory is not None:
            for path in self._directory.glob(f"{uid}_*.json"):
                path.unlink(missing_ok=True)

    async def _token(self, pod: Pod, audience: str, life_s: int) -> str:
        mine = self._held.setdefault(pod.metadata.uid, {})
        key = (audience, life_s)
        held = mine.get(key) or self._from_card(pod, key)
        if held is not None and trio.current_time() < held.renew_at:
            mine[key] = held
            return held.token.text
        try:
            token = await self._ask(pod, audience, life_s)
        except (ConnectionLost, VolumeProblem) as error:
            if held is not None:
                mine[key] = _Held(held.token, trio.current_time() + RETRY_S)
            if isinstance(error, VolumeProblem):
                raise
            if held is None:
                raise VolumeProblem("failed to fetch token: the API server does not answer") from None
            return held.token.text
        mine[key] = _Held(token, trio.current_time() + _renewal_s(token))
        await trio.to_thread.run_sync(self._write, pod.metadata.uid, key, token)
        return token.text

    async def _ask(self, pod: Pod, audience: str, life_s: int) -> Token:
        meta, account = pod.metadata, pod.spec.service_account_name
        request = TokenRequest(
            spec=TokenRequestSpec(
                audiences=(audience,) if audience else (),
                expiration_seconds=life_s,
                bound_object_ref=BoundObjectReference(
                    kind="Pod", api_version="v1", name=meta.name, uid=meta.uid
                ),
            )
        )
        asked_at = self._now()
        try:
            made = await self._client.create_subresource(
                ServiceAccount, account, meta.namespace, "token", request
            )
        except NotFound:
            raise VolumeProblem(f'failed to fetch token: serviceaccounts "{account}" not found') from None
        return Token(made.status.token, asked_at, float(made.spec.expiration_seconds or life_s))

    def _from_card(self, pod: Pod, key: TokenKey) -> _Held | None:
        """A token of a former life, and at once due if the clock says that it is old."""
        path = self._path(pod.metadata.uid, key)
        try:
            data = read_or_none(path) if path is not None else None
            token = Token(**json.loads(data)) if data else None
        except (OSError, ValueError, TypeError):
            return None
        if token is None:
            return None
        age_s = self._now() - token.asked_at
        left_s = _renewal_s(token) - age_s if age_s >= 0 else 0.0
        return _Held(token, trio.current_time() + left_s)

    def _write(self, uid: str, key: TokenKey, token: Token) -> None:
        path = self._path(uid, key)
        if path is None:
            return
        try:
            write_atomic(path, json.dumps(asdict(token)).encode())
        except OSError:
            return  # a full card: the next start asks again

    def _path(self, uid: str, key: TokenKey) -> Path | None:
        if self._directory is None:
            return None
        digest = hashlib.sha256(f"{key[0]} {key[1]}".encode()).hexdigest()[:16]
        return self._directory / f"{uid}_{digest}.json"


def _renewal_s(token: Token) -> float:
    return min(MAX_AGE_S, token.life_s * RENEW_AT_SHARE)
