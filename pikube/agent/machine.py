"""Shell: which machine this is, in the words that people tell boards apart by: model, serial number, MAC, address."""

from __future__ import annotations

from pathlib import Path

from pikube.certs.enrolment import Machine
from pikube.wire.addresses import interface_of, mac_of, primary_address

MODEL_FILES = ("/proc/device-tree/model", "/sys/class/dmi/id/product_name")
SERIAL_FILES = ("/proc/device-tree/serial-number", "/sys/class/dmi/id/product_serial")


def read_machine(node_ip: str = "") -> Machine:
    """As it is now; '' for what it does not know of itself."""
    address = node_ip or primary_address()
    interface = interface_of(address)
    mac = mac_of(interface) if interface else ""
    return Machine(model=_first(MODEL_FILES), serial=_first(SERIAL_FILES), mac=mac, address=address)


def _first(paths: tuple[str, ...]) -> str:
    for path in paths:
        try:
            text = Path(path).read_text(errors="replace").strip("\0 \n")
        except OSError:
            continue
        if text and text.isprintable():
            return text[:253]
    return ""
