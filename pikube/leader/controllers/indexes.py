"""Pure: sets of completion indexes and their text, `0-3,7`.

Enter and leave: sets of numbers and text. Called by the Job controller.
Source: kubernetes pkg/controller/job/indexed_job_utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable


def parse_indexes(text: str, limit: int) -> set[int]:
    """The indexes below `limit` that a text names; what cannot be read names none."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            continue
        found.update(range(int(first), min(int(last or first), limit - 1) + 1))
    return {index for index in found if index < limit}


def render_indexes(indexes: Iterable[int]) -> str:
    """The shortest text: runs of three and more, or of two, as `first-last` or `first,last`."""
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(set(indexes)), -1]:
        if run and index == run[-1] + 1:
            run.append(index)
            continue
        if run:
            parts.append(_run(run))
        run = [index]
    return ",".join(parts)


def _run(run: list[int]) -> str:
    if len(run) == 1:
        return str(run[0])
    return f"{run[0]},{run[1]}" if len(run) == 2 else f"{run[0]}-{run[-1]}"
