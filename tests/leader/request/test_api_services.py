"""APIServices: what `kubectl get apiservices` shows, and what is refused."""

from pikube.leader.api_services import make_api_services

URL = "/apis/apiregistration.k8s.io/v1/apiservices"


async def test_what_the_server_serves_is_listed_as_available(api):
    await make_api_services(api.plane.client, api.scheme)
    revision = api.store.revision
    await make_api_services(api.plane.client, api.scheme)
    assert api.store.revision == revision
    _, table = await api("GET", URL, accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    rows = {row["cells"][0]: row["cells"] for row in table["rows"]}
    assert rows["v1."][:3] == ["v1.", "Local", "True"] and "v1.apps" in rows
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "Service",
        "Available",
        "Age",
    ]


async def test_what_a_service_serves_is_not_ours_to_call_available(api):
    spec = {
        "group": "x.example.com", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
        "service": {"namespace": "default", "name": "x"},
    }  # fmt: skip
    status, made = await api("POST", URL, {"metadata": {"name": "v1.x.example.com"}, "spec": spec})
    assert status == 201 and not made["status"].get("conditions") and made["spec"]["service"]["port"] == 443
    status, refused = await api("POST", URL, {"metadata": {"name": "other"}, "spec": spec})
    assert status == 422 and 'must be `spec.version+"."+spec.group`: "v1.x.example.com"' in refused["message"]
