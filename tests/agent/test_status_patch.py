"""A status patch changes what its board means to change, and nothing that others wrote meanwhile."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pikube.agent.status_patch import status_patch
from pikube.api.kinds.core_container import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStatus,
)
from pikube.api.kinds.core_node import Node, NodeAddress, NodeCondition, NodeStatus
from pikube.api.kinds.core_pod import Pod, PodCondition, PodIP, PodStatus
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.strategic_merge import strategic_merge

words = st.sampled_from(("", "a", "b", "c"))
types = st.sampled_from(("Ready", "Initialized", "ContainersReady"))


def conditions(cls):
    one = st.builds(cls, type=types, status=st.sampled_from(("True", "False")), reason=words, message=words)
    return st.lists(one, unique_by=lambda c: c.type, max_size=3).map(tuple)


states = st.one_of(
    st.builds(ContainerState, running=st.builds(ContainerStateRunning, started_at=words)),
    st.builds(
        ContainerState,
        terminated=st.builds(ContainerStateTerminated, exit_code=st.integers(0, 3), reason=words),
    ),
)
containers = st.lists(
    st.builds(ContainerStatus, name=words, state=states, restart_count=st.integers(0, 3)), max_size=2
).map(tuple)
addresses = st.lists(st.sampled_from(("10.42.0.2", "10.42.0.3", "fd00::2")), unique=True, max_size=2)
pod_statuses = st.builds(
    PodStatus,
    phase=st.sampled_from(("Pending", "Running", "Failed")),
    conditions=conditions(PodCondition),
    reason=words,
    pod_ip=words,
    pod_ips=addresses.map(lambda found: tuple(PodIP(ip=ip) for ip in found)),
    container_statuses=containers,
)
node_statuses = st.builds(
    NodeStatus,
    capacity=st.dictionaries(st.sampled_from(("cpu", "memory", "pods")), st.sampled_from(("1", "2"))),
    conditions=conditions(NodeCondition),
    addresses=st.lists(words, max_size=2).map(
        lambda ips: (
            *(NodeAddress(type="InternalIP", address=ip) for ip in ips),
            NodeAddress(type="Hostname", address="pi"),
        )
    ),
)


def plain(obj):
    return msgspec.json.decode(msgspec.json.encode(obj))


def written(obj, patch):
    """What the API has after the patch."""
    document = strategic_merge(plain(obj), patch, type(obj))
    return msgspec.convert(document, type(obj))


def in_order(status):
    """Conditions are a map by type: their order says nothing."""
    document = plain(status)
    document.get("conditions", []).sort(key=lambda condition: condition["type"])
    return document


@given(pod_statuses, pod_statuses)
def test_a_pods_status_becomes_what_was_wanted(before, after):
    pod = Pod(metadata=ObjectMeta(name="p", uid="u"), status=before)
    assert in_order(written(pod, status_patch(pod, after)).status) == in_order(after)


@given(node_statuses, node_statuses)
def test_a_nodes_status_becomes_what_was_wanted(before, after):
    node = Node(metadata=ObjectMeta(name="n", uid="u"), status=before)
    assert in_order(written(node, status_patch(node, after)).status) == in_order(after)


@given(pod_statuses)
def test_nothing_new_is_no_patch(status):
    assert status_patch(Pod(status=status), status) == {}


@given(pod_statuses, pod_statuses)
def test_what_others_wrote_since_stays(before, after):
    """The board has not heard yet that the Job took its finalizer away, that somebody labelled the pod, and that
    it is to be disrupted."""
    known = Pod(metadata=ObjectMeta(name="p", uid="u", finalizers=("job-tracking",)), status=before)
    theirs = PodCondition(type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI")
    stored = Pod(
        metadata=ObjectMeta(name="p", uid="u", labels={"by": "hand"}),
        status=msgspec.structs.replace(before, conditions=(*before.conditions, theirs)),
    )
    result = written(stored, status_patch(known, after))
    assert result.metadata == stored.metadata
    assert theirs in result.status.conditions
