"""Shell: the subresources that are more than a door to a part of their object: binding, eviction, scale, token.

Enter: the parent's kind and name, the decoded document, the context. Leaves: the document to answer.
Called by the HTTP handlers and the leader's own client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pikube.api.custom.objects import CustomObject
from pikube.api.errors import (
    BadRequest,
    Cause,
    Conflict,
    Invalid,
    MethodNotAllowed,
    Resource,
)
from pikube.api.kinds.authentication import TokenRequest
from pikube.api.kinds.autoscaling import Scale, ScaleSpec, ScaleStatus
from pikube.api.kinds.core_pod import Binding, Pod, PodCondition
from pikube.api.kinds.meta import LabelSelector, ObjectMeta, Status
from pikube.api.kinds.policy import Eviction
from pikube.api.scheme import KindInfo, Scheme
from pikube.api.selector import from_label_selector
from pikube.api.times import render_time
from pikube.leader.request.context import Context
from pikube.leader.request.eviction import Evictor
from pikube.leader.request.metadata import other_uid
from pikube.leader.request.registry import Registry
from pikube.leader.store.contract import Item

IssueToken = Callable[[str, str, TokenRequest, Context], TokenRequest]
"""(namespace, service account, request, context) → the request with its status filled in."""


class Subresources:
    """Acts on parents through the registry."""

    def __init__(self, registry: Registry, scheme: Scheme, issue_token: IssueToken) -> None:
        self._registry = registry
        self._scheme = scheme
        self._issue_token = issue_token
        self._evictor = Evictor(registry, scheme)

    async def create(
        self, info: KindInfo, namespace: str, name: str, subresource: str, body: Any, context: Context
    ) -> Any:
        """POST to a subresource; the document that answers it."""
        if isinstance(body, Binding | Eviction) and body.metadata.name not in ("", name):
            raise BadRequest(f"name in URL does not match name in {body.kind} object")
        match body:
            case Binding() if subresource == "binding":
                return await self.bind(info, namespace, name, body, context)
            case Eviction() if subresource == "eviction":
                return await self._evictor.evict(info, namespace, name, body, context)
            case TokenRequest() if subresource == "token":
                self._registry.get(info, namespace, name)
                return self._issue_token(namespace, name, body, context)
        raise MethodNotAllowed()

    async def bind(
        self, info: KindInfo, namespace: str, name: str, binding: Binding, context: Context
    ) -> Status:
        """Put a pod on a node; Conflict if it is on one, or is going."""
        node = binding.target.name
        if not node:
            raise Invalid.of(
                "Binding", "", name, [Cause("FieldValueRequired", "Required value", "target.name")]
            )

        def assign(item: Item) -> Pod:
            pod: Pod = self._registry.decode(info, item)
            resource = Resource("", "pods/binding")
            wanted, found = binding.metadata.uid, pod.metadata.uid
            if wanted and wanted != found:
                raise other_uid(resource, f"pods/{namespace}/{name}", name, wanted, found)
            if pod.metadata.deletion_timestamp:
                raise Conflict.of(
                    resource, name, f"pod {name} is being deleted, cannot be assigned to a host"
                )
            if pod.spec.node_name:
                why = f'pod {name} is already assigned to node "{pod.spec.node_name}"'
                raise Conflict(Conflict.of(resource, name, why).message, causes=[Cause("Conflict", why)])
            if pod.spec.scheduling_gates:
                raise Conflict.of(resource, name, f"pod {name} has non-empty .spec.schedulingGates")
            pod.spec.node_name = node
            # what is said of the binding is said of the pod (kubernetes BindingREST:setPodNodeAndMetadata)
            pod.metadata.annotations = {**pod.metadata.annotations, **binding.metadata.annotations}
            pod.metadata.labels = {**pod.metadata.labels, **binding.metadata.labels}
            pod.status.conditions = with_condition(
                pod.status.conditions,
                PodCondition(
                    type="PodScheduled", status="True", last_transition_time=render_time(context.now)
                ),
            )
            return pod

        await self._registry.change(info, namespace, name, assign, context, subresource="binding")
        return Status(status="Success", code=201)

    def scale_of(self, obj: Any) -> Scale:
        """The Scale document of a Deployment, ReplicaSet, StatefulSet, ReplicationController or custom object."""
        if isinstance(obj, CustomObject):
            return custom_scale(obj)
        meta = obj.metadata
        selector = obj.spec.selector
        if isinstance(selector, dict):
            selector = LabelSelector(match_labels=selector)
        return Scale(
            metadata=ObjectMeta(
                name=meta.name,
                namespace=meta.namespace,
                uid=meta.uid,
                resource_version=meta.resource_version,
                creation_timestamp=meta.creation_timestamp,
            ),
            spec=ScaleSpec(replicas=1 if obj.spec.replicas is None else obj.spec.replicas),
            status=ScaleStatus(
                replicas=obj.status.replicas, selector=str(from_label_selector(selector)) if selector else ""
            ),
        )

    async def put_scale(
        self,
        info: KindInfo,
        namespace: str,
        name: str,
        change: Callable[[Scale], Scale],
        context: Context,
    ) -> Scale:
        """Change spec.replicas by way of the Scale document."""

        def transform(item: Item) -> Any:
            obj = self._registry.decode(info, item)
            scale = change(self.scale_of(obj))
            wanted = scale.metadata.resource_version
            if wanted not in ("", obj.metadata.resource_version):
                raise Conflict.modified(info.resource, name)
            if scale.spec.replicas < 0:
                raise Invalid.of(
                    "Scale",
                    "autoscaling",
                    name,
                    [
                        Cause(
                            "FieldValueInvalid",
                            f"Invalid value: {scale.spec.replicas}: must be greater than or equal to 0",
                            "spec.replicas",
                        )
                    ],
                )
            if isinstance(obj, CustomObject):
                assert obj.facts.scale is not None
                obj.put(obj.facts.scale.spec_replicas, scale.spec.replicas)
            else:
                obj.spec.replicas = scale.spec.replicas
            return obj

        item, _ = await self._registry.change(info, namespace, name, transform, context, subresource="scale")
        return self.scale_of(self._registry.decode(info, item))


def custom_scale(obj: CustomObject) -> Scale:
    """By the paths that the definition gives; replicas that are not set are 0
    (kubernetes apiextensions-apiserver pkg/registry/customresource/etcd.go:scaleFromCustomResource)."""
    paths, meta = obj.facts.scale, obj.metadata
    assert paths is not None
    wanted, running = obj.at(paths.spec_replicas), obj.at(paths.status_replicas)
    selector = obj.at(paths.label_selector) if paths.label_selector else ""
    return Scale(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            resource_version=meta.resource_version,
            creation_timestamp=meta.creation_timestamp,
        ),
        spec=ScaleSpec(replicas=wanted if isinstance(wanted, int) else 0),
        status=ScaleStatus(
            replicas=running if isinstance(running, int) else 0,
            selector=selector if isinstance(selector, str) else "",
        ),
    )


def with_condition(conditions: tuple[PodCondition, ...], new: PodCondition) -> tuple[PodCondition, ...]:
    """The conditions with the one of new's type replaced or added."""
    if any(condition.type == new.type for condition in conditions):
        return tuple(new if condition.type == new.type else condition for condition in conditions)
    return (*conditions, new)
