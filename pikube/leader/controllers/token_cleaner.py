"""Pure: join tokens that have expired go.

Enter: a Secret and the time. Leaves: its deletion, now or later. Run by the controller loop. Source: kubernetes
pkg/controller/bootstrap/tokencleaner.go, which deletes at once.
"""

from __future__ import annotations

from pikube.api.kinds.core_config import Secret
from pikube.informer.actions import Action, Delete, RequeueAfter
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Lister, Watch
from pikube.leader.join_tokens import NAMESPACE, TYPE, read_secret

KEPT_S = 24 * 3600.0  # so that whoever comes late hears that the token has expired, not that nobody knows it


def reconcile(desired: Secret, observed: None, now: float) -> list[Action]:
    """Delete it a day after its end. A token without an end, and what is no token, stay."""
    token = read_secret(desired)
    if token is None or token.expires_at is None or desired.metadata.deletion_timestamp:
        return []
    left_s = token.expires_at + KEPT_S - now
    if left_s > 0:
        return [RequeueAfter(left_s)]
    return [Delete(Secret, key_of(desired), desired.metadata.uid)]


def _token(lister: Lister, secret: Secret) -> list[ObjectKey]:
    is_token = secret.type == TYPE and secret.metadata.namespace == NAMESPACE
    return [key_of(secret)] if is_token else []


def observe(lister: Lister, key: ObjectKey) -> tuple[Secret, None] | None:
    secret = lister.cache(Secret).get(key)
    return None if secret is None else (secret, None)


TOKEN_CLEANER: Controller[Secret, None] = Controller(
    name="token-cleaner-controller",
    watches=(Watch(Secret, _token),),
    observe=observe,
    reconcile=reconcile,
    workers=1,
)
