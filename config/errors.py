"""What is wrong with a stack file, said so that it can be mended at three at night."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, and what would be right.

    Attributes:
        path: Keys from the cluster's settings down to the place, `("pools", "workers", "max")`.
        message: What is wrong, in one line.
        found: What stands there.
        expected: What would be right.
        hint: What to do next, or a likely spelling.
        line: Line in the stack file, from 1; None where the place has none (a missing file).
    """

    path: KeyPath = ()
    message: str
    found: str | None = None
    expected: str | None = None
    hint: str | None = None
    line: int | None = None

    def below(self, *prefix: str | int) -> Problem:
        """The same problem seen from `prefix` levels further up."""
        return replace(self, path=(*prefix, *self.path))

    def text(self, file: str) -> str:
        """The problem as a person reads it: place and message, then found, expected and hint on lines of their own."""
        place = file if self.line is None else f"{file}:{self.line}"
        head = f"{place}: {key_path(self.path)}: {self.message}" if self.path else f"{place}: {self.message}"
        head = printable(head)
        details = (("found", self.found), ("expected", self.expected), ("hint", self.hint))
        return "\n".join([head, *(f"    {label + ':':<10}{printable(value)}" for label, value in details if value)])


class StackFileError(Exception):
    """A stack file that can't be used. Nothing has been changed.

    Attributes:
        file: Name of the stack file as it is shown to the reader.
        problems: All that was found, in the order of the file.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda p: p.line or 0)
        super().__init__("\n".join(problem.text(file) for problem in self.problems))


def printable(text: str) -> str:
    """Without characters that would break a line, colour a terminal or hide: those are shown as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode() for one in text)


def key_path(path: KeyPath) -> str:
    """`("pools", "workers", "taints", 0)` as `pools.workers.taints[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object, limit: int = 80) -> str:
    """A value from a stack file, short enough for one line of an error."""
    text = f'"{value}"' if isinstance(value, str) else "nothing" if value is None else str(value)
    text = text.replace("\n", "⏎")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
