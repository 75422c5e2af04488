from __future__ import annotations

import msgspec
import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from objects import node, template
from searches import examples

from pikube.api.errors import Forbidden
from pikube.api.kinds.apps import (
    ControllerRevision,
    DaemonSet,
    DaemonSetSpec,
    DaemonSetUpdateStrategy,
    RollingUpdateDaemonSet,
)
from pikube.api.kinds.core_node import Node, Taint
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.api.merge_patch import merge_patch
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.daemon_nodes import target_node, verdict
from pikube.leader.controllers.daemon_set import daemon_set_controller
from pikube.leader.controllers.pods import is_ready

KEY = ObjectKey("default", "fluentd")


def daemon_set(image="web:1", unavailable=1, surge=0, strategy="RollingUpdate", **spec):
    rolling = RollingUpdateDaemonSet(max_unavailable=unavailable, max_surge=surge)
    update = DaemonSetUpdateStrategy(
        type=strategy, rolling_update=rolling if strategy == "RollingUpdate" else None
    )
    return DaemonSet(
        metadata=ObjectMeta(name="fluentd", namespace="default"),
        spec=DaemonSetSpec(
            selector=LabelSelector(match_labels={"app": "web"}),
            template=template(image),
            update_strategy=update,
            **spec,
        ),
    )


def world(*boards, daemon=None, cuts=(), kind=World):
    it = kind([], cuts=cuts)
    it.controllers = (daemon_set_controller(it.clock),)
    it.restart()
    for one in boards or (node("a"), node("b"), node("c")):
        it.api.create_nowait(one)
    it.api.create_nowait(daemon or daemon_set())
    it.settle()
    return it


def set_image(it, image):
    container = msgspec.to_builtins(template(image).spec.containers[0])
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    it.api.patch_nowait(DaemonSet, "fluentd", "default", patch)


def status(it):
    return it.api.get_nowait(DaemonSet, "fluentd", "default").status


def where(it):
    return sorted(p.spec.node_name for p in it.pods())


def images(it):
    return sorted(p.spec.containers[0].image for p in it.pods())


def test_every_node_gets_one_pod_and_the_status_counts_them():
    it = world()
    assert where(it) == ["a", "b", "c"]
    found = status(it)
    assert found.desired_number_scheduled == found.current_number_scheduled == 3
    assert found.number_ready == found.number_available == found.updated_number_scheduled == 3
    assert (found.number_misscheduled, found.number_unavailable, found.observed_generation) == (0, 0, 1)
    pod = it.pods()[0]
    assert target_node(pod) == pod.spec.node_name
    assert {t.key for t in pod.spec.tolerations} >= {"node.kubernetes.io/unreachable"}
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_a_new_node_gets_its_pod_at_once_and_a_label_decides_where():
    daemon = daemon_set()
    daemon.spec.template.spec.node_selector = {"ssd": "true"}
    it = world(daemon=daemon)
    assert where(it) == []
    for value, wanted in (("true", ["b"]), (None, [])):
        it.api.patch_nowait(Node, "b", "", {"metadata": {"labels": {"ssd": value}}})
        it.settle()
        assert where(it) == wanted
    fast = node("d")
    fast.metadata.labels["ssd"] = "true"
    it.api.create_nowait(fast)
    it.settle()
    assert where(it) == ["d"]


@pytest.mark.parametrize(
    ("taint", "wanted"),
    [
        (None, (True, True)),
        (("dedicated", "NoSchedule"), (False, True)),
        (("dedicated", "NoExecute"), (False, False)),
        (("dedicated", "PreferNoSchedule"), (True, True)),
        (("node.kubernetes.io/unreachable", "NoExecute"), (True, True)),
        (("node.kubernetes.io/unschedulable", "NoSchedule"), (True, True)),
        (("node.kubernetes.io/network-unavailable", "NoSchedule"), (False, True)),
    ],
)
def test_taints_decide_who_comes_and_who_stays(taint, wanted):
    taints = (Taint(key=taint[0], effect=taint[1]),) if taint else ()
    assert verdict(daemon_set(), node("a", taints=taints)) == wanted


def test_cordoned_nodes_are_daemon_nodes_too():
    it = world(node("a", unschedulable=True))
    assert where(it) == ["a"]


def test_a_pod_on_a_node_that_is_tainted_later_stays_and_counts_as_misscheduled():
    it = world(node("a"))
    it.api.patch_nowait(Node, "a", "", {"spec": {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}})
    it.settle()
    assert where(it) == ["a"]
    assert (status(it).desired_number_scheduled, status(it).number_misscheduled) == (0, 1)


def fail(it, board):
    [pod] = [p for p in it.pods() if p.spec.node_name == board]
    it.api.patch_nowait(Pod, pod.metadata.name, "default", {"status": {"phase": "Failed"}}, "status")
    it.settle()


def replaced_after_s(it, board, limit_s=4000):
    """The seconds for which the board keeps its failed pod."""
    waited = 0
    while board not in where(it) and waited < limit_s:
        it.advance(1)
        waited += 1
    return waited


def test_a_deleted_pod_comes_again_at_once_and_so_does_one_that_failed_for_the_first_time():
    it = world(node("a"))
    it.api.delete_nowait(Pod, it.pods()[0].metadata.name, "default")
    it.settle()
    assert where(it) == ["a"]
    failed = it.pods()[0].metadata.name
    fail(it, "a")
    assert where(it) == ["a"] and it.pods()[0].metadata.name != failed
    assert "FailedDaemonPod" in {reason for reason, _ in it.events}
    succeeded = it.pods()[0].metadata.name
    it.api.patch_nowait(Pod, succeeded, "default", {"status": {"phase": "Succeeded"}}, "status")
    it.settle()
    assert where(it) == ["a"] and it.pods()[0].metadata.name != succeeded


