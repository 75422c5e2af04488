"""A node that has just been made."""

NODES = "/api/v1/nodes"
TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


async def test_a_new_node_is_tainted_until_it_is_ready(api):
    _, made = await api("POST", NODES, {"metadata": {"name": "a"}})
    assert made["spec"]["taints"] == [TAINT]
    own = {"key": "mine", "effect": "NoExecute"}
    _, made = await api("POST", NODES, {"metadata": {"name": "b"}, "spec": {"taints": [own, TAINT]}})
    assert made["spec"]["taints"] == [own, TAINT]


async def test_the_taint_may_go_later(api):
    _, made = await api("POST", NODES, {"metadata": {"name": "a"}})
    del made["spec"]["taints"]
    status, changed = await api("PUT", f"{NODES}/a", made)
    assert status == 200 and "taints" not in changed["spec"]
