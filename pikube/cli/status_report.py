"""Pure: what `pikube status` says: the leader, the nodes, and what is wrong with a cure for each.

Enter: objects of the API, when certificates end, the leader's health, the time. Leaves: a `Report`, the same for
people and for programs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pikube.api.columns.cluster import node_row
from pikube.api.columns.column import human_duration
from pikube.api.columns.pods import pod_row
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.times import seconds_since

DAY_S = 86400
WARN_DAYS = (
    30  # leaves live a year and are renewed at two thirds of it: this close, renewing has failed for months
)
CLOCK_S = 60.0  # kubectl's ages look wrong from here on
PENDING_S = 120.0  # pulling an image over a slow line takes that long and is no fault
MODEL_LABEL = "pikube.io/board"
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
WELL = ("Running", "Completed", "Succeeded", "Terminating", "ContainerCreating", "PodInitializing")


class Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of what -o json prints."""


class Problem(Output, frozen=True):
    """One thing that is wrong, and what to do about it."""

    what: str
    cure: str


class LeaderLine(Output, frozen=True):
    url: str
    version: str
    failing: tuple[str, ...]
    certificate_days: int | None
    clock_ahead_seconds: int


class NodeLine(Output, frozen=True):
    """`certificate_days` is None when the board could not be asked."""

    name: str
    status: str
    roles: str
    version: str
    address: str
    model: str
    pods: int
    certificate_days: int | None
    age: str


