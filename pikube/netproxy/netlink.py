"""Shell: the door to pyroute2: what it raises is an OSError to everybody else.

Interfaces of pods come and go while the kernel lists what there is, and a list that was disturbed, or an interface
that went, is nothing to end a program for. Imported late by who needs it: eight megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyroute2 import IPRoute


@contextmanager
def open_netlink() -> Iterator[IPRoute]:
    """Raises OSError, also for what happens in the body."""
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        raise OSError(error.code, str(error)) from error


def interface_names(netlink: IPRoute) -> dict[int, str]:
    """By index. Raises NetlinkError."""
    return {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in netlink.get_links()}
