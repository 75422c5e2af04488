"""Shell: what a leader keeps true of itself while addresses and dates change: its certificates, its kubeconfig, the
Service `kubernetes`, what the cluster says of itself in kube-public/cluster-info, and what extension API servers
trust.

Sleeps until an address changes, a certificate is due, or somebody says so. Started by run.py.
"""

from __future__ import annotations

import base64
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import trio
from msgspec import structs

from pikube.api.client import Client
from pikube.api.errors import AlreadyExists, ApiError
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.clock import BoardClock
from pikube.certs.front_proxy import NAME as EXTENSIONS
from pikube.certs.front_proxy import NAMESPACE as EXTENSIONS_NAMESPACE
from pikube.certs.front_proxy import trust_document
from pikube.certs.kubeconfig import render_cluster_info
from pikube.certs.leader import LeaderCertificates
from pikube.config import Settings
from pikube.leader.bootstrap import point_service
from pikube.leader.controllers.account_tokens import TYPE as ACCOUNT_TOKEN
from pikube.leader.controllers.namespace_content import ROOT_CA
from pikube.wire.addresses import OwnAddress

log = logging.getLogger("pikube.upkeep")

LOOK_S = (
    6 * 3600.0
)  # how often the dates of certificates are looked at: they are renewed four months before the end
RETRY_S = 10.0
CLUSTER_INFO = "cluster-info"
"""kubeadm's name for it (bootstrap token discovery); boards watch it for a new address or authority."""


@dataclass(frozen=True, slots=True)
class UpkeepParts:
    """What it keeps, and with what."""

    settings: Settings
    client: Client
    certificates: LeaderCertificates
    address: OwnAddress
    clock: BoardClock


class Upkeep:
    """One a leader; `run` never returns."""

    def __init__(self, parts: UpkeepParts) -> None:
        self._parts = parts
        self._poked = trio.Event()
        self._pointed = ""
        self.announce: Callable[[], None] | None = None
        """Told that what the LAN hears of us may have changed."""
        parts.address.subscribe(self.poke)

    def poke(self) -> None:
        """Look at everything now."""
        self._poked.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when everything is as it should be."""
        self._pointed = self._parts.address()  # bootstrap has led the Service there
        await self._keep()
        task_status.started()
        pause_s = LOOK_S
        while True:
            with trio.move_on_after(pause_s):
                await self._poked.wait()
            self._poked = trio.Event()
            try:
                await self._keep()
                pause_s = LOOK_S
            except (ApiError, OSError, ssl.SSLError) as error:
                pause_s = RETRY_S
                log.warning("event=upkeep_failed retry_s=%.0f why=%r", pause_s, str(error))

    async def _keep(self) -> None:
        parts, address = self._parts, self._parts.address()
        if parts.certificates.renew(address, parts.clock()):
            log.info("event=certificates_renewed address=%s", address)
        parts.certificates.write_kubeconfig(address)
        if address != self._pointed:
            await point_service(parts.client, [address], parts.settings.https_listen_port)
            self._pointed = address
            log.info("event=leader_moved address=%s", address)
        await self._tell_cluster(address)
        trust = trust_document(parts.certificates.issuer.bundle)
        await self._publish(EXTENSIONS_NAMESPACE, EXTENSIONS, trust)
        await self._tell_pods()
        if self.announce is not None:
            self.announce()

    async def _tell_cluster(self, address: str) -> None:
        """Write kube-public/cluster-info, if it says something else."""
        parts = self._parts
        server = f"https://{address}:{parts.settings.https_listen_port}"
        data = {"kubeconfig": render_cluster_info(server, parts.certificates.issuer.bundle)}
        await self._publish("kube-public", CLUSTER_INFO, data)

    async def _publish(self, namespace: str, name: str, data: dict[str, str]) -> None:
        client = self._parts.client
        try:
            await client.create(ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace), data=data))
        except AlreadyExists:
            found = await client.get(ConfigMap, name, namespace)
            if found.data != data:
                await client.update(structs.replace(found, data=data))

    async def _tell_pods(self) -> None:
        """Write what pods trust, where it is something else; the controller writes it into new namespaces."""
        client, bundle = self._parts.client, self._parts.certificates.issuer.bundle.decode()
        selector = f"metadata.name={ROOT_CA}"
        for found in (await client.list(ConfigMap, field_selector=selector)).items:
            if found.data.get("ca.crt") != bundle:
                wanted = {"data": {"ca.crt": bundle}}
                await client.patch(ConfigMap, ROOT_CA, found.metadata.namespace, wanted)
        encoded = base64.b64encode(bundle.encode()).decode()
        for secret in (await client.list(Secret, field_selector=f"type={ACCOUNT_TOKEN}")).items:
            if secret.data.get("ca.crt", encoded) != encoded:
                meta = secret.metadata
                await client.patch(Secret, meta.name, meta.namespace, {"data": {"ca.crt": encoded}})
