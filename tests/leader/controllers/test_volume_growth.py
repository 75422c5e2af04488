"""Claims that grow, claims that pods bring, and directories that their board removes."""

from __future__ import annotations

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import node, pod
from searches import examples
from test_volumes import claim

from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolume, PersistentVolumeClaim
from pikube.api.kinds.core_volume import (
    EphemeralVolumeSource,
    HostPathVolumeSource,
    PersistentVolumeClaimTemplate,
    Volume,
)
from pikube.api.kinds.storage import StorageClass
from pikube.api.local_volumes import HELD_BY_BOARD, board_of, directory_of
from pikube.informer.cache import ObjectKey
from pikube.leader.controllers import volume_ephemeral, volume_expansion
from pikube.leader.controllers.garbage import garbage_controller
from pikube.leader.controllers.local_path import local_path_class
from pikube.leader.controllers.volume_binding import VOLUME_BINDING
from pikube.leader.controllers.volume_ephemeral import EPHEMERAL_VOLUMES
from pikube.leader.controllers.volume_expansion import VOLUME_EXPANSION
from pikube.leader.controllers.volume_match import SELECTED_NODE
from pikube.leader.controllers.volume_reclaim import CLAIM_PROTECTING, VOLUME_RECLAIM

CONTROLLERS = (VOLUME_BINDING, VOLUME_RECLAIM, CLAIM_PROTECTING, VOLUME_EXPANSION, EPHEMERAL_VOLUMES)


def provisioned(*, policy="Delete", cuts=()):
    """A world with a claim bound to a directory of board1."""
    it = World(CONTROLLERS, cuts=cuts)
    it.api.create_nowait(node("board1"))
    it.api.create_nowait(structs.replace(local_path_class("/data"), reclaim_policy=policy))
    it.api.create_nowait(claim(class_="local-path", annotations={SELECTED_NODE: "board1"}))
    it.settle()
    return it


def the_volume(it):
    [volume] = it.api.all_of(PersistentVolume)
    return volume


def ask_for(it, size):
    found = it.api.get_nowait(PersistentVolumeClaim, "data", "default")
    resources = structs.replace(found.spec.resources, requests={"storage": size})
    it.api.update_nowait(structs.replace(found, spec=structs.replace(found.spec, resources=resources)))
    it.settle()
    return it.api.get_nowait(PersistentVolumeClaim, "data", "default")


@given(cuts=st.lists(st.integers(0, 2), max_size=6))
@examples(20)
def test_a_claim_that_asks_for_more_gets_it_volume_first_and_whatever_is_cut(cuts):
    it = provisioned()
    it.cut_after(cuts)
    assert ask_for(it, "5Gi").status.capacity == {"storage": "5Gi"}
    assert the_volume(it).spec.capacity == {"storage": "5Gi"}
    assert ("VolumeResizeSuccessful", "ExpandVolume succeeded for volume default/data") in it.events
    desired, observed = volume_expansion.observe(it, ObjectKey("default", "data"))
    assert check_laws(volume_expansion.reconcile, desired, observed, it.now) == []


def test_a_class_that_does_not_allow_it_and_a_volume_of_others_do_not_grow():
    it = provisioned()
    class_ = it.api.get_nowait(StorageClass, "local-path")
    it.api.update_nowait(structs.replace(class_, allow_volume_expansion=False))
    assert ask_for(it, "5Gi").status.capacity == {"storage": "1Gi"}


def test_a_deleted_claim_leaves_its_directory_to_the_board_until_it_is_removed():
    it = provisioned()
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    volume = the_volume(it)
    assert volume.metadata.deletion_timestamp and volume.metadata.finalizers == (HELD_BY_BOARD,)
    assert (board_of(volume), directory_of(volume)) == ("board1", volume.spec.host_path.path)


def test_nobody_waits_for_a_board_that_is_no_more_or_for_what_is_to_be_kept():
    it = provisioned()
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    it.api.delete_nowait(type(node("board1")), "board1")
    it.settle()
    assert it.api.all_of(PersistentVolume) == []

    it = provisioned(policy="Retain")
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    assert the_volume(it).status.phase == "Released"
    it.api.delete_nowait(PersistentVolume, the_volume(it).metadata.name)
    it.settle()
    assert it.api.all_of(PersistentVolume) == []


def test_a_volume_deleted_while_bound_stays_until_its_claim_goes():
    it = provisioned()
    it.api.delete_nowait(PersistentVolume, the_volume(it).metadata.name)
    it.settle()
    assert the_volume(it).status.phase == "Bound"
    it.api.delete_nowait(PersistentVolumeClaim, "data", "default")
    it.settle()
    assert the_volume(it).metadata.finalizers == (HELD_BY_BOARD,)


@pytest.mark.parametrize("path", ["/", "/etc", "/data/pvc-else_default_data", "/data", ""])
def test_only_the_directory_that_was_made_for_a_volume_may_be_removed(path):
    volume = the_volume(provisioned())
    spec = structs.replace(volume.spec, host_path=HostPathVolumeSource(path=path))
    assert directory_of(structs.replace(volume, spec=spec)) == ""


def with_room(it, name="web"):
    template = PersistentVolumeClaimTemplate(spec=claim().spec)
    room = Volume(name="room", ephemeral=EphemeralVolumeSource(volume_claim_template=template))
    made = pod(name)
    it.api.create_nowait(structs.replace(made, spec=structs.replace(made.spec, volumes=(room,))))
    return ObjectKey("default", name)


def test_a_pod_brings_its_claim_and_takes_it_along():
    kinds = [Pod, PersistentVolumeClaim]
    it = World([*CONTROLLERS, garbage_controller(kinds)], has_boards=False)
    key = with_room(it)
    it.settle()
    [found] = it.api.all_of(PersistentVolumeClaim)
    assert found.metadata.name == "web-room"
    assert found.metadata.owner_references[0].kind == "Pod"
    desired, observed = volume_ephemeral.observe(it, key)
    assert check_laws(volume_ephemeral.reconcile, desired, observed, it.now) == []
    it.api.delete_nowait(Pod, "web", "default", grace_period_s=0)
    it.settle()
    assert [c for c in it.api.all_of(PersistentVolumeClaim) if not c.metadata.deletion_timestamp] == []


def test_a_claim_of_the_same_name_that_is_not_the_pods_is_left_alone_and_said():
    it = World(CONTROLLERS, has_boards=False)
    it.api.create_nowait(claim("web-room"))
    with_room(it)
    it.settle()
    words = "PVC default/web-room was not created for pod default/web (pod is not owner)"
    assert ("FailedBinding", f"ephemeral volume room: {words}") in it.events
