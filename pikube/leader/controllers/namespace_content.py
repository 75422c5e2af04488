"""Pure: what every namespace holds from its first moment: the default service account and the cluster's CA.

Source: kubernetes pkg/controller/serviceaccount, pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from pikube.api.kinds.core_config import ConfigMap, Namespace, ServiceAccount
from pikube.api.kinds.meta import Object, ObjectMeta
from pikube.informer.actions import Action, Create, Update
from pikube.informer.cache import ObjectKey
from pikube.informer.controller import Controller, Lister, Watch, itself

ROOT_CA = "kube-root-ca.crt"
WORDS = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints."


@dataclass(frozen=True, slots=True)
class Content:
    account: ServiceAccount | None
    root_ca: ConfigMap | None


def observe(lister: Lister, key: ObjectKey) -> tuple[Namespace, Content] | None:
    namespace = lister.cache(Namespace).get(ObjectKey("", key.name))
    if namespace is None:
        return None
    return namespace, Content(
        lister.cache(ServiceAccount).get(ObjectKey(key.name, "default")),
        lister.cache(ConfigMap).get(ObjectKey(key.name, ROOT_CA)),
    )


def of_namespace(lister: Lister, obj: Object) -> list[ObjectKey]:
    """Only the two objects that this controller makes concern it."""
    if obj.metadata.name in ("default", ROOT_CA):
        return [ObjectKey("", obj.metadata.namespace)]
    return []


def content_for(ca_certificates: Callable[[], str]) -> Callable[[Namespace, Content, float], list[Action]]:
    """The reconcile function for what a cluster trusts now, a PEM bundle."""

    def reconcile(desired: Namespace, observed: Content, now: float) -> list[Action]:
        if desired.metadata.deletion_timestamp or desired.status.phase == "Terminating":
            return []
        name = desired.metadata.name
        actions: list[Action] = []
        if observed.account is None:
            actions.append(Create(ServiceAccount(metadata=ObjectMeta(name="default", namespace=name))))
        wanted = {"ca.crt": ca_certificates()}
        if observed.root_ca is None:
            meta = ObjectMeta(name=ROOT_CA, namespace=name, annotations={"kubernetes.io/description": WORDS})
            actions.append(Create(ConfigMap(metadata=meta, data=wanted)))
        elif observed.root_ca.data != wanted:
            actions.append(Update(structs.replace(observed.root_ca, data=wanted)))
        return actions

    return reconcile


def namespace_content_controller(ca_certificates: Callable[[], str]) -> Controller[Namespace, Content]:
    return Controller(
        name="namespace-content-controller",
        watches=(
            Watch(Namespace, itself),
            Watch(ServiceAccount, of_namespace),
            Watch(ConfigMap, of_namespace),
        ),
        observe=observe,
        reconcile=content_for(ca_certificates),
        workers=1,
    )
