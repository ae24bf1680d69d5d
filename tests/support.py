"""Stack files for tests: the shipped ones, with edits, and what is said of them."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import config
from config.cluster import ClusterSettings
from config.stack_file import CONFIG_KEY

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared"
"""Facts about the providers, beside the project; not everywhere there."""

TODAY = date(2026, 11, 22)
"""The day for which versions and exceptions are judged, so that a test says the same next year."""


@dataclass(frozen=True)
class StackFile:
    """A stack file as text; edits give another one."""

    stack: str
    text: str

    def set(self, path: str, value: Any) -> StackFile:
        """With another value at `pools.system.min`; its keys but the last are there.

        Another `standard_stack` keeps what the file says of logging, without which there is no cluster, unless it says that itself.
        """
        *above, key = path.split(".")
        if path == "standard_stack":
            value = {**{part: one for part, one in self.value().get(path, {}).items() if part == "logging"}, **value}
        return self._edited(above, lambda parent: parent.__setitem__(_key(parent, key), value))

    def without(self, path: str) -> StackFile:
        """With a key less; it is there."""
        *above, key = path.split(".")
        return self._edited(above, lambda parent: parent.__delitem__(_key(parent, key)))

    def replacing(self, old: str, new: str) -> StackFile:
        """With one place of the text written otherwise."""
        assert self.text.count(old) == 1, f"{old!r} stands {self.text.count(old)} times in {self.stack}"
        return replace(self, text=self.text.replace(old, new))

    def reordered(self) -> StackFile:
        """With its keys the other way round, and its pools and machines too: it says the same."""
        cluster = self.value()
        for key in {"pools", "machines", "tags", "access"} & set(cluster):
            cluster[key] = _reversed(cluster[key])
        return replace(self, text=json.dumps({"config": {CONFIG_KEY: _reversed(cluster)}}))

    def line(self, needle: str) -> int:
        """The number of the one line that holds some text."""
        found = [number for number, line in enumerate(self.text.splitlines(), 1) if needle in line]
        assert len(found) == 1, f"{needle!r} is on the lines {found} of {self.stack}"
        return found[0]

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder that holds the file alone."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, f"Pulumi.{self.stack}.yaml").write_text(self.text, encoding="utf-8")
            yield Path(folder)

    def read(self, today: date = TODAY) -> ClusterSettings:
        """The settings, as `config.read` has them."""
        with self.folder() as folder:
            return config.read(self.stack, folder, today)

    def load(self, today: date = TODAY) -> ClusterSettings:
        """The settings, as the program has them from the engine."""
        with self.folder() as folder:
            return config.load(self.stack, self.value(), folder, today)

    def value(self) -> Any:
        """What stands under `kuber:cluster`."""
        return YAML(typ="safe", pure=True).load(self.text)["config"][CONFIG_KEY]

    def error(self, today: date = TODAY) -> str:
        """What the reader of the file is told."""
        with pytest.raises(config.StackFileError) as caught:
            self.read(today)
        return str(caught.value)

    def told(self, at: int | str, what: str, **details: str) -> str:
        """The text of one problem: at a line, or the line that holds a text; `what` is key path and message."""
        line = at if isinstance(at, int) else self.line(at)
        below = [f"    {label + ':':<10}{text}" for label, text in details.items()]
        return "\n".join([f"Pulumi.{self.stack}.yaml:{line}: {what}", *below])

    def _edited(self, above: list[str], edit: Any) -> StackFile:
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096
        document = yaml.load(self.text)
        parent = document["config"][CONFIG_KEY]
        for key in above:
            parent = parent[_key(parent, key)]
        edit(parent)
        out = io.StringIO()
        yaml.dump(document, out)
        return replace(self, text=out.getvalue())


def _key(parent: Any, key: str) -> Any:
    return int(key) if isinstance(parent, list) else key


def _reversed(mapping: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(mapping.items()))


def shipped(stack: str) -> StackFile:
    """A stack file of the repository."""
    return StackFile(stack, (PROJECT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))


EKS, GKE, METAL = shipped("prod-eks"), shipped("prod-gke"), shipped("colo-london")
SHIPPED = (EKS, GKE, METAL)

EKS_OTHERWISE = (
    EKS.set("protect", False)
    .set("zones", ["eu-west-1a", "eu-west-1b"])
    .set("network.nat", "single")
    .set("network.vpc_endpoints", [])
    .set("network.flow_logs", None)
    .set("endpoint.public_cidrs", {"office": "203.0.112.0/22", "agency": "198.51.100.0/24"})
    .set("addons", {"coredns": "v9.9.9-eksbuild.9"})
)
GKE_OTHERWISE = (
    GKE.set("protect", False)
    .set("network.flow_logs", False)
    .set("release_channel", "STABLE")
    .set("endpoint.public_cidrs", {"agency": "198.51.100.0/24"})
    .set("access.admins", {"jane": "user:jane@shop.example"})
    .set("access.viewers", {})
    .without("access.security_group")
)
METAL_OTHERWISE = METAL.set("machines.lon-worker-1.pool", "storage").set(
    "machines.lon-storage-1.taints", [{"key": "burn-in", "effect": "NoExecute"}]
)
"""Clusters with what may be chosen chosen otherwise."""
