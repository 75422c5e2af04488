from __future__ import annotations

import pytest
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st
from laws import check_laws
from msgspec import structs
from objects import AT, new_deployment, node, pod, replica_set
from searches import examples

from pikube.api.kinds.apps import Deployment, ReplicaSet
from pikube.api.kinds.core_config import ConfigMap, Namespace
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_service import Service
from pikube.api.kinds.meta import ObjectMeta, OwnerReference
from pikube.informer.actions import Delete, PatchObject, RecordEvent
from pikube.leader.controllers.deployment import DEPLOYMENTS
from pikube.leader.controllers.garbage import Kin, Owner, OwnerState, garbage_controller, reconcile
from pikube.leader.controllers.namespace_content import namespace_content_controller
from pikube.leader.controllers.namespace_deletion import namespace_controller
from pikube.leader.controllers.ownership import owner_reference
from pikube.leader.controllers.replica_set import REPLICA_SETS

KINDS = (Deployment, ReplicaSet, Pod, ConfigMap, Service, Node)
NAMESPACED = tuple(cls for cls in KINDS if cls.names.namespaced)


def world(*, cuts=()):
    it = World(
        [
            DEPLOYMENTS,
            REPLICA_SETS,
            garbage_controller((*KINDS, Namespace)),
            namespace_controller(NAMESPACED, NAMESPACED),
            namespace_content_controller(lambda: "CERTIFICATE"),
        ],
        cuts=cuts,
    )
    it.api.create_nowait(node("board1"))
    return it


def kinds_left(it):
    return {cls.names.kind for cls in NAMESPACED if it.api.all_of(cls)}


def with_deployment(**options):
    it = world(**options)
    it.api.create_nowait(new_deployment())
    it.settle()
    return it


@examples(30)
@given(
    st.sampled_from(["", "Background", "Foreground"]),
    st.lists(st.integers(0, 2), max_size=8),
)
def test_deleting_a_deployment_takes_everything_along_over_any_interruption(propagation, cuts):
    it = with_deployment()
    it.cut_after(cuts)
    it.api.delete_nowait(Deployment, "web", "default", propagation=propagation)
    it.settle()
    assert kinds_left(it) == set()


def test_foreground_deletion_keeps_the_owner_until_its_dependents_are_gone():
    it = with_deployment()
    it.dead = {"board1"}  # pods linger
    it.api.delete_nowait(Deployment, "web", "default", propagation="Foreground")
    it.settle()
    assert kinds_left(it) == {"Deployment", "ReplicaSet", "Pod"}
    it.dead = set()
    it.settle()
    assert kinds_left(it) == set()


@examples(30)
@given(st.lists(st.integers(0, 2), max_size=8))
def test_orphaning_keeps_the_dependents_and_takes_their_references_away(cuts):
    it = with_deployment()
    it.cut_after(cuts)
    it.api.delete_nowait(Deployment, "web", "default", propagation="Orphan")
    it.settle()
    assert kinds_left(it) == {"ReplicaSet", "Pod"}
    [rs] = it.api.all_of(ReplicaSet)
    assert rs.metadata.owner_references == ()
    assert len(it.pods()) == 3


def test_a_dependent_of_two_owners_lives_as_long_as_one_of_them():
    it = world()
    owners = [it.api.create_nowait(ConfigMap(metadata=ObjectMeta(name=n, namespace="default"))) for n in "ab"]
    references = tuple(owner_reference(owner) for owner in owners)
    references[1].controller = None
    child = ConfigMap(metadata=ObjectMeta(name="child", namespace="default", owner_references=references))
    it.api.create_nowait(child)
    it.settle()
    it.api.delete_nowait(ConfigMap, "a", "default")
    it.settle()
    [left] = it.api.get_nowait(ConfigMap, "child", "default").metadata.owner_references
    assert left.name == "b"
    it.api.delete_nowait(ConfigMap, "b", "default")
    it.settle()
    assert it.api.all_of(ConfigMap) == []


