"""Secrets at rest: a leader with --encryption-provider-config, by kubectl and by looking at the card's files."""

import base64
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest
from board import wait_until

PORT = 17453
PIKUBE = (sys.executable, "-m", "pikube")
PASSWORD = base64.b64encode(b"hunter2 in the clear").decode()
KEYS = {name: base64.b64encode(os.urandom(32)).decode() for name in ("key1", "key2")}


class Leader:
    """A leader alone on a data directory, started and ended again and again."""

    def __init__(self, directory):
        self.directory, self.data = directory, directory / "data"
        self.kubeconfig, self.keys = directory / "kubeconfig", directory / "usb" / "keys.yaml"
        self.keys.parent.mkdir(parents=True)
        self.process = None

    def configure(self, *providers, keys=KEYS):
        """`aesgcm:key1`, `identity` …, in order."""
        found = [
            {"identity": {}} if name == "identity" else {name: {"keys": [{"name": key, "secret": keys[key]}]}}
            for name, _, key in (each.partition(":") for each in providers)
        ]
        document = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": ["secrets", "widgets.example.com"], "providers": found}],
        }
        self.keys.write_text(json.dumps(document))

    def argv(self, *more):
        return (
            *PIKUBE, "leader", "--no-agent", "--no-discovery", "--bind-address=127.0.0.1", "--node-ip=127.0.0.1",
            f"--https-listen-port={PORT}", f"--data-dir={self.data}", f"--write-kubeconfig={self.kubeconfig}", *more,
        )  # fmt: skip

    def start(self, encrypted=True):
        more = (f"--encryption-provider-config={self.keys}",) if encrypted else ()
        self.process = subprocess.Popen(self.argv(*more), stderr=subprocess.PIPE, text=True)
        wait_until(self._is_ready, what="the API")

    def _is_ready(self):
        assert self.process.poll() is None, self.process.stderr.read()
        ready = ("kubectl", f"--kubeconfig={self.kubeconfig}", "get", "--raw=/readyz")
        return self.kubeconfig.exists() and not subprocess.run(ready, capture_output=True).returncode

    def stop(self, *, by_force=False):
        """What it said."""
        if by_force:
            self.process.kill()
        else:
            self.process.terminate()
        said = self.process.communicate(timeout=30)[1]
        self.process = None
        return said

    def refusal(self, *more):
        """The sentence with which it does not start."""
        done = subprocess.run(self.argv(*more), capture_output=True, text=True, timeout=30)
        assert done.returncode == 1, done.stderr
        [sentence] = [line for line in done.stderr.splitlines() if line.startswith("pikube: ")]
        return sentence.removeprefix("pikube: ")

    def kubectl(self, *argv, text_in=None):
        argv = ("kubectl", f"--kubeconfig={self.kubeconfig}", *argv)
        done = subprocess.run(argv, input=text_in, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pikube(self, *argv):
        return subprocess.run([*PIKUBE, *argv], capture_output=True, text=True)

    def secret(self, name):
        return self.kubectl("get", "secret", name, "-o", "jsonpath={.data.password}")

    def in_the_clear(self, text=PASSWORD):
        """The files below the data directory that hold a text."""
        return sorted(
            path.relative_to(self.data).as_posix()
            for path in self.data.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()
        )


@pytest.fixture
def leader(tmp_path):
    leader = Leader(tmp_path)
    yield leader
    if leader.process is not None:
        leader.stop(by_force=True)


def make_secret(leader, name):
    literal = f"--from-literal=password={base64.b64decode(PASSWORD).decode()}"
    leader.kubectl("create", "secret", "generic", name, literal)


def test_secrets_leave_the_card_when_a_leader_is_given_a_key(leader):
    leader.start(encrypted=False)
    make_secret(leader, "old")
    leader.stop()
    assert leader.in_the_clear() == ["server/state.db"]

    leader.configure("aesgcm:key1", "identity")
    leader.start()
    assert leader.in_the_clear() == []
    make_secret(leader, "new")
    assert leader.secret("old") == leader.secret("new") == PASSWORD
    # what upstream's documentation has people type afterwards
    every = leader.kubectl("get", "secrets", "--all-namespaces", "-o", "json")
    assert "secret/old replaced" in leader.kubectl("replace", "-f", "-", text_in=every)
    leader.kubectl("create", "configmap", "shown", f"--from-literal=text={PASSWORD}")
    assert leader.in_the_clear() == ["server/state.db-wal"]  # of what is not named, nothing is hidden
    leader.kubectl("delete", "configmap", "shown")
    said = leader.stop(by_force=True)
    assert "event=encryption_at_rest resources=secrets writes=aesgcm:key1" in said
    assert "event=rows_rewritten rows=1" in said
    database = (leader.data / "server" / "state.db").read_bytes() + (
        leader.data / "server" / "state.db-wal"
    ).read_bytes()
    assert b"k8s:enc:aesgcm:v1:key1:" in database

    assert leader.refusal() == (
        "secrets default/new is encrypted with key key1 of the provider aesgcm: name the file that has this key, "
        "--encryption-provider-config FILE"
    )
    leader.start()
    assert leader.secret("old") == leader.secret("new") == PASSWORD


def test_a_key_is_changed_and_encryption_given_up(leader):
    leader.configure("aescbc:key1")
    leader.start()
    make_secret(leader, "web")
    leader.stop()
    flag = f"--encryption-provider-config={leader.keys}"

    leader.configure("aesgcm:key2")
    assert leader.refusal(flag) == (
        f"secrets default/web is encrypted with key key1 of the provider aescbc, which {leader.keys} does not name "
        "for secrets: add it behind the key that is to write"
    )
    leader.configure("aescbc:key1", keys={"key1": KEYS["key2"]})
    assert f"secrets default/web cannot be read with key key1 of the provider aescbc of {leader.keys}" in (
        leader.refusal(flag)
    )
    leader.keys.rename(leader.keys.with_name("elsewhere"))
    assert f"{leader.keys} cannot be read (No such file or directory)" in leader.refusal(flag)

    for providers in (("aesgcm:key2", "aescbc:key1"), ("aesgcm:key2",), ("identity", "aesgcm:key2")):
        leader.configure(*providers)
        leader.start()
        assert leader.secret("web") == PASSWORD
        leader.stop()
        assert bool(leader.in_the_clear()) == (providers[0] == "identity")
    leader.start(encrypted=False)
    assert leader.secret("web") == PASSWORD


def test_custom_objects_can_be_encrypted_too(leader):
    leader.configure("secretbox:key1")
    leader.start()
    version = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }  # fmt: skip
    names = {"plural": "widgets", "kind": "Widget"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }  # fmt: skip
    leader.kubectl("create", "-f", "-", text_in=json.dumps(definition))
    leader.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")
    widget = {
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "password": PASSWORD,
    }  # fmt: skip
    leader.kubectl("create", "-f", "-", text_in=json.dumps(widget))
    leader.stop()
    assert leader.in_the_clear() == []
    leader.start()
    assert leader.kubectl("get", "widget", "one", "-o", "jsonpath={.password}") == PASSWORD


