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
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetOrdinals,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetUpdateStrategy,
)
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.core_volume import PersistentVolumeClaimSpec
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.garbage import garbage_controller
from pikube.leader.controllers.stateful_set import stateful_set_controller

KEY = ObjectKey("default", "db")


def stateful_set(
    replicas=3, *, policy="OrderedReady", strategy="RollingUpdate", partition=0, unavailable=None, **spec
):
    rolling = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=unavailable)
    return StatefulSet(
        metadata=ObjectMeta(name="db", namespace="default"),
        spec=StatefulSetSpec(
            replicas=replicas,
            selector=LabelSelector(match_labels={"app": "web"}),
            template=template(),
            service_name="db",
            pod_management_policy=policy,
            update_strategy=StatefulSetUpdateStrategy(
                type=strategy, rolling_update=rolling if strategy == "RollingUpdate" else None
            ),
            **spec,
        ),
    )


DATA = PersistentVolumeClaim(
    metadata=ObjectMeta(name="data"), spec=PersistentVolumeClaimSpec(access_modes=("ReadWriteOnce",))
)


class Watching(World):
    """Notes the order in which pods come and go; pods of the image web:bad never get ready."""

    def __init__(self, *args, **options):
        self.order = []
        super().__init__(*args, **options)
        self.api.refuse = self.note

    def note(self, verb, obj):
        if isinstance(obj, Pod) and (
            verb == "create" or (verb == "delete" and not obj.metadata.deletion_timestamp)
        ):
            self.order.append(("+" if verb == "create" else "-") + obj.metadata.name)

    def set_running(self, pod, *, is_ready=True):
        super().set_running(pod, is_ready=pod.spec.containers[0].image != "web:bad")


def world(owner=None, *, cuts=(), settle=True):
    it = Watching([], cuts=cuts)
    kinds = (StatefulSet, Pod, PersistentVolumeClaim, ControllerRevision)
    it.controllers = (stateful_set_controller(it.clock), garbage_controller(kinds))
    it.restart()
    it.api.create_nowait(node("board1"))
    it.api.create_nowait(owner or stateful_set())
    if settle:
        it.settle()
    return it


def change(it, **spec):
    it.api.patch_nowait(StatefulSet, "db", "default", {"spec": spec})
    it.settle()


def set_image(it, image, **spec):
    container = msgspec.to_builtins(template(image).spec.containers[0])
    change(it, template={"spec": {"containers": [container]}}, **spec)


def images(it):
    return {p.metadata.name: p.spec.containers[0].image for p in it.pods()}


def status(it):
    return it.api.get_nowait(StatefulSet, "db", "default").status


def claims(it):
    return [c.metadata.name for c in it.api.all_of(PersistentVolumeClaim)]


