"""Declaration: every certificate that a cluster uses: who it names, what it is for, how long it lives."""

from __future__ import annotations

from dataclasses import dataclass

CA_LIFE_DAYS = 365 * 30
LEAF_LIFE_DAYS = 365
EPOCH = "2020-01-01T00:00:00"
"""Certificates are valid from here on: a board without a clock that wakes up years in the past still trusts
its cluster (the idea of trustme)."""

LEADER_NAME = "kubernetes.default.svc"
"""The name that boards look for in the leader's certificate, whatever address they dialled: addresses change."""

LEADER_AT_KUBELETS = "system:pikube:leader-kubelet-client"
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
PROXY_USER = "system:kube-proxy"
"""As whom a board's netproxy reads what concerns all boards: the role system:node-proxier is bound to it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`common_name` may hold {node}; SANs come from the caller for servers. `file` is the stem of its file."""

    file: str
    common_name: str
    organizations: tuple[str, ...] = ()
    is_server: bool = False
    is_client: bool = False
    life_days: float = LEAF_LIFE_DAYS


APISERVER = Profile("apiserver", "kube-apiserver", is_server=True)
ADMIN = Profile("admin", "kubernetes-admin", ("system:masters",), is_client=True)
KUBELET_CLIENT = Profile("kubelet-client", LEADER_AT_KUBELETS, is_client=True)
FRONT_PROXY = Profile("front-proxy-client", "front-proxy-client", is_client=True)
"""Shown to extension API servers (pikube.certs.front_proxy)."""
ETCD_CLIENT = Profile("etcd-client", "pikube-etcd-client", is_client=True)
"""For a store in etcd; a cluster in SQLite, which is a file, has nobody to show it to, and none is made."""
NODE_CLIENT = Profile("node-client", "system:node:{node}", (NODES,), is_client=True)
NODE_SERVING = Profile("node-serving", "system:node:{node}", (NODES,), is_server=True)

PROFILES = (APISERVER, ADMIN, KUBELET_CLIENT, FRONT_PROXY, ETCD_CLIENT, NODE_CLIENT, NODE_SERVING)
LEADER_PROFILES = (APISERVER, ADMIN, KUBELET_CLIENT, FRONT_PROXY, NODE_SERVING)
"""What a leader holds."""

RESERVED_NAMES = frozenset((KUBELET_CLIENT.common_name, FRONT_PROXY.common_name, ETCD_CLIENT.common_name))
"""Whoever has a certificate with such a name passes for the leader somewhere: no request for one is signed."""