class Report(Output, frozen=True):
    cluster: str
    leader: LeaderLine
    nodes: tuple[NodeLine, ...]
    pods: dict[str, int]
    waiting_boards: int
    credential_days: int | None
    problems: tuple[Problem, ...]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked. Instants are seconds since 1970; `certificate_ends` is by node name."""

    cluster: str = ""
    url: str
    version: str
    failing: Sequence[str] = ()
    nodes: Sequence[Node] = ()
    pods: Sequence[Pod] = ()
    waiting_boards: int = 0
    leader_certificate_ends: float | None = None
    credential_ends: float | None = None
    certificate_ends: Mapping[str, float] = {}
    leader_time: float | None = None
    now: float = 0.0


def compute_report(seen: Seen) -> Report:
    """Everything that is worth telling; `problems` is empty when all is well."""
    now = seen.leader_time if seen.leader_time is not None else seen.now
    on_node = Counter(
        pod.spec.node_name for pod in seen.pods if pod.status.phase not in ("Succeeded", "Failed")
    )
    nodes = tuple(
        _node_line(node, on_node[node.metadata.name], seen.certificate_ends, now)
        for node in sorted(seen.nodes, key=lambda n: n.metadata.name)
    )
    leader = LeaderLine(
        url=seen.url,
        version=seen.version,
        failing=tuple(seen.failing),
        certificate_days=_days(seen.leader_certificate_ends, now),
        clock_ahead_seconds=round(now - seen.now),
    )
    credential_days = _days(seen.credential_ends, now)
    problems = [
        *_leader_problems(leader, credential_days),
        *(problem for node in seen.nodes for problem in node_problems(node, leader.version, now)),
        *(p for line in nodes for p in _certificate_problems(f"node {line.name}", line.certificate_days)),
        *pod_problems(seen.pods, now),
    ]
    phases = Counter(str(pod_row(pod, now)[2]) for pod in seen.pods)
    return Report(
        cluster=seen.cluster,
        leader=leader,
        nodes=nodes,
        pods=dict(sorted(phases.items())),
        waiting_boards=seen.waiting_boards,
        credential_days=credential_days,
        problems=tuple(problems),
    )


def _node_line(node: Node, pods: int, certificate_ends: Mapping[str, float], now: float) -> NodeLine:
    name, status, roles, age, version, address, *_ = node_row(node, now)
    return NodeLine(
        name=name,
        status=status,
        roles=roles,
        version=version,
        address=address,
        model=node.metadata.labels.get(MODEL_LABEL, ""),
        pods=pods,
        certificate_days=_days(certificate_ends.get(name), now),
        age=age,
    )


def _leader_problems(leader: LeaderLine, credential_days: int | None) -> Iterable[Problem]:
    for check in leader.failing:
        yield Problem(
            what=f"the leader says that {check} is not well",
            cure="read its log: journalctl -u pikube-leader",
        )
    yield from _certificate_problems("the leader", leader.certificate_days)
    if credential_days is not None and credential_days < WARN_DAYS:
        yield Problem(
            what=f"the certificate in your kubeconfig {_ends(credential_days)}",
            cure="get a new one on the leader with `sudo pikube kubeconfig --merge`",
        )
    if abs(leader.clock_ahead_seconds) > CLOCK_S:
        where = "ahead of" if leader.clock_ahead_seconds > 0 else "behind"
        yield Problem(
            what=f"the leader's clock is {human_duration(abs(leader.clock_ahead_seconds))} {where} this one",
            cure="run an NTP client on both: timedatectl set-ntp true",
        )


def node_problems(node: Node, leader_version: str, now: float) -> Iterable[Problem]:
    """What is wrong with one node."""
    name = node.metadata.name
    ready = next((c for c in node.status.conditions if c.type == "Ready"), None)
    if ready is None or ready.status != "True":
        since = seconds_since(ready.last_transition_time, now) if ready is not None else None
        why = f": {ready.message or ready.reason}" if ready is not None else ": it has never reported"
        yield Problem(
            what=f"node {name} is not ready{f' since {human_duration(since)}' if since is not None else ''}{why}",
            cure=f"is it powered, and on the network? its log: journalctl -u pikube-agent; if it is gone for good: "
            f"kubectl delete node {name}",
        )
        return
    for condition in node.status.conditions:
        if condition.type in PRESSURES and condition.status == "True":
            yield Problem(
                what=f"node {name} has {condition.type}: {condition.message or condition.reason}",
                cure=f"see what uses it: kubectl describe node {name}",
            )
    version = node.status.node_info.kubelet_version
    if version and version != leader_version:
        yield Problem(
            what=f"node {name} runs {version}, the leader {leader_version}",
            cure="install the same pikube on both; pods go on while it restarts",
        )


def pod_problems(pods: Iterable[Pod], now: float) -> Iterable[Problem]:
    """Pods that do not come up, one line for each reason and owner."""
    found: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in pods:
        status = str(pod_row(pod, now)[2])
        age_s = seconds_since(pod.metadata.creation_timestamp, now) or 0.0
        is_slow = pod.status.phase == "Pending" and age_s > PENDING_S
        if (status in WELL and not is_slow) or (status == "Pending" and not is_slow):
            continue
        if status.startswith("Init:") and status[5:6].isdigit() and not is_slow:
            continue
        owner = next((o.name for o in pod.metadata.owner_references if o.controller), pod.metadata.name)
        found.setdefault((pod.metadata.namespace, owner, status), []).append(pod)
    for (namespace, owner, status), group in sorted(found.items()):
        first = group[0]
        reason = next((c.message for c in first.status.conditions if c.status == "False" and c.message), "")
        count = f"{len(group)} pods of {owner} are" if len(group) > 1 else f"pod {first.metadata.name} is"
        yield Problem(
            what=f"{count} {status} in namespace {namespace}{f': {reason}' if reason else ''}",
            cure=f"kubectl -n {namespace} describe pod {first.metadata.name}",
        )


def _certificate_problems(whose: str, days: int | None) -> Iterable[Problem]:
    if days is not None and days < WARN_DAYS:
        yield Problem(
            what=f"the certificate of {whose} {_ends(days)}, although it should have been renewed",
            cure="see `pikube certs`, and the log of that board",
        )


def _ends(days: int) -> str:
    return f"ends in {days} days" if days >= 0 else f"ended {-days} days ago"


def _days(ends_at: float | None, now: float) -> int | None:
    return None if ends_at is None else int((ends_at - now) // DAY_S)
