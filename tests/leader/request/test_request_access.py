"""RBAC as users meet it: default roles, escalation, binding, impersonation, the review kinds."""

import pytest

from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.kinds.rbac import ClusterRole, ClusterRoleBinding, PolicyRule
from pikube.leader.default_roles import default_roles
from pikube.leader.request.rule_cover import missing_rules, shown
from pikube.leader.role_reconciler import reconcile_roles
from pikube.leader.role_rules import rule
from pikube.wire.messages import Peer

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/default/roles"
BINDINGS = f"{RBAC}/namespaces/default/rolebindings"
SAR = "/apis/authorization.k8s.io/v1/{}"


@pytest.fixture
async def cluster(api):
    for name in ("kube-system", "kube-public"):
        await api.plane.client.create(Namespace(metadata=ObjectMeta(name=name)))
    await reconcile_roles(api.plane.client)
    return api


def user(name, *groups):
    return Peer("127.0.0.1", 1, name, groups)


async def bind(api, who, role, kind="ClusterRole", name="b"):
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "User", "name": who, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    status, made = await api("POST", BINDINGS, binding)
    assert status == 201, made


async def test_everybody_who_is_known_may_discover_and_ask_about_himself(cluster):
    jane = user("jane")
    assert (await cluster("GET", "/apis", peer=jane))[0] == 200
    assert (await cluster("GET", "/apis", peer=Peer("127.0.0.1", 1)))[0] == 403
    assert (await cluster("GET", "/version", peer=Peer("127.0.0.1", 1)))[0] == 200
    wish = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}}
    status, review = await cluster("POST", SAR.format("selfsubjectaccessreviews"), wish, peer=jane)
    assert (status, review["status"]) == (201, {"allowed": False})
    await bind(cluster, "jane", "view")
    _, review = await cluster("POST", SAR.format("selfsubjectaccessreviews"), wish, peer=jane)
    assert review["status"] == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "b/default" of ClusterRole "view" to User "jane"',
    }


async def test_a_refusal_names_the_roles_that_are_bound_and_not_there(cluster):
    await bind(cluster, "jane", "reader", "Role")
    await bind(cluster, "jane", "wide", name="b2")
    _, refused = await cluster("GET", "/api/v1/namespaces/default/pods", peer=user("jane"))
    missing = (
        '[role.rbac.authorization.k8s.io "reader" not found, '
        'clusterrole.rbac.authorization.k8s.io "wide" not found]'
    )
    assert refused["message"] == (
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default": '
        f"RBAC: {missing}"
    )
    wish = {"verb": "list", "resource": "pods", "namespace": "default"}
    body = {"spec": {"user": "jane", "resourceAttributes": wish}}
    _, review = await cluster("POST", SAR.format("subjectaccessreviews"), body)
    assert review["status"] == {"allowed": False, "reason": f"RBAC: {missing}"}


@pytest.mark.parametrize(
    ("role", "verb", "resource", "allowed"),
    [
        ("view", "get", "pods", True), ("view", "get", "secrets", False), ("view", "create", "pods", False),
        ("edit", "get", "pods", True), ("edit", "get", "secrets", True), ("edit", "create", "pods", True),
        ("edit", "create", "roles", False), ("admin", "create", "roles", True), ("admin", "get", "pods", True),
        ("admin", "delete", "secrets", True),
    ],
)  # fmt: skip
async def test_the_wide_roles_contain_the_narrow_ones(cluster, role, verb, resource, allowed):
    await bind(cluster, "jane", role)
    group = "rbac.authorization.k8s.io" if resource == "roles" else ""
    wish = {"verb": verb, "resource": resource, "namespace": "default", "group": group}
    body = {"spec": {"user": "jane", "resourceAttributes": wish}}
    _, review = await cluster("POST", SAR.format("subjectaccessreviews"), body)
    assert review["status"]["allowed"] is allowed


