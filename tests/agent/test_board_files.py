"""What a board writes: sets of files swapped as a whole, objects kept for a reboot, last words, a token's renewal."""

import base64

import msgspec
import pytest
import trio

from pikube.agent.pods.atomic_files import write_files
from pikube.agent.pods.kept import KeptObjects, Ref
from pikube.agent.pods.mounting import mounts_below, unmount_below
from pikube.agent.pods.references import registry_credentials
from pikube.agent.pods.static_pods import HASH, MIRROR, mirror_pod, static_pod
from pikube.agent.pods.termination import last_words, make_message_file, message_file
from pikube.agent.pods.tokens import Tokens
from pikube.agent.runtime.contract import Container
from pikube.agent.runtime.images import matching_credentials
from pikube.agent.runtime.signals import signal_number
from pikube.api.client import ConnectionLost
from pikube.api.errors import NotFound
from pikube.api.kinds.authentication import TokenRequest, TokenRequestStatus
from pikube.api.kinds.core_config import ConfigMap, Secret
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ManagedFieldsEntry, ObjectMeta
from pikube.api.times import render_time


def test_a_set_of_files_is_swapped_by_one_rename_and_written_only_when_it_differs(tmp_path):
    place = tmp_path / "v"
    first = {"a": (b"1", 0o600), "d/b": (b"2", 0o644)}
    assert write_files(place, first) and not write_files(place, first)
    assert (place / "a").read_bytes() == b"1" and (place / "d/b").read_bytes() == b"2"
    assert (place / "a").stat().st_mode & 0o777 == 0o600
    reader = (place / "..data").resolve()
    assert write_files(place, {"a": (b"3", 0o600)})
    assert not reader.exists() and (place / "a").read_bytes() == b"3"
    assert sorted(p.name for p in place.iterdir()) == ["..2", "..data", "a"]
    assert write_files(place, {})
    assert sorted(p.name for p in place.iterdir()) == ["..3", "..data"]


def config(value="1", revision="5"):
    fields = (ManagedFieldsEntry(manager="m"),)
    return ConfigMap(
        metadata=ObjectMeta(name="c", namespace="n", resource_version=revision, managed_fields=fields),
        data={"a": value},
    )


def test_kept_objects_are_roots_alone_and_written_when_they_say_something_new(tmp_path):
    kept, ref = KeptObjects(tmp_path / "kept"), Ref(ConfigMap, "n", "c")
    assert kept.read(ref) is None
    assert kept.write(ref, config()) and not kept.write(ref, config())
    (path,) = (tmp_path / "kept").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept.read(ref).data == {"a": "1"} and not kept.read(ref).metadata.managed_fields
    assert kept.write(ref, config("2")) and [one.data for one in kept.read_all(ConfigMap)] == [{"a": "2"}]
    path.write_bytes(b"{ cut off")
    assert kept.read(ref) is None and kept.read_all(ConfigMap) == []
    kept.drop_others(ConfigMap, [])
    assert list((tmp_path / "kept").iterdir()) == []
    nothing = KeptObjects(None)
    assert (
        not nothing.write(ref, config()) and nothing.read(ref) is None and nothing.read_all(ConfigMap) == []
    )


def test_last_words_are_the_files_or_the_end_of_the_log_of_one_that_failed(tmp_path):
    declared = msgspec.defstruct("C", [("termination_message_policy", str)])
    ended = Container(
        id="x", pod_uid="u", name="c", attempt=2, spec_hash="", state="exited", image="", image_id="", exit_code=1
    )  # fmt: skip
    log = tmp_path / "logs" / "c" / "2.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"2026-11-24T15:39:59.5+00:00 stdout F line {n}\n" for n in range(100)))
    assert last_words(tmp_path, declared("File"), ended) == ""
    words = last_words(tmp_path, declared("FallbackToLogsOnError"), ended).splitlines()
    assert words[-1] == "line 99" and len(words) == 80
    path = message_file(tmp_path, "c", 2)
    make_message_file(path)
    path.write_bytes(b"x" * 5000)
    assert last_words(tmp_path, declared("FallbackToLogsOnError"), ended) == "x" * 4096


@pytest.mark.parametrize(
    ("image", "registries", "found"),
    [
        ("docker.io/library/nginx:1", ["https://index.docker.io/v1/"], ["docker.io"]),
        ("r.lan:5000/a/b:1", ["r.lan:5000", "other"], ["r.lan:5000"]),
        ("r.lan/a/b:1", ["r.lan", "r.lan/a", "r.lan/c"], ["r.lan/a", "r.lan"]),
        ("x.r.lan/a:1", ["*.r.lan", "r.lan"], ["*.r.lan"]),
    ],
)
def test_credentials_are_for_their_registry_the_most_special_first(image, registries, found):
    got = matching_credentials(image, [(registry, registry) for registry in registries])
    assert [auth.removeprefix("https://index.").removesuffix("/v1/") for _, auth in got] == found


