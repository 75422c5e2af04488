"""Pure: which processors the images of waiting pods are for, as boards tell it.

Enter: Nodes with the images they have, messages of containers that could not run. Leaves: for a container the
architectures that there are, if that is known. Held by the Cluster, read by decisions.

A board tells of an image that is its name's only one (no list of images for several processors) whom it is for. One
that was pulled through a list says that others get another, and then every board may try.
"""

from __future__ import annotations

from collections.abc import Iterable

from pikube.api.image_architecture import ANNOTATION, read_architectures, runs_on
from pikube.api.kinds.core_container import Container
from pikube.api.kinds.core_node import Node

BELIEVED_S = 3600.0
"""How long what is known of a moving tag counts: names that are pulled at each start, and failures."""
OF_A_LIST = ""


class KnownImages:
    """`now` is Trio's time, set by whoever asks."""

    def __init__(self) -> None:
        self.now = 0.0
        self._of_node: dict[str, dict[str, str]] = {}
        self._boards: dict[str, dict[str, str]] = {}  # by image and node: the architecture, or OF_A_LIST
        self._since: dict[str, float] = {}  # when it was first known for whom an image is
        self._failed: dict[str, tuple[str, float]] = {}

    def take(self, node: Node) -> None:
        """What a board has now."""
        name = node.metadata.name
        found = _told(node)
        before = self._of_node.get(name, {})
        if found == before:
            return
        for image in before.keys() - found.keys():
            self._forget(image, name)
        for image, arch in found.items():
            self._boards.setdefault(image, {})[name] = arch
            if before.get(image) != arch:
                self._since[image] = self.now
        self._of_node[name] = found

    def drop(self, node_name: str) -> None:
        """The board is gone, and what it had."""
        for image in self._of_node.pop(node_name, {}):
            self._forget(image, node_name)

    def failed(self, image: str, arch: str) -> None:
        """A board could not run an image that is for `arch`."""
        self._failed[normal_image(image)] = arch, self.now

    def archs(self, container: Container) -> list[frozenset[str]]:
        """Sets of architectures of which the board must run one each; none where nothing is known."""
        if not self._boards and not self._failed:
            return []
        found = []
        for name in possible_names(container.image):
            arch, at = self._failed.get(name, (OF_A_LIST, 0.0))
            if arch and self.now - at <= BELIEVED_S:
                found.append(frozenset((arch,)))
        boards = {arch for name in possible_names(container.image) for arch in self._told(name, container)}
        if boards and OF_A_LIST not in boards:
            found.append(frozenset(boards))
        return found

    def _told(self, name: str, container: Container) -> Iterable[str]:
        is_old = self.now - self._since.get(name, 0.0) > BELIEVED_S
        return (
            () if container.image_pull_policy == "Always" and is_old else self._boards.get(name, {}).values()
        )

    def _forget(self, image: str, node_name: str) -> None:
        boards = self._boards.get(image, {})
        boards.pop(node_name, None)
        if not boards:
            self._boards.pop(image, None)
            self._since.pop(image, None)


def are_for(archs: Iterable[frozenset[str]], board_arch: str) -> bool:
    """Whether a board of that architecture runs one of each set."""
    return all(any(runs_on(arch, board_arch) for arch in choice) for choice in archs)


def normal_image(name: str) -> str:
    """An image reference as nodes report it: with registry and tag (kubernetes parsers.ParseImageName)."""
    head, _, _ = name.partition("/")
    if "/" not in name:
        name = f"docker.io/library/{name}"
    elif "." not in head and ":" not in head and head != "localhost":
        name = f"docker.io/{name}"
    last = name.rsplit("/", 1)[-1]
    return name if ":" in last or "@" in last else f"{name}:latest"


def possible_names(name: str) -> tuple[str, ...]:
    """Under which nodes may report it: one that was made on a board is called localhost/…"""
    full = normal_image(name)
    return (full,) if "/" in name else (full, normal_image(f"localhost/{name}"))


def _told(node: Node) -> dict[str, str]:
    text = node.metadata.annotations.get(ANNOTATION)
    if text is None:
        return {}  # a board of another version: it does not know
    alone = read_architectures(text)
    names = (name for image in node.status.images for name in image.names)
    return {name: alone.get(name, OF_A_LIST) for name in names if "@" not in name}
