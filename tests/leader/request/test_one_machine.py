"""A copied card: two machines, one key."""

import pytest

from pikube.api.errors import Forbidden
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED
from pikube.certs.enrolment import HEARD_ADDRESS, HEARD_MACHINE, HEARD_SESSION
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import Context, User
from pikube.leader.request.one_machine import ALIVE_S, OneMachine

LEASES = Scheme(SERVED).by_class(Lease)
B2 = User("system:node:b2", ("system:nodes",))


class Cluster:
    def __init__(self):
        self.now = 0.0
        self.told = []
        self.plugin = OneMachine(lambda: self.now)
        self.plugin.told = lambda node, words: self.told.append((node, words))

    def beat(self, machine, session="1", address="10.0.0.2", user=B2):
        """Whether the heartbeat is taken; the words of the refusal if not."""
        annotations = {HEARD_SESSION: session, HEARD_MACHINE: machine, HEARD_ADDRESS: address}
        lease = Lease(metadata=ObjectMeta(name="b2", namespace="kube-node-lease", annotations=annotations))
        attributes = Attributes(
            "UPDATE", LEASES, "kube-node-lease", "b2", "", lease, lease, Context(user, 0.0)
        )
        try:
            self.plugin.admit(attributes)
        except Forbidden as refusal:
            return refusal.message
        return ""


def test_a_second_machine_is_refused_and_both_are_named():
    cluster = Cluster()
    assert cluster.beat("Pi 4, serial 1") == ""
    cluster.now = 2.0
    words = cluster.beat("Pi 4, serial 2", session="2", address="10.0.0.9")
    assert "Pi 4, serial 1 at 10.0.0.2 and Pi 4, serial 2 at 10.0.0.9" in words
    assert "pikube join --reset" in words
    assert cluster.beat("Pi 4, serial 1") == ""  # the first goes on
    assert cluster.told == [("b2", words)]


def test_people_are_told_once():
    cluster = Cluster()
    cluster.beat("first")
    for _ in range(5):
        assert cluster.beat("second", session="2")
    assert len(cluster.told) == 1


def test_a_restart_a_new_address_and_a_new_interface_are_the_same_board():
    cluster = Cluster()
    assert cluster.beat("Pi", session="1") == ""
    assert cluster.beat("Pi", session="2") == ""  # the program was started again
    assert cluster.beat("Pi", session="2", address="10.0.0.77") == ""
    assert cluster.beat("Pi, other MAC", session="2") == ""


def test_a_card_that_was_moved_to_another_board_is_no_copy():
    cluster = Cluster()
    assert cluster.beat("old board") == ""
    cluster.now = ALIVE_S
    assert cluster.beat("new board", session="2") == ""
    cluster.now += 1
    assert "old board" in cluster.beat("old board", session="3")


@pytest.mark.parametrize("user", [User("admin", ("system:masters",)), User("system:pikube:leader")])
def test_leases_of_others_are_none_of_its_business(user):
    cluster = Cluster()
    cluster.beat("first")
    assert cluster.beat("second", session="2", user=user) == ""
