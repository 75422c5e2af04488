"""Which board may become which node."""

import pytest

from pikube.api.errors import AlreadyExists, BadRequest, Forbidden
from pikube.api.kinds.core_node import Node, NodeAddress, Taint
from pikube.api.kinds.meta import ObjectMeta
from pikube.certs.enrolment import KEY_ANNOTATION, MACHINE_ANNOTATION, JoinRequest, Machine, RenewRequest
from pikube.leader.join_decision import addresses_of_others, admit, check_renewal, name_problem, serving_names

LEADER_NAMES = {"kubernetes", "kubernetes.default.svc", "localhost", "pi-leader", "10.0.0.1"}


def wish(node="b2", **more):
    return JoinRequest(token="t", node=node, request="", machine=Machine(model="Pi 4", serial="123"), **more)


def node(name="b2", key="old"):
    return Node(metadata=ObjectMeta(name=name, annotations={KEY_ANNOTATION: key, MACHINE_ANNOTATION: "Pi 3"}))


def test_a_new_board_becomes_a_node_with_its_key_labels_and_taints():
    asked = wish(
        labels={"shelf": "2", "node-role.kubernetes.io/control-plane": ""},
        taints=(Taint(key="a", effect="NoSchedule"),),
    )
    made = admit(asked, "key", None, LEADER_NAMES, "b1")
    assert made.metadata.annotations == {KEY_ANNOTATION: "key", MACHINE_ANNOTATION: "Pi 4, serial 123"}
    assert made.metadata.labels == {"shelf": "2"}
    assert made.spec.taints == asked.taints


def test_the_same_key_comes_back_to_the_same_node():
    again = admit(wish(), "old", node(), LEADER_NAMES, "b1")
    assert again.metadata.annotations[KEY_ANNOTATION] == "old"


def test_another_key_under_a_known_name_is_refused_and_the_other_board_named():
    with pytest.raises(AlreadyExists, match=r"another board called b2 .*Pi 3.*--replace.*--node-name"):
        admit(wish(), "new", node(), LEADER_NAMES, "b1")


def test_a_board_takes_the_place_of_another_when_a_person_approves_not_by_a_token_alone():
    with pytest.raises(Forbidden, match=r"needs a person's approval.*pikube pair"):
        admit(wish(replace=True), "new", node(), LEADER_NAMES, "b1")
    taken = admit(wish(replace=True), "new", node(), LEADER_NAMES, "b1", is_approved=True)
    assert taken.metadata.annotations[KEY_ANNOTATION] == "new"


def test_nobody_takes_the_place_of_the_leader_s_board():
    with pytest.raises(AlreadyExists):
        admit(wish("b1", replace=True), "new", node("b1", key=""), LEADER_NAMES, "b1", is_approved=True)


@pytest.mark.parametrize(
    "name",
    [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.evil",
        "localhost",
        "pi-leader",
        "x.default.svc",
        "svc.a.svc.b",
    ],
)
def test_no_board_is_called_like_the_leader(name):
    assert "the leader answers to that name" in name_problem(name, LEADER_NAMES)
    with pytest.raises(BadRequest):
        admit(wish(name), "key", None, LEADER_NAMES, "b1")


@pytest.mark.parametrize("name", ["", "B2", "a b", "-a", "a_b", "x" * 254, "../etc"])
def test_a_name_is_a_dns_name(name):
    assert name_problem(name, LEADER_NAMES)


def test_certificates_are_renewed_for_the_known_key_only():
    request = RenewRequest(node="b2", request="")
    check_renewal(request, "old", node())
    for key, found in (("new", node()), ("old", None), ("", Node(metadata=ObjectMeta(name="b2")))):
        if key == "" and found is not None:
            found = node(key="x")
        with pytest.raises(Forbidden, match="deleted, replaced or revoked"):
            check_renewal(request, key, found)


def test_a_node_without_a_key_can_be_claimed_by_nobody():
    with pytest.raises(Forbidden):
        check_renewal(RenewRequest(node="b2", request=""), "", Node(metadata=ObjectMeta(name="b2")))


def test_a_serving_certificate_names_only_what_is_the_board_s():
    others = {"10.0.0.1", "10.0.0.3"}
    names = serving_names(
        "b2", "10.0.0.2", ["10.0.0.3", "10.0.0.1", "192.168.7.2", "127.0.0.1", "junk"], others
    )
    assert names == {"b2", "10.0.0.2", "192.168.7.2"}


def test_addresses_of_others_leave_out_names_and_oneself():
    def at(name, address):
        made = Node(metadata=ObjectMeta(name=name))
        made.status.addresses = (
            NodeAddress(type="InternalIP", address=address),
            NodeAddress(type="Hostname", address=name),
        )
        return made

    assert addresses_of_others([at("b2", "10.0.0.2"), at("b3", "10.0.0.3")], "b2") == {"10.0.0.3"}