def test_a_backup_needs_the_key_to_be_restored(leader, tmp_path):
    leader.configure("aesgcm:key1")
    leader.start()
    make_secret(leader, "web")
    archive = tmp_path / "all.tar.gz"
    made = leader.pikube("backup", str(archive), f"--kubeconfig={leader.kubeconfig}")
    assert made.returncode == 0, made.stderr
    leader.stop()
    with tarfile.open(archive) as tar:
        members = {member.name: io.BytesIO(tar.extractfile(member).read()) for member in tar}
    assert b"k8s:enc:aesgcm:v1:key1:" in members["state.db"].getvalue()
    assert not any(PASSWORD.encode() in member.getvalue() for member in members.values())

    leader.data = tmp_path / "fresh"
    where = f"--data-dir={leader.data}"
    refused = leader.pikube("restore", str(archive), where)
    assert refused.returncode == 1
    assert refused.stderr == (
        "pikube: secrets default/web is encrypted with key key1 of the provider aesgcm: name the file that has this "
        "key, --encryption-provider-config FILE\n"
    )
    done = leader.pikube("restore", str(archive), where, f"--encryption-provider-config={leader.keys}")
    assert done.returncode == 0, done.stderr
    assert f"Start it: pikube leader --encryption-provider-config {leader.keys}" in done.stdout
    leader.start()
    assert leader.secret("web") == PASSWORD
    assert leader.in_the_clear() == []
