"""Which pods fit a board, and whom a critical one displaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.agent.pods.admission import admission
from pikube.agent.pods.fit import Admitted, Misfit, admit, leave_s
from pikube.api.kinds.core_container import Container, ContainerPort, ResourceRequirements
from pikube.api.kinds.core_node import Node, NodeSpec, NodeStatus, Taint
from pikube.api.kinds.core_pod import Pod, PodOS, PodSecurityContext, PodSpec, PodStatus
from pikube.api.kinds.core_references import Toleration
from pikube.api.kinds.meta import ObjectMeta

CRITICAL = 2_000_000_000
STATIC = {"kubernetes.io/config.source": "file"}


def pod(
    name="p",
    *,
    port=0,
    limits=False,
    labels=None,
    annotations=None,
    begun=False,
    priority=None,
    more=None,
    **spec,
):
    wanted = {name: spec.pop(name) for name in ("cpu", "memory") if name in spec} | (more or {})
    resources = ResourceRequirements(requests=wanted, limits=wanted if limits else {})
    ports = (ContainerPort(container_port=80, host_port=port),) if port else ()
    meta = ObjectMeta(name=name, uid=name, labels=labels or {}, annotations=annotations or {})
    containers = (Container(name="c", resources=resources, ports=ports),)
    status = PodStatus(start_time="2024-01-01T00:00:00Z" if begun else "")
    return Pod(metadata=meta, spec=PodSpec(containers=containers, priority=priority, **spec), status=status)


def board(*taints, **allocatable):
    room = {"cpu": "2", "memory": "1Gi", "pods": "3", **allocatable}
    meta = ObjectMeta(name="b", labels={"kubernetes.io/os": "linux", "disk": "ssd"})
    return Node(metadata=meta, spec=NodeSpec(taints=taints), status=NodeStatus(allocatable=room))


GONE = Taint(key="gone", effect="NoExecute")
DISK = "ephemeral-storage"
STRICT = PodSecurityContext(supplemental_groups_policy="Strict")


@pytest.mark.parametrize(
    ("wanted", "node", "others", "reason", "words"),
    [
        (pod(cpu="3"), board(), (), "OutOfcpu", "cpu, requested: 3000, used: 0, capacity: 2000"),
        (
            pod(memory="600Mi"), board(), (pod("a", memory="500Mi"),), "OutOfmemory",
            "memory, requested: 629145600, used: 524288000, capacity: 1073741824",
        ),
        (pod(), board(), (pod("a"), pod("b"), pod("c")), "OutOfpods", "pods, requested: 1, used: 3, capacity: 3"),
        (pod(more={DISK: "2"}), board(**{DISK: "1"}), (), f"OutOf{DISK}", "capacity: 1"),
        (pod(more={"hugepages-2Mi": "2Mi"}), board(), (), "OutOfhugepages-2Mi", "capacity: 0"),
        (pod(more={"a.b/gpu": "2"}), board(**{"a.b/gpu": "1"}), (), "OutOfa.b/gpu", "requested: 2"),
        (pod(node_selector={"disk": "hdd"}), board(), (), "NodeAffinity", "Predicate NodeAffinity failed: node(s)"),
        (pod(port=8080), board(), (pod("a", port=8080),), "NodePorts", "Predicate NodePorts failed: node(s)"),
        (pod(), board(GONE), (), "TaintToleration", "node(s) had taints that the pod didn't tolerate"),
        (pod(labels={"kubernetes.io/os": "windows"}), board(), (), "PodOSSelectorNodeLabelDoesNotMatch", "label"),
        (pod(os=PodOS(name="windows")), board(), (), "PodOSNotSupported", "OS field"),
        (pod(security_context=STRICT), board(), (), "SupplementalGroupsPolicyNotSupported", "=Strict"),
        (pod(cpu="3", priority=CRITICAL, port=80), board(), (pod("a", port=80),), "NodePorts", "free ports"),
        (
            pod(cpu="2", priority=CRITICAL), board(), (pod("a", cpu="1", priority=CRITICAL),),
            "UnexpectedAdmissionError", "no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_kubelet_s_words(wanted, node, others, reason, words):
    found = admit(wanted, node, others)
    assert isinstance(found, Misfit)
    assert found.reason == reason
    assert words in found.message


@pytest.mark.parametrize(
    ("wanted", "node", "others"),
    [
        (pod(cpu="2", memory="1Gi"), board(), ()),
        (pod("a", port=80, cpu="2"), board(), (pod("a", port=80, cpu="2"),)),  # itself
        (pod(port=80), board(), (pod("a", port=81),)),
        (pod(more={"a.b/gpu": "2"}), board(), ()),  # a resource that no node has is another's to count
        (pod(tolerations=(Toleration(key="gone", operator="Exists"),)), board(GONE), ()),
        (pod(annotations=STATIC), board(GONE), ()),
        (pod(begun=True, node_selector={"disk": "hdd"}), board(GONE), ()),  # labels that changed meanwhile
        (pod(node_selector={"disk": "ssd"}), board(Taint(key="no", effect="NoSchedule")), ()),
        (pod(cpu="1"), Node(), ()),  # a Node that says nothing yet
    ],
)
def test_what_fits_is_let_in(wanted, node, others):
    assert admit(wanted, node, others) == Admitted()


@pytest.mark.parametrize(
    ("wanted", "others", "victims"),
    [
        ({"cpu": "1"}, [pod("a", cpu="1"), pod("b", cpu="500m")], ["b"]),
        ({"cpu": "2"}, [pod("a", cpu="1"), pod("b", cpu="500m")], ["a", "b"]),
        ({"cpu": "1"}, [pod("a", cpu="1", memory="1Mi", limits=True), pod("b", cpu="1")], ["b"]),
        ({"cpu": "1"}, [pod("a", cpu="2", priority=CRITICAL)], None),
        (
            {},
            [pod("a", cpu="1"), pod("b"), pod("c", cpu="1")],
            ["b"],
        ),  # the number of pods: one that asks for nothing
    ],
)
def test_a_critical_pod_displaces_as_few_and_as_unimportant_ones_as_can_be(wanted, others, victims):
    found = admit(pod("new", priority=CRITICAL, **wanted), board(), others)
    assert (
        sorted(p.metadata.name for p in found.victims) if isinstance(found, Admitted) else None
    ) == victims


CORES = st.lists(st.integers(0, 4), max_size=6)


@given(cores=CORES, wanted=st.integers(0, 12), is_limited=st.lists(st.booleans(), min_size=6, max_size=6))
def test_once_the_victims_are_gone_the_pod_fits(cores, wanted, is_limited):
    others = [
        pod(f"p{n}", cpu=str(c), memory="1", limits=is_limited[n]) if c else pod(f"p{n}")
        for n, c in enumerate(cores)
    ]
    node = board(cpu="8", pods="4")
    found = admit(pod("new", cpu=str(wanted), priority=CRITICAL), node, others)
    if wanted > 8:
        assert isinstance(found, Misfit)
        return
    assert isinstance(found, Admitted)
    left = [other for other in others if other not in found.victims]
    assert admit(pod("new", cpu=str(wanted)), node, left) == Admitted()


async def test_what_a_node_says_against_a_pod_is_believed_once_the_api_says_it_too():
    asked = []

    def api(node):
        async def newest():
            asked.append(node)
            return node

        return newest

    wanted = pod(node_selector={"disk": "new"})
    labelled = board()
    labelled.metadata.labels["disk"] = "new"
    assert await admission(wanted, board(), api(labelled), list) == Admitted()
    assert (await admission(wanted, board(), api(board()), list)).reason == "NodeAffinity"
    assert await admission(pod(), board(GONE), api(board()), list) == Admitted()
    assert len(asked) == 3
    assert await admission(wanted, labelled, api(board()), list) == Admitted(), (
        "nobody is asked for what fits"
    )
    assert (await admission(pod(cpu="3"), board(), api(board()), list)).reason == "OutOfcpu"
    assert len(asked) == 3, "what is short here, the board knows best"


@pytest.mark.parametrize(("grace_s", "wait_s"), [(None, 10), (0, 10), (4, 10), (30, 45)])
def test_a_critical_pod_waits_half_longer_than_its_victims_have(grace_s, wait_s):
    assert leave_s(pod(termination_grace_period_seconds=grace_s)) == wait_s
