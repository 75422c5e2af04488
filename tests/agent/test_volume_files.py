"""What configMap, secret, downwardAPI and projected volumes contain, with which modes, and what is said when not."""

import base64

import msgspec
import pytest

from pikube.agent.pods.environment import Facts
from pikube.agent.pods.volume_files import VolumeProblem, volume_files
from pikube.agent.pods.volumes import PodVolumes, memory_of
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_volume import Volume

POD = msgspec.convert(
    {
        "metadata": {"name": "p", "namespace": "n", "labels": {"a": "1"}},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"memory": "8Mi"}}}]},
    },
    Pod,
)
FACTS = Facts(
    config_maps={
        "map": msgspec.convert({"data": {"a": "one", "b": "two"}, "binaryData": {"raw": "/wA="}}, ConfigMap),
        "gone": None,
    },
    secrets={
        "key": msgspec.convert({"data": {"user": base64.b64encode(b"bob").decode()}}, Secret),
        "gone": None,
    },
)


def files(**source):
    volume = msgspec.convert({"name": "v", **source}, Volume)
    tokens = {("", 3600): "t-1", ("vault", 600): "t-2", ("other", 3600): VolumeProblem("no token for it")}
    return volume_files(POD, volume, FACTS, tokens)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({"configMap": {"name": "map"}},
         {"a": (b"one", 0o644), "b": (b"two", 0o644), "raw": (b"\xff\0", 0o644)}),
        ({"configMap": {"name": "map", "defaultMode": 0o400, "items": [
            {"key": "a", "path": "x/y"}, {"key": "b", "path": "z", "mode": 0o755}]}},
         {"x/y": (b"one", 0o400), "z": (b"two", 0o755)}),
        ({"configMap": {"name": "gone", "optional": True}}, {}),
        ({"configMap": {"name": "map", "optional": True, "items": [{"key": "no", "path": "x"}]}}, {}),
        ({"secret": {"secretName": "key", "defaultMode": 0o440}}, {"user": (b"bob", 0o440)}),
        ({"downwardAPI": {"items": [
            {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
            {"path": "mem", "mode": 0o600,
             "resourceFieldRef": {"containerName": "c", "resource": "limits.memory", "divisor": "1Mi"}}]}},
         {"name": (b"p", 0o644), "mem": (b"8", 0o600)}),
        ({"projected": {"defaultMode": 0o400, "sources": [
            {"configMap": {"name": "map", "items": [{"key": "a", "path": "a"}]}},
            {"secret": {"name": "key"}},
            {"secret": {"name": "gone", "optional": True}},
            {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            {"clusterTrustBundle": {"name": "b", "path": "b", "optional": True}},
            {"serviceAccountToken": {"path": "token"}},
            {"serviceAccountToken": {"path": "vault", "audience": "vault", "expirationSeconds": 600}}]}},
         {"a": (b"one", 0o400), "user": (b"bob", 0o400), "labels": (b'a="1"', 0o400),
          "token": (b"t-1", 0o400), "vault": (b"t-2", 0o400)}),
        ({"projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}}]}},
         {"token": (b"t-2", 0o644)}),
        ({"emptyDir": {}}, None),
    ],
)  # fmt: skip
def test_files_and_their_modes(source, wanted):
    assert files(**source) == wanted


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        ({"configMap": {"name": "map", "items": [{"key": "no", "path": "x"}]}},
         "configmap references non-existent config key: no"),
        ({"secret": {"secretName": "key", "items": [{"key": "no", "path": "x"}]}},
         "secret references non-existent secret key: no"),
        ({"configMap": {"name": "map", "items": [{"key": "a", "path": "../x"}]}}, "invalid path: ../x"),
        ({"projected": {"sources": [{"serviceAccountToken": {"path": "token", "audience": "other"}}]}},
         "no token for it"),
        ({"projected": {"sources": [{"clusterTrustBundle": {"name": "b", "path": "b"}}]}}, "not supported"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(source, words):
    with pytest.raises(VolumeProblem, match=words.replace("(", "\\(")):
        files(**source)


def test_a_volume_in_memory_is_as_large_as_its_pod_may_be_if_every_container_has_a_limit():
    def pod(*limits):
        containers = [{"name": f"c{n}", "resources": {"limits": limit}} for n, limit in enumerate(limits)]
        return msgspec.convert({"spec": {"containers": containers}}, Pod)

    assert memory_of(pod({"memory": "8Mi"}, {"memory": "1Mi"})) == 9 << 20
    assert memory_of(pod({"memory": "8Mi"}, {})) == 0


def test_a_medium_that_the_board_does_not_have_is_refused(tmp_path):
    volume = msgspec.convert({"name": "v", "emptyDir": {"medium": "HugePages-2Mi"}}, Volume)
    with pytest.raises(VolumeProblem, match='emptyDir medium "HugePages-2Mi" is not there on this board'):
        PodVolumes(tmp_path).make(POD, volume, None, None)
