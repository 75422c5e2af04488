"""Pure: the kernel's command line in cmdline.txt, one line that the firmware reads, and what switches the memory
cgroup on in it.

Enter: the file's text. Leaves: the text that it should be; the same text when nothing is to be done. Called by the
preflight's fix and by the boot files for new cards.
"""

from __future__ import annotations

MEMORY_FLAG = "cgroup_enable=memory"
"""Raspberry Pi's device trees say cgroup_disable=memory; this undoes it. `cgroup_memory=1`, which many guides add,
has not been read by kernels since 6.12 (raspberrypi/linux#6980)."""


def has_memory_flag(text: str) -> bool:
    return MEMORY_FLAG in _words(text)


def with_memory_flag(text: str) -> str:
    """The command line with the flag, still one line. Raises ValueError when it is not one line to begin with."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise ValueError(f"the kernel's command line must be one line, and it has {len(lines)}")
    if has_memory_flag(text):
        return text
    words = [word for word in lines[0].split() if word != "cgroup_disable=memory"]
    return " ".join([*words, MEMORY_FLAG]) + "\n"


def _words(text: str) -> list[str]:
    return text.split()
