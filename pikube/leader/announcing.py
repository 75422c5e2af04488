"""Shell: what this leader tells the LAN of itself, read anew whenever something changed.

Enter: a client, settings, the CA's certificates. Leaves: an Announcer for run.py to run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pikube import __version__
from pikube.api.client import Client
from pikube.api.kinds.core_config import Namespace
from pikube.certs.authority import fingerprint
from pikube.config import Settings
from pikube.wire.announcement import Announcement
from pikube.wire.interfaces import lan_addresses
from pikube.wire.mdns import Announcer

ID_NAMESPACE = "kube-system"
"""Its uid is the cluster's: made once, never changed, and where other tools look, too."""


async def cluster_id(client: Client) -> str:
    """What tells this cluster from every other, also after its CA was rotated."""
    namespace = await client.get(Namespace, ID_NAMESPACE)
    return namespace.metadata.uid


async def make_announcer(
    client: Client, settings: Settings, ca_certificates: Callable[[], Sequence[bytes]]
) -> Announcer:
    """For this leader; `ca_certificates` are PEM, the newest first."""
    identity = await cluster_id(client)

    def current() -> Announcement:
        return Announcement(
            cluster_name=settings.cluster_name,
            cluster_id=identity,
            ca_fingerprints=tuple(fingerprint(certificate) for certificate in ca_certificates()),
            version=__version__,
            node=settings.node_name,
            port=settings.https_listen_port,
            addresses=lan_addresses(settings.discovery_interface, settings.bind_address),
        )

    return Announcer(current)
