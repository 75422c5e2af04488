"""What a board may read and write: a stolen card must be worth no more than what its own pods use."""

import pytest
from msgspec import structs

from pikube.api.errors import ApiError, Forbidden
from pikube.api.kinds.authentication import BoundObjectReference, TokenRequest, TokenRequestSpec
from pikube.api.kinds.coordination import Lease
from pikube.api.kinds.core_container import Container, EnvFromSource, EnvVar, EnvVarSource
from pikube.api.kinds.core_node import Node, Taint
from pikube.api.kinds.core_pod import Pod, PodSpec
from pikube.api.kinds.core_references import (
    ConfigMapKeySelector,
    LocalObjectReference,
    SecretKeySelector,
)
from pikube.api.kinds.core_storage import PersistentVolumeClaim, PersistentVolumeClaimStatus
from pikube.api.kinds.core_volume import (
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    SecretProjection,
    SecretVolumeSource,
    Volume,
    VolumeProjection,
)
from pikube.api.kinds.meta import ObjectMeta, OwnerReference
from pikube.api.scheme import Scheme
from pikube.api.served import SERVED
from pikube.informer.cache import Cache
from pikube.leader.request.admission import Attributes
from pikube.leader.request.context import Context, User
from pikube.leader.request.node_authorizer import NodeAuthorizer
from pikube.leader.request.node_graph import NodeGraph
from pikube.leader.request.node_restriction import NodeRestriction, check_eviction, check_token
from pikube.leader.request.route import Query, Route, parse_route

OWNER = OwnerReference(api_version="v1", kind="Node", name="b2", uid="uid-b2", controller=True)
SCHEME = Scheme(SERVED)
B2 = User("system:node:b2", ("system:nodes", "system:authenticated"))


def pod(name="web", node="b2", **spec):
    return Pod(
        metadata=ObjectMeta(name=name, namespace="shop", uid=f"uid-{name}"),
        spec=PodSpec(node_name=node, service_account_name="clerk", **spec),
    )


def using_everything():
    container = Container(
        name="c",
        env_from=(EnvFromSource(secret_ref=LocalObjectReference(name="from-env")),),
        env=(
            EnvVar(
                name="A", value_from=EnvVarSource(secret_key_ref=SecretKeySelector(name="one-key", key="k"))
            ),
            EnvVar(
                name="B",
                value_from=EnvVarSource(config_map_key_ref=ConfigMapKeySelector(name="map", key="k")),
            ),
        ),
    )
    volumes = (
        Volume(name="a", secret=SecretVolumeSource(secret_name="mounted")),
        Volume(
            name="b",
            projected=ProjectedVolumeSource(
                sources=(VolumeProjection(secret=SecretProjection(name="projected")),)
            ),
        ),
        Volume(name="c", persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name="claim")),
    )
    pulls = (LocalObjectReference(name="pull"),)
    return pod(containers=(container,), volumes=volumes, image_pull_secrets=pulls)


@pytest.fixture
def authorizer():
    pods, claims = Cache(Pod), Cache(PersistentVolumeClaim)
    graph = NodeGraph(pods, claims)
    pods.put(using_everything())
    pods.put(
        pod("other", node="b3", volumes=(Volume(name="v", secret=SecretVolumeSource(secret_name="theirs")),))
    )
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name="claim", namespace="shop"))
    claim.spec.volume_name = "pv1"
    claims.put(claim)
    return NodeAuthorizer(graph.reaches)


def may(authorizer, method, path, user=B2):
    path, _, query = path.partition("?")
    return authorizer.may(user, parse_route(method, path, Query(query)))


SHOP = "/api/v1/namespaces/shop"
NAMED = "fieldSelector=metadata.name%3D"


