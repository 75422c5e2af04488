"""Shell: what commands print: tables as kubectl prints them, JSON for programs.

Enter: rows of texts, or documents. Leaves: lines on stdout. Called by every command that lists something.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

GAP = 3  # kubectl's spaces between columns


def add_output_flag(parser: argparse.ArgumentParser) -> None:
    """-o json, for programs."""
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="how to print it (table)"
    )


def render_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns under their names; '' stands as <none>, as kubectl writes it."""
    lines = [list(columns), *([cell or "<none>" for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    padded = (
        "".join(cell.ljust(width + GAP) for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return "".join(f"{line.rstrip()}\n" for line in padded)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    sys.stdout.write(render_table(columns, rows))


def print_json(document: Any) -> None:
    """Indented, in the order of the document."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
