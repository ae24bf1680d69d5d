"""What the simulated clouds hold: one SQLite file that outlives the engine, the run and this process."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from kuber.wire import Properties, merged

_FORMAT = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS resources (
    number INTEGER PRIMARY KEY AUTOINCREMENT, package TEXT NOT NULL, type TEXT NOT NULL, place TEXT NOT NULL, id TEXT NOT NULL,
    name TEXT NOT NULL, urn TEXT NOT NULL, inputs TEXT NOT NULL, outputs TEXT NOT NULL, revision INTEGER NOT NULL,
    generation INTEGER NOT NULL,     created_at TEXT NOT NULL, deleted_at TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS living ON resources (type, place, id) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS by_urn ON resources (urn);
"""
_COLUMNS = "number, package, type, place, id, name, urn, inputs, outputs, revision, generation, created_at, deleted_at"


class CloudStoreError(Exception):
    """The file isn't a store, or what is asked of it isn't there; the message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A resource of a simulated cloud.

    Attributes:
        number: Counts up from 1 over the whole store and is never used again.
        package: "aws", "gcp", "vault".
        type: Type token: "aws:eks/nodeGroup:NodeGroup".
        place: Where its id is unique: account and region, project, or Vault server.
        id: The cloud's id of it.
        name: Its name in the program.
        urn: Its URN when it was made.
        inputs: How it is configured now, in the form of the program's inputs; secrets in the engine's wire form.
        outputs: All that the cloud says of it, likewise.
        revision: How often it was updated.
        generation: How many there were of its URN before it.
        created_at: When it was made, UTC.
        deleted: Whether it is gone.
    """

    number: int
    package: str
    type: str
    place: str
    id: str
    name: str
    urn: str
    inputs: Properties
    outputs: Properties
    revision: int
    generation: int
    created_at: datetime
    deleted: bool