def test_pods_come_one_after_the_other_with_names_of_their_own():
    it = world()
    assert it.order == ["+db-0", "+db-1", "+db-2"]
    pod = it.pods()[1]
    assert (pod.spec.hostname, pod.spec.subdomain) == ("db-1", "db")
    assert pod.metadata.labels["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert pod.metadata.labels["apps.kubernetes.io/pod-index"] == "1"
    found = status(it)
    assert pod.metadata.labels["controller-revision-hash"] == found.current_revision == found.update_revision
    assert (found.replicas, found.ready_replicas, found.available_replicas) == (3, 3, 3)
    assert (found.current_replicas, found.updated_replicas, found.observed_generation) == (3, 3, 1)
    assert ("SuccessfulCreate", "create Pod db-0 in StatefulSet db successful") in it.events
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_the_next_pod_waits_until_the_one_before_is_ready():
    owner = stateful_set()
    owner.spec.template = template("web:bad")
    it = world(owner)
    assert list(images(it)) == ["db-0"]
    it = world(stateful_set(policy="Parallel"))
    assert len(images(it)) == 3


def test_scaling_down_takes_the_highest_first_and_keeps_the_claims():
    it = world(stateful_set(volume_claim_templates=(DATA,)))
    assert claims(it) == ["data-db-0", "data-db-1", "data-db-2"]
    it.order.clear()
    change(it, replicas=1)
    assert it.order == ["-db-2", "-db-1"]
    assert len(claims(it)) == 3
    volume = it.pods()[0].spec.volumes[0]
    assert (volume.name, volume.persistent_volume_claim.claim_name) == ("data", "data-db-0")
    change(it, replicas=2)
    assert claims(it) == ["data-db-0", "data-db-1", "data-db-2"]


def test_ordinals_may_start_elsewhere():
    it = world(stateful_set(2, ordinals=StatefulSetOrdinals(start=5)))
    assert list(images(it)) == ["db-5", "db-6"]


def test_an_update_rolls_from_the_top_one_by_one():
    it = world()
    it.order.clear()
    set_image(it, "web:2")
    assert it.order == ["-db-2", "+db-2", "-db-1", "+db-1", "-db-0", "+db-0"]
    found = status(it)
    assert found.current_revision == found.update_revision
    assert sorted(r.revision for r in it.api.all_of(ControllerRevision)) == [1, 2]


def test_a_revision_carries_the_causes_annotation_and_its_hash_and_pods_its_name():
    owner = stateful_set(1)
    owner.metadata.annotations["kubernetes.io/change-cause"] = "the first one"
    it = world(owner)
    [revision] = it.api.all_of(ControllerRevision)
    assert revision.metadata.annotations == {"kubernetes.io/change-cause": "the first one"}
    hash_ = revision.metadata.labels["controller.kubernetes.io/hash"]
    assert revision.metadata.labels == {"app": "web", "controller.kubernetes.io/hash": hash_}
    assert revision.metadata.name == f"db-{hash_}" == it.pods()[0].metadata.labels["controller-revision-hash"]
    assert status(it).collision_count == 0


def test_an_update_halts_at_a_pod_that_is_not_ready():
    it = world()
    set_image(it, "web:bad")
    assert images(it) == {"db-0": "web:1", "db-1": "web:1", "db-2": "web:bad"}
    found = status(it)
    assert (found.updated_replicas, found.current_replicas, found.ready_replicas) == (1, 2, 2)
    assert found.current_revision != found.update_revision


def test_the_partition_keeps_the_lower_ones_even_when_they_are_made_anew():
    it = world(stateful_set(partition=2))
    set_image(it, "web:2")
    wanted = {"db-0": "web:1", "db-1": "web:1", "db-2": "web:2"}
    assert images(it) == wanted
    it.api.delete_nowait(Pod, "db-0", "default")
    it.settle()
    assert images(it) == wanted
    change(it, updateStrategy={"rollingUpdate": {"partition": 0}})
    assert set(images(it).values()) == {"web:2"}


def test_on_delete_waits_for_the_user():
    it = world(stateful_set(strategy="OnDelete"))
    set_image(it, "web:2")
    assert set(images(it).values()) == {"web:1"}
    it.api.delete_nowait(Pod, "db-1", "default")
    it.settle()
    assert images(it)["db-1"] == "web:2"


def test_several_may_be_unavailable_where_the_set_says_so():
    it = world(stateful_set(unavailable=2, policy="Parallel"))
    it.order.clear()
    set_image(it, "web:2")
    assert it.order[:2] == ["-db-2", "-db-1"]
    assert set(images(it).values()) == {"web:2"}


def test_a_failed_pod_is_made_anew_under_the_same_name():
    it = world()
    before = it.api.get_nowait(Pod, "db-1", "default").metadata.uid
    it.api.patch_nowait(Pod, "db-1", "default", {"status": {"phase": "Failed"}}, "status")
    it.settle()
    assert it.api.get_nowait(Pod, "db-1", "default").metadata.uid != before
    assert "RecreatingFailedPod" in {reason for reason, _ in it.events}


def test_a_pod_that_fails_again_and_again_is_made_anew_ever_more_seldom():
    it = world(stateful_set(1))
    waits = []
    for _ in range(9):
        before = it.api.get_nowait(Pod, "db-0", "default").metadata.uid
        it.api.patch_nowait(Pod, "db-0", "default", {"status": {"phase": "Failed"}}, "status")
        it.settle()
        waited = 0
        while it.api.get_nowait(Pod, "db-0", "default").metadata.uid == before and waited < 100:
            it.advance(1)
            waited += 1
        waits.append(waited)
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    set_image(it, "web:2")
    before = it.api.get_nowait(Pod, "db-0", "default").metadata.uid
    it.api.patch_nowait(Pod, "db-0", "default", {"status": {"phase": "Failed"}}, "status")
    it.settle()
    assert it.api.get_nowait(Pod, "db-0", "default").metadata.uid != before, "another template may be better"


def test_min_ready_seconds_paces_the_start():
    it = world(stateful_set(2, min_ready_seconds=30))
    assert list(images(it)) == ["db-0"]
    it.advance(31)
    assert list(images(it)) == ["db-0", "db-1"]


@pytest.mark.parametrize(
    ("when_deleted", "when_scaled", "after_scaling", "after_deletion"),
    [
        ("Retain", "Retain", 2, 2),
        ("Retain", "Delete", 1, 1),
        ("Delete", "Retain", 2, 0),
        ("Delete", "Delete", 1, 0),
    ],
)
def test_the_retention_policy_decides_what_becomes_of_claims(
    when_deleted, when_scaled, after_scaling, after_deletion
):
    policy = StatefulSetPersistentVolumeClaimRetentionPolicy(
        when_deleted=when_deleted, when_scaled=when_scaled
    )
    it = world(
        stateful_set(2, volume_claim_templates=(DATA,), persistent_volume_claim_retention_policy=policy)
    )
    change(it, replicas=1)
    assert len(claims(it)) == after_scaling
    it.api.delete_nowait(StatefulSet, "db", "default", propagation="Background")
    it.settle()
    assert len(claims(it)) == after_deletion
    assert it.api.all_of(Pod) == []


def test_a_pod_that_is_refused_is_told():
    it = world(settle=False)
    it.api.refuse = lambda verb, obj: Forbidden("exceeded quota") if isinstance(obj, Pod) else None
    it.settle()
    words = "create Pod db-0 in StatefulSet db failed error: exceeded quota"
    assert ("FailedCreate", words) in it.events


def test_labels_of_identity_come_back():
    it = world(stateful_set(1))
    label = "statefulset.kubernetes.io/pod-name"
    it.api.patch_nowait(Pod, "db-0", "default", {"metadata": {"labels": {label: None}}})
    it.settle()
    assert it.pods()[0].metadata.labels[label] == "db-0"


@examples(40)
@given(
    cuts=st.lists(st.integers(0, 3), max_size=15),
    first=st.integers(0, 4),
    second=st.integers(0, 4),
    policy=st.sampled_from(["OrderedReady", "Parallel"]),
)
def test_any_interruption_ends_with_the_wanted_pods_and_never_two_of_one_name(cuts, first, second, policy):
    it = world(stateful_set(first, policy=policy, volume_claim_templates=(DATA,)), cuts=cuts)
    set_image(it, "web:2", replicas=second)
    it.settle(200)
    assert images(it) == {f"db-{i}": "web:2" for i in range(second)}
    controller = it.controllers[0]
    seen = controller.observe(it, KEY)
    assert check_laws(controller.reconcile, *seen, it.now) == []
    made = [entry for entry in it.order if entry.startswith("+")]
    gone = [entry for entry in it.order if entry.startswith("-")]
    assert len(made) - len(gone) == second
