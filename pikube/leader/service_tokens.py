"""Shell: tokens of service accounts: issued by TokenRequest, read back from `Authorization: Bearer`.

Enter: requests and tokens. Leave: signed tokens bound to their pod or secret, and Users. A token dies with
the object that it is bound to. Source: KEP-1205, kubernetes pkg/serviceaccount.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import structs

from pikube.api.errors import BadRequest, Cause, Conflict, Invalid, NotFound, Resource, Unauthorized
from pikube.api.kinds.authentication import BoundObjectReference, TokenRequest, TokenRequestStatus
from pikube.api.kinds.base import Struct
from pikube.api.kinds.core_config import Secret, ServiceAccount
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import parse_time, render_time
from pikube.certs.tokens import ISSUER, LEEWAY_S, LEGACY_ISSUER
from pikube.leader.request.authn import Recognised
from pikube.leader.request.context import Context, User
from pikube.leader.request.rule_cover import go_list
from pikube.leader.store.contract import Item, Key, Store

PREFIX = "system:serviceaccount"
MIN_LIFE_S = 600  # kubernetes TokenRequest validation
MAX_LIFE_S = 1 << 32
DEFAULT_LIFE_S = 3600
BOUND: dict[str, type[Any]] = {"Pod": Pod, "Secret": Secret, "Node": Node}
"""What a token may be bound to: it ends with that."""
LEGACY = "kubernetes.io/serviceaccount"
LEGACY_NAMESPACE, LEGACY_SECRET = f"{LEGACY}/namespace", f"{LEGACY}/secret.name"
LEGACY_ACCOUNT, LEGACY_UID = f"{LEGACY}/service-account.name", f"{LEGACY}/service-account.uid"
INVALIDATED = "service account token has been invalidated"
DELETED = b'"deletionTimestamp"'
POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
NODE_NAME = "authentication.kubernetes.io/node-name"
NODE_UID = "authentication.kubernetes.io/node-uid"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class _Meta(Struct):
    deletion_timestamp: str = ""


class _Deleted(Struct):
    metadata: _Meta


class _Data(Struct):
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Signer(Protocol):
    def sign(self, claims: dict[str, Any]) -> str: ...

    def verify(self, token: str, now: float) -> dict[str, Any]: ...

    def key_set(self) -> dict[str, Any]: ...


class ServiceTokens:
    """Issues and reads tokens; the store says whether their account and pod still live."""

    def __init__(
        self, signer: Signer, store: Store, wall_clock: Callable[[], float], new_uid: Callable[[], str]
    ) -> None:
        self._signer = signer
        self._store = store
        self._now = wall_clock
        self._new_uid = new_uid

    def issue(self, namespace: str, name: str, request: TokenRequest, context: Context) -> TokenRequest:
        """The request with its token. Invalid for a life that cannot be; BadRequest, NotFound or Conflict for what it
        cannot be bound to."""
        spec = request.spec
        life_s = spec.expiration_seconds or DEFAULT_LIFE_S
        if not MIN_LIFE_S <= life_s <= MAX_LIFE_S:
            bound = "less than 10 minutes" if life_s < MIN_LIFE_S else "larger than 2^32 seconds"
            words = f"Invalid value: {life_s}: may not specify a duration {bound}"
            cause = Cause("FieldValueInvalid", words, "spec.expirationSeconds")
            raise Invalid.of("TokenRequest", "authentication.k8s.io", name, [cause])
        account = self._uid(ServiceAccount, namespace, name)
        now = context.now
        own: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": name, "uid": account}}
        own.update(self._bound(namespace, name, spec.bound_object_ref))
        audiences = spec.audiences or (ISSUER,)
        claims = {
            "jti": self._new_uid(),
            "iss": ISSUER,
            "sub": f"{PREFIX}:{namespace}:{name}",
            "aud": list(audiences),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + life_s),
            "kubernetes.io": own,
        }
        status = TokenRequestStatus(
            token=self._signer.sign(claims), expiration_timestamp=render_time(now + life_s)
        )
        spec = structs.replace(spec, audiences=audiences, expiration_seconds=life_s)
        metadata = ObjectMeta(name=name, namespace=namespace, creation_timestamp=render_time(now))
        return structs.replace(request, metadata=metadata, spec=spec, status=status)

    def _bound(self, namespace: str, name: str, bound: BoundObjectReference | None) -> dict[str, Any]:
        """The claims about what a token is bound to. BadRequest, NotFound, Conflict (kubernetes
        registry/core/serviceaccount/storage/token.go)."""
        if bound is None:
            return {}
        cls = BOUND.get(bound.kind) if bound.api_version in ("", "v1") else None
        if cls is None:
            group, _, version = bound.api_version.rpartition("/")
            kind = f"{group}/{version}, Kind={bound.kind}"
            raise BadRequest(f'cannot bind token for serviceaccount "{name}" to object type {kind}')
        uid = self._uid(cls, namespace if cls.names.namespaced else "", bound.name)
        if not uid:
            raise NotFound.of(Resource("", cls.names.plural), bound.name)
        if cls is Pod and self._account_of(namespace, bound.name) != name:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{name}" to pod running with different serviceaccount name.'
            )
        if bound.uid not in ("", uid):
            why = (
                f"the UID in the bound object reference ({bound.uid}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise Conflict.of(Resource("", bound.kind), bound.name, why)
        claims: dict[str, Any] = {bound.kind.lower(): {"name": bound.name, "uid": uid}}
        node = self._node_of(namespace, bound.name) if cls is Pod else None
        if node is not None:
            claims["node"] = node
        return claims

    def lasting(self, secret: Secret, account: ServiceAccount) -> str:
        """A token for a Secret of type kubernetes.io/service-account-token: without an end, until the Secret holds
        another one, or the Secret or the account is gone."""
        where, who = secret.metadata, account.metadata
        return self._signer.sign(
            {
                "iss": LEGACY_ISSUER,
                LEGACY_NAMESPACE: where.namespace,
                LEGACY_SECRET: where.name,
                LEGACY_ACCOUNT: who.name,
                LEGACY_UID: who.uid,
                "sub": f"{PREFIX}:{where.namespace}:{who.name}",
            }
        )

    def read(self, token: str, audiences: Sequence[str]) -> Recognised:
        """The user a token names; Unauthorized when it is for others, or it, its account or what it is bound to is
        gone."""
        claims = self._signer.verify(token, self._now())
        if claims["iss"] == LEGACY_ISSUER:
            return self._legacy(token, claims), _common((ISSUER,), audiences)
        own = claims.get("kubernetes.io")
        if not isinstance(own, dict):
            raise Unauthorized()
        common = _common(tuple(claims.get("aud", ())), audiences)
        return self._bound_user(claims, own), common

    def _bound_user(self, claims: dict[str, Any], own: dict[str, Any]) -> User:
        namespace, account = own.get("namespace", ""), own.get("serviceaccount", {})
        name, uid = account.get("name", ""), account.get("uid", "")
        self._check_account(namespace, name, uid, "service account")
        extra: dict[str, tuple[str, ...]] = {}
        for kind in ("Secret", "Pod", "Node"):
            bound = own.get(kind.lower())
            if bound is None or (kind == "Node" and "pod" in own):  # that of a pod is told, and need not live
                continue
            cls = BOUND[kind]
            where = namespace if cls.names.namespaced else ""
            item = self._store.get(Key(cls.names.resource, where, bound.get("name", "")))
            if item is None or self._is_long_gone(item):
                raise Unauthorized(why=INVALIDATED)
            if item.uid != bound.get("uid"):
                word = kind.lower()
                why = f"{word} UID ({item.uid}) does not match service account {word} ref claim ({bound.get('uid')})"
                raise Unauthorized(why=why)
        if claims.get("jti"):
            extra[CREDENTIAL_ID] = (f"JTI={claims['jti']}",)
        for kind, name_key, uid_key in (("node", NODE_NAME, NODE_UID), ("pod", POD_NAME, POD_UID)):
            if own.get(kind):
                extra |= {name_key: (own[kind]["name"],), uid_key: (own[kind]["uid"],)}
        return _account_user(namespace, name, uid, extra)

    def _legacy(self, token: str, claims: dict[str, Any]) -> User:
        """kubernetes pkg/serviceaccount/legacy.go"""
        namespace, name = claims.get(LEGACY_NAMESPACE, ""), claims.get(LEGACY_ACCOUNT, "")
        uid = claims.get(LEGACY_UID, "")
        item = self._store.get(Key(Secret.names.resource, namespace, claims.get(LEGACY_SECRET, "")))
        if item is None or DELETED in item.value:
            raise Unauthorized(why="Token has been invalidated")
        data = msgspec.json.decode(item.value, type=_Data).data
        if not hmac.compare_digest(data.get("token", ""), base64.b64encode(token.encode()).decode()):
            raise Unauthorized(why="Token does not match server's copy")
        self._check_account(namespace, name, uid, "ServiceAccount")
        return _account_user(namespace, name, uid, {})

    def _check_account(self, namespace: str, name: str, uid: str, words: str) -> None:
        item = self._store.get(Key(ServiceAccount.names.resource, namespace, name))
        if item is None:
            raise Unauthorized(why=f'serviceaccounts "{name}" not found')
        if self._is_long_gone(item):
            raise Unauthorized(why=f"{words} {namespace}/{name} has been deleted")
        if not uid or item.uid != uid:
            raise Unauthorized(why=f"{words} UID ({item.uid}) does not match claim ({uid})")

    def _is_long_gone(self, item: Item) -> bool:
        """Deleted, and its time is over: what is left of it waits for a finalizer (or a node)."""
        if DELETED not in item.value:
            return False
        stamp = msgspec.json.decode(item.value, type=_Deleted).metadata.deletion_timestamp
        return bool(stamp) and parse_time(stamp) < self._now() - LEEWAY_S

    def _account_of(self, namespace: str, pod: str) -> str:
        """The service account that a pod runs as."""
        item = self._store.get(Key(Pod.names.resource, namespace, pod))
        return item.select.fields.get("spec.serviceAccountName", "") if item is not None else ""

    def _node_of(self, namespace: str, pod: str) -> dict[str, str] | None:
        """The node that a pod runs on, as its token names it (KEP-4193)."""
        item = self._store.get(Key(Pod.names.resource, namespace, pod))
        name = item.select.fields.get("spec.nodeName", "") if item is not None else ""
        return {"name": name, "uid": self._uid(Node, "", name)} if name else None

    def _uid(self, cls: type[Any], namespace: str, name: str) -> str:
        item = self._store.get(Key(cls.names.resource, namespace, name))
        return item.uid if item is not None else ""


def _common(for_whom: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The audiences of a token among those that are asked for. Unauthorized when there is none."""
    common = tuple(audience for audience in for_whom if audience in wanted)
    if not common:
        why = f"token audiences {go_list(for_whom)} is invalid for the target audiences {go_list(wanted)}"
        raise Unauthorized(why=why)
    return common


def _account_user(namespace: str, name: str, uid: str, extra: dict[str, tuple[str, ...]]) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return User(f"{PREFIX}:{namespace}:{name}", groups, uid, extra)
