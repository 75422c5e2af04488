"""Shell: where the leader itself dials for a Service that it must call: a webhook, a conversion.

Enter: namespace, name and port. Leaves: an address of a ready endpoint, from the store's memory. The leader does
not go through the service proxy, which stands on another board or is not there at all (`--no-agent`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.leader.store.contract import Item, Key, Store

Decode = Callable[[type[Any], Item], Any]
SERVICE_NAME = "kubernetes.io/service-name"


class NoRoute(Exception):
    """There is nobody to call; the words say why."""


class ServiceRoutes:
    """Takes endpoints in turn."""

    def __init__(self, store: Store, decode: Decode) -> None:
        self._store = store
        self._decode = decode
        self._turn = itertools.count()

    def address(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        """A ready endpoint. Raises NoRoute."""
        item = self._store.get(Key(Service.names.resource, namespace, name))
        if item is None:
            raise NoRoute(f'service "{name}" not found')
        service: Service = self._decode(Service, item)
        if service.spec.type == "ExternalName":
            return service.spec.external_name, port
        wanted = next((p for p in service.spec.ports if p.port == port), None)
        if wanted is None:
            raise NoRoute(f'no service port {port} found for service "{name}"')
        found = []
        for candidate in self._store.list(EndpointSlice.names.resource, namespace).items:
            if candidate.select.labels.get(SERVICE_NAME) != name:
                continue
            slice_: EndpointSlice = self._decode(EndpointSlice, candidate)
            number = next((p.port for p in slice_.ports if (p.name or "") == wanted.name), None)
            if number is None:
                continue
            found += [(e.addresses[0], number) for e in slice_.endpoints if e.conditions.ready is not False]
        if not found:
            raise NoRoute(f'no endpoints available for service "{name}"')
        return found[next(self._turn) % len(found)]
