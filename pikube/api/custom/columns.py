"""Pure: the table of a custom kind, from additionalPrinterColumns.

Enter: the class. Leaves: its Columns. Source: kubernetes apiextensions-apiserver
pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pikube.api.columns.column import Column, Columns, age
from pikube.api.custom.json_path import JsonPath, shown
from pikube.api.custom.objects import CustomObject, PrinterColumn

NAME = Column(
    "Name",
    format="name",
    description="Name must be unique within a namespace.",
)
AGE = PrinterColumn(
    "Age",
    "date",
    JsonPath(".metadata.creationTimestamp"),
    description="When the object was created.",
)


def columns_of_custom(cls: type[CustomObject]) -> Columns:
    """The columns that the definition asks for; name and age if it asks for none."""
    wanted = cls.facts.columns or (AGE,)
    readers = [_reader(column) for column in wanted]

    def row(document: Any, now: float) -> list[Any]:
        return [document["metadata"].get("name", ""), *(read(document, now) for read in readers)]

    columns = (NAME, *(_column(column) for column in wanted))
    return Columns(columns, row, decode_as=dict)


def _column(column: PrinterColumn) -> Column:
    words = (
        column.description or f"Custom resource definition column (in JSONPath format): {column.path.text}"
    )
    return Column(column.name, column.type, column.priority, column.format, words)


def _reader(column: PrinterColumn) -> Callable[[Any, float], Any]:
    convert = _CONVERT[column.type]

    def read(document: Any, now: float) -> Any:
        found = column.path.find(document)
        return convert(found[0], now) if found and found[0] is not None else None

    return read


def _integer(value: Any, now: float) -> Any:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any, now: float) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any, now: float) -> Any:
    return value if isinstance(value, bool) else None


def _text(value: Any, now: float) -> str:
    return shown(value)


def _date(value: Any, now: float) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return age(value, now)
    except ValueError:
        return "<invalid>"


_CONVERT: dict[str, Callable[[Any, float], Any]] = {
    "integer": _integer, "number": _number, "boolean": _boolean, "string": _text, "date": _date,
}  # fmt: skip
