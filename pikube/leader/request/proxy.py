"""Shell: pods/proxy, services/proxy and nodes/proxy: any HTTP request carried to a pod, to an endpoint or to a board.

Enter: the user's request. Leaves: the other side's answer, with redirects and links that stay inside the proxy.
Called by streams. What changes on the way is in proxy_rules.
"""

from __future__ import annotations

import ipaddress
import random
import ssl
from dataclasses import dataclass

from pikube.api.errors import BadRequest, ServerTimeout, ServiceUnavailable
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Endpoints, Service
from pikube.api.scheme import Scheme
from pikube.leader.request.proxy_rules import (
    HtmlRewriter,
    forwarded_headers,
    returned_headers,
    split_name,
    split_path,
    target_of,
)
from pikube.leader.request.registry import Registry
from pikube.leader.request.route import Route
from pikube.leader.store.contract import Key
from pikube.wire.answers import BODILESS
from pikube.wire.exchange import Exchange, PeerLost, name_of
from pikube.wire.messages import Answer, Request, Response, Send, StreamResponse
from pikube.wire.sockets import Address
from pikube.wire.tunnel import end_to_end, open_answer, relay_upgrade, upload_of

ANSWER_S = 600.0  # long polls are what people proxy, too
PORTS = {"": 80, "http": 80, "https": 443}
KUBELET_PORT = 10250


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes: an address, over TLS or not."""

    address: Address
    is_tls: bool


class ResourceProxy:
    """Finds where a request goes, and carries it there."""

    def __init__(self, registry: Registry, scheme: Scheme) -> None:
        self._registry = registry
        self._scheme = scheme

    def is_kubelet(self, route: Route) -> bool:
        """Whether a nodes/proxy request is for the kubelet API itself rather than for another port of the board."""
        _, _, port = _named(route, "node")
        return port in ("", str(KUBELET_PORT))

    async def answer(self, route: Route, request: Request) -> Answer:
        """Carry it there. BadRequest, NotFound, ServiceUnavailable."""
        place = self._place(route)
        prefix, rest = split_path(request.raw_path)
        if not rest and request.method in ("GET", "HEAD") and not is_upgrade(request):
            return to_slash(request)
        target = target_of(rest, request.query)
        headers = [
            ("host", request.headers.get("host", name_of(place.address))),
            *forwarded_headers(request.headers, prefix, rest or "/", request.peer.host),
        ]
        context = _trusting() if place.is_tls else None
        try:
            if is_upgrade(request):
                return await relay_upgrade(
                    place.address, context, request.method, target, request.headers, headers
                )
            body = upload_of(request)
            headers.append(("Connection", "close"))
            upstream = await open_answer(
                place.address, context, request.method, target, headers, body, answer_s=ANSWER_S
            )
        except (ServiceUnavailable, ServerTimeout) as error:
            raise ServiceUnavailable(f"error trying to reach service: {error.message}") from error
        hosts = (name_of(place.address), request.headers.get("host", ""))
        return await _carried_back(upstream, request.method, prefix, hosts)

    def _place(self, route: Route) -> Place:
        if route.resource == "pods":
            return self._pod_place(route)
        return self._service_place(route) if route.resource == "services" else self._node_place(route)

    def _pod_place(self, route: Route) -> Place:
        scheme, name, port = _named(route, "pod")
        info = self._scheme.by_class(Pod)
        pod: Pod = self._registry.decode(info, self._registry.get(info, route.namespace, name))
        ports = [p for container in pod.spec.containers for p in container.ports]
        if not port:
            number = ports[0].container_port if ports else PORTS[scheme]
        elif port.isdigit():
            number = int(port)
        else:
            named = [p.container_port for p in ports if p.name == port]
            if not named:
                raise BadRequest(f'invalid pod request "{route.name}"')
            number = named[0]
        return Place((_allowed(pod.status.pod_ip), number), scheme == "https")

    def _service_place(self, route: Route) -> Place:
        scheme, name, port = _named(route, "service")
        info = self._scheme.by_class(Service)
        service: Service = self._registry.decode(info, self._registry.get(info, route.namespace, name))
        if port.isdigit():
            found = [p for p in service.spec.ports if p.port == int(port)]
            if not found:
                raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
            port = found[0].name
        ends = self._scheme.by_class(Endpoints)
        item = self._registry.store.get(Key(ends.names.resource, route.namespace, name))
        endpoints: Endpoints | None = self._registry.decode(ends, item) if item is not None else None
        if endpoints is None or not any(subset.addresses for subset in endpoints.subsets):
            raise ServiceUnavailable(f'no endpoints available for service "{name}"')
        places = [
            (address.ip, p.port)
            for subset in endpoints.subsets
            for p in subset.ports
            if p.name == port
            for address in subset.addresses
        ]
        if not places:
            raise ServiceUnavailable(f'no endpoints available for service "{route.name}"')
        address, number = random.choice(places)
        return Place((_allowed(address), number), scheme == "https")

    def _node_place(self, route: Route) -> Place:
        scheme, name, port = _named(route, "node")
        info = self._scheme.by_class(Node)
        node: Node = self._registry.decode(info, self._registry.get(info, "", name))
        addresses = [a.address for a in node.status.addresses if a.type == "InternalIP"]
        if not addresses or not port.isdigit():
            raise BadRequest(f'invalid node request "{route.name}"')
        return Place((_allowed(addresses[0]), int(port)), scheme == "https")


def is_upgrade(request: Request) -> bool:
    """Whether the client asks for another protocol."""
    return "upgrade" in request.headers.get("connection", "").lower() and "upgrade" in request.headers


def to_slash(request: Request) -> Response:
    """A browser at `…/proxy` would resolve relative links one level too high."""
    query = f"?{request.query}" if request.query else ""
    return Response(301, (("Location", f"{request.raw_path}/{query}"),))


async def _carried_back(upstream: Exchange, method: str, prefix: str, hosts: tuple[str, ...]) -> Answer:
    headers = returned_headers(end_to_end(upstream), prefix, hosts)
    if method == "HEAD" or upstream.status in BODILESS:
        await upstream.close()
        return Response(upstream.status, headers)
    facts = dict(headers)
    is_html = facts.get("content-type", "").startswith("text/html") and "content-encoding" not in facts
    rewriter = HtmlRewriter(prefix, hosts) if is_html else None

    async def run(send: Send) -> None:
        try:
            await send(b"")
            while chunk := await upstream.chunk():
                await send(rewriter.feed(chunk) if rewriter is not None else chunk)
            if rewriter is not None:
                await send(rewriter.end())
        except PeerLost as error:
            raise ServiceUnavailable(f"error trying to reach service: {error}") from error
        finally:
            await upstream.close()

    return StreamResponse(upstream.status, headers, run)


def _named(route: Route, what: str) -> tuple[str, str, str]:
    parts = split_name(route.name)
    if parts is None:
        raise BadRequest(f'invalid {what} request "{route.name}"')
    return parts


def _allowed(address: str) -> str:
    """Pods may claim any address; the leader's own services are not theirs to reach (kubernetes
    pkg/proxy/util:IsProxyableIP)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise BadRequest("address not allowed") from None
    if found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
        raise BadRequest("address not allowed")
    return address


def _trusting() -> ssl.SSLContext:
    """Pods have certificates of their own making; upstream does not check them either."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
