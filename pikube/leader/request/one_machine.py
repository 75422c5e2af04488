"""Shell: an admission plugin that notices a copied card: the same key, and so the same node, from two machines.

Every heartbeat says which machine sends it, and in which run of the program. A second machine is refused while the
first is alive, and both are named; one that comes after the first has fallen silent is a card that was moved. Enter:
writes of nodes' Leases. Raises Forbidden. The only state is when each machine was last heard, by a clock that
nobody sets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pikube.api.errors import Forbidden
from pikube.api.kinds.coordination import Lease
from pikube.certs.enrolment import HEARD_ADDRESS, HEARD_MACHINE, HEARD_SESSION
from pikube.leader.request.admission import Attributes
from pikube.leader.request.node_authorizer import node_of

log = logging.getLogger("pikube.boards")

ALIVE_S = 8.0  # as long as a Lease is believed (agent/node.py:LEASE_S): three heartbeats and a little


@dataclass(slots=True)
class Heard:
    """Who sent the last heartbeat of a node, and when (monotonic seconds)."""

    session: str
    machine: str
    address: str
    at: float

    def __str__(self) -> str:
        return " at ".join(part for part in (self.machine or "an unknown machine", self.address) if part)


def is_other(heard: Heard | None, new: Heard) -> bool:
    """Whether another machine than the one that is alive speaks for the node."""
    return (
        heard is not None
        and new.session != heard.session
        and new.machine != heard.machine
        and new.at - heard.at < ALIVE_S
    )


class OneMachine:
    """Implements admission.Plugin. `told` hears of each copy once: (node, words)."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._heard: dict[str, Heard] = {}
        self._known: set[tuple[str, str]] = set()
        self.told: Callable[[str, str], None] = lambda node, words: None

    def admit(self, attributes: Attributes) -> None:
        """Forbidden for a second machine."""
        lease = attributes.obj
        node = node_of(attributes.context.user)
        if not node or not isinstance(lease, Lease) or HEARD_SESSION not in lease.metadata.annotations:
            return
        new = heard_of(lease.metadata.annotations, self._monotonic())
        heard = self._heard.get(node)
        if heard is None or not is_other(heard, new):
            self._heard[node] = new
            return
        words = (
            f"the key of the node {node} is used by two boards at once, {heard} and {new}: their cards are copies of "
            "each other. Give one of them an identity of its own with `pikube join --reset`"
        )
        if (node, new.machine) not in self._known and len(self._known) < 1000:
            self._known.add((node, new.machine))
            log.warning("event=card_copied node=%s first=%r second=%r", node, str(heard), str(new))
            self.told(node, words)
        raise Forbidden(words, kind="leases", name=node)

    def settle(self, attributes: Attributes, is_stored: bool) -> None:
        """Nothing was handed out."""


def heard_of(annotations: Mapping[str, str], at: float) -> Heard:
    """What a heartbeat says of its sender."""
    return Heard(
        annotations.get(HEARD_SESSION, ""),
        annotations.get(HEARD_MACHINE, ""),
        annotations.get(HEARD_ADDRESS, ""),
        at,
    )
