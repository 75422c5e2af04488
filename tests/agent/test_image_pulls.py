"""How many images are pulled at once."""

import pytest
import trio

from pikube.agent.pods.image_pulls import ImagePulls
from pikube.agent.runtime.contract import Image
from pikube.api.kinds.core_container import Container


class SlowRegistry:
    """A runtime whose pulls take a second each."""

    def __init__(self):
        self.pulling, self.most, self.pulled = 0, 0, []

    async def find_image(self, reference):
        return _image(reference) if reference in self.pulled else None

    async def pull_image(self, reference, credential=None, progress=None):
        self.pulling += 1
        self.most = max(self.most, self.pulling)
        await trio.sleep(1)
        self.pulling -= 1
        self.pulled.append(reference)
        return _image(reference)


def _image(name):
    return Image(id=name, repo_digest="", architecture="", user="", size_bytes=1, names=(name,))


@pytest.mark.parametrize(("at_once", "took_s"), [(1, 4), (2, 2), (9, 1)])
def test_so_many_different_ones_and_each_only_once(at_once, took_s, autojump_clock):
    async def main():
        registry, said = SlowRegistry(), []
        pulls = ImagePulls(registry, "amd64", at_once=at_once)

        async def start(name):
            container = Container(name="c", image=name, image_pull_policy="IfNotPresent")
            await pulls.ensure(container, list, lambda *words: said.append(words), lambda: None)

        began_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            for name in ("a.b/1:1", "a.b/2:1", "a.b/3:1", "a.b/4:1", "a.b/1:1"):
                nursery.start_soon(start, name)
        assert trio.current_time() - began_at == pytest.approx(took_s)
        assert registry.most == min(at_once, 4)
        assert sorted(registry.pulled) == ["a.b/1:1", "a.b/2:1", "a.b/3:1", "a.b/4:1"]
        assert sum(reason == "Pulling" for _, reason, _ in said) == 5

    trio.run(main, clock=autojump_clock)
