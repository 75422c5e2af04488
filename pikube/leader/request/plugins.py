"""Shell: the admission plugins: namespace lifecycle, service accounts, tolerations, priority, limits, quota.

Each is small and reads the store's memory only. Sources: kubernetes plugin/pkg/admission/*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pikube.api.default_class import OF_INGRESS, OF_STORAGE, class_of, default_class
from pikube.api.errors import Forbidden, NotFound, Resource
from pikube.api.kinds.base import Struct
from pikube.api.kinds.core_config import Namespace, ServiceAccount
from pikube.api.kinds.core_container import VolumeMount
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import LocalObjectReference, ObjectFieldSelector, Toleration
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import (
    ConfigMapProjection,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)
from pikube.api.kinds.networking import Ingress, IngressClass
from pikube.api.kinds.node import RuntimeClass
from pikube.api.kinds.scheduling import PriorityClass
from pikube.api.kinds.storage import StorageClass
from pikube.api.quantity import compare
from pikube.leader.controllers.volume_match import wanted_size
from pikube.leader.request.admission import Attributes
from pikube.leader.store.contract import Item, Key, Store

S = TypeVar("S", bound=Struct)
Decode = Callable[[type[Any], Item], Any]

PROTECTED_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_S = 3607  # kubernetes serviceaccount admission: one hour and seven seconds, to be told apart
TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


class Plugin:
    """Does nothing; the base of those that follow."""

    def __init__(self, store: Store, decode: Decode) -> None:
        self._store = store
        self._decode = decode

    def admit(self, attributes: Attributes) -> None:
        """See admission.Plugin."""

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """See admission.Plugin."""

    def _find(self, cls: type[Any], namespace: str, name: str) -> Any:
        item = self._store.get(Key(cls.names.resource, namespace, name))
        return self._decode(cls, item) if item is not None else None

    def _all(self, cls: type[Any], namespace: str | None = None) -> list[Any]:
        return [self._decode(cls, item) for item in self._store.list(cls.names.resource, namespace).items]


class NamespaceLifecycle(Plugin):
    """Nothing is made in a namespace that is not there or is going; the first namespaces cannot go."""

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE":
            if attributes.info.cls is Namespace and attributes.name in PROTECTED_NAMESPACES:
                raise Forbidden.of(
                    attributes.info.resource, attributes.name, "this namespace may not be deleted"
                )
            return
        if attributes.operation != "CREATE" or not attributes.info.names.namespaced:
            return
        namespace = self._find(Namespace, "", attributes.namespace)
        if namespace is None:
            raise NotFound.of(Resource("", "namespaces"), attributes.namespace)
        if namespace.metadata.deletion_timestamp and not attributes.info.is_ephemeral:
            raise Forbidden.of(
                attributes.info.resource,
                attributes.name,
                f"unable to create new content in namespace {attributes.namespace} because it is being terminated",
            )


class DefaultTolerations:
    """Pods stay on a node that is not ready or unreachable for a short while only."""

    is_repeatable = True

    def __init__(self, not_ready_s: int, unreachable_s: int) -> None:
        self._limits = (
            ("node.kubernetes.io/not-ready", not_ready_s),
            ("node.kubernetes.io/unreachable", unreachable_s),
        )

    def admit(self, attributes: Attributes) -> None:
        if attributes.info.cls is not Pod or attributes.operation == "DELETE" or attributes.subresource:
            return
        spec = attributes.obj.spec
        for key, limit_s in self._limits:
            if not any(_tolerates(toleration, key) for toleration in spec.tolerations):
                wanted = Toleration(
                    key=key, operator="Exists", effect="NoExecute", toleration_seconds=limit_s
                )
                spec.tolerations = (*spec.tolerations, wanted)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """See admission.Plugin."""


def _tolerates(toleration: Toleration, key: str) -> bool:
    return toleration.key in (key, "") and toleration.effect in ("NoExecute", "")


class ServiceAccounts(Plugin):
    """Every pod runs as a service account, finds its token, and uses the account's pull secrets."""

    is_repeatable = True

    def admit(self, attributes: Attributes) -> None:
        if attributes.info.cls is not Pod or attributes.operation != "CREATE":
            return
        pod: Pod = attributes.obj
        spec = pod.spec
        if "kubernetes.io/config.mirror" in pod.metadata.annotations:
            return
        spec.service_account_name = spec.service_account_name or "default"
        spec.service_account = spec.service_account_name
        account = self._find(ServiceAccount, pod.metadata.namespace, spec.service_account_name)
        if account is None:
            if spec.service_account_name == "default":
                account = ServiceAccount()  # the controller is about to make it
            else:
                raise Forbidden.of(
                    attributes.info.resource,
                    attributes.name,
                    f"error looking up service account {pod.metadata.namespace}/{spec.service_account_name}: "
                    f'serviceaccount "{spec.service_account_name}" not found',
                )
        if not spec.image_pull_secrets:
            spec.image_pull_secrets = tuple(
                LocalObjectReference(name=ref.name) for ref in account.image_pull_secrets
            )
        wants_token = spec.automount_service_account_token
        if wants_token is None:
            wants_token = account.automount_service_account_token
        if wants_token is not False:
            _mount_token(pod)


