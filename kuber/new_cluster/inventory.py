"""Machines from a CSV file: columns name, address, role, zone, pool, in any order."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from config.errors import Problem, shown

from .errors import InputError

COLUMNS = ("name", "address", "role", "zone", "pool")
_MAY_BE_EMPTY = ("role", "pool")


@dataclass(frozen=True)
class InventoryLine:
    """One machine as the file has it; whether that makes sense, the stack file's own rules say.

    Attributes:
        line: Line in the file, from 1.
        name: Name of its node.
        settings: What the stack file says of it: address, role, zone, pool; without those that are empty.
    """

    line: int
    name: str
    settings: dict[str, str]


def read_inventory(path: Path) -> list[InventoryLine]:
    """The machines of a CSV file.

    Raises:
        InputError: the file can't be read, lacks columns or cells, or has a name twice; the text names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a byte-order mark in front
    except (OSError, UnicodeDecodeError) as error:
        what = "not text in UTF-8" if isinstance(error, UnicodeDecodeError) else f"can't be read: {error.strerror}"
        raise InputError(Problem(message=what).text(str(path))) from None
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header, path)
        found: dict[str, InventoryLine] = {}
        for cells in reader:
            if any(cell.strip() for cell in cells):
                one = _line(header, [cell.strip() for cell in cells], reader.line_num, path)
                if one.name in found:
                    raise _error(
                        path, one.line, f"{one.name} stands on line {found[one.name].line} too", "each name once"
                    )
                found[one.name] = one
    except csv.Error as error:
        raise _error(path, reader.line_num, f"not CSV: {error}", "comma-separated values") from None
    if not found:
        raise _error(path, None, "no machines", "a machine on each line below the heading")
    return list(found.values())


def _check_header(header: list[str], path: Path) -> None:
    if sorted(header) != sorted(COLUMNS):
        raise _error(path, 1, "not the columns of an inventory", ",".join(COLUMNS), shown(",".join(header)))


def _line(header: list[str], cells: list[str], line: int, path: Path) -> InventoryLine:
    if len(cells) != len(header):
        raise _error(
            path, line, "not a cell for each column", f"{len(header)} cells", f"{len(cells)}: {','.join(cells)}"
        )
    values = dict(zip(header, cells, strict=True))
    for column in COLUMNS:
        if not values[column] and column not in _MAY_BE_EMPTY:
            raise _error(path, line, f"`{column}` is empty", f"{column} of the machine", shown(",".join(cells)))
    name = values["name"]
    return InventoryLine(line, name, {key: values[key] for key in COLUMNS[1:] if values[key]})


def _error(path: Path, line: int | None, message: str, expected: str, found: str | None = None) -> InputError:
    return InputError(Problem(message=message, expected=expected, found=found, line=line).text(str(path)))
