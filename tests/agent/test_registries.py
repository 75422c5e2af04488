"""registries.yaml in k3s' words, as Podman reads it."""

import base64
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from pikube.agent.registries import BadRegistries, read_registries
from pikube.agent.registry_files import place_registries
from pikube.agent.runtime.contract import RuntimeMissing

FILE = """
mirrors:
  docker.io:
    endpoint: [https://mirror.lan:5000/v2, http://old.lan/hub]
  registry.lan: {}
configs:
  mirror.lan:5000:
    auth: {username: me, password: secret}
    tls: {ca_file: %s}
  lab.lan:
    tls: {insecure_skip_verify: true}
"""


def test_mirrors_become_a_registries_conf():
    found = read_registries(yaml.safe_load(FILE % "/x"))
    conf = tomllib.loads(found.conf)
    assert conf["unqualified-search-registries"] == ["docker.io"]
    hub, own, lab = conf["registry"]
    assert hub == {
        "prefix": "docker.io",
        "location": "docker.io",
        "mirror": [{"location": "mirror.lan:5000"}, {"location": "old.lan/hub", "insecure": True}],
    }
    assert own == {"prefix": "registry.lan", "location": "registry.lan"}
    assert lab == {"prefix": "lab.lan", "location": "lab.lan", "insecure": True}
    assert found.credentials == (("mirror.lan:5000", base64.b64encode(b"me:secret").decode()),)
    assert found.certificates == (("mirror.lan:5000/ca.crt", "/x"),)


def test_rewrites_put_one_path_in_the_place_of_another():
    rewrite = {"^rancher/(.*)": "mirrorproject/rancher-images/$1", "(.*)": "hub/$1"}
    mirrors = {
        "docker.io": {"endpoint": ["https://mirror.lan", "http://old.lan:5000/v2"], "rewrite": rewrite}
    }
    found = tomllib.loads(read_registries({"mirrors": mirrors}).conf)["registry"]
    assert {block["prefix"]: [mirror["location"] for mirror in block["mirror"]] for block in found} == {
        "docker.io": ["mirror.lan/hub", "old.lan:5000/hub"],
        "docker.io/rancher": [
            "mirror.lan/mirrorproject/rancher-images", "old.lan:5000/mirrorproject/rancher-images",
        ],
    }  # fmt: skip
    assert all(block["prefix"] == block["location"] for block in found)
    assert [mirror.get("insecure", False) for mirror in found[1]["mirror"]] == [False, True]


def test_an_empty_file_says_nothing():
    assert read_registries(None) == read_registries({}) == read_registries({"mirrors": None})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "must hold"),
        ({"mirror": {}}, "unknown word mirror"),
        ({"mirrors": {"*": {"endpoint": ["https://a"]}}}, "name each one"),
        ({"mirrors": {"a": {"rewrite": {"x": "y"}}}}, "one path in the place of another"),
        ({"mirrors": {"a": {"rewrite": {"rancher/(.*)": "x/$1"}}}}, "one path in the place of another"),
        ({"mirrors": {"a": {"rewrite": {"^rancher/(.*)": "x-$1"}}}}, "one path in the place of another"),
        ({"mirrors": {"a": {"rewrite": ["^rancher/(.*)"]}}}, "must hold"),
        ({"mirrors": {"a": {"endpoint": "https://b"}}}, "a list of URLs"),
        ({"mirrors": {"a": {"endpoint": ["ftp://b"]}}}, "no URL"),
        ({"configs": {"a": {"auth": {"password": "x"}}}}, "needs username"),
        ({"configs": {"a": {"tls": {"ca": "x"}}}}, "unknown word ca"),
    ],
)
def test_what_podman_cannot_do_is_refused(document, words):
    with pytest.raises(BadRegistries, match=words):
        read_registries(document)


def test_files_are_placed_and_go_again(tmp_path):
    authority = tmp_path / "lab.crt"
    authority.write_text("PEM")
    file, directory, certs = tmp_path / "registries.yaml", tmp_path / "agent", tmp_path / "certs.d"
    file.write_text(FILE % authority)
    placed = place_registries(file, directory, certs)
    assert (certs / "mirror.lan:5000/ca.crt").read_text() == "PEM"
    assert "mirror.lan:5000" in Path(placed["registries_conf"]).read_text()
    auth = Path(placed["auth_file"])
    assert json.loads(auth.read_text())["auths"].keys() == {"mirror.lan:5000"}
    assert auth.stat().st_mode & 0o777 == 0o600
    file.unlink()
    assert place_registries(file, directory, certs) == {"registries_conf": "", "auth_file": ""}
    assert not list(directory.iterdir())


def test_a_wrong_file_is_named(tmp_path):
    file = tmp_path / "registries.yaml"
    file.write_text("mirrors: [")
    with pytest.raises(RuntimeMissing, match=str(file)):
        place_registries(file, tmp_path / "agent", tmp_path)
