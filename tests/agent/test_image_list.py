"""What a Node tells of the images that its board has."""

from __future__ import annotations

import dataclasses

import trio
import trio.testing

from pikube.agent.node_images import LOOK_AGAIN_S, MOST_IMAGES, NodeImages, largest, listed
from pikube.agent.runtime.contract import Image, RuntimeFailure
from pikube.agent.runtime.images import pull_words


def image(name, size, digest=""):
    return Image(
        id=name, repo_digest=digest, architecture="", user="", size_bytes=size, names=(name,) if name else ()
    )


def test_the_largest_come_first_and_those_without_a_name_are_left_out():
    found = listed(largest([image("small:1", 1), image("", 9), image("large:1", 5, "large@sha256:0")]))
    assert [(i.names, i.size_bytes) for i in found] == [(("large@sha256:0", "large:1"), 5), (("small:1",), 1)]
    assert len(largest([image(f"i:{n}", n) for n in range(99)])) == MOST_IMAGES


class Listing:
    """A runtime that counts how often it is asked."""

    def __init__(self):
        self.asked, self.there, self.is_down = 0, [], False
        self.looked_at = []

    async def images(self):
        self.asked += 1
        if self.is_down:
            raise RuntimeFailure("podman is away")
        return self.there, frozenset()

    async def find_image(self, reference):
        self.looked_at.append(reference)
        arch = reference.removeprefix("sha256:").partition("-")[0]
        return dataclasses.replace(image(reference, 1), architecture=arch) if arch != "gone" else None


async def test_podman_is_asked_only_when_something_may_have_changed(autojump_clock):
    runtime, told = Listing(), []
    images = NodeImages(runtime)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(images.run, lambda: told.append(trio.current_time()))
        await trio.sleep(LOOK_AGAIN_S - 1)
        assert runtime.asked == 1 and len(told) == 1, "it is known that there is none"
        runtime.there = [image("new:1", 1)]
        images.note()
        await trio.testing.wait_all_tasks_blocked()
        assert (runtime.asked, images.latest[0].names, len(told)) == (2, ("new:1",), 2)
        runtime.is_down = True
        await trio.sleep(LOOK_AGAIN_S + 1)
        assert (runtime.asked, images.latest[0].names, len(told)) == (3, ("new:1",), 2)
        nursery.cancel_scope.cancel()


async def test_of_images_that_stand_alone_the_node_says_whom_they_are_for_and_asks_once(autojump_clock):
    runtime = Listing()
    images = NodeImages(runtime)
    alone = dataclasses.replace(image("amd64-1", 3), names=("web:1", "web:2"))
    of_a_list = dataclasses.replace(image("arm64-1", 2), names=("many:1",), is_of_a_list=True)
    gone = dataclasses.replace(image("gone-1", 1), names=("gone:1",))
    runtime.there = [alone, of_a_list, gone]
    await images.refresh()
    assert images.architectures == "amd64=web:1,web:2"
    assert runtime.looked_at == ["sha256:amd64-1", "sha256:gone-1"]
    await images.refresh()
    assert runtime.looked_at == ["sha256:amd64-1", "sha256:gone-1"]
    runtime.there = []
    await images.refresh()
    assert images.architectures == ""


def test_who_may_not_pull_is_told_in_the_word_that_people_look_for():
    of_5 = "reading manifest 1 in lab.example/private: authentication required"
    of_4 = "reading manifest 1 in lab.example/private: unauthorized: authentication required"
    assert pull_words("lab.example/private:1", of_5) == pull_words("lab.example/private:1", of_4)
