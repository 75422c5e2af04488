"""Strategic merge against the judge: kubectl's own, which patches a file without a server."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
import yaml

from pikube.api.errors import BadRequest
from pikube.api.kinds.apps import Deployment
from pikube.api.kinds.core_pod import Pod
from pikube.api.strategic_merge import strategic_merge

pytestmark = pytest.mark.e2e

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "labels": {"a": "one", "b": "two"},
        "finalizers": ["x.io/a", "x.io/b", "x.io/c"],
    },
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "app:one",
                "args": ["run"],
                "env": [{"name": "A", "value": "av"}, {"name": "B", "value": "bv"}],
                "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443}],
                "volumeMounts": [{"mountPath": "/a", "name": "v"}],
            },
            {"name": "side", "image": "side:one"},
            {"name": "log", "image": "log:one"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "hostPath": {"path": "/w"}}],
        "tolerations": [{"key": "k"}],
        "nodeSelector": {"disk": "ssd"},
    },
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {
        "replicas": 2,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "template": {"spec": {"containers": POD["spec"]["containers"]}},
    },
}
CONTAINER_PATCHES = [
    [{"name": "side", "image": "side:two"}],
    [{"name": "new", "image": "new:one"}],
    [{"name": "log", "image": "log:two"}, {"name": "new", "image": "n:one"}, {"name": "app", "image": None}],
    [{"name": "side", "$patch": "delete"}],
    [{"name": "only", "image": "o:one"}, {"$patch": "replace"}],
    [{"name": "app", "env": [{"name": "B", "value": "changed"}, {"name": "C", "value": "cv"}]}],
    [{"name": "app", "env": [{"name": "A", "$patch": "delete"}], "args": ["stop", "now"]}],
    [{"name": "app", "ports": [{"containerPort": 443, "name": "tls"}, {"containerPort": 81}]}],
    [{"name": "app", "volumeMounts": [{"mountPath": "/b", "name": "w"}]}],
    [{"name": "app", "$patch": "replace", "image": "fresh:one"}],
    [],
]
POD_PATCHES = [
    *({"spec": {"containers": patch}} for patch in CONTAINER_PATCHES),
    {"metadata": {"labels": {"a": None, "c": "three"}}},
    {"metadata": {"labels": {"$patch": "replace", "z": "nine"}}},
    {"metadata": {"finalizers": ["x.io/d", "x.io/b"]}},
    {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a", "x.io/q"]}},
    {"metadata": {"$setElementOrder/finalizers": ["x.io/c", "x.io/a"]}},
    {"metadata": {"$setElementOrder/finalizers": ["x.io/d", "x.io/a"], "finalizers": ["x.io/d"]}},
    {"spec": {"$setElementOrder/containers": [{"name": "log"}, {"name": "app"}]}},
    {
        "spec": {
            "$setElementOrder/containers": [{"name": "log"}, {"name": "new"}, {"name": "app"}],
            "containers": [{"name": "new", "image": "n:one"}, {"name": "side", "$patch": "delete"}],
        }
    },
    {"spec": {"tolerations": [{"key": "other"}, {"key": "more"}]}},
    {"spec": {"nodeSelector": {"$patch": "delete"}}},
    {"spec": {"volumes": [{"name": "w", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}},
    {"spec": {"volumes": None, "hostname": "h"}},
]
DEPLOYMENT_PATCHES = [
    {"spec": {"replicas": 5}},
    {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
    {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": "25%"}}}},
    *({"spec": {"template": {"spec": {"containers": patch}}}} for patch in CONTAINER_PATCHES[:4]),
]
REFUSED = [
    {"spec": {"containers": [{"image": "nameless:one"}]}},
    {"spec": {"containers": [{"name": "app", "$patch": "bogus"}]}},
    {"spec": {"$retainKeys": ["containers"], "hostname": "h"}},
    {"spec": {"$setElementOrder/containers": [{"name": "x"}], "containers": [{"name": "app"}]}},
]
CASES = [(POD, Pod, patch) for patch in POD_PATCHES] + [
    (DEPLOYMENT, Deployment, p) for p in DEPLOYMENT_PATCHES
]


def patch_with_kubectl(tmp_path, document, patch):
    kubectl = shutil.which("kubectl")
    assert kubectl is not None, "the end-to-end tests need kubectl"
    source = tmp_path / "object.yaml"
    source.write_text(yaml.safe_dump(document))
    command = [
        kubectl,
        "patch",
        "--local",
        "-f",
        str(source),
        "--type=strategic",
        "-p",
        json.dumps(patch),
        "-o",
        "json",
    ]
    environment = {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def as_go_prints(document):
    """What Go's structs leave out: nulls and, in these objects, empty lists and maps of the pod."""
    if isinstance(document, dict):
        pairs = {name: as_go_prints(value) for name, value in document.items() if value is not None}
        return {
            name: value
            for name, value in pairs.items()
            if value != [] and (value != {} or name == "emptyDir")
        }
    return [as_go_prints(item) for item in document] if isinstance(document, list) else document


@pytest.mark.parametrize(("document", "cls", "patch"), CASES)
def test_the_result_is_the_one_of_kubectl(tmp_path, document, cls, patch):
    run = patch_with_kubectl(tmp_path, document, patch)
    assert run.returncode == 0, run.stderr
    assert as_go_prints(strategic_merge(document, patch, cls)) == as_go_prints(json.loads(run.stdout))


@pytest.mark.parametrize("patch", REFUSED)
def test_what_kubectl_refuses_is_refused_in_the_same_words(tmp_path, patch):
    run = patch_with_kubectl(tmp_path, POD, patch)
    assert run.returncode != 0
    with pytest.raises(BadRequest) as caught:
        strategic_merge(POD, patch, Pod)
    assert caught.value.message.splitlines()[0] in run.stderr
