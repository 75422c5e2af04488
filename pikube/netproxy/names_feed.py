"""Shell: the relay's names follow the Services, their endpoints and the namespaces.

Enter: the informers' caches. Leave: entries by owner, over the relay link; only what changed. Run by netproxy.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import trio

from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.informer.cache import ObjectKey, key_of
from pikube.informer.informer import Informers
from pikube.netproxy.relay_link import RelayLink
from pikube.netproxy.service_records import namespace_entries, service_entries, service_of
from pikube.netproxy.table import SERVICE_NAME
from pikube.netproxy.targets import DNS_STREAM, DNS_UDP, Backends, Listener, Table
from pikube.netproxy.zone import Entries

PORT = 53
BY_SERVICE = "service"


class NamesFeed:
    """`run` never returns. `address` is the DNS's own, `upstreams` are the host's nameservers."""

    def __init__(
        self,
        informers: Informers,
        link: RelayLink,
        address: str,
        domain: str,
        networks: Sequence[str],
        upstreams: Sequence[str],
    ) -> None:
        self._services = informers.of(Service)
        self._slices = informers.of(EndpointSlice)
        self._namespaces = informers.of(Namespace)
        self._slices.cache.add_index(BY_SERVICE, service_of)
        self._link = link
        self._address = address
        self._domain = domain.lower().rstrip(".")
        self._settings = {
            "domain": self._domain,
            "networks": list(networks),
            "upstreams": [server for server in upstreams if server != address],
            "port": PORT,
        }
        self._dirty: set[ObjectKey] = set()
        self._changed = trio.Event()

    @property
    def doors(self) -> Table:
        """Where the relay answers."""
        backends = Backends("kube-system/kube-dns", ())
        return {Listener(kind, self._address, PORT): backends for kind in (DNS_UDP, DNS_STREAM)}

    @property
    def allowed(self) -> list[Listener]:
        """What the guard must let in."""
        return [Listener(protocol, self._address, PORT) for protocol in ("UDP", "TCP")]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the relay has been told all names known so far."""
        for informer in (self._services, self._slices, self._namespaces):
            await informer.wait_synced()
        self._services.subscribe(lambda old, new: self._mark(map(key_of, filter(None, (old, new)))))
        self._namespaces.subscribe(lambda old, new: self._mark(map(key_of, filter(None, (old, new)))))
        self._slices.subscribe(self._slice_changed)
        self._dirty.clear()  # all of it is told now
        await self._link.put_names(self._whole)
        task_status.started()
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            dirty, self._dirty = self._dirty, set()
            found = {_owner(key): self._entries(key) for key in dirty}
            put = {owner: entries for owner, entries in found.items() if entries}
            await self._link.change_names(put, sorted(found.keys() - put.keys()))

    def _mark(self, keys: Iterable[ObjectKey]) -> None:
        self._dirty.update(keys)
        self._changed.set()

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        named = [s for s in (old, new) if s is not None and SERVICE_NAME in s.metadata.labels]
        self._mark(ObjectKey(s.metadata.namespace, s.metadata.labels[SERVICE_NAME]) for s in named)

    def _whole(self) -> dict[str, Any]:
        keys = [*map(key_of, self._services.cache), *map(key_of, self._namespaces.cache)]
        return {**self._settings, "table": {_owner(key): self._entries(key) for key in keys}}

    def _entries(self, key: ObjectKey) -> Entries:
        """Of a Service, or of a namespace, whose key has none."""
        if not key.namespace:
            is_there = self._namespaces.cache.get(key) is not None
            return namespace_entries(key.name, self._domain) if is_there else {}
        service = self._services.cache.get(key)
        if service is None:
            return {}
        return service_entries(service, self._slices.cache.indexed(BY_SERVICE, _owner(key)), self._domain)


def _owner(key: ObjectKey) -> str:
    return f"{key.namespace}/{key.name}"
