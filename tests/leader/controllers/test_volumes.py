from __future__ import annotations

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import node, pod
from searches import examples

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_references import ObjectReference
from pikube.api.kinds.core_storage import (
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
)
from pikube.api.kinds.core_volume import (
    HostPathVolumeSource,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    Volume,
    VolumeResourceRequirements,
)
from pikube.api.kinds.meta import LabelSelector, ObjectMeta
from pikube.api.kinds.storage import StorageClass
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers.local_path import local_path_class
from pikube.leader.controllers.volume_binding import VOLUME_BINDING, observe, reconcile
from pikube.leader.controllers.volume_reclaim import CLAIM_PROTECTING, VOLUME_RECLAIM

RWO = ("ReadWriteOnce",)


def volume(name, size="1Gi", *, class_="", modes=RWO, labels=None, policy="Retain", claim=None):
    spec = PersistentVolumeSpec(
        capacity={"storage": size},
        host_path=HostPathVolumeSource(path="/data"),
        access_modes=modes,
        storage_class_name=class_,
        persistent_volume_reclaim_policy=policy,
        claim_ref=ObjectReference(namespace="default", name=claim) if claim else None,
    )
    meta = ObjectMeta(name=name, labels=labels or {}, finalizers=("kubernetes.io/pv-protection",))
    return PersistentVolume(metadata=meta, spec=spec)


def claim(name="data", size="1Gi", *, class_="", modes=RWO, selector=None, volume_name="", annotations=None):
    spec = PersistentVolumeClaimSpec(
        access_modes=modes,
        resources=VolumeResourceRequirements(requests={"storage": size}),
        storage_class_name=class_,
        selector=selector,
        volume_name=volume_name,
    )
    meta = ObjectMeta(
        name=name,
        namespace="default",
        finalizers=("kubernetes.io/pvc-protection",),
        annotations=annotations or {},
    )
    return PersistentVolumeClaim(metadata=meta, spec=spec)


def world(*objects, cuts=()):
    it = World([VOLUME_BINDING, VOLUME_RECLAIM, CLAIM_PROTECTING], cuts=cuts)
    it.api.create_nowait(node("board1"))
    for obj in objects:
        it.api.create_nowait(obj)
    it.settle()
    return it


def get(it, name="data"):
    return it.api.get_nowait(PersistentVolumeClaim, name, "default")


def phase(it, name):
    return it.api.get_nowait(PersistentVolume, name).status.phase


def test_a_claim_is_bound_to_the_smallest_volume_that_suits():
    it = world(volume("big", "10Gi"), volume("fits", "2Gi"), volume("small", "1Gi"), claim(size="1500Mi"))
    found = get(it)
    assert found.spec.volume_name == "fits"
    assert (found.status.phase, found.status.capacity) == ("Bound", {"storage": "2Gi"})
    assert found.status.access_modes == RWO
    assert found.metadata.annotations["pv.kubernetes.io/bind-completed"] == "yes"
    assert [phase(it, name) for name in ("big", "fits", "small")] == ["Available", "Bound", "Available"]
    ref = it.api.get_nowait(PersistentVolume, "fits").spec.claim_ref
    assert (ref.namespace, ref.name, ref.uid) == ("default", "data", found.metadata.uid)
    writes = it.api.writes
    it.restart()
    it.settle()
    assert it.api.writes == writes


def test_what_others_say_of_a_volume_stays_while_its_phase_does():
    it = world(volume("v"))
    found = it.api.get_nowait(PersistentVolume, "v")
    said = structs.replace(found.status, message="of a test", reason="Because")
    it.api.update_nowait(structs.replace(found, status=said), subresource="status")
    it.settle()
    known = it.api.get_nowait(PersistentVolume, "v").status
    assert (known.phase, known.message, known.reason) == ("Available", "of a test", "Because")


