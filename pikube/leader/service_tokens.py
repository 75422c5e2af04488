"""Shell: tokens of service accounts: issued by TokenRequest, read back from `Authorization: Bearer`.

Enter: requests and tokens. Leave: signed tokens bound to their pod or secret, and Users. A token dies with
the object that it is bound to. Source: KEP-1205, kubernetes pkg/serviceaccount.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import structs

from pikube.api.errors import BadRequest, Cause, Conflict, Invalid, NotFound, Resource, Unauthorized
from pikube.api.kinds.authentication import BoundObjectReference, TokenRequest, TokenRequestStatus
from pikube.api.kinds.core_config import Secret, ServiceAccount
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.times import render_time
from pikube.certs.tokens import ISSUER
from pikube.leader.request.context import Context, User
from pikube.leader.store.contract import Key, Store

PREFIX = "system:serviceaccount"
MIN_LIFE_S = 600  # kubernetes TokenRequest validation
MAX_LIFE_S = 1 << 32
DEFAULT_LIFE_S = 3600
BOUND: dict[str, type[Any]] = {"Pod": Pod, "Secret": Secret, "Node": Node}
"""What a token may be bound to: it ends with that."""
LASTS_UNTIL = 4_102_444_800  # 1 January 2100
POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
NODE_NAME = "authentication.kubernetes.io/node-name"
NODE_UID = "authentication.kubernetes.io/node-uid"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


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
        """A token for a Secret of type kubernetes.io/service-account-token: as good as without an end, until the
        Secret or the account is gone."""
        where, who = secret.metadata, account.metadata
        return self._signer.sign(
            {
                "iss": ISSUER,
                "sub": f"{PREFIX}:{where.namespace}:{who.name}",
                "aud": [ISSUER],
                "iat": int(self._now()),
                "exp": LASTS_UNTIL,
                "kubernetes.io": {
                    "namespace": where.namespace,
                    "serviceaccount": {"name": who.name, "uid": who.uid},
                    "secret": {"name": where.name, "uid": where.uid},
                },
            }
        )

    def read(self, token: str) -> User:
        """The user a token names; Unauthorized when it, its account or its pod is gone."""
        claims = self._signer.verify(token, self._now())
        own = claims.get("kubernetes.io")
        audiences = claims.get("aud", [])
        if not isinstance(own, dict) or ISSUER not in audiences:
            raise Unauthorized()
        namespace, account = own.get("namespace", ""), own.get("serviceaccount", {})
        name, uid = account.get("name", ""), account.get("uid", "")
        if not uid or self._uid(ServiceAccount, namespace, name) != uid:
            raise Unauthorized()
        extra: dict[str, tuple[str, ...]] = {}
        for kind, cls in BOUND.items():
            bound = own.get(kind.lower())
            if bound is None or (cls is Node and "pod" in own):  # that of a pod is told, and need not live
                continue
            where = namespace if cls.names.namespaced else ""
            if self._uid(cls, where, bound.get("name", "")) != bound.get("uid"):
                raise Unauthorized()
        if claims.get("jti"):
            extra[CREDENTIAL_ID] = (f"JTI={claims['jti']}",)
        for kind, name_key, uid_key in (("node", NODE_NAME, NODE_UID), ("pod", POD_NAME, POD_UID)):
            if own.get(kind):
                extra |= {name_key: (own[kind]["name"],), uid_key: (own[kind]["uid"],)}
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        return User(f"{PREFIX}:{namespace}:{name}", groups, uid, extra)

    def _node_of(self, namespace: str, pod: str) -> dict[str, str] | None:
        """The node that a pod runs on, as its token names it (KEP-4193)."""
        item = self._store.get(Key(Pod.names.resource, namespace, pod))
        name = item.select.fields.get("spec.nodeName", "") if item is not None else ""
        return {"name": name, "uid": self._uid(Node, "", name)} if name else None

    def _uid(self, cls: type[Any], namespace: str, name: str) -> str:
        item = self._store.get(Key(cls.names.resource, namespace, name))
        return item.uid if item is not None else ""