def test_an_owner_of_the_same_name_made_anew_is_not_the_owner():
    it = world()
    first = it.api.create_nowait(ConfigMap(metadata=ObjectMeta(name="owner", namespace="default")))
    it.api.create_nowait(
        ConfigMap(
            metadata=ObjectMeta(name="child", namespace="default", owner_references=(owner_reference(first),))
        )
    )
    it.settle()
    it.api.delete_nowait(ConfigMap, "owner", "default")
    it.api.create_nowait(ConfigMap(metadata=ObjectMeta(name="owner", namespace="default")))
    it.settle()
    assert [c.metadata.name for c in it.api.all_of(ConfigMap)] == ["owner"]


def test_an_owner_in_another_namespace_owns_nothing_and_that_is_said():
    it = world()
    owner = it.api.create_nowait(ConfigMap(metadata=ObjectMeta(name="owner", namespace="other")))
    refs = (owner_reference(owner),)
    it.api.create_nowait(
        ConfigMap(metadata=ObjectMeta(name="child", namespace="default", owner_references=refs))
    )
    it.settle()
    assert [c.metadata.name for c in it.api.all_of(ConfigMap)] == ["owner"]
    where = f"[v1/ConfigMap, namespace: default, name: owner, uid: {owner.metadata.uid}]"
    assert (
        "OwnerRefInvalidNamespace",
        f'ownerRef {where} does not exist in namespace "default"',
    ) in it.events


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("propagation", ["Foreground", "Background"])
def test_objects_that_own_each_other_in_a_circle_go_together(length, propagation):
    it = world()
    names = [f"c{number}" for number in range(length)]
    for name in names:
        it.api.create_nowait(ConfigMap(metadata=ObjectMeta(name=name, namespace="default")))
    for name, owner in zip(names, names[1:] + names[:1], strict=True):
        refs = (owner_reference(it.api.get_nowait(ConfigMap, owner, "default")),)
        child = it.api.get_nowait(ConfigMap, name, "default")
        meta = structs.replace(child.metadata, owner_references=refs)
        it.api.update_nowait(structs.replace(child, metadata=meta))
    it.settle()
    it.api.delete_nowait(ConfigMap, "c0", "default", propagation=propagation)
    it.settle()
    assert it.api.all_of(ConfigMap) == []


def ref(**fields):
    return OwnerReference(
        api_version="apps/v1", kind="ReplicaSet", name="web-1", uid="uid-of-web-1", **fields
    )


@pytest.mark.parametrize(
    ("states", "kinds"),
    [
        ([], []),
        ([OwnerState.THERE], []),
        ([OwnerState.UNKNOWN], []),
        ([OwnerState.GONE], [Delete]),
        ([OwnerState.THERE, OwnerState.GONE], [PatchObject]),
        ([OwnerState.UNKNOWN, OwnerState.GONE], [PatchObject]),
        ([OwnerState.GOING], [Delete]),
        ([OwnerState.FOREIGN, OwnerState.GONE], [RecordEvent]),
    ],
)
def test_an_object_is_collected_only_when_no_owner_is_left(states, kinds):
    kin = Kin(tuple(Owner(ref(), state) for state in states), ())
    assert [type(a) for a in check_laws(reconcile, pod("x"), kin, 0.0)] == kinds


def test_the_api_is_asked_before_an_object_is_collected():
    it = world()
    rs = it.api.create_nowait(
        ReplicaSet(metadata=ObjectMeta(name="late", namespace="default"), spec=replica_set().spec)
    )
    child = it.api.create_nowait(
        ConfigMap(
            metadata=ObjectMeta(name="child", namespace="default", owner_references=(owner_reference(rs),))
        )
    )
    controller = garbage_controller(KINDS)
    for index in controller.indexes:
        it.cache(index.cls).add_index(index.name, index.indexer)
    it.cache(ConfigMap).put(child)  # the owner's own watch lags behind
    [key] = controller.watches[KINDS.index(ConfigMap)].keys(it, child)
    desired, observed = controller.observe(it, key)
    [delete] = reconcile(desired, observed, 0.0)
    it.perform(controller, key, delete)
    assert it.api.get_nowait(ConfigMap, "child", "default")


