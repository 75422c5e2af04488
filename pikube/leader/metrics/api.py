"""Shell: metrics.k8s.io/v1beta1: GET and LIST of what boards and pods use.

Enter: a Route. Leaves: answers made of the boards' measurements and the objects' labels; nothing is stored. Called
by the handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pikube.api.errors import NotFound, ServiceUnavailable
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.metrics import NodeMetrics, PodMetrics
from pikube.api.media_types import Accepted
from pikube.api.scheme import KindInfo, Scheme
from pikube.leader.metrics.boards import BoardMetrics
from pikube.leader.metrics.summary import node_metrics, pod_metrics
from pikube.leader.request import answers
from pikube.leader.request.registry import Registry
from pikube.leader.request.route import Query, Route
from pikube.leader.request.selection import Page, list_page, make_filter
from pikube.leader.store.contract import Item, Key, Selectable
from pikube.wire.messages import Response


class MetricsApi:
    """Implements the handler's Measured."""

    def __init__(self, registry: Registry, scheme: Scheme, boards: BoardMetrics) -> None:
        self._registry = registry
        self._nodes = scheme.by_class(Node)
        self._pods = scheme.by_class(Pod)
        self._boards = boards

    async def answer(
        self, info: KindInfo, route: Route, query: Query, accepted: Accepted, now: float
    ) -> Response:
        """One or all that the query selects; labels and fields are those of the node or pod itself."""
        source = self._nodes if info.cls is NodeMetrics else self._pods
        if route.verb == "get":
            item = self._registry.get(source, route.namespace, route.name)
            found = await self._measured(info, source, [item])
            if not found and info.cls is NodeMetrics:
                raise ServiceUnavailable(f'node metrics for "{route.name}" are not available now')
            if not found:
                raise NotFound.of(info.resource, f"{route.namespace}/{route.name}")
            return answers.one(info, found[0], accepted, now)
        filter_ = make_filter(source, query.get("labelSelector"), query.get("fieldSelector"))
        page = list_page(self._registry.store, source, route.namespace or None, filter_)
        found = await self._measured(info, source, page.items)
        return answers.listing(info, Page(found, page.revision), accepted, now, query.get("includeObject"))

    async def _measured(self, info: KindInfo, source: KindInfo, items: Sequence[Item]) -> list[Item]:
        objects = [self._registry.decode(source, item) for item in items]
        if info.cls is NodeMetrics:
            boards = await self._boards.of(node.metadata.name for node in objects)
            made: list[Any] = [
                node_metrics(node, boards[node.metadata.name])
                for node in objects
                if node.metadata.name in boards
            ]
        else:
            assert info.cls is PodMetrics
            running = [pod for pod in objects if pod.status.phase == "Running" and pod.spec.node_name]
            boards = await self._boards.of(pod.spec.node_name for pod in running)
            made = [
                pod_metrics(pod, boards[pod.spec.node_name])
                for pod in running
                if pod.spec.node_name in boards
            ]
        return [_item(info, one) for one in made if one is not None]


def _item(info: KindInfo, obj: Any) -> Item:
    key = Key(info.names.resource, obj.metadata.namespace, obj.metadata.name)
    return Item(key, msgspec.json.encode(obj), 0, "", Selectable(obj.metadata.labels, {}))
