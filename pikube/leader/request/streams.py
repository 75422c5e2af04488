"""Shell: subresources that a board answers: logs, exec, attach, port-forward, proxy. Finds the board and hands over.

Enter: the user's request for a pod. Leaves: what the kubelet API of the pod's node answers. On the leader's
own board that is a function call, elsewhere a connection. What is proxied to pods and Services goes to them
directly.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from pikube.api.errors import BadRequest, Invalid, PathNotFound, ServiceUnavailable
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.log_options import log_options_causes, parse_log_options
from pikube.api.scheme import Scheme
from pikube.leader.request.context import User
from pikube.leader.request.proxy import ResourceProxy, to_slash
from pikube.leader.request.proxy_rules import split_path
from pikube.leader.request.registry import Registry
from pikube.leader.request.route import Query, Route
from pikube.wire.answer_socket import over_socket
from pikube.wire.messages import Answer, Handler, Request, Response
from pikube.wire.request import RelayedRequest
from pikube.wire.upgrade import wants_socket, without_upgrade

FindKubelet = Callable[[str], Handler | None]
"""Node name → its kubelet API."""

PATHS = {"log": "containerLogs", "exec": "exec", "attach": "attach", "portforward": "portForward"}


class NodeStreams:
    """Implements the handler's Streams."""

    def __init__(self, registry: Registry, scheme: Scheme, find_kubelet: FindKubelet) -> None:
        self._registry = registry
        self._scheme = scheme
        self._info = scheme.by_class(Pod)
        self._find = find_kubelet
        self._proxy = ResourceProxy(registry, scheme)

    async def answer(self, route: Route, request: Request, query: Query, user: User) -> Answer:
        if route.subresource == "proxy":
            return await self._proxied(route, request)
        if route.resource != "pods" or route.subresource not in PATHS:
            raise PathNotFound()
        if route.subresource == "log":
            causes = log_options_causes(parse_log_options(request.query))
            if causes:
                raise Invalid.of("PodLogOptions", "", route.name, causes)
        item = self._registry.get(self._info, route.namespace, route.name)
        pod: Pod = self._registry.decode(self._info, item)
        container = choose_container(pod, query.get("container"), route.subresource)
        if not pod.spec.node_name and route.subresource == "log":
            return Response(
                200, (("Content-Type", "text/plain"),)
            )  # pod/strategy.go:LogLocation: nothing yet
        if not pod.spec.node_name:
            raise BadRequest(f"pod {route.name} does not have a host assigned")
        kubelet = self._find(pod.spec.node_name)
        if kubelet is None:
            raise ServiceUnavailable(f"the node {pod.spec.node_name} of pod {route.name} cannot be reached")
        path = f"/{PATHS[route.subresource]}/{route.namespace}/{route.name}"
        if route.subresource != "portforward":
            path = f"{path}/{container}"
        if route.subresource == "log" and wants_socket(request.headers):
            plain = RelayedRequest(request, path, path, request.query, without_upgrade(request.headers))
            return over_socket(request, await kubelet(plain))
        relayed = RelayedRequest(request, path, path, request.query, request.headers)
        return await kubelet(relayed)

    async def _proxied(self, route: Route, request: Request) -> Answer:
        if route.resource != "nodes" or not self._proxy.is_kubelet(route):
            return await self._proxy.answer(route, request)
        name = route.name.removeprefix("https:").partition(":")[0]
        self._registry.get(self._scheme.by_class(Node), "", name)
        kubelet = self._find(name)
        if kubelet is None:
            raise ServiceUnavailable(f"the node {name} cannot be reached")
        _, rest = split_path(request.raw_path)
        if not rest and request.method in ("GET", "HEAD"):
            return to_slash(request)
        relayed = RelayedRequest(request, unquote(rest), rest, request.query, request.headers)
        return await kubelet(relayed)


def choose_container(pod: Pod, wanted: str, subresource: str) -> str:
    """The container meant. BadRequest when it must be named, or is not there."""
    spec = pod.spec
    names = [c.name for c in spec.containers]
    every = [*names, *(c.name for c in spec.init_containers), *(c.name for c in spec.ephemeral_containers)]
    name = pod.metadata.name
    if wanted:
        if wanted not in every:
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    if subresource == "portforward" or len(names) == 1:
        return names[0]
    default = pod.metadata.annotations.get("kubectl.kubernetes.io/default-container", "")
    if default in every:
        return default
    words = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    if spec.init_containers:
        words += f" or one of the init containers: [{' '.join(c.name for c in spec.init_containers)}]"
    raise BadRequest(words)