@pytest.mark.parametrize(
    "request_line",
    [
        *(f"GET {SHOP}/secrets/{name}" for name in ("from-env", "one-key", "mounted", "projected", "pull")),
        f"GET {SHOP}/secrets?watch=true&{NAMED}mounted",
        f"GET {SHOP}/configmaps/map",
        f"GET {SHOP}/persistentvolumeclaims/claim",
        f"POST {SHOP}/serviceaccounts/clerk/token",
        "GET /api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Db2",
        f"GET {SHOP}/pods/web",
        f"GET {SHOP}/pods?watch=1&{NAMED}web",
        "GET /api/v1/nodes/b2",
        f"GET /api/v1/nodes?watch=1&{NAMED}b2",
        "PATCH /api/v1/nodes/b3",  # node_restriction sees to it
        "GET /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/b2",
        "POST /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        "GET /api",
        "GET /apis/apps/v1",
        "GET /api/v1/services?watch=1",
        "PUT /api/v1/nodes/b2/status",
        "PUT /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/b2",
        f"PATCH {SHOP}/pods/web/status",
    ],
)
def test_a_board_may(authorizer, request_line):
    method, path = request_line.split()
    assert may(authorizer, method, path)


UNRELATED = "no relationship found between node 'b2' and this object"


@pytest.mark.parametrize(
    ("request_line", "why"),
    [
        (f"GET {SHOP}/secrets/theirs", UNRELATED),
        (f"GET {SHOP}/secrets/unknown", UNRELATED),
        (f"GET {SHOP}/secrets", "No Object name found"),
        ("GET /api/v1/secrets?watch=1", "can only read namespaced object of this type"),
        (f"GET {SHOP}/secrets?watch=true&{NAMED}theirs", UNRELATED),
        (f"GET {SHOP}/secrets?watch=true&fieldSelector=metadata.name!%3Dmounted", "No Object name found"),
        ("GET /api/v1/namespaces/kube-system/secrets/mounted", UNRELATED),
        (f"PUT {SHOP}/secrets/mounted", "can only read resources of this type"),
        (f"GET {SHOP}/configmaps", "No Object name found"),
        ("GET /api/v1/pods", "can only list/watch pods with spec.nodeName field selector"),
        (
            "GET /api/v1/pods?fieldSelector=spec.nodeName%3Db3",
            "can only list/watch pods with spec.nodeName field selector",
        ),
        (f"GET {SHOP}/pods/other", UNRELATED),
        (f"GET {SHOP}/pods?{NAMED}other", UNRELATED),
        ("GET /api/v1/nodes", "node 'b2' cannot read all nodes, only its own Node object"),
        ("GET /api/v1/nodes?watch=1", "node 'b2' cannot read all nodes, only its own Node object"),
        ("GET /api/v1/nodes/b3", "node 'b2' cannot read 'b3', only its own Node object"),
        (
            "GET /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/b3",
            "can only access node lease with the same name as the requesting node",
        ),
        (
            "GET /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
            "can only get, create, update, patch, or delete a node lease",
        ),
        (
            "GET /apis/coordination.k8s.io/v1/namespaces/kube-system/leases/b2",
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (
            "GET /apis/storage.k8s.io/v1/csinodes/b3",
            "can only access CSINode with the same name as the requesting node",
        ),
        (f"POST {SHOP}/serviceaccounts/default/token", UNRELATED),
        (f"DELETE {SHOP}/serviceaccounts/clerk", "can only create tokens for individual service accounts"),
        ("DELETE /api/v1/nodes/b2", ""),
        ("GET /apis/rbac.authorization.k8s.io/v1/clusterroles", ""),
        ("POST /apis/apps/v1/namespaces/shop/deployments", ""),
        (f"POST {SHOP}/pods/web/exec", ""),
        (f"POST {SHOP}/pods/web/binding", ""),
        ("GET /metrics", ""),
    ],
)
def test_a_board_may_not_and_hears_why(authorizer, request_line, why):
    method, path = request_line.split()
    assert not may(authorizer, method, path)
    path, _, query = path.partition("?")
    assert authorizer.why_not(B2, parse_route(method, path, Query(query))) == why


def test_a_boards_netproxy_speaks_as_kube_proxy_and_as_nobody_else(authorizer):
    def wish(name, resource="users"):
        return Route("impersonate", "", True, "", "v1", "", resource, name)

    assert authorizer.may(B2, wish("system:kube-proxy"))
    for name in ("system:node:b3", "kubernetes-admin", ""):
        assert not authorizer.may(B2, wish(name))
    assert not authorizer.may(B2, wish("system:masters", "groups"))


def test_others_gain_nothing_from_the_rules_of_boards(authorizer):
    for user in (
        User("eve", ("system:authenticated",)),
        User("system:node:b2"),
        User("eve", ("system:nodes",)),
    ):
        assert not may(authorizer, "PUT", "/api/v1/nodes/b2", user)


def test_a_volume_is_reached_through_its_claim():
    pods, claims = Cache(Pod), Cache(PersistentVolumeClaim)
    graph = NodeGraph(pods, claims)
    pods.put(using_everything())
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name="claim", namespace="shop"))
    claim.spec.volume_name = "pv1"
    claims.put(claim)
    assert graph.reaches("b2", "persistentvolumes", "", "pv1")
    assert not graph.reaches("b3", "persistentvolumes", "", "pv1")