def _mount_token(pod: Pod) -> None:
    spec = pod.spec
    containers = (*spec.init_containers, *spec.containers)
    needing = [c for c in containers if all(m.mount_path != TOKEN_MOUNT for m in c.volume_mounts)]
    if not needing:
        return
    name = f"kube-api-access-{pod.metadata.uid[:5] or 'token'}"
    volume = Volume(
        name=name,
        projected=ProjectedVolumeSource(
            default_mode=0o644,
            sources=(
                VolumeProjection(
                    service_account_token=ServiceAccountTokenProjection(
                        expiration_seconds=TOKEN_S, path="token"
                    )
                ),
                VolumeProjection(
                    config_map=ConfigMapProjection(
                        name="kube-root-ca.crt", items=(KeyToPath(key="ca.crt", path="ca.crt"),)
                    )
                ),
                VolumeProjection(
                    downward_api=DownwardAPIProjection(
                        items=(
                            DownwardAPIVolumeFile(
                                path="namespace",
                                field_ref=ObjectFieldSelector(
                                    api_version="v1", field_path="metadata.namespace"
                                ),
                            ),
                        )
                    )
                ),
            ),
        ),
    )
    if all(
        known.name != name for known in spec.volumes
    ):  # a container that a webhook put in joins the others
        spec.volumes = (*spec.volumes, volume)
    for container in needing:
        mount = VolumeMount(name=name, read_only=True, mount_path=TOKEN_MOUNT)
        container.volume_mounts = (*container.volume_mounts, mount)


LOWER = "PreemptLowerPriority"


class Priority(Plugin):
    """A pod's priority is the value of its class, or of the default class, of which there is one; a pod that says
    another is refused, and an update that says none keeps it (kubernetes
    plugin/pkg/admission/priority/admission.go)."""

    def admit(self, attributes: Attributes) -> None:
        if (
            attributes.info.cls is PriorityClass
            and attributes.obj is not None
            and attributes.obj.global_default
        ):
            self._check_single(attributes)
        if attributes.info.cls is not Pod or attributes.subresource or attributes.operation == "DELETE":
            return
        spec = attributes.obj.spec
        if attributes.old is not None:
            known = attributes.old.spec
            spec.priority = known.priority if spec.priority is None else spec.priority
            spec.preemption_policy = spec.preemption_policy or known.preemption_policy
            return
        value, policy = self._of_class(attributes)
        if spec.priority not in (None, value):
            self._refuse(attributes, "integer value of priority", spec.priority, value)
        if policy and spec.preemption_policy not in (None, "", policy):
            self._refuse(attributes, "string value of PreemptionPolicy", spec.preemption_policy, policy)
        spec.priority = value
        spec.preemption_policy = policy or spec.preemption_policy or LOWER

    def _of_class(self, attributes: Attributes) -> tuple[int, str | None]:
        """Value and policy of the pod's class, which it gets when it names none."""
        spec = attributes.obj.spec
        name = spec.priority_class_name
        if not name:
            default = [p for p in self._all(PriorityClass) if p.global_default]
            if not default:
                return 0, LOWER
            chosen = min(default, key=lambda p: p.value)
            spec.priority_class_name = chosen.metadata.name
            return chosen.value, chosen.preemption_policy
        if name in SYSTEM_PRIORITIES:
            return SYSTEM_PRIORITIES[name], LOWER
        found = self._find(PriorityClass, "", name)
        if found is None:
            words = f"no PriorityClass with name {name} was found"
            raise Forbidden.of(attributes.info.resource, attributes.name, words)
        return found.value, found.preemption_policy

    @staticmethod
    def _refuse(attributes: Attributes, what: str, said: Any, computed: Any) -> None:
        words = (
            f"the {what} ({said}) must not be provided in pod spec; priority admission controller computed "
            f"{computed} from the given PriorityClass name"
        )
        raise Forbidden.of(attributes.info.resource, attributes.name, words)

    def _check_single(self, attributes: Attributes) -> None:
        for other in self._all(PriorityClass):
            name = other.metadata.name
            if other.global_default and name != attributes.name:
                words = f"PriorityClass {name} is already marked as default. Only one default can exist"
                raise Forbidden.of(attributes.info.resource, attributes.name, words)


