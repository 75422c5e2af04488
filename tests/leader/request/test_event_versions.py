"""core/v1 and events.k8s.io/v1 are two views of the same events."""

CORE = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"


async def test_an_event_of_one_version_is_seen_in_the_other(api):
    event = {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
        "eventTime": "2026-01-01T00:00:00.000000Z", "regarding": {"kind": "Pod", "name": "web"},
        "note": "hello", "reason": "Said", "type": "Normal", "action": "Say",
        "reportingController": "example.com/c", "reportingInstance": "c-1",
    }  # fmt: skip
    status, made = await api("POST", NEW, event)
    assert status == 201 and made["apiVersion"] == "events.k8s.io/v1" and made["note"] == "hello"
    _, core = await api("GET", f"{CORE}/e")
    assert core["apiVersion"] == "v1"
    assert (core["message"], core["involvedObject"]["name"]) == ("hello", "web")
    assert core["reportingComponent"] == "example.com/c"
    _, listed = await api("GET", f"{NEW}?fieldSelector=regarding.name=web,type=Normal")
    assert [item["note"] for item in listed["items"]] == ["hello"]
    _, patched = await api(
        "PATCH", f"{CORE}/e", {"message": "bye", "count": 3}, content_type="application/merge-patch+json"
    )
    _, seen = await api("GET", f"{NEW}/e")
    assert (seen["note"], seen["deprecatedCount"]) == ("bye", 3)
    assert seen["metadata"]["resourceVersion"] == patched["metadata"]["resourceVersion"]


async def test_a_watch_of_one_version_follows_writes_of_the_other(api):
    async with api.watching(f"{NEW}?resourceVersion=0&watch=true") as events:
        await api("POST", CORE, {"metadata": {"name": "e"}, "message": "hi", "involvedObject": {"name": "x"}})
        event = await events.receive()
    assert event["type"] == "ADDED" and event["object"]["note"] == "hi"
    assert event["object"]["kind"] == "Event" and event["object"]["apiVersion"] == "events.k8s.io/v1"


async def test_both_versions_print_the_same_table(api):
    await api("POST", CORE, {"metadata": {"name": "e"}, "message": "hi", "involvedObject": {"name": "x"}})
    accept = "application/json;as=Table;g=meta.k8s.io;v=v1"
    tables = [(await api("GET", url, accept=accept))[1] for url in (CORE, NEW)]
    assert tables[0]["rows"][0]["cells"] == tables[1]["rows"][0]["cells"]