def write(operation, obj, old=None, *, user=B2, subresource=""):
    """Whether the plugin lets it pass; the words of the refusal if not."""
    subject = obj if obj is not None else old
    info = SCHEME.by_class(type(subject))
    meta = subject.metadata
    attributes = Attributes(
        operation, info, meta.namespace, meta.name, subresource, obj, old, Context(user, 0.0)
    )
    try:
        NodeRestriction({"b2": "uid-b2"}.get).admit(attributes)
    except Forbidden as refusal:
        return refusal.message
    return ""


def node(name="b2", labels=None, annotations=None, taints=()):
    made = Node(metadata=ObjectMeta(name=name, labels=labels or {}, annotations=annotations or {}))
    made.spec.taints = taints
    return made


def test_a_board_writes_its_own_node_only():
    assert write("UPDATE", node(labels={"shelf": "2"}), node()) == ""
    assert 'node "b2" is not allowed to modify node "b3"' in write("UPDATE", node("b3"), node("b3"))
    assert "modify taints" in write("UPDATE", node(), node(taints=(Taint(key="a", effect="NoSchedule"),)))
    assert "modify labels: node-role.kubernetes.io/control-plane" in write(
        "UPDATE", node(labels={"node-role.kubernetes.io/control-plane": ""}), node()
    )
    assert "modify labels: node-restriction.kubernetes.io/x" in write(
        "UPDATE", node(), node(labels={"node-restriction.kubernetes.io/x": "1"})
    )


def test_a_board_cannot_give_its_node_to_another_key():
    mine, other = {"pikube.io/board-key": "a"}, {"pikube.io/board-key": "b"}
    assert write("UPDATE", node(annotations=mine), node(annotations=mine)) == ""
    assert "pikube.io/board-key" in write("UPDATE", node(annotations=other), node(annotations=mine))
    assert "pikube.io/board-key" in write("UPDATE", node(), node(annotations=mine))


def test_a_board_touches_pods_of_its_own_only():
    assert write("UPDATE", pod(), pod(), subresource="status") == ""
    assert "with spec.nodeName set to itself" in write("UPDATE", pod(node="b3"), pod(node="b3"))
    assert write("DELETE", None, pod()) == ""
    assert "can only delete pods" in write("DELETE", None, pod(node="b3"))
    relabelled = pod()
    relabelled.metadata.labels = {"a": "b"}
    assert "cannot update labels" in write("UPDATE", relabelled, pod())