class CloudStore:
    """The store. It may be used by several threads; a file that isn't there yet is made, for the user's eyes alone.

    What was written survives the end of this process, however that comes; a loss of power may take the last of it.

    Args:
        file: The SQLite file; two more lie beside it while it is open.
        seed: What ids are made from in a new file: with the same one, the same program gets the same ids. Else it is drawn.

    Raises:
        CloudStoreError: the file is something else, or broken.
    """

    def __init__(self, file: Path, *, seed: str | None = None) -> None:
        self.file = file
        self._lock = RLock()
        try:
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            file.chmod(0o600)
            self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._open(seed or secrets.token_hex(16))
        except OSError as error:
            raise CloudStoreError(
                f"{file}: the store of the simulated cloud can't be opened: {error.strerror}"
            ) from None
        except sqlite3.Error as error:
            raise CloudStoreError(
                f"{file} isn't the store of a simulated cloud, or is broken ({error});"
                " without it the simulated cloud starts empty"
            ) from None

    def _open(self, seed: str) -> None:
        found = self._database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA busy_timeout = 10000")
        self._database.executescript(_TABLES)
        made = {"format": _FORMAT, "seed": seed}
        self._database.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", made.items())
        settings = dict(self._database.execute("SELECT name, value FROM settings"))
        if settings["format"] != _FORMAT:
            raise sqlite3.DatabaseError(f"format {settings['format']}, of another version of kuber")
        self.seed: str = settings["seed"]

    def close(self) -> None:
        """Close the file; the store can't be used any more."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and no other thread in between. May be nested: the outermost counts."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def resources(self, package: str | None = None, type: str | None = None) -> list[Record]:
        """What is there now, in the order it was made."""
        return self._records("deleted_at IS NULL", package=package, type=type)

    def history(self, urn: str) -> list[Record]:
        """All that was ever made for a URN, what is gone included."""
        return self._records("TRUE", urn=urn)

    def find(self, type: str, id: str, place: str | None = None) -> Record | None:
        """The resource of an id, if it is there now."""
        found = self._records("deleted_at IS NULL", type=type, id=id, place=place)
        return found[0] if found else None

    def add(
        self,
        *,
        package: str,
        type: str,
        place: str,
        name: str,
        urn: str,
        inputs: Properties,
    ) -> Record:
        """Take in a new resource, whose id and outputs follow by `complete`."""
        values = {
            **{"package": package, "type": type, "place": place, "id": "", "name": name, "urn": urn},
            **{"inputs": json.dumps(inputs), "outputs": "{}", "revision": 0, "generation": len(self.history(urn))},
            "created_at": datetime.now(UTC).replace(microsecond=0).isoformat(),
        }
        with self._lock:
            number = self._database.execute(
                f"INSERT INTO resources ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                tuple(values.values()),
            ).lastrowid
        return self._records("TRUE", number=str(number))[0]

    def complete(self, record: Record, id: str, outputs: Properties) -> Record:
        """Give a new resource its id and outputs."""
        return self._write(record, id=id, outputs=json.dumps(outputs))

    def update(self, record: Record, inputs: Properties, outputs: Properties) -> Record:
        """Change a resource as its owner asks: its revision counts up."""
        return self._write(record, inputs=json.dumps(inputs), outputs=json.dumps(outputs), revision=record.revision + 1)

    def delete(self, record: Record) -> None:
        """Take a resource away."""
        self._write(record, deleted_at=datetime.now(UTC).isoformat())

    def edit(self, type: str, id: str, changes: Mapping[str, Any]) -> Record:
        """Change a resource behind the engine's back, deeply: {"scalingConfig": {"desiredSize": 5}}; None takes a property away.

        What is computed from the inputs stays as it is.

        Raises:
            CloudStoreError: there is no such resource.
        """
        with self.transaction():
            record = self._there(type, id)
            computed = {key for key in changes if key in record.outputs and key not in record.inputs}
            inputs = {key: value for key, value in changes.items() if key not in computed}
            return self._write(
                record,
                inputs=json.dumps(merged(record.inputs, inputs)),
                outputs=json.dumps(merged(record.outputs, changes)),
            )

    def remove(self, type: str, id: str) -> None:
        """Take a resource away behind the engine's back; whatever depends on it stays as it is.

        Raises:
            CloudStoreError: there is no such resource.
        """
        self.delete(self._there(type, id))

    def count(self, name: str) -> int:
        """Count one more of something, and say how many that makes."""
        with self.transaction():
            self._database.execute(
                "INSERT INTO counts VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,)
            )
            return self._database.execute("SELECT value FROM counts WHERE name = ?", (name,)).fetchone()[0]

    def counts(self) -> dict[str, int]:
        """All that was counted."""
        with self._lock:
            return dict(self._database.execute("SELECT name, value FROM counts"))

    def _there(self, type: str, id: str) -> Record:
        record = self.find(type, id)
        if record is None:
            ids = ", ".join(one.id for one in self.resources(type=type)) or "none"
            raise CloudStoreError(f"the simulated cloud has no {type} {id!r}; there are: {ids}")
        return record

    def _write(self, record: Record, **columns: Any) -> Record:
        changes = ", ".join(f"{column} = ?" for column in columns)
        with self._lock:
            self._database.execute(
                f"UPDATE resources SET {changes} WHERE number = ?", (*columns.values(), record.number)
            )
        return self._records("TRUE", number=str(record.number))[0]

    def _records(self, condition: str, **equal: str | None) -> list[Record]:
        asked = {column: value for column, value in equal.items() if value is not None}
        conditions = " AND ".join([condition, *(f"{column} = ?" for column in asked)])
        with self._lock:
            rows = self._database.execute(
                f"SELECT {_COLUMNS} FROM resources WHERE {conditions} ORDER BY number", tuple(asked.values())
            ).fetchall()
        return [_record(row) for row in rows]


def _record(row: tuple[Any, ...]) -> Record:
    number, package, type, place, id, name, urn, inputs, outputs, revision, generation, created_at, deleted_at = row
    return Record(
        number=number,
        package=package,
        type=type,
        place=place,
        id=id,
        name=name,
        urn=urn,
        inputs=json.loads(inputs),
        outputs=json.loads(outputs),
        revision=revision,
        generation=generation,
        created_at=datetime.fromisoformat(created_at),
        deleted=deleted_at is not None,
    )