class DefaultClasses(Plugin):
    """Claims and ingresses that name no class get the default one."""

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE":
            return
        spec: Any = getattr(attributes.obj, "spec", None)
        if attributes.info.cls is PersistentVolumeClaim and class_of(attributes.obj) is None:
            spec.storage_class_name = default_class(self._all(StorageClass), OF_STORAGE)
        elif attributes.info.cls is Ingress and spec.ingress_class_name is None:
            if "kubernetes.io/ingress.class" in attributes.obj.metadata.annotations:
                return
            spec.ingress_class_name = default_class(self._all(IngressClass), OF_INGRESS)


class StorageProtection(Plugin):
    """Volumes and claims in use are not removed: a finalizer that the controllers take away."""

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE":
            return
        finalizer = {
            "persistentvolumeclaims": "kubernetes.io/pvc-protection",
            "persistentvolumes": "kubernetes.io/pv-protection",
        }.get(attributes.info.names.plural)
        meta = attributes.obj.metadata
        if finalizer and finalizer not in meta.finalizers:
            meta.finalizers = (*meta.finalizers, finalizer)


class ClaimResize(Plugin):
    """Only a bound claim of a class that allows it grows."""

    def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "UPDATE" or attributes.info.cls is not PersistentVolumeClaim:
            return
        if wanted_size(attributes.obj) <= wanted_size(attributes.old) or attributes.subresource:
            return
        refusal = ""
        class_ = self._find(StorageClass, "", class_of(attributes.old) or "")
        if attributes.old.status.phase != "Bound":
            refusal = "Only bound persistent volume claims can be expanded"
        elif class_ is None or not class_.allow_volume_expansion:
            refusal = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
                "must support resize"
            )
        if refusal:
            raise Forbidden.of(attributes.info.resource, attributes.name, refusal)


class RuntimeClasses(Plugin):
    """A pod's class of runtime is there; its overhead, nodes and tolerations are the pod's (upstream's plugin
    runtimeclass/admission.go)."""

    is_repeatable = True

    def admit(self, attributes: Attributes) -> None:
        if attributes.info.cls is not Pod or attributes.operation != "CREATE" or attributes.subresource:
            return
        pod: Pod = attributes.obj
        spec = pod.spec
        name = spec.runtime_class_name
        found: RuntimeClass | None = self._find(RuntimeClass, "", name) if name else None

        def refused(words: str) -> Forbidden:
            return Forbidden.of(attributes.info.resource, attributes.name, f"pod rejected: {words}")

        if name and found is None:
            raise refused(f'RuntimeClass "{name}" not found')
        fixed = found.overhead.pod_fixed if found is not None and found.overhead is not None else {}
        if spec.overhead and found is None:
            raise refused("Pod Overhead set without corresponding RuntimeClass defined Overhead")
        if spec.overhead and not _are_same(spec.overhead, fixed):
            raise refused("Pod's Overhead doesn't match RuntimeClass's defined Overhead")
        spec.overhead = dict(fixed)
        if found is not None and found.scheduling is not None:
            wanted = found.scheduling.node_selector
            for key, value in wanted.items():
                if spec.node_selector.get(key, value) != value:
                    raise refused(f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                                  f"pod.spec.nodeSelector[{key}] = {spec.node_selector[key]}")  # fmt: skip
            spec.node_selector = {**spec.node_selector, **wanted}
            new = (t for t in found.scheduling.tolerations if t not in spec.tolerations)
            spec.tolerations = (*spec.tolerations, *new)


class TopologyLabels(Plugin):
    """A pod carries its node's zone and region, so that what runs in it can read them (downward API)."""

    def admit(self, attributes: Attributes) -> None:
        is_new = attributes.operation == "CREATE" and not attributes.subresource
        if attributes.info.cls is not Pod or not (is_new or attributes.subresource == "binding"):
            return
        name = attributes.obj.spec.node_name
        node = self._find(Node, "", name) if name else None
        labels = node.metadata.labels if node is not None else {}
        found = {key: labels[key] for key in TOPOLOGY if key in labels}
        if found:
            attributes.obj.metadata.labels = {**attributes.obj.metadata.labels, **found}


def _are_same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return left.keys() == right.keys() and all(compare(left[name], right[name]) == 0 for name in left)


def standard_plugins(store: Store, decode: Decode, tolerations: DefaultTolerations) -> list[Any]:
    """In the order in which upstream runs them."""
    first, last = (
        (NamespaceLifecycle, ServiceAccounts, Priority),
        (DefaultClasses, StorageProtection, ClaimResize),
    )
    return [
        *(kind(store, decode) for kind in first),
        tolerations,
        *(kind(store, decode) for kind in last),
        RuntimeClasses(store, decode),
        TopologyLabels(store, decode),
    ]
