"""Shell: the leader's way to the kubelet API of each board: a call on its own, mTLS to the address of the others.

Enter: a node's name. Leaves: a Handler. A board is dialled by the address in its Node's status and must show a
certificate for its node's name: names are never resolved, and an address that moved to another board is no use.
"""

from __future__ import annotations

from pikube.api.kinds.core_node import Node
from pikube.certs.contexts import LiveContext
from pikube.informer.cache import Cache, ObjectKey
from pikube.wire.messages import Answer, Handler, Request
from pikube.wire.sockets import Address
from pikube.wire.tunnel import relay, relay_upgrade

KUBELET_PORT = 10250
BODY_BYTES = 1024 * 1024
PASSED_HEADERS = ("accept", "content-type")


class Kubelets:
    """Finds them; `local` holds the leader's own."""

    def __init__(self, nodes: Cache[Node], tls: LiveContext) -> None:
        self._nodes = nodes
        self._tls = tls
        self._named: dict[str, LiveContext] = {}
        self.local: dict[str, Handler] = {}

    def find(self, name: str) -> Handler | None:
        """The kubelet API of a node, None when it is not there or has no address yet."""
        own = self.local.get(name)
        if own is not None:
            return own
        node = self._nodes.get(ObjectKey("", name))
        address = address_of(node) if node is not None else None
        if address is None:
            return None
        tls = self._named.get(name)
        if tls is None:
            tls = self._named[name] = self._tls.named(name)

        async def ask(request: Request) -> Answer:
            target = f"{request.raw_path}?{request.query}" if request.query else request.raw_path
            if "upgrade" in request.headers:
                return await relay_upgrade(address, tls, request.method, target, request.headers)
            headers = [(h, request.headers[h]) for h in PASSED_HEADERS if h in request.headers]
            body = await request.body(BODY_BYTES)
            return await relay(address, tls, request.method, target, headers, body)

        return ask


def address_of(node: Node) -> Address | None:
    """Where the node's kubelet API is. Source: kubernetes pkg/kubelet/client:GetPreferredNodeAddress."""
    port = node.status.daemon_endpoints.kubelet_endpoint.port or KUBELET_PORT
    for wanted in ("InternalIP", "ExternalIP"):
        for address in node.status.addresses:
            if address.type == wanted:
                return address.address, port
    return None
