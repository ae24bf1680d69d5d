"""A stack's state as the engine's own backends keep it, and the way back when it is damaged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class StateError(Exception):
    """The state of a stack can't be read; the message says what is left of it."""


@dataclass(frozen=True)
class Pending:
    """An operation that the engine began and whose end it never wrote.

    Attributes:
        urn: Of the resource.
        operation: "creating", "updating", "deleting", "reading" or "importing".
    """

    urn: str
    operation: str


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What was done so that a stack can be worked on again.

    Attributes:
        locks: How many locks were lifted.
        emptied: Files of the backend's own notes (`.attrs`) that the kill had left empty, and that were removed.
        restored_from: The copy that the state was taken back from; None where the state was whole.
        pending: Operations whose end nobody has written. Each may have taken effect.
    """

    locks: int
    emptied: list[Path]
    restored_from: Path | None
    pending: list[Pending]

    @property
    def message(self) -> str:
        """All of that, for people, a line each."""
        lines = [f"{self.locks} lock(s) of engines that are gone were lifted"] if self.locks else []
        lines += [f"{file} was left empty, and is removed: the backend needs none" for file in self.emptied]
        if self.restored_from:
            lines.append(
                f"the state was damaged, and is now as in {self.restored_from}, which may lack the last step: look for what"
                " that made before the next `pulumi up`"
            )
        lines += [f"{one.urn} was cut off while {one.operation}: look whether it took effect" for one in self.pending]
        return "\n".join(lines) or "nothing was to be mended"


class StateFile:
    """The file of one stack in a backend's folder.

    Layout of the folder (engine 3.259, pkg/backend/diy): `.pulumi/stacks/PROJECT/STACK.json` is replaced as a whole at the beginning
    and the end of every step, after the one before has been copied to `STACK.json.bak`; at the end of a command its copies go to
    `.pulumi/history` and `.pulumi/backups`; who works on the stack has a file in `.pulumi/locks/organization/PROJECT/STACK`.

    Args:
        backend: The folder of the backend.
        project: Name of the project in Pulumi.yaml.
        stack: Name of the stack.
    """

    def __init__(self, backend: Path, project: str, stack: str) -> None:
        self._root = backend / ".pulumi"
        self._place = Path(project, stack)
        self.path = self._root / "stacks" / project / f"{stack}.json"

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state, as the engine writes them; none where there is no state yet.

        Raises:
            StateError: the file is damaged.
        """
        return self._latest().get("resources") or []

    def pending(self) -> list[Pending]:
        """The operations that have begun. Where no engine is at work they were cut off.

        Raises:
            StateError: the file is damaged.
        """
        operations = self._latest().get("pending_operations") or []
        return [Pending(one["resource"]["urn"], one["type"]) for one in operations]

    def locks(self) -> list[Path]:
        """The locks of those who work on the stack, and of engines that were killed at it."""
        return sorted((self._root / "locks" / "organization" / self._place).glob("*.json"))

    def remove_emptied_notes(self) -> list[Path]:
        """Remove notes of the backend that aren't whole, and give them.

        Beside each file it keeps one with its content type and checksum, which it writes anew in place (gocloud.dev 0.46,
        blob/fileblob, setAttrs). Whoever is killed just then leaves that empty, and no command reads the state any more: "failed
        to load checkpoint: EOF".
        """
        emptied = [file for file in sorted(self._root.rglob("*.attrs")) if not _is_json(file)]
        for file in emptied:
            file.unlink()
        return emptied

    def copies(self) -> list[Path]:
        """The whole copies that the engine has left, newest first."""
        kept = [
            self.path.with_name(f"{self.path.name}.bak"),
            *(self._root / "backups" / self._place).glob("*.json"),
            *(self._root / "history" / self._place).glob("*.checkpoint.json"),
        ]
        whole = [file for file in kept if file.exists() and _read(file) is not None]
        return sorted(whole, key=lambda file: (file.stat().st_mtime_ns, file.suffix == ".bak"), reverse=True)

    def restore(self) -> Path | None:
        """Take a damaged state back from the newest copy, and give that; None where there is nothing to mend.

        The damaged file stays beside it as `STACK.json.damaged`.

        Raises:
            StateError: there is no copy.
        """
        if not self.path.exists() or _read(self.path) is not None:
            return None
        copies = self.copies()
        if not copies:
            raise StateError(
                f"{self.path}: damaged, and the backend has no whole copy of it: take one from your bucket's own versions,"
                " or import what is there with `pulumi import`"
            )
        restored = self.path.with_name(f"{self.path.name}.restored")
        restored.write_bytes(copies[0].read_bytes())
        self.path.replace(self.path.with_name(f"{self.path.name}.damaged"))
        restored.replace(self.path)
        return copies[0]

    def _latest(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        found = _read(self.path)
        if found is None:
            raise StateError(f"{self.path}: damaged: it is not the whole JSON of a state")
        return found


def _read(file: Path) -> dict[str, Any] | None:
    """The state in a file; None where it isn't whole."""
    try:
        return json.loads(file.read_bytes())["checkpoint"].get("latest") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
