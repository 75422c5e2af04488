"""The life of an object of any kind by its URL: every verb that Kubernetes' conformance asks of it, with kubectl."""

import json

from board import wait_until


def life(board, collection, document, *, statuses=()):
    """Create, read, list, patch, update, watch, delete one by one and as a collection; `statuses` are patches of its
    status subresource, each of which must be found afterwards."""
    name = document["metadata"]["name"]
    url = f"{collection}/{name}"
    labelled = f"{collection}?labelSelector=life%3D{name}"

    def raw(verb, path, *argv, **options):
        return board.kubectl(verb, "--raw", path, *argv, **options)

    def make(one):
        labels = {**one["metadata"].get("labels", {}), "life": name}
        body = json.dumps({**one, "metadata": {**one["metadata"], "labels": labels}})
        return json.loads(raw("create", collection, "-f", "-", text_in=body))

    def items():
        return [item["metadata"]["name"] for item in json.loads(raw("get", labelled))["items"]]

    made = make(document)
    assert made["metadata"]["uid"] and made["kind"] == document["kind"]
    since = made["metadata"]["resourceVersion"]
    assert json.loads(raw("get", url))["metadata"]["uid"] == made["metadata"]["uid"]
    assert items() == [name]
    where = ("-n", document["metadata"]["namespace"]) if "namespace" in document["metadata"] else ()
    group = document["apiVersion"].rpartition("/")[0]
    kind = ".".join(
        filter(None, (collection.rsplit("/", 1)[1], document["apiVersion"].rpartition("/")[2], group))
    )
    kind = kind if group else collection.rsplit("/", 1)[1]
    board.kubectl(
        "patch", kind, name, *where, "--type=merge", "-p", '{"metadata":{"labels":{"patched":"yes"}}}'
    )
    found = json.loads(raw("get", url))
    assert found["metadata"]["labels"]["patched"] == "yes"
    for status in statuses:
        words = json.dumps({"status": status})
        board.kubectl("patch", kind, name, *where, "--subresource=status", "--type=merge", "-p", words)
        found = json.loads(raw("get", f"{url}/status"))
        for field, value in status.items():
            assert found["status"][field] == value, (field, found["status"])
        for verb in ("get", "replace"):
            body = {"text_in": json.dumps(found)} if verb == "replace" else {}
            found = json.loads(raw(verb, f"{url}/status", *(("-f", "-") if body else ()), **body))
    found["metadata"]["labels"]["updated"] = "yes"
    found["metadata"].pop("resourceVersion", None) if kind.startswith("services") else None
    found = json.loads(raw("replace", url, "-f", "-", text_in=json.dumps(found)))
    assert found["metadata"]["labels"]["updated"] == "yes"
    raw("delete", url)
    wait_until(lambda: not items(), what=f"{name} is gone")
    again = make({**document, "metadata": {**document["metadata"], "name": f"{name}-2"}})
    assert items() == [f"{name}-2"]
    raw("delete", labelled)
    wait_until(lambda: not items(), what="the collection is gone")
    watched = raw("get", f"{labelled}&watch=1&resourceVersion={since}&timeoutSeconds=1")
    events = [json.loads(line) for line in watched.splitlines() if line.strip()]
    told = [(event["type"], event["object"]["metadata"]["name"]) for event in events]
    assert ("MODIFIED", name) in told and ("DELETED", name) in told, told
    assert ("ADDED", again["metadata"]["name"]) in told and ("DELETED", f"{name}-2") in told, told
