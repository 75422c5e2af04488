"""Pure: Secrets of type kubernetes.io/service-account-token get their token, and go with their account.

Enter: the Secret and its account. Leave: the filled Secret, or its deletion. Run by the controller loop; `sign` makes
the token. Source: kubernetes pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.core_config import Secret, ServiceAccount
from pikube.informer.actions import Action, Delete, Identity, Update
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.controller import Controller, Index, Lister, Watch

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
BY_ACCOUNT = "account"

SignToken = Callable[[Secret, ServiceAccount], str]
"""A token for the account, bound to the Secret."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the Secret names, if it is there."""

    account: ServiceAccount | None


def reconcile_with(
    sign: SignToken, ca_certificates: Callable[[], str]
) -> Callable[[Secret, Account, float], list[Action]]:
    """The reconcile function of a cluster."""

    def reconcile(desired: Secret, observed: Account, now: float) -> list[Action]:
        meta, account = desired.metadata, observed.account
        if meta.deletion_timestamp:
            return []
        known = meta.annotations.get(UID, "")
        if account is None or known not in ("", account.metadata.uid):
            key = ObjectKey(meta.namespace, meta.annotations[NAME])
            there = () if account is not None else (Identity(ServiceAccount, key, known),)
            return [Delete(Secret, key_of(desired), meta.uid, unless=there)]
        data = dict(desired.data)
        data.setdefault("namespace", base64.b64encode(meta.namespace.encode()).decode())
        data["ca.crt"] = base64.b64encode(ca_certificates().encode()).decode()
        if not data.get("token"):
            data["token"] = base64.b64encode(sign(desired, account).encode()).decode()
        annotations = {**meta.annotations, UID: account.metadata.uid}
        if data == desired.data and annotations == meta.annotations:
            return []
        filled = structs.replace(desired, data=data, metadata=structs.replace(meta, annotations=annotations))
        return [Update(filled)]

    return reconcile


def account_of(secret: Secret) -> list[str]:
    """Index: `namespace/name` of the account of a token Secret."""
    name = secret.metadata.annotations.get(NAME)
    return [f"{secret.metadata.namespace}/{name}"] if secret.type == TYPE and name else []


def _token_secret(lister: Lister, secret: Secret) -> list[ObjectKey]:
    return [key_of(secret)] if account_of(secret) else []


def _secrets_of(lister: Lister, account: ServiceAccount) -> list[ObjectKey]:
    return [key_of(s) for s in lister.cache(Secret).indexed(BY_ACCOUNT, str(key_of(account)))]


def observe(lister: Lister, key: ObjectKey) -> tuple[Secret, Account] | None:
    secret = lister.cache(Secret).get(key)
    if secret is None or not account_of(secret):
        return None
    name = secret.metadata.annotations[NAME]
    return secret, Account(lister.cache(ServiceAccount).get(ObjectKey(key.namespace, name)))


def account_token_controller(
    sign: SignToken, ca_certificates: Callable[[], str]
) -> Controller[Secret, Account]:
    return Controller(
        name="serviceaccount-token-controller",
        watches=(Watch(Secret, _token_secret), Watch(ServiceAccount, _secrets_of)),
        indexes=(Index(Secret, BY_ACCOUNT, account_of),),
        observe=observe,
        reconcile=reconcile_with(sign, ca_certificates),
        workers=1,
    )
