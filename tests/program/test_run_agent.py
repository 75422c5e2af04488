"""What an agent begins with."""

from pikube.agent.membership import Member
from pikube.certs.enrolment import ClusterDocument, ClusterSettings
from pikube.run_agent import known_servers

COMMON = ClusterSettings(cluster_cidr="", service_cidr="", cluster_dns="", cluster_domain="")


def member(*servers):
    document = ClusterDocument(
        cluster="home", id="1", ca="", servers=servers, version="1", time=0.0, settings=COMMON
    )
    return Member(node="b2", cluster=document)


def test_a_leader_is_asked_where_it_was_named_and_where_it_went_since():
    named, moved = "https://192.0.2.1:6443", "https://192.0.2.9:6443"
    assert known_servers("", member(named)) == (named,)
    assert known_servers(named, member(named)) == (named,)
    assert known_servers(named, member(moved)) == (named, moved)
