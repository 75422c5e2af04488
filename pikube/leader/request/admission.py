"""Declaration: what admission is: plugins that may change or refuse an object before it is validated.

A plugin sees every write of the kinds it names, after defaulting. It changes `Attributes.obj` in place,
or raises Forbidden or another ApiError. `settle` is told when the write is stored or was given up, so
that what a plugin handed out (a cluster IP) comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pikube.api.scheme import KindInfo
from pikube.leader.request.context import Context


@dataclass(slots=True)
class Attributes:
    """operation: CREATE, UPDATE, DELETE or CONNECT; `old` is None for CREATE, `obj` is None for DELETE, and for
    CONNECT a document with the options of the connection."""

    operation: str
    info: KindInfo
    namespace: str
    name: str
    subresource: str
    obj: Any
    old: Any
    context: Context


class Plugin(Protocol):
    def admit(self, attributes: Attributes) -> None:
        """Change the object or refuse it. Quick and without waiting: it reads the store's memory."""
        ...

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """The write that was admitted is stored, or not."""
        ...


class DynamicAdmission(Protocol):
    """The stage that waits for others: webhooks."""

    async def mutate(self, attributes: Attributes) -> bool:
        """May replace `attributes.obj`; whether it did."""
        ...

    async def validate(self, attributes: Attributes) -> None:
        """Raises an ApiError to refuse."""
        ...


class Chain:
    """Plugins in order; what one of them raises undoes the ones before it."""

    def __init__(self, plugins: Sequence[Plugin] = ()) -> None:
        self._plugins = tuple(plugins)

    def admit(self, attributes: Attributes) -> None:
        """Runs all plugins; when one refuses, those before it are settled as not stored."""
        admitted = 0
        is_admitted = False
        try:
            for plugin in self._plugins:
                plugin.admit(attributes)
                admitted += 1
            is_admitted = True
        finally:
            if not is_admitted:
                for plugin in self._plugins[:admitted]:
                    plugin.settle(attributes, False)

    def validate(self, attributes: Attributes) -> None:
        """Asks those plugins that look at the finished object, which they leave as it is."""
        for plugin in self._plugins:
            check = getattr(plugin, "validate", None)
            if check is not None:
                check(attributes)

    def readmit(self, attributes: Attributes) -> None:
        """Runs those plugins again that a changed object must pass again; they hand nothing out."""
        for plugin in self._plugins:
            if getattr(plugin, "is_repeatable", False):
                plugin.admit(attributes)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Tells all plugins how it ended."""
        for plugin in self._plugins:
            plugin.settle(attributes, is_stored)
