"""The manifests folder on the whole request path: applied, changed, pruned, and what wrong files do."""

import pytest
from request_api import Api

from pikube.leader.manifests import BadManifest, Manifests, label_of, read_documents

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"


@pytest.fixture
async def api():
    api = Api()
    await api("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})
    return api


@pytest.fixture
def folder(tmp_path):
    return tmp_path


async def maps(api):
    _, listed = await api("GET", "/api/v1/namespaces/default/configmaps")
    return {item["metadata"]["name"]: item["data"]["a"] for item in listed["items"]}


async def test_what_is_in_the_folder_is_applied_and_what_leaves_it_is_removed(api, folder):
    manifests = Manifests(folder, api.handler)
    (folder / "one.yaml").write_text(MAP % ("a", 1) + "---\n" + MAP % ("b", 1))
    (folder / "notes.txt").write_text("no manifest")
    await manifests.look()
    assert await maps(api) == {"a": "1", "b": "1"}
    (folder / "one.yaml").write_text(MAP % ("a", 22))
    await manifests.look()
    assert await maps(api) == {"a": "22"}
    (folder / "one.yaml").unlink()
    await manifests.look()
    assert await maps(api) == {}


async def test_a_file_that_went_while_the_leader_was_away_is_known(api, folder):
    (folder / "one.yaml").write_text(MAP % ("a", 1))
    (folder / "two.yaml").write_text(MAP % ("b", 1))
    await Manifests(folder, api.handler).look()
    (folder / "two.yaml").unlink()
    await Manifests(folder, api.handler).look()
    assert await maps(api) == {"a": "1"}


async def test_objects_of_others_are_left_alone(api, folder):
    body = {"metadata": {"name": "mine", "labels": {"app": "x"}}, "data": {"a": "9"}}
    await api("POST", "/api/v1/namespaces/default/configmaps", body)
    (folder / "one.yaml").write_text(MAP % ("a", 1))
    manifests = Manifests(folder, api.handler)
    await manifests.look()
    (folder / "one.yaml").unlink()
    await manifests.look()
    assert await maps(api) == {"mine": "9"}


@pytest.mark.parametrize(
    "text",
    [
        "a: [", "- 1\n", "apiVersion: v1\nkind: ConfigMap\n", "kind: ConfigMap\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}\n", MAP % ("Not_A_Name", 1),
        "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\n",
    ],
)  # fmt: skip
async def test_a_wrong_file_takes_nothing_away_and_stops_nobody(api, folder, text, caplog):
    manifests = Manifests(folder, api.handler)
    (folder / "one.yaml").write_text(MAP % ("a", 1))
    await manifests.look()
    (folder / "one.yaml").write_text(text)
    (folder / "two.yaml").write_text(MAP % ("b", 1))
    for _ in range(3):
        await manifests.look()
    assert await maps(api) == {"a": "1", "b": "1"}
    said = [record for record in caplog.records if "manifest_failed" in record.getMessage()]
    assert len(said) == 1 and "one.yaml" in said[0].getMessage()


async def test_a_folder_that_is_not_there_is_an_empty_one(api, folder):
    await Manifests(folder / "nowhere", api.handler).look()


async def test_an_idle_folder_asks_for_nothing(api, folder):
    asked = []

    async def handler(request):
        asked.append(request.path)
        return await api.handler(request)

    manifests = Manifests(folder, handler)
    (folder / "one.yaml").write_text(MAP % ("a", 1))
    await manifests.look()
    asked.clear()
    await manifests.look()
    assert asked == []


def test_namespaces_and_definitions_come_first():
    text = "".join(
        f"---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\n"
        for kind in ("ConfigMap", "CustomResourceDefinition", "Namespace", "Secret")
    )
    kinds = [document["kind"] for document in read_documents(text, "f")]
    assert kinds == ["Namespace", "CustomResourceDefinition", "ConfigMap", "Secret"]


def test_a_list_is_its_items():
    item = "{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {x: y}}}"
    text = f"apiVersion: v1\nkind: List\nitems:\n- {item}\n"
    (document,) = read_documents(text, "f")
    assert document["metadata"]["labels"] == {"x": "y", "pikube.io/manifest": "f"}
    with pytest.raises(BadManifest):
        read_documents("apiVersion: v1\nkind: List\nitems:\n- 1\n", "f")


@pytest.mark.parametrize(
    ("name", "label"),
    [("a.yaml", "a.yaml"), ("ä b.yaml", "b.yaml"), ("...", "manifest"), ("x" * 80, "x" * 63)],
)
def test_a_file_s_name_becomes_a_label(name, label):
    assert label_of(name) == label