def test_a_blocking_dependent_is_waited_for_and_goes_in_the_foreground_too():
    owner = replica_set()
    owner.metadata.deletion_timestamp = AT
    owner.metadata.finalizers = ("foregroundDeletion",)
    child = pod("x", owner)
    assert check_laws(reconcile, owner, Kin((), (child,)), 0.0) == []
    going = Owner(child.metadata.owner_references[0], OwnerState.GOING)
    [delete] = check_laws(reconcile, child, Kin((going,), (pod("y", child),)), 0.0)
    assert delete.propagation == "Foreground"
    [patch] = check_laws(reconcile, owner, Kin((), ()), 0.0)
    assert patch.patch["metadata"]["finalizers"] is None


@examples(20)
@given(st.lists(st.integers(0, 3), max_size=8))
def test_what_has_another_owner_stays_when_one_is_deleted_in_the_foreground(cuts):
    it = world()
    owners = [it.api.create_nowait(ConfigMap(metadata=ObjectMeta(name=n, namespace="default"))) for n in "ab"]
    both = [owner_reference(owner) for owner in owners]
    both[1].controller = None
    for name, refs in (("own", both[:1]), ("shared", both)):
        meta = ObjectMeta(name=name, namespace="default", owner_references=tuple(refs))
        it.api.create_nowait(ConfigMap(metadata=meta))
    it.settle()
    it.cut_after(cuts)
    it.api.delete_nowait(ConfigMap, "a", "default", propagation="Foreground")
    it.settle()
    assert [c.metadata.name for c in it.api.all_of(ConfigMap)] == ["b", "shared"]
    [left] = it.api.get_nowait(ConfigMap, "shared", "default").metadata.owner_references
    assert left.name == "b"


@examples(20)
@given(st.lists(st.integers(0, 3), max_size=8))
def test_a_namespace_goes_with_all_it_holds_over_any_interruption(cuts):
    it = world()
    it.api.create_nowait(Namespace(metadata=ObjectMeta(name="lab")))
    deployment = new_deployment()
    deployment.metadata.namespace = "lab"
    it.api.create_nowait(deployment)
    it.settle()
    it.cut_after(cuts)
    it.api.delete_nowait(Namespace, "lab")
    it.settle(200)
    assert it.api.all_of(Namespace) == []
    assert kinds_left(it) == set()


def test_a_namespace_says_what_remains_while_pods_end():
    it = world()
    it.api.create_nowait(Namespace(metadata=ObjectMeta(name="lab")))
    deployment = new_deployment()
    deployment.metadata.namespace = "lab"
    it.api.create_nowait(deployment)
    held = ConfigMap(metadata=ObjectMeta(name="held", namespace="lab", finalizers=("example.org/hold",)))
    it.api.create_nowait(held)
    it.settle()
    it.api.delete_nowait(Namespace, "lab")
    it.settle()
    [namespace] = it.api.all_of(Namespace)
    said = {c.type: (c.status, c.message) for c in namespace.status.conditions}
    assert said["NamespaceContentRemaining"] == (
        "True", "Some resources are remaining: configmaps. has 1 resource instances",
    )  # fmt: skip
    assert said["NamespaceFinalizersRemaining"] == (
        "True",
        "Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances",
    )
    it.api.patch_nowait(ConfigMap, "held", "lab", {"metadata": {"finalizers": None}})
    it.settle()
    assert it.api.all_of(Namespace) == []


def test_every_namespace_has_its_account_and_its_ca():
    it = world()
    it.api.create_nowait(Namespace(metadata=ObjectMeta(name="lab")))
    it.settle()
    found = it.api.get_nowait(ConfigMap, "kube-root-ca.crt", "lab")
    assert found.data == {"ca.crt": "CERTIFICATE"}
    it.api.patch_nowait(ConfigMap, "kube-root-ca.crt", "lab", {"data": {"ca.crt": "forged"}})
    it.settle()
    assert it.api.get_nowait(ConfigMap, "kube-root-ca.crt", "lab").data == {"ca.crt": "CERTIFICATE"}