@pytest.mark.parametrize(
    "unsuitable",
    [
        volume("v", "1Mi"),
        volume("v", class_="other"),
        volume("v", modes=("ReadOnlyMany",)),
        volume("v", claim="someone-else"),
    ],
    ids=["too small", "another class", "another mode", "reserved for another"],
)
def test_a_volume_that_does_not_suit_is_not_taken(unsuitable):
    it = world(unsuitable, claim())
    assert get(it).status.phase == "Pending"
    assert "FailedBinding" in {reason for reason, _ in it.events}


def test_a_claim_that_waits_is_bound_when_a_volume_comes():
    it = world(claim())
    it.api.create_nowait(volume("late"))
    it.settle()
    assert get(it).spec.volume_name == "late"


def test_a_selector_and_a_reservation_are_honoured():
    selector = LabelSelector(match_labels={"disk": "fast"})
    it = world(volume("slow"), volume("fast", labels={"disk": "fast"}), claim(selector=selector))
    assert get(it).spec.volume_name == "fast"
    it = world(volume("a"), volume("reserved", "9Gi", claim="data"), claim())
    assert get(it).spec.volume_name == "reserved"


def test_a_claim_that_names_its_volume_gets_that_one_or_waits():
    it = world(volume("a"), volume("b"), claim(volume_name="b"))
    assert phase(it, "b") == "Bound"
    it = world(volume("small", "1Mi"), claim(volume_name="small"))
    assert get(it).status.phase == "Pending"
    assert "VolumeMismatch" in {reason for reason, _ in it.events}


def test_each_volume_is_given_once():
    it = world(volume("only"), claim("a"), claim("b"))
    assert sorted(get(it, name).status.phase for name in "ab") == ["Bound", "Pending"]


def test_a_released_volume_is_kept_and_given_to_nobody():
    it = world(volume("v"), claim())
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    assert phase(it, "v") == "Released"
    it.api.create_nowait(claim())
    it.settle()
    assert get(it).status.phase == "Pending"


def test_a_claim_whose_volume_vanishes_is_lost():
    it = world(volume("v"), claim())
    it.api.patch_nowait(PersistentVolume, "v", "", {"metadata": {"finalizers": None}})
    it.api.delete_nowait(PersistentVolume, "v")
    it.settle()
    assert get(it).status.phase == "Lost"
    assert "ClaimLost" in {reason for reason, _ in it.events}


def test_what_is_in_use_stays_until_it_is_not():
    it = world(volume("v"), claim())
    user = pod("user")
    user.metadata = ObjectMeta(name="user", namespace="default")
    user.spec.volumes = (
        Volume(name="v", persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name="data")),
    )
    it.api.create_nowait(user)
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.api.delete_nowait(PersistentVolume, "v")
    it.settle()
    assert get(it).metadata.deletion_timestamp
    assert it.api.get_nowait(PersistentVolume, "v").metadata.deletion_timestamp
    it.api.delete_nowait(Pod, "user", "default")
    it.settle()
    assert it.api.all_of(PersistentVolumeClaim) == []


def provisioned(it):
    it.api.create_nowait(claim(class_="local-path"))
    it.settle()
    assert get(it).status.phase == "Pending"
    annotations = {"volume.kubernetes.io/selected-node": "board1"}
    it.api.patch_nowait(PersistentVolumeClaim, "data", "default", {"metadata": {"annotations": annotations}})
    it.settle()
    return it


def test_a_local_path_is_made_on_the_board_of_the_first_pod_and_goes_with_its_claim():
    it = provisioned(world(local_path_class("/storage")))
    found = get(it)
    [made] = it.api.all_of(PersistentVolume)
    assert found.status.phase == made.status.phase == "Bound"
    assert made.metadata.name == f"pvc-{found.metadata.uid}"
    assert made.spec.host_path.path == f"/storage/{made.metadata.name}_default_data"
    [term] = made.spec.node_affinity.required.node_selector_terms
    assert term.match_expressions[0].values == ("board1",)
    reasons = {reason for reason, _ in it.events}
    assert {"WaitForFirstConsumer", "ProvisioningSucceeded"} <= reasons
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    [made] = it.api.all_of(PersistentVolume)
    assert made.metadata.deletion_timestamp and made.metadata.finalizers == ("pikube.io/local-path",)


