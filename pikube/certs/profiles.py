"""Declaration: every certificate that a cluster uses: who it names, what it is for, how long it lives."""

from __future__ import annotations

from dataclasses import dataclass

CA_LIFE_DAYS = 365 * 30
LEAF_LIFE_DAYS = 365
EPOCH = "2020-01-01T00:00:00"
"""Certificates are valid from here on: a board without a clock that wakes up years in the past still trusts
its cluster (the idea of trustme)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`common_name` may hold {node}; SANs come from the caller for servers."""

    file: str
    common_name: str
    organizations: tuple[str, ...] = ()
    is_server: bool = False
    is_client: bool = False
    life_days: int = LEAF_LIFE_DAYS


APISERVER = Profile("apiserver", "kube-apiserver", is_server=True)
ADMIN = Profile("admin", "kubernetes-admin", ("system:masters",), is_client=True)
KUBELET_CLIENT = Profile(
    "kubelet-client", "system:pikube:leader-kubelet-client", ("system:masters",), is_client=True
)
NODE = Profile("node", "system:node:{node}", ("system:nodes",), is_server=True, is_client=True)

PROFILES = (APISERVER, ADMIN, KUBELET_CLIENT, NODE)
