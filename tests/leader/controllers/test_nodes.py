from __future__ import annotations

from fakes.world import World
from laws import check_laws
from msgspec import structs
from objects import AT, new_deployment, node, pod

from pikube.api.kinds.coordination import Lease, LeaseSpec
from pikube.api.kinds.core_node import Node, NodeCondition, Taint
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import Toleration
from pikube.api.kinds.meta import ObjectMeta
from pikube.informer.actions import Delete, PatchObject, RequeueAfter, Update
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.conditions import condition_of
from pikube.leader.controllers.deployment import DEPLOYMENTS
from pikube.leader.controllers.node_lifecycle import (
    NOT_READY,
    UNREACHABLE,
    Health,
    is_cut_off,
    node_lifecycle_controller,
    reconcile_within,
    wanted_taints,
)
from pikube.leader.controllers.node_ranges import Nodes, allocate, node_range_controller
from pikube.leader.controllers.out_of_service import OUT_OF_SERVICE
from pikube.leader.controllers.out_of_service import observe as out_of_service_view
from pikube.leader.controllers.out_of_service import reconcile as out_of_service
from pikube.leader.controllers.pod_gc import (
    ALL_ENDED,
    ENDED_LIMIT,
    Ended,
    Stranded,
    pod_gc_controller,
    reconcile_ended,
    reconcile_stranded,
)
from pikube.leader.controllers.pods import is_ready
from pikube.leader.controllers.replica_set import REPLICA_SETS
from pikube.leader.controllers.taint_eviction import Tainted, reconcile, stays_s, taint_eviction_controller

NOW = 1_700_000_000.0
lifecycle = reconcile_within(8.0)
EXECUTE = Taint(key=UNREACHABLE, effect="NoExecute", time_added=AT)
FOR_5_S = Toleration(key=UNREACHABLE, operator="Exists", effect="NoExecute", toleration_seconds=5)


def test_a_node_that_beats_is_looked_at_again_when_its_grace_is_over():
    [again] = check_laws(lifecycle, node("a"), Health(3.0, False), NOW)
    assert again == RequeueAfter(5.0)