def test_both_kinds_of_pull_secrets_are_read_and_broken_ones_ignored():
    def secret(key, text):
        return Secret(data={key: base64.b64encode(text.encode()).decode()})

    plain = base64.b64encode(b"me:pw").decode()
    assert registry_credentials(
        secret(".dockerconfigjson", '{"auths":{"r":{"username":"me","password":"pw"}}}')
    ) == [("r", plain)]
    assert registry_credentials(secret(".dockercfg", f'{{"r":{{"auth":"{plain}"}}}}')) == [("r", plain)]
    assert registry_credentials(secret(".dockerconfigjson", "no json")) == []


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("", 0),
        ("SIGTERM", 15),
        ("TERM", 15),
        ("9", 9),
        ("SIGRTMIN+3", 37),
        ("SIGRTMAX-1", 63),
        ("SIGNONE", 0),
    ],
)
def test_signals_have_the_numbers_of_linux(name, number):
    assert signal_number(name) == number


def test_a_static_pod_is_its_file_and_its_mirror_says_so():
    text = b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"
    pod = static_pod(text, "/x/p.yaml", "b1", 0.0)
    assert (pod.metadata.name, pod.metadata.namespace, pod.spec.node_name) == ("p-b1", "default", "b1")
    assert pod == static_pod(text, "/x/p.yaml", "b1", 0.0)
    assert pod.metadata.uid != static_pod(text + b"#\n", "/x/p.yaml", "b1", 0.0).metadata.uid
    mirror = mirror_pod(pod, Node(metadata=ObjectMeta(name="b1", uid="n")))
    assert mirror.metadata.annotations[MIRROR] == pod.metadata.annotations[HASH] == pod.metadata.uid
    assert mirror.metadata.owner_references[0].name == "b1" and not mirror.metadata.uid
    for wrong in (
        b"kind: Service\nmetadata: {name: p}\n",
        b"kind: Pod\nmetadata: {name: p}\n",
        b"{",
        b"- 1\n",
    ):
        with pytest.raises(ValueError):
            static_pod(wrong, "/x/p.yaml", "b1", 0.0)


def test_a_mount_table_is_read_with_its_blanks(tmp_path):
    table = tmp_path / "mounts"
    table.write_text("tmpfs /a/b\\040c tmpfs rw 0 0\ntmpfs /a/d tmpfs rw 0 0\ntmpfs /ax tmpfs rw 0 0\n")
    assert mounts_below("/a", str(table)) == ["/a/b c", "/a/d"]
    unmount_below(tmp_path)


class Issuer:
    """Gives tokens of an hour, or none."""

    def __init__(self):
        self.count, self.failure = 0, None

    async def create_subresource(self, cls, name, namespace, subresource, body):
        if self.failure is not None:
            raise self.failure
        self.count += 1
        # by the leader's clock, of which a board without one knows nothing
        status = TokenRequestStatus(token=f"t{self.count}", expiration_timestamp=render_time(2_000_000_000.0))
        return TokenRequest(spec=body.spec, status=status)


def test_a_token_is_renewed_at_four_fifths_kept_for_a_reboot_and_old_is_better_than_none(
    tmp_path, autojump_clock
):
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    pod = msgspec.convert(
        {
            "metadata": {"name": "p", "uid": "u"},
            "spec": {
                "serviceAccountName": "web",
                "volumes": [{"name": "v", "projected": {"sources": [source]}}],
            },
        },
        Pod,
    )
    issuer = Issuer()
    key = "", 3600

    async def main():
        tokens = Tokens(issuer, tmp_path, wall_clock=lambda: 1_000_000.0)
        assert await tokens.of(pod) == {key: "t1"}
        assert 2800 < tokens.renews_in_s(pod) < 2900
        await trio.sleep(2000)
        assert await tokens.of(pod) == {key: "t1"}
        await trio.sleep(1000)
        issuer.failure = ConnectionLost("away")
        assert await tokens.of(pod) == {key: "t1"}, "an old one is better than none"
        again = Tokens(issuer, tmp_path, wall_clock=lambda: 1_000_000.0)
        assert await again.of(pod) == {key: "t1"}, "kept for a board that reboots alone"
        (path,) = tmp_path.iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        issuer.failure = None
        await trio.sleep(40)
        assert await tokens.of(pod) == {key: "t2"}
        await trio.sleep(3000)
        issuer.failure = NotFound("gone")
        problem = (await tokens.of(pod))[key]
        assert str(problem) == 'failed to fetch token: serviceaccounts "web" not found', "others go on"
        tokens.forget("u")
        assert list(tmp_path.iterdir()) == []

    trio.run(main, clock=autojump_clock)