def test_a_board_makes_mirror_pods_that_name_no_objects():
    def mirror(node="b2", owner=OWNER, **spec):
        made = pod("static", node=node, **spec)
        made.metadata.annotations = {"kubernetes.io/config.mirror": "x"}
        made.metadata.owner_references = (owner,) if owner else ()
        made.spec.service_account_name = ""
        return made

    assert write("CREATE", mirror()) == ""
    assert (
        'pod does not have "kubernetes.io/config.mirror" annotation, node "b2" can only create mirror pods'
        in write("CREATE", pod("plain"))
    )
    secret = Volume(name="s", secret=SecretVolumeSource(secret_name="any"))
    assert 'node "b2" can not create pods that reference secrets' in write(
        "CREATE", mirror(volumes=(secret,))
    )
    assert "can only create pods with spec.nodeName" in write("CREATE", mirror(node="b3"))
    wrong = "can only create pods with an owner reference set to itself"
    assert wrong in write("CREATE", mirror(owner=None))
    assert wrong in write("CREATE", mirror(owner=structs.replace(OWNER, name="b3")))
    assert "controller owner reference" in write(
        "CREATE", mirror(owner=structs.replace(OWNER, controller=None))
    )
    assert "node b2 UID mismatch: expected uid-old got uid-b2" in write(
        "CREATE", mirror(owner=structs.replace(OWNER, uid="uid-old"))
    )
    assert "blockOwnerDeletion" in write(
        "CREATE", mirror(owner=structs.replace(OWNER, block_owner_deletion=True))
    )


def test_a_board_registers_with_labels_that_are_its_to_give():
    words = 'node "b2" is not allowed to set the following labels: node-restriction.kubernetes.io/x'
    assert words in write("CREATE", node(labels={"node-restriction.kubernetes.io/x": "1", "shelf": "2"}))


def test_a_board_evicts_its_own_pods_only():
    check_eviction(B2, pod())
    check_eviction(User("admin"), pod(node="b3"))
    with pytest.raises(Forbidden, match='pods "web" is forbidden: node b2 can only evict pods with'):
        check_eviction(B2, pod(node="b3"))


def test_a_board_says_how_large_a_claim_is_and_nothing_else():
    def claim(phase="Bound", **status):
        made = PersistentVolumeClaim(metadata=ObjectMeta(name="claim", namespace="shop"))
        made.status = PersistentVolumeClaimStatus(phase=phase, **status)
        return made

    assert write("UPDATE", claim(capacity={"storage": "1Gi"}), claim(), subresource="status") == ""
    words = 'node "b2" is not allowed to update fields other than status.capacity and status.conditions'
    assert words in write("UPDATE", claim("Lost"), claim(), subresource="status")
    assert "may only update PVC status" in write("UPDATE", claim(), claim())


def test_a_board_has_one_lease():
    def lease(name, namespace="kube-node-lease"):
        return Lease(metadata=ObjectMeta(name=name, namespace=namespace))

    assert write("UPDATE", lease("b2"), lease("b2")) == ""
    assert "same name as the requesting node" in write("CREATE", lease("b3"))
    assert '"kube-node-lease" namespace' in write("CREATE", lease("b2", "default"))


def test_others_are_not_held_to_the_rules_of_boards():
    assert write("UPDATE", node("b3"), node("b3"), user=User("admin", ("system:masters",))) == ""


def bound_to(name, uid, kind="Pod"):
    return TokenRequest(
        spec=TokenRequestSpec(
            bound_object_ref=BoundObjectReference(kind=kind, api_version="v1", name=name, uid=uid)
        )
    )


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (TokenRequest(), "not bound to a pod"),
        (bound_to("web", "uid-web", "Secret"), "not bound to a pod"),
        (bound_to("web", ""), "without a uid"),
        (bound_to("web", "uid-of-another"), "does not match the UID in record"),
        (bound_to("gone", "uid-gone"), 'pods "gone" not found'),
        (bound_to("theirs", "uid-theirs"), "scheduled on a different node"),
    ],
)
def test_a_board_gets_no_token_but_for_its_own_pods(request_, words):
    pods = {"web": pod(), "theirs": pod("theirs", node="b3")}
    with pytest.raises(ApiError, match=words):
        check_token(B2, "shop", "clerk", request_, lambda namespace, name: pods.get(name))


def test_a_board_gets_the_token_of_its_pod():
    check_token(B2, "shop", "clerk", bound_to("web", "uid-web"), lambda namespace, name: pod())
    check_token(User("admin"), "shop", "clerk", TokenRequest(), lambda namespace, name: None)
