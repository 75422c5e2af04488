"""Shell: an APIService for each group and version that this server serves itself; made when missing, at each start.

Called by run.py. Priorities are kubernetes pkg/controlplane/apiserver/aggregator.go's.
"""

from __future__ import annotations

import contextlib

import trio

from pikube.api.client import Client
from pikube.api.errors import AlreadyExists
from pikube.api.kinds.apiregistration import APIService, APIServiceSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.scheme import Scheme

GROUPS = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700,
    "authorization.k8s.io": 17600, "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300,
    "networking.k8s.io": 17200, "policy": 17100, "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800,
    "apiextensions.k8s.io": 16700, "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600,
    "coordination.k8s.io": 16500, "node.k8s.io": 16300, "discovery.k8s.io": 16200, "metrics.k8s.io": 100,
}  # fmt: skip
VERSIONS = {("", "v1"): 1, ("autoscaling", "v2"): 30, ("metrics.k8s.io", "v1beta1"): 100}
MANAGED = {"kube-aggregator.kubernetes.io/automanaged": "onstart"}


def local_services(scheme: Scheme) -> list[APIService]:
    """One for each group and version of the built-in kinds."""
    served = dict.fromkeys((info.names.group, info.names.version) for info in scheme.built_in)
    return [
        APIService(
            metadata=ObjectMeta(name=f"{version}.{group}", labels=dict(MANAGED)),
            spec=APIServiceSpec(
                group=group,
                version=version,
                group_priority_minimum=GROUPS.get(group, 16000),
                version_priority=VERSIONS.get((group, version), 15),
            ),
        )
        for group, version in served
        if group != APIService.names.group
    ]


async def make_api_services(client: Client, scheme: Scheme) -> None:
    """Create what is missing, together: one commit of the store for all of them."""
    there = {obj.metadata.name for obj in (await client.list(APIService)).items}

    async def make(obj: APIService) -> None:
        with contextlib.suppress(AlreadyExists):
            await client.create(obj)

    async with trio.open_nursery() as nursery:
        for obj in local_services(scheme):
            if obj.metadata.name not in there:
                nursery.start_soon(make, obj)