def test_what_fails_again_and_again_is_replaced_ever_more_seldom_node_by_node():
    it = world(node("a"), node("b"))
    waits = []
    for _ in range(13):
        fail(it, "a")
        waits.append(replaced_after_s(it, "a"))
    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    fail(it, "b")
    assert replaced_after_s(it, "b") == 0, "another board is not to blame"
    set_image(it, "web:2")
    it.settle()
    fail(it, "a")
    assert replaced_after_s(it, "a") == 0, "another template may be better"
    fail(it, "a")
    it.advance(2 * 900)
    fail(it, "a")
    assert replaced_after_s(it, "a") == 0, "what was long ago is forgotten"


class Slow(World):
    """Pods of the second image never get ready."""

    def set_running(self, pod, *, is_ready=True):
        super().set_running(pod, is_ready=pod.spec.containers[0].image != "web:2")


def test_an_update_takes_max_unavailable_nodes_at_once_and_halts_at_pods_that_are_not_ready():
    it = world(daemon=daemon_set(unavailable=2), kind=Slow)
    set_image(it, "web:2")
    it.settle()
    assert images(it) == ["web:1", "web:2", "web:2"]
    assert status(it).updated_number_scheduled == 2
    set_image(it, "web:3")
    it.settle()
    assert images(it) == ["web:3"] * 3


def test_a_surge_keeps_the_old_pod_until_the_new_one_is_available():
    it = world(daemon=daemon_set(unavailable=0, surge=1), kind=Slow)
    set_image(it, "web:2")
    it.settle()
    assert images(it) == ["web:1", "web:1", "web:1", "web:2"]
    set_image(it, "web:3")
    it.settle()
    assert images(it) == ["web:3"] * 3


def test_on_delete_waits_for_the_user():
    it = world(daemon=daemon_set(strategy="OnDelete"))
    set_image(it, "web:2")
    it.settle()
    assert images(it) == ["web:1"] * 3
    it.api.delete_nowait(Pod, it.pods()[0].metadata.name, "default")
    it.settle()
    assert images(it) == ["web:1", "web:1", "web:2"]


def test_min_ready_seconds_paces_the_update():
    it = world(daemon=daemon_set(min_ready_seconds=30))
    it.advance(31)
    set_image(it, "web:2")
    it.settle()
    assert images(it) == ["web:1", "web:1", "web:2"]
    it.advance(31)
    assert images(it) == ["web:1", "web:2", "web:2"]
    it.advance(62)
    assert images(it) == ["web:2"] * 3


def test_history_keeps_templates_for_undo_and_is_cut_to_its_limit():
    it = world(daemon=daemon_set(revision_history_limit=1))
    for image in ("web:2", "web:3"):
        set_image(it, image)
        it.settle()
    revisions = {r.revision: r for r in it.api.all_of(ControllerRevision)}
    assert sorted(revisions) == [2, 3]
    document = msgspec.to_builtins(it.api.get_nowait(DaemonSet, "fluentd", "default"))
    patch = dict(revisions[2].data["spec"]["template"])
    assert patch.pop("$patch") == "replace"
    undone = msgspec.convert(merge_patch(document, {"spec": {"template": patch}}), DaemonSet)
    it.api.update_nowait(undone)
    it.settle()
    assert images(it) == ["web:2"] * 3
    assert sorted(r.revision for r in it.api.all_of(ControllerRevision)) == [3, 4]


def test_a_revision_says_why_it_is_there():
    it = world(daemon=daemon_set())
    cause = {"kubernetes.io/change-cause": "for the new release"}
    it.api.patch_nowait(DaemonSet, "fluentd", "default", {"metadata": {"annotations": cause}})
    set_image(it, "web:2")
    it.settle()
    number = "deprecated.daemonset.template.generation"
    assert {r.revision: r.metadata.annotations for r in it.api.all_of(ControllerRevision)} == {
        1: {number: "1"},
        2: {number: "2", **cause},
    }


def test_pods_that_are_refused_are_told():
    it = World([])
    it.controllers = (daemon_set_controller(it.clock),)
    it.restart()
    it.api.create_nowait(node("a"))
    it.api.refuse = lambda verb, obj: Forbidden("exceeded quota") if isinstance(obj, Pod) else None
    it.api.create_nowait(daemon_set())
    it.settle()
    assert ("FailedCreate", "Error creating: exceeded quota") in it.events
    [refused] = it.api.all_of(DaemonSet)
    assert refused.status.desired_number_scheduled == 1
    assert refused.status.observed_generation == refused.metadata.generation


@examples(40)
@given(
    cuts=st.lists(st.integers(0, 3), max_size=10),
    unavailable=st.sampled_from([1, 2, "50%"]),
    surge=st.sampled_from([0, 1, "100%"]),
)
def test_any_interruption_of_an_update_ends_with_one_new_pod_a_node(cuts, unavailable, surge):
    it = world(daemon=daemon_set(unavailable=0 if surge else unavailable, surge=surge))
    least = [3]

    def watch_bounds(verb, obj):
        if isinstance(obj, Pod) and verb == "delete" and not obj.metadata.deletion_timestamp:
            least.append(sum(map(is_ready, it.pods())) - is_ready(obj))

    it.api.refuse = watch_bounds
    it.cut_after(cuts)
    set_image(it, "web:2")
    it.settle(100)
    assert images(it) == ["web:2"] * 3
    assert where(it) == ["a", "b", "c"]
    assert min(least) >= (3 if surge else 3 - (1 if unavailable == 1 else 2))
    [controller] = it.controllers
    seen = controller.observe(it, KEY)
    assert check_laws(controller.reconcile, *seen, it.now) == []