async def test_nobody_grants_what_he_does_not_hold(cluster):
    await bind(cluster, "jane", "admin")
    jane = user("jane")
    role = {
        "metadata": {"name": "r"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": ["storage.k8s.io"], "resources": ["csinodes"], "verbs": ["get", "list"]},
        ],
    }
    status, refused = await cluster("POST", ROLES, role, peer=jane)
    assert status == 403
    assert refused["message"] == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:["storage.k8s.io"], Resources:["csinodes"], Verbs:["get" "list"]}'
    )
    role["rules"].pop()
    assert (await cluster("POST", ROLES, role, peer=jane))[0] == 201
    binding = {
        "metadata": {"name": "up"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    status, refused = await cluster("POST", BINDINGS, binding, peer=jane)
    assert status == 403 and '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}' in refused["message"]


async def test_escalate_and_bind_are_verbs_that_allow_it(cluster):
    await bind(cluster, "jane", "admin")
    may = {
        "metadata": {"name": "may"},
        "rules": [
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": ["cluster-admin"]},
        ],
    }  # fmt: skip
    await cluster("POST", ROLES, may)
    await bind(cluster, "jane", "may", "Role", "b2")
    jane = user("jane")
    role = {"metadata": {"name": "r"}, "rules": [{"apiGroups": ["x"], "resources": ["*"], "verbs": ["*"]}]}
    assert (await cluster("POST", ROLES, role, peer=jane))[0] == 201
    binding = {
        "metadata": {"name": "up"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }
    assert (await cluster("POST", BINDINGS, binding, peer=jane))[0] == 201


async def test_impersonation_needs_leave_for_each_part(cluster):
    who = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    headers = {
        "impersonate_user": "bob", "impersonate_group": "dev\nops, too", "impersonate_uid": "7",
        "impersonate_extra_acme.com%2fteam": "red",
    }  # fmt: skip
    status, review = await cluster("POST", who, {}, **headers)
    assert status == 201
    assert review["status"]["userInfo"] == {
        "username": "bob", "uid": "7", "groups": ["dev", "ops, too", "system:authenticated"],
        "extra": {"acme.com/team": ["red"]},
    }  # fmt: skip
    status, refused = await cluster("POST", who, {}, peer=user("jane"), **headers)
    assert status == 403
    assert refused["message"] == (
        'users "bob" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope'
    )
    account = {"impersonate_user": "system:serviceaccount:default:robot"}
    _, refused = await cluster("POST", who, {}, peer=user("jane"), **account)
    assert refused["message"].endswith(
        'cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"'
    )
    _, review = await cluster("POST", who, {}, **account)
    assert "system:serviceaccounts:default" in review["status"]["userInfo"]["groups"]


async def test_a_local_review_is_about_its_own_namespace(cluster):
    url = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
    wish = {"verb": "get", "resource": "pods", "namespace": "other"}
    status, refused = await cluster("POST", url, {"spec": {"user": "jane", "resourceAttributes": wish}})
    assert status == 422 and "must match metadata.namespace" in refused["message"]


async def test_a_start_completes_what_is_there_and_writes_nothing_else(cluster):
    client = cluster.plane.client
    revision = cluster.store.revision
    await reconcile_roles(client)
    assert cluster.store.revision == revision
    view = await client.get(ClusterRole, "system:basic-user")
    extra = PolicyRule(verbs=("get",), api_groups=("x",), resources=("y",))
    view.rules = (extra,)
    await client.update(view)
    left = await client.get(ClusterRoleBinding, "system:discovery")
    left.metadata.annotations = {"rbac.authorization.kubernetes.io/autoupdate": "false"}
    left.subjects = ()
    await client.update(left)
    await reconcile_roles(client)
    assert len((await client.get(ClusterRole, "system:basic-user")).rules) == 4
    assert (await client.get(ClusterRoleBinding, "system:discovery")).subjects == ()


def test_cover_is_judged_part_by_part():
    held = [rule(("get",), "core apps", "pods deployments"), rule(("*",), "batch", "*", "only")]
    assert missing_rules(held, [rule(("get",), "apps", "pods")]) == []
    lacking = missing_rules(held, [rule(("get", "list"), "core", "pods secrets")])
    assert [shown(part) for part in lacking] == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    ]
    assert missing_rules(held, [rule(("get",), "batch", "jobs", "only")]) == []
    assert missing_rules(held, [rule(("get",), "batch", "jobs")])


def test_default_roles_are_named_once():
    names = [(type(obj), obj.metadata.namespace, obj.metadata.name) for obj in default_roles()]
    assert len(names) == len(set(names))


async def test_a_put_makes_what_is_not_there_of_some_kinds(cluster):
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    role = {"metadata": {"name": "r"}, "rules": []}
    status, made = await cluster("PUT", f"{roles}/r", role)
    assert status == 201 and made["metadata"]["uid"]
    status, refused = await cluster("PUT", f"{roles}/other", role)
    assert status == 400 and "does not match the name on the URL" in refused["message"]
    maps = "/api/v1/namespaces/default/configmaps"
    assert (await cluster("PUT", f"{maps}/m", {"metadata": {"name": "m"}}))[0] == 404
    rules = [{"apiGroups": [""], "resources": ["limitranges"], "verbs": ["update"]}]
    assert (await cluster("POST", roles, {"metadata": {"name": "replacer"}, "rules": rules}))[0] == 201
    binding = {
        "metadata": {"name": "bob"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "replacer"},
        "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    assert (await cluster("POST", roles.replace("roles", "rolebindings"), binding))[0] == 201
    url = "/api/v1/namespaces/default/limitranges/l"
    limits = {"metadata": {"name": "l"}, "spec": {"limits": []}}
    status, refused = await cluster("PUT", url, limits, impersonate_user="bob")
    assert status == 403 and 'cannot create resource "limitranges"' in refused["message"]
    assert (await cluster("PUT", url, limits))[0] == 201
    assert (await cluster("PUT", url, limits, impersonate_user="bob"))[0] == 200


async def test_who_is_looked_at_as_nobody_may_what_nobody_may(cluster):
    """Impersonating system:anonymous gives its group (kubernetes endpoints/filters/impersonation.go)."""
    assert (await cluster("GET", "/version", impersonate_user="system:anonymous"))[0] == 200
    assert (await cluster("GET", "/api", impersonate_user="system:anonymous"))[0] == 403
    status, refused = await cluster("GET", "/version", impersonate_user="system:serviceaccount:odd")
    assert status == 200, refused  # a user of that name, in no namespace


async def test_a_boards_rules_are_not_all_told(cluster):
    node = user("system:node:b2", "system:nodes")
    for peer, is_incomplete in ((node, True), (user("jane"), False)):
        body = {"spec": {"namespace": "default"}}
        _, review = await cluster("POST", SAR.format("selfsubjectrulesreviews"), body, peer=peer)
        assert review["status"]["incomplete"] is is_incomplete
        assert ("evaluationError" in review["status"]) is is_incomplete


async def test_the_role_of_boards_shows_what_they_may_and_gives_it_to_nobody(cluster):
    _, role = await cluster("GET", f"{RBAC}/clusterroles/system:node")
    verbs = {(r["apiGroups"][0], r["resources"][0]): set(r["verbs"]) for r in role["rules"]}
    assert {"get", "list", "watch", "create", "update", "patch"} <= verbs["", "nodes"]
    assert verbs["", "secrets"] == {"get", "list", "watch"}
    assert verbs["coordination.k8s.io", "leases"] == {"get", "create", "update", "patch", "delete"}
    _, binding = await cluster("GET", f"{RBAC}/clusterrolebindings/system:node")
    assert not binding.get("subjects")


async def test_the_roles_of_controllers_and_schedulers_are_there_for_whoever_runs_one(cluster):
    """A second scheduler is told to bind its account to the first's roles."""
    _, roles = await cluster("GET", f"{RBAC}/clusterroles")
    names = {role["metadata"]["name"] for role in roles["items"]}
    _, bindings = await cluster("GET", f"{RBAC}/clusterrolebindings")
    for binding in bindings["items"]:
        name = binding["metadata"]["name"]
        assert binding["roleRef"]["name"] == name and name in names
        if name.startswith("system:controller:"):
            account = name.removeprefix("system:controller:")
            wanted = {"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}
            assert binding["subjects"] == [wanted]
    assert {"system:volume-scheduler", "system:kube-scheduler", "system:controller:job-controller"} <= names
    account = user("system:serviceaccount:kube-system:cronjob-controller", "system:serviceaccounts")
    for verb, resource, group, is_allowed in (
        ("create", "jobs", "batch", True),
        ("delete", "pods", "", True),
        ("create", "pods", "", False),
        ("get", "secrets", "", False),
    ):
        attributes = {"verb": verb, "resource": resource, "group": group, "namespace": "default"}
        wish = {"spec": {"resourceAttributes": attributes}}
        _, review = await cluster("POST", SAR.format("selfsubjectaccessreviews"), wish, peer=account)
        assert review["status"]["allowed"] is is_allowed, attributes
    for namespace in ("kube-system", "kube-public"):
        url = f"{RBAC}/namespaces/{namespace}"
        _, made = await cluster("GET", f"{url}/roles/system:controller:bootstrap-signer")
        _, bound = await cluster("GET", f"{url}/rolebindings/system:controller:bootstrap-signer")
        assert made["rules"] and bound["subjects"][0]["name"] == "bootstrap-signer"


async def test_a_right_goes_with_its_binding_its_role_and_what_the_role_gathers(cluster):
    pods, jane = "/api/v1/namespaces/default/pods", user("jane", "team")

    async def answer():
        return (await cluster("GET", pods, peer=jane))[0]

    assert await answer() == 403
    await bind(cluster, "jane", "view")
    assert await answer() == 200
    assert (await cluster("DELETE", f"{RBAC}/clusterroles/system:aggregate-to-view"))[0] == 200
    assert await answer() == 403
    assert (await cluster("DELETE", f"{BINDINGS}/b"))[0] == 200
    role = {
        "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}],
    }
    assert (await cluster("POST", ROLES, role))[0] == 201
    await bind(cluster, "jane", "r", "Role")
    assert await answer() == 200
    assert (await cluster("PUT", f"{ROLES}/r", {**role, "rules": []}))[0] == 200
    assert await answer() == 403
