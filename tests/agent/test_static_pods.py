"""Static pods of one folder: none holds up another."""

import trio

from pikube.agent.pods.static_pods import StaticPods
from pikube.api.errors import Forbidden
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.meta import ObjectMeta

MANIFEST = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: c, image: i}]}\n"
NODE = Node(metadata=ObjectMeta(name="b1", uid="n"))


class Mirrors:
    """An API that refuses the pods of one name."""

    def __init__(self, refuses):
        self._refuses = refuses
        self.made, self.has_last = [], trio.Event()

    async def create(self, pod):
        await trio.lowlevel.checkpoint()
        if pod.metadata.name == self._refuses:
            raise Forbidden("it names a Secret")
        self.made.append(pod.metadata.name)
        if pod.metadata.name == "last-b1":
            self.has_last.set()


def followed(folder, client):
    """The pods of the folder, once the last of them has its mirror."""
    pods = []

    def changed(old: Pod | None, new: Pod | None) -> None:
        if new is not None:
            pods.append(new.metadata.name)

    async def main():
        static = StaticPods(folder, lambda: NODE, client, lambda: 0.0)
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                await nursery.start(static.run, changed)
                await client.has_last.wait()
                nursery.cancel_scope.cancel()

    trio.run(main)
    return pods


def test_a_mirror_that_is_refused_holds_up_no_other(tmp_path):
    for name in ("first", "last"):
        (tmp_path / f"{name}.yaml").write_text(MANIFEST % name)
    client = Mirrors("first-b1")
    assert followed(tmp_path, client) == ["first-b1", "last-b1"]
    assert client.made == ["last-b1"]


def test_of_two_files_of_one_pod_the_first_counts(tmp_path, caplog):
    for file, name in (("a.yaml", "twice"), ("b.yaml", "twice"), ("c.yaml", "last")):
        (tmp_path / file).write_text(MANIFEST % name)
    (tmp_path / "d.yaml").write_text("{")
    (tmp_path / "e.yaml").mkdir()
    (tmp_path / "f.yaml").symlink_to(tmp_path / "nothing")
    assert followed(tmp_path, Mirrors("")) == ["twice-b1", "last-b1"]
    told = [record.getMessage() for record in caplog.records]
    assert "event=static_pod_unusable file=b.yaml why='a pod of this name is in a.yaml'" in told
    assert len(told) == 4
