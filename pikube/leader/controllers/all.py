"""Declaration: every controller of the leader, made from the settings that they need.

Called by run.py, which gives each one a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from pikube.api.address_pool import parse_pool
from pikube.api.policy_types import Served
from pikube.informer.controller import Controller
from pikube.leader.controllers import (
    cron_job,
    daemon_set,
    deployment,
    endpoint_mirroring,
    endpoint_slices,
    job,
    pod_gc,
    replica_set,
    stateful_set,
    ttl_after_finished,
)
from pikube.leader.controllers.account_tokens import SignToken, account_token_controller
from pikube.leader.controllers.autoscaler_controller import Boards, autoscaler_controller
from pikube.leader.controllers.certificate_signing import Sign, certificate_controller
from pikube.leader.controllers.custom_definitions import HeadOf, definition_controller
from pikube.leader.controllers.custom_scale import FindScale
from pikube.leader.controllers.disruption import disruption_controller
from pikube.leader.controllers.flow_status import FLOW_STATUS
from pikube.leader.controllers.garbage import garbage_controller
from pikube.leader.controllers.load_balancer import Ports, load_balancer_controller
from pikube.leader.controllers.namespace_content import namespace_content_controller
from pikube.leader.controllers.namespace_deletion import namespace_controller
from pikube.leader.controllers.node_lifecycle import node_lifecycle_controller
from pikube.leader.controllers.node_ranges import node_range_controller
from pikube.leader.controllers.out_of_service import OUT_OF_SERVICE
from pikube.leader.controllers.policy_status import policy_controller
from pikube.leader.controllers.resource_quota import quota_controller
from pikube.leader.controllers.role_aggregation import ROLE_AGGREGATION
from pikube.leader.controllers.stale_disruption import STALE_DISRUPTION
from pikube.leader.controllers.taint_eviction import taint_eviction_controller
from pikube.leader.controllers.token_cleaner import TOKEN_CLEANER
from pikube.leader.controllers.volume_binding import VOLUME_BINDING
from pikube.leader.controllers.volume_ephemeral import EPHEMERAL_VOLUMES
from pikube.leader.controllers.volume_expansion import VOLUME_EXPANSION
from pikube.leader.controllers.volume_reclaim import CLAIM_PROTECTING, VOLUME_RECLAIM


def all_controllers(
    kinds: Sequence[type[Any]],
    *,
    served: Served,
    monotonic: Callable[[], float],
    boards: Boards,
    cluster_cidr: str,
    ca_certificates: Callable[[], str],
    head_of: HeadOf,
    find_scale: FindScale,
    node_grace_s: float,
    sign: Sign,
    sign_token: SignToken,
    lb_pool: Sequence[str] = (),
    served_ports: Ports = MappingProxyType({}),
    local_node: str = "",
) -> tuple[Controller[Any, Any], ...]:
    """`kinds`: every served kind that is stored, one version each; `served` finds any of them. `monotonic` is Trio's
    clock. `boards` tell what they use. `head_of` gives the class by which caches know the objects of a
    CustomResourceDefinition, `find_scale` what scales they have. `local_node` is the board that the leader runs on,
    '' without an agent. `served_ports`: what boards serve themselves. `sign` is the cluster's authority."""
    owned = [cls for cls in kinds if cls.names.kind != "Event"]
    namespaced = [cls for cls in kinds if cls.names.namespaced]
    return (
        deployment.DEPLOYMENTS,
        replica_set.REPLICA_SETS,
        replica_set.REPLICATION_CONTROLLERS,
        daemon_set.daemon_set_controller(monotonic),
        stateful_set.stateful_set_controller(monotonic),
        job.JOBS,
        cron_job.CRON_JOBS,
        ttl_after_finished.TTL_AFTER_FINISHED,
        autoscaler_controller(boards, monotonic, find_scale),
        VOLUME_BINDING,
        VOLUME_RECLAIM,
        CLAIM_PROTECTING,
        EPHEMERAL_VOLUMES,
        disruption_controller(find_scale),
        STALE_DISRUPTION,
        account_token_controller(sign_token, ca_certificates),
        ROLE_AGGREGATION,
        FLOW_STATUS,
        policy_controller(served),
        quota_controller([cls for cls in namespaced if cls in owned]),
        VOLUME_EXPANSION,
        endpoint_slices.ENDPOINT_SLICES,
        endpoint_mirroring.ENDPOINT_MIRRORING,
        load_balancer_controller(parse_pool(lb_pool), served_ports),
        definition_controller(head_of),
        garbage_controller(owned),
        namespace_controller([cls for cls in namespaced if cls in owned], namespaced),
        namespace_content_controller(ca_certificates),
        node_lifecycle_controller(monotonic, grace_s=node_grace_s, local_node=local_node),
        taint_eviction_controller(monotonic),
        node_range_controller(cluster_cidr),
        pod_gc.pod_gc_controller(monotonic),
        pod_gc.ENDED_PODS,
        OUT_OF_SERVICE,
        certificate_controller(sign),
        TOKEN_CLEANER,
    )


def stored_kinds(classes: Sequence[type[Any]]) -> list[type[Any]]:
    """One class a resource: of kinds served in several versions the first."""
    found: dict[str, type[Any]] = {}
    for cls in classes:
        found.setdefault(cls.names.resource, cls)
    return list(found.values())
