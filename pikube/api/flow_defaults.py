"""Declaration: the FlowSchemas and priority levels that every cluster has, and what is filled in of others.

Upstream's facts: k8s.io/apiserver pkg/apis/flowcontrol/bootstrap/default.go, kubernetes
pkg/apis/flowcontrol/v1/defaults.go. The two of each kind in MANDATORY may not be changed. Called by the Scheme, by
validation, and by the leader, which puts them in place.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.kinds.flowcontrol import (
    ExemptPriorityLevelConfiguration,
    FlowDistinguisherMethod,
    FlowSchema,
    FlowSchemaSpec,
    GroupSubject,
    LimitedPriorityLevelConfiguration,
    LimitResponse,
    NonResourcePolicyRule,
    PolicyRulesWithSubjects,
    PriorityLevelConfiguration,
    PriorityLevelConfigurationReference,
    PriorityLevelConfigurationSpec,
    QueuingConfiguration,
    ResourcePolicyRule,
    ServiceAccountSubject,
    Subject,
    UserSubject,
)
from pikube.api.kinds.meta import ObjectMeta

MANDATORY = ("exempt", "catch-all")
AUTO_UPDATE_KEY = "apf.kubernetes.io/autoupdate-spec"
AUTO_UPDATE = {AUTO_UPDATE_KEY: "true"}
ALL = ("*",)


def default_schema(obj: FlowSchema) -> None:
    obj.spec.matching_precedence = obj.spec.matching_precedence or 1000


def default_level(obj: PriorityLevelConfiguration) -> None:
    for part, shares in ((obj.spec.exempt, 0), (obj.spec.limited, 30)):
        if part is not None:
            if part.nominal_concurrency_shares is None:
                part.nominal_concurrency_shares = shares
            if part.lendable_percent is None:
                part.lendable_percent = 0
    queuing = obj.spec.limited.limit_response.queuing if obj.spec.limited is not None else None
    if queuing is not None:
        queuing.hand_size = queuing.hand_size or 8
        queuing.queues = queuing.queues or 64
        queuing.queue_length_limit = queuing.queue_length_limit or 50


def _level(name: str, spec: PriorityLevelConfigurationSpec) -> PriorityLevelConfiguration:
    return PriorityLevelConfiguration(
        metadata=ObjectMeta(name=name, annotations=dict(AUTO_UPDATE)), spec=spec
    )


def _queued(
    name: str, shares: int, lendable: int, queues: int, hand_size: int = 6
) -> PriorityLevelConfiguration:
    queuing = QueuingConfiguration(queues=queues, hand_size=hand_size, queue_length_limit=50)
    limited = LimitedPriorityLevelConfiguration(
        nominal_concurrency_shares=shares,
        lendable_percent=lendable,
        limit_response=LimitResponse(type="Queue", queuing=queuing),
    )
    return _level(name, PriorityLevelConfigurationSpec(type="Limited", limited=limited))


def priority_levels() -> tuple[PriorityLevelConfiguration, ...]:
    """Each call makes them anew: objects are defaulted in place."""
    exempt = ExemptPriorityLevelConfiguration(nominal_concurrency_shares=0, lendable_percent=0)
    rest = LimitedPriorityLevelConfiguration(
        nominal_concurrency_shares=5, lendable_percent=0, limit_response=LimitResponse(type="Reject")
    )
    return (
        _level("exempt", PriorityLevelConfigurationSpec(type="Exempt", exempt=exempt)),
        _level("catch-all", PriorityLevelConfigurationSpec(type="Limited", limited=rest)),
        _queued("system", 30, 33, 64),
        _queued("node-high", 40, 25, 64),
        _queued("leader-election", 10, 0, 16, 4),
        _queued("workload-high", 40, 50, 128),
        _queued("workload-low", 100, 90, 128),
        _queued("global-default", 20, 50, 128),
    )


def _schema(name: str, level: str, precedence: int, method: str, rule: PolicyRulesWithSubjects) -> FlowSchema:
    return FlowSchema(
        metadata=ObjectMeta(name=name, annotations=dict(AUTO_UPDATE)),
        spec=FlowSchemaSpec(
            priority_level_configuration=PriorityLevelConfigurationReference(name=level),
            matching_precedence=precedence,
            distinguisher_method=FlowDistinguisherMethod(type=method) if method else None,
            rules=(rule,),
        ),
    )


def _groups(*names: str) -> tuple[Subject, ...]:
    return tuple(Subject(kind="Group", group=GroupSubject(name=name)) for name in names)


def _users(*names: str) -> tuple[Subject, ...]:
    return tuple(Subject(kind="User", user=UserSubject(name=name)) for name in names)


def _resources(
    groups: tuple[str, ...], resources: tuple[str, ...], verbs: tuple[str, ...] = ALL, *, cluster: bool
) -> ResourcePolicyRule:
    return ResourcePolicyRule(
        verbs=verbs, api_groups=groups, resources=resources, namespaces=ALL, cluster_scope=cluster
    )


def _everything(subjects: Iterable[Subject]) -> PolicyRulesWithSubjects:
    return PolicyRulesWithSubjects(
        subjects=tuple(subjects),
        resource_rules=(_resources(ALL, ALL, cluster=True),),
        non_resource_rules=(NonResourcePolicyRule(verbs=ALL, non_resource_urls=ALL),),
    )


def flow_schemas() -> tuple[FlowSchema, ...]:
    """Each call makes them anew."""
    everybody = _groups("system:unauthenticated", "system:authenticated")
    nodes = _groups("system:nodes")
    manager, scheduler = _users("system:kube-controller-manager"), _users("system:kube-scheduler")
    accounts = ServiceAccountSubject(namespace="kube-system", name="*")
    system_accounts = (Subject(kind="ServiceAccount", service_account=accounts),)
    probes = PolicyRulesWithSubjects(
        subjects=everybody,
        non_resource_rules=(
            NonResourcePolicyRule(verbs=("get",), non_resource_urls=("/healthz", "/readyz", "/livez")),
        ),
    )
    leases = _resources(("coordination.k8s.io",), ("leases",), ("get", "create", "update"), cluster=False)
    elections = PolicyRulesWithSubjects(
        subjects=(*manager, *scheduler, *system_accounts), resource_rules=(leases,)
    )
    heartbeats = PolicyRulesWithSubjects(
        subjects=nodes,
        resource_rules=(
            _resources(("",), ("nodes", "nodes/status"), cluster=True),
            _resources(("coordination.k8s.io",), ("leases",), cluster=False),
        ),
    )
    return (
        _schema("exempt", "exempt", 1, "", _everything(_groups("system:masters"))),
        _schema("catch-all", "catch-all", 10000, "ByUser", _everything(everybody)),
        _schema("probes", "exempt", 2, "", probes),
        _schema("system-leader-election", "leader-election", 100, "ByUser", elections),
        _schema("system-node-high", "node-high", 400, "ByUser", heartbeats),
        _schema("system-nodes", "system", 500, "ByUser", _everything(nodes)),
        _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", _everything(manager)),
        _schema("kube-scheduler", "workload-high", 800, "ByNamespace", _everything(scheduler)),
        _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", _everything(system_accounts)),
        _schema("service-accounts", "workload-low", 9000, "ByUser", _everything(_groups("system:serviceaccounts"))),
        _schema("global-default", "global-default", 9900, "ByUser", _everything(everybody)),
    )  # fmt: skip
