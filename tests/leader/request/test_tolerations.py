"""How long pods stay on a board that is not ready, or lost."""

import pytest
from request_api import Api

PODS = "/api/v1/namespaces/default/pods"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


@pytest.mark.parametrize(
    ("settings", "own", "expected"),
    [
        ({}, [], {NOT_READY: 5, UNREACHABLE: 5}),
        (
            {"default_not_ready_toleration_seconds": "60", "default_unreachable_toleration_seconds": "300"}, [],
            {NOT_READY: 60, UNREACHABLE: 300},
        ),
        ({}, [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 7}],
         {NOT_READY: 5, UNREACHABLE: 7}),
        ({}, [{"operator": "Exists"}], {"": None}),
    ],
)  # fmt: skip
async def test_the_leaders_settings_say_it_for_pods_that_do_not(settings, own, expected):
    api = Api(**settings)
    await api.make_namespace()
    spec = {"containers": [{"name": "c", "image": "i"}], "tolerations": own}
    status, pod = await api("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})
    assert status == 201, pod
    found = {t.get("key", ""): t.get("tolerationSeconds") for t in pod["spec"]["tolerations"]}
    assert found == expected