def test_a_provisioned_volume_that_is_to_be_retained_stays():
    class_ = local_path_class("/storage")
    class_.reclaim_policy = "Retain"
    it = provisioned(world(class_))
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    [left] = it.api.all_of(PersistentVolume)
    assert left.status.phase == "Released"


def test_other_provisioners_are_asked_by_annotation():
    it = world(
        StorageClass(metadata=ObjectMeta(name="nfs"), provisioner="example.org/nfs"), claim(class_="nfs")
    )
    name = "volume.kubernetes.io/storage-provisioner"
    assert get(it).metadata.annotations[name] == "example.org/nfs"
    assert "ExternalProvisioning" in {reason for reason, _ in it.events}


def test_a_class_that_is_not_there_is_named():
    it = world(claim(class_="gone"))
    assert ("ProvisioningFailed", 'storageclass.storage.k8s.io "gone" not found') in it.events


def test_the_old_annotation_names_the_class_before_the_field():
    old = {"volume.beta.kubernetes.io/storage-class": "old"}
    it = world(claim(class_=None, annotations=old))
    assert ("ProvisioningFailed", 'storageclass.storage.k8s.io "old" not found') in it.events
    it = world(volume("of-none"), volume("of-old", class_="old"), claim(annotations=old))
    assert get(it).spec.volume_name == "of-old"


@examples(40)
@given(
    cuts=st.lists(st.integers(0, 2), max_size=12),
    sizes=st.lists(st.integers(1, 4), max_size=4),
    wanted=st.lists(st.integers(1, 4), max_size=4),
)
def test_any_interruption_ends_with_pairs_of_one_claim_and_one_volume(cuts, sizes, wanted):
    it = world(
        *(volume(f"v{i}", f"{size}Gi") for i, size in enumerate(sizes)),
        *(claim(f"c{i}", f"{size}Gi") for i, size in enumerate(wanted)),
        cuts=cuts,
    )
    bound = {}
    for found in it.api.all_of(PersistentVolumeClaim):
        check_laws(reconcile, *observe(it, ObjectKey("default", found.metadata.name)), it.now)
        if found.status.phase == "Bound":
            bound[found.metadata.name] = found.spec.volume_name
    assert len(set(bound.values())) == len(bound)
    for found in it.api.all_of(PersistentVolume):
        ref = found.spec.claim_ref
        assert (found.status.phase == "Bound") is (ref is not None)
        if ref is not None:
            assert bound[ref.name] == found.metadata.name
    left = sorted(s for i, s in enumerate(sizes) if f"v{i}" not in bound.values())
    unmet = sorted(s for i, s in enumerate(wanted) if f"c{i}" not in bound)
    assert not any(size >= need for size in left for need in unmet)


def test_a_claim_that_is_older_than_its_default_class_gets_it():
    def default_class(name, created):
        mark = {"storageclass.kubernetes.io/is-default-class": "true"}
        meta = ObjectMeta(name=name, annotations=mark, creation_timestamp=created)
        return StorageClass(metadata=meta, provisioner="x.y/z")

    it = world(claim("older", class_=None), claim("none", class_=""), claim("other", class_="slow"))
    it.api.create_nowait(default_class("old", "2026-01-01T00:00:00Z"))
    it.api.create_nowait(default_class("b", "2026-01-02T00:00:00Z"))
    it.api.create_nowait(default_class("a", "2026-01-02T00:00:00Z"))
    desired, observed = observe(it, ObjectKey("default", "older"))
    check_laws(reconcile, desired, observed, it.now)
    it.settle()
    assert [get(it, name).spec.storage_class_name for name in ("older", "none", "other")] == ["a", "", "slow"]
