"""Pure: the informers' caches as the zone looks them up; with indexes, so that a thousand Services cost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.discovery import EndpointSlice
from pikube.informer.cache import ObjectKey
from pikube.informer.controller import Lister
from pikube.netproxy.table import SERVICE_NAME


def addresses_of(service: Service) -> Iterable[str]:
    return [address for address in service.spec.cluster_ips if address != "None"]


def service_of(slice_: EndpointSlice) -> Iterable[str]:
    return [f"{slice_.metadata.namespace}/{slice_.metadata.labels.get(SERVICE_NAME, '')}"]


def endpoint_addresses(slice_: EndpointSlice) -> Iterable[str]:
    return {address for endpoint in slice_.endpoints for address in endpoint.addresses[:1]}


class CachedRecords:
    """Implements zone.Records."""

    def __init__(self, lister: Lister) -> None:
        self._services = lister.cache(Service)
        self._slices = lister.cache(EndpointSlice)
        self._namespaces = lister.cache(Namespace)
        self._services.add_index("address", addresses_of)
        self._slices.add_index("service", service_of)
        self._slices.add_index("address", endpoint_addresses)

    def service(self, namespace: str, name: str) -> Service | None:
        return self._services.get(ObjectKey(namespace, name))

    def slices(self, namespace: str, name: str) -> Sequence[EndpointSlice]:
        return self._slices.indexed("service", f"{namespace}/{name}")

    def by_address(self, address: str) -> Service | None:
        found = self._services.indexed("address", address)
        return found[0] if found else None

    def endpoints_at(self, address: str) -> Sequence[EndpointSlice]:
        return self._slices.indexed("address", address)

    def has_namespace(self, name: str) -> bool:
        return self._namespaces.get(ObjectKey("", name)) is not None
