"""How many images are pulled at once, and that a pull can be given up."""

import pytest
import trio
import trio.testing

from pikube.agent.pods.image_pulls import ImagePulls
from pikube.agent.runtime.contract import Image, ImageFailure
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
            await pulls.ensure(container, list, lambda *words: said.append(words), lambda scope: None)

        began_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            for name in ("a.b/1:1", "a.b/2:1", "a.b/3:1", "a.b/4:1", "a.b/1:1"):
                nursery.start_soon(start, name)
        assert trio.current_time() - began_at == pytest.approx(took_s)
        assert registry.most == min(at_once, 4)
        assert sorted(registry.pulled) == ["a.b/1:1", "a.b/2:1", "a.b/3:1", "a.b/4:1"]
        assert sum(reason == "Pulling" for _, reason, _ in said) == 5

    trio.run(main, clock=autojump_clock)


class SilentRegistry(SlowRegistry):
    """The first pull takes for ever."""

    async def pull_image(self, reference, credential=None, progress=None):
        self.pulling += 1
        if self.pulling == 1:
            await trio.sleep_forever()
        return _image(reference)


async def test_a_pull_that_is_given_up_keeps_nobody_else_from_the_image(autojump_clock):
    registry, said, images, scopes = SilentRegistry(), [], [], []
    pulls = ImagePulls(registry, "", at_once=1)
    wanted = Container(name="c", image="a.b/1:1", image_pull_policy="IfNotPresent")

    async def first():
        with pytest.raises(ImageFailure, match="context canceled") as caught:
            await pulls.ensure(wanted, list, lambda *words: said.append(words), scopes.append)
        assert caught.value.reason == "ErrImagePull"

    async def second():
        images.append(await pulls.ensure(wanted, list, lambda *words: None, lambda scope: None))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(second)
        await trio.testing.wait_all_tasks_blocked()
        scopes[0].cancel()
    assert registry.pulling == 2 and [image.id for image in images] == ["a.b/1:1"]
    assert [reason for _, reason, _ in said] == ["Pulling"]
