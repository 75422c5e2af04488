"""An API that somebody else serves is a part of ours, for every kubectl."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from board import wait_until
from kubectls import EVERY

SERVER = Path(__file__).parent / "extension_server.py"
NAME = "v1.ext.example.com"


@pytest.fixture(scope="module")
def things(board):
    """The kind Thing, served on the board by a program of its own."""
    authority = trustme.CA()
    pem = board.directory / "extension.pem"
    pem.write_bytes(authority.issue_cert("ext.default.svc").private_key_and_cert_chain_pem.bytes())
    inside = ("nsenter", f"--net=/run/netns/{board.name}", sys.executable, str(SERVER), str(pem))
    server = subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "ext", "namespace": "default"},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }  # fmt: skip
    spec = {
        "group": "ext.example.com", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
        "service": {"namespace": "default", "name": "ext", "port": port},
        "caBundle": base64.b64encode(authority.cert_pem.bytes()).decode(),
    }  # fmt: skip
    extension = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": NAME},
        "spec": spec,
    }
    for document in (service, extension):
        board.kubectl("create", "-f", "-", text_in=json.dumps(document))
    board.kubectl("wait", "--for=condition=Available", f"apiservice/{NAME}", "--timeout=30s")
    wait_until(lambda: "ThingSpec" in board.kubectl("get", "--raw", "/openapi/v2"), what="its document")
    yield
    board.kubectl("delete", f"apiservice/{NAME}", "service/ext")
    server.terminate()
    server.communicate(timeout=30)


@pytest.mark.parametrize("kubectl", EVERY)
def test_it_is_listed_and_explained(board, things, kubectl):
    assert "things" in board.kubectl("api-resources", "--api-group=ext.example.com", program=kubectl)
    assert "one" in board.kubectl("get", "things", program=kubectl)
    # the documents of version 2, in protobuf for kubectl before 1.30
    words = board.kubectl("explain", "thing.spec", "--output=plaintext-openapiv2", program=kubectl)
    assert "The colour of the thing." in words and "What it is to be." in words
    ours = board.kubectl("explain", "pod.metadata", "--output=plaintext-openapiv2", program=kubectl)
    assert "Theirs." not in ours and "labels" in ours