def test_a_silent_node_becomes_unknown_and_keeps_its_last_heartbeat():
    [update] = check_laws(lifecycle, node("a"), Health(8.0, False), NOW)
    ready = condition_of(update.obj.status.conditions, "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "NodeStatusUnknown")
    assert ready.last_heartbeat_time == AT
    memory = condition_of(update.obj.status.conditions, "MemoryPressure")
    assert memory.reason == "NodeStatusNeverUpdated"
    assert update.said.message == "Node a status is now: NodeNotReady"


def test_pods_of_a_lost_node_become_not_ready_and_the_node_is_tainted():
    lost = node("a", ready="Unknown")
    pods = (pod("x", node="a"), pod("sick", node="a", ready=False), pod("done", node="a", phase="Succeeded"))
    patch, update = check_laws(lifecycle, lost, Health(9.0, False, pods), NOW)
    assert isinstance(patch, PatchObject)
    taints = [(t["key"], t["effect"]) for t in patch.patch["spec"]["taints"]]
    assert taints == [(UNREACHABLE, "NoExecute"), (UNREACHABLE, "NoSchedule")]
    assert isinstance(update, Update)
    assert update.obj.metadata.name == "x"
    assert not is_ready(update.obj)


def test_taints_of_users_stay_and_outdated_ones_of_ours_go():
    mine = Taint(key="dedicated", value="gpu", effect="NoSchedule")
    healthy = node("a", taints=(mine, EXECUTE))
    patch, _ = check_laws(lifecycle, healthy, Health(1.0, False), NOW)
    assert patch.patch["spec"]["taints"] == [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]


def test_a_cordoned_node_and_one_under_pressure_are_tainted():
    cordoned = node("a", unschedulable=True)
    assert wanted_taints(cordoned, False) == {("node.kubernetes.io/unschedulable", "NoSchedule")}
    pressed = node("a")
    pressed.status.conditions += (NodeCondition(type="DiskPressure", status="True"),)
    assert wanted_taints(pressed, False) == {("node.kubernetes.io/disk-pressure", "NoSchedule")}
    assert wanted_taints(node("a", ready="False"), False) == {
        (NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute"),
    }  # fmt: skip
    assert wanted_taints(node("a", ready=""), False) == {(NOT_READY, "NoSchedule")}
    assert wanted_taints(node("a", ready="Unknown"), True) == {(UNREACHABLE, "NoSchedule")}


def test_one_lost_board_is_a_lost_board_and_all_lost_boards_are_a_cut_cable():
    assert not is_cut_off({"leader": "True", "a": "Unknown"}, "leader")
    assert not is_cut_off({"leader": "True", "a": "Unknown", "b": "True"}, "leader")
    assert is_cut_off({"leader": "True", "a": "Unknown", "b": "Unknown"}, "leader")
    some = {f"n{i}": "Unknown" if i < 5 else "True" for i in range(9)}
    assert is_cut_off(some, "leader")
    assert not is_cut_off({**some, "n4": "True"}, "leader")


def test_pods_stay_as_long_as_they_tolerate_every_taint():
    def left(*tolerations, age_s=2.0):
        subject = pod("x")
        subject.spec.tolerations = tolerations
        return stays_s(subject, Tainted(((EXECUTE, age_s),), ()))

    assert left() == 0
    assert left(FOR_5_S) == 3
    assert left(FOR_5_S, age_s=9.0) == 0
    assert left(Toleration(operator="Exists")) == float("inf")
    assert left(Toleration(operator="Exists"), FOR_5_S) == 3


def test_eviction_says_why_deletes_and_comes_again_for_the_next():
    now_pod, later = pod("now", node="a", generation=1), pod("later", node="a")
    later.spec.tolerations = (FOR_5_S,)
    tainted = Tainted(((EXECUTE, 1.0),), (now_pod, later, pod("gone", node="a", deletion_timestamp=AT)))
    update, delete, again = check_laws(reconcile, node("a", taints=(EXECUTE,)), tainted, NOW)
    target = condition_of(update.obj.status.conditions, "DisruptionTarget")
    assert (target.reason, target.observed_generation) == ("DeletionByTaintManager", 1)
    assert isinstance(delete, Delete)
    assert delete.said.reason == "TaintManagerEviction"
    assert again == RequeueAfter(4.0)


class Boards(World):
    """Boards that beat every two seconds of the clock while they live."""

    def __init__(self, boards):
        super().__init__([])
        self.controllers = (
            DEPLOYMENTS,
            REPLICA_SETS,
            node_lifecycle_controller(self.clock, grace_s=8.0, local_node="leader"),
            taint_eviction_controller(self.clock),
            pod_gc_controller(self.clock),
            node_range_controller("10.42.0.0/16"),
        )
        self.restart()
        for name in boards:
            self.api.create_nowait(node(name))
        self.live(2)  # each is heard more than once
        self.settle()

    def restart(self):
        """Leases live in the leader's memory only."""
        for lease in self.api.all_of(Lease):
            self.api.delete_nowait(Lease, lease.metadata.name, lease.metadata.namespace)
        super().restart()

    def beat(self):
        for board in self.api.all_of(Node):
            name = board.metadata.name
            if name in self.dead:
                continue
            spec = LeaseSpec(holder_identity=name, renew_time=f"{self.now}")
            lease = Lease(metadata=ObjectMeta(name=name, namespace="kube-node-lease"), spec=spec)
            if any(known.metadata.name == name for known in self.api.all_of(Lease)):
                self.api.update_nowait(lease)
            else:
                self.api.create_nowait(lease)
            ready = condition_of(board.status.conditions, "Ready")
            if ready.status != "True":
                again = structs.replace(ready, status="True", last_heartbeat_time=f"{self.now}")
                others = tuple(c for c in board.status.conditions if c.type != "Ready")
                status = structs.replace(board.status, conditions=(*others, again))
                self.api.update_nowait(structs.replace(board, status=status), "status")

    def live(self, seconds):
        for _ in range(int(seconds)):
            self.beat()
            self.advance(1)

    def where(self):
        return sorted(p.spec.node_name for p in self.pods())


def with_pods(boards, replicas=4):
    it = Boards(boards)
    deployment = new_deployment(replicas=replicas)
    deployment.spec.template.spec.tolerations = (FOR_5_S,)
    it.api.create_nowait(deployment)
    it.settle()
    return it


def start_anew(it, *others):
    """Another leader: what its controllers know of the boards, they hear from now on."""
    it.controllers = (
        DEPLOYMENTS,
        REPLICA_SETS,
        node_lifecycle_controller(it.clock, grace_s=8.0, local_node="leader"),
        taint_eviction_controller(it.clock),
        *others,
    )
    it.restart()


def test_a_lost_board_loses_its_endpoints_within_ten_and_its_pods_within_fifteen_seconds():
    it = with_pods(["leader", "a", "b"], replicas=3)
    assert it.where() == ["a", "b", "leader"]
    it.dead = {"a"}
    it.live(10)
    on_a = [p for p in it.api.all_of(Pod) if p.spec.node_name == "a"]
    assert not any(map(is_ready, on_a))
    it.live(5)
    assert set(it.where()) == {"b", "leader"}
    assert len([p for p in it.pods() if is_ready(p)]) == 3


def test_a_board_that_comes_back_ends_its_old_pods_and_loses_its_taints():
    it = with_pods(["leader", "a", "b"], replicas=3)
    it.dead = {"a"}
    it.live(20)
    it.dead = set()
    it.live(3)
    assert all(p.spec.node_name != "a" for p in it.api.all_of(Pod))
    assert it.api.get_nowait(Node, "a").spec.taints == ()


def test_boards_that_start_slower_than_the_leader_keep_their_pods():
    it = with_pods(["leader", "a", "b"], replicas=3)
    before = sorted(p.metadata.uid for p in it.pods())
    start_anew(it)  # of the leader, after a power cut of the house
    it.dead = {"leader", "a"}
    it.live(50)
    it.dead = set()
    it.live(10)
    assert sorted(p.metadata.uid for p in it.pods()) == before
    it.dead = {"a"}
    it.live(15)
    assert set(it.where()) == {"b", "leader"}


def test_a_board_that_was_heard_once_since_the_leader_s_start_has_no_more_time_than_any():
    it = with_pods(["leader", "a", "b"], replicas=3)
    start_anew(it)
    it.live(1)
    it.dead = {"a"}
    it.live(15)
    assert set(it.where()) == {"b", "leader"}


def test_a_board_that_never_comes_after_the_leader_s_start_is_lost_after_a_minute():
    it = with_pods(["leader", "a", "b"], replicas=3)
    start_anew(it, pod_gc_controller(it.clock))
    it.dead = {"a"}
    it.live(70)
    assert set(it.where()) == {"b", "leader"}


def test_a_leader_whose_network_is_cut_evicts_nobody():
    it = with_pods(["leader", "a", "b"], replicas=3)
    before = sorted(p.metadata.uid for p in it.pods())
    it.dead = {"a", "b"}
    it.live(60)
    assert sorted(p.metadata.uid for p in it.pods()) == before


def test_a_clock_that_jumps_by_years_loses_no_board():
    it = with_pods(["leader", "a"], replicas=2)
    clock = it.now
    monotonic = [clock]
    lifecycle_ = node_lifecycle_controller(lambda: monotonic[0], grace_s=8.0, local_node="leader")
    it.controllers = (lifecycle_,)
    it.restart()
    it.settle()
    it.now += 10 * 365 * 86400
    it.restart()
    it.settle()
    assert condition_of(it.api.get_nowait(Node, "a").status.conditions, "Ready").status == "True"


def test_each_node_gets_its_own_range_even_when_many_come_at_once():
    it = Boards([f"n{i}" for i in range(20)])
    ranges = [n.spec.pod_cidr for n in it.api.all_of(Node)]
    assert sorted(ranges) == sorted(f"10.42.{i}.0/24" for i in range(20))
    it.api.delete_nowait(Node, "n3")
    freed = ranges[sorted(f"n{i}" for i in range(20)).index("n3")]
    it.settle()
    it.api.create_nowait(node("new"))
    it.settle()
    assert it.api.get_nowait(Node, "new").spec.pod_cidr == freed


def test_a_full_cluster_range_is_told_in_an_event():
    reconcile_ = allocate("10.42.0.0/24")
    full, late = node("a"), node("b")
    full.spec.pod_cidr = "10.42.0.0/24"
    [event] = check_laws(reconcile_, ObjectKey("", "nodes"), Nodes((full, late)), NOW)
    assert event.reason == "CIDRNotAvailable"


def test_pods_of_a_vanished_node_go_after_the_quarantine():
    pods = (pod("x", node="gone"),)
    assert check_laws(reconcile_stranded, ObjectKey("", "gone"), Stranded(pods, 10.0), NOW) == [
        RequeueAfter(30.0)
    ]
    [delete] = check_laws(reconcile_stranded, ObjectKey("", "gone"), Stranded(pods, 40.0), NOW)
    assert delete.grace_period_s == 0


def test_a_vanished_node_takes_its_pods_along_and_a_returning_one_keeps_them():
    it = with_pods(["leader", "a"], replicas=2)
    it.dead = {"a"}
    it.api.delete_nowait(Node, "a")
    it.live(20)
    assert any(p.spec.node_name == "a" for p in it.api.all_of(Pod))
    it.live(25)
    assert it.where() == ["leader", "leader"]


def test_only_the_oldest_ended_pods_beyond_the_limit_are_collected():
    pods = tuple(
        pod(f"p{i:04d}", phase="Failed", creation_timestamp=f"2023-11-14T{i // 60 % 24:02d}:{i % 60:02d}:00Z")
        for i in range(ENDED_LIMIT + 2)
    )
    actions = check_laws(reconcile_ended, ALL_ENDED, Ended(pods), NOW)
    assert [a.key.name for a in actions] == ["p0000", "p0001"]
    assert check_laws(reconcile_ended, ALL_ENDED, Ended(pods[:5]), NOW) == []


def test_pods_stuck_on_a_board_that_is_out_of_service_are_let_go_and_only_those():
    off = Taint(key="node.kubernetes.io/out-of-service", value="nodeshutdown", effect="NoExecute")
    it = World([OUT_OF_SERVICE], has_boards=False)
    it.api.create_nowait(node("a", ready="Unknown"))
    it.api.create_nowait(node("b", taints=(off,)))
    for where in "ab":
        it.api.create_nowait(pod(f"going-{where}", node=where))
        it.api.create_nowait(pod(f"stays-{where}", node=where))
        it.api.delete_nowait(Pod, f"going-{where}", "default")
    it.settle()
    assert len(it.api.all_of(Pod)) == 4, "nobody says that a is switched off, and b answers"
    lost = it.api.get_nowait(Node, "a")
    it.api.update_nowait(structs.replace(lost, spec=structs.replace(lost.spec, taints=(off,))))
    it.settle()
    assert {p.metadata.name for p in it.api.all_of(Pod)} == {"stays-a", "going-b", "stays-b"}
    desired, observed = out_of_service_view(it, ObjectKey("", "a"))
    assert check_laws(out_of_service, desired, observed, it.now) == []
