"""The stack file of a rehearsal, made fit for a stack that is thrown away, and the project with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from config.stack_file import CONFIG_KEY
from kuber import round_trip

_ENCRYPTION = ("encryptionsalt", "secretsprovider", "encryptedkey")
"""Keys of a stack file that say how its real stack encrypts; the throw-away one has a passphrase of its own."""

_PROGRAM, _PROJECT_FILE = "__main__.py", "Pulumi.yaml"
THROW_AWAY = "throw-away"
"""What stands for each secret of a stack file, which only the real stack can decrypt."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How a cluster on one's own machines is reached instead of as its stack file says.

    Attributes:
        server: Address of the API server.
        certificate_authority: Its authority, PEM.
        credential_plugin: Command that gets a token.
    """

    server: str
    certificate_authority: str
    credential_plugin: str


@dataclass(frozen=True, kw_only=True)
class ThrowAway:
    """A stack file for a stack that is thrown away.

    Attributes:
        text: The file.
        secrets: Paths of the secrets in it, for which a text of no meaning stands now.
    """

    text: str
    secrets: Sequence[str]


def throw_away(text: str, *, reached: Reached | None = None, protect: bool | None = None) -> ThrowAway:
    """A stack file made fit for a stack that is thrown away: nothing in it needs the real stack's key or leads to a real cluster.

    Args:
        text: The stack file.
        reached: How its cluster is reached if it is on one's own machines.
        protect: What it is to say of the cluster's protection; as it says unless given.
    """
    document = round_trip.load(text)
    for key in _ENCRYPTION:
        round_trip.remove(document, key)
    secrets = list(_without_secrets(document))
    cluster = document.get("config", {}).get(CONFIG_KEY)
    if isinstance(cluster, dict):
        if protect is not None:
            cluster["protect"] = protect
        if reached and isinstance(provisioner := cluster.get("provisioner"), dict):
            provisioner["server"] = reached.server
            provisioner["certificate_authority"] = LiteralScalarString(reached.certificate_authority)
            provisioner["exec"] = {"command": reached.credential_plugin}
    return ThrowAway(text=round_trip.dump(document), secrets=secrets)


def tree_with(project: Path, folder: Path, stack: str, settings: str, *, refresh: bool = True) -> Path:
    """The project in a folder, as links to it, with another stack file.

    Args:
        project: The project.
        folder: Not there yet.
        stack: The stack.
        settings: Its stack file, as text.
        refresh: Whether the engine reads every resource before it changes any, if Pulumi.yaml says so.
    """
    stack_file = f"Pulumi.{stack}.yaml"
    folder.mkdir(parents=True)
    for entry in project.iterdir():
        if entry.name not in (".git", _PROGRAM, _PROJECT_FILE, stack_file):
            (folder / entry.name).symlink_to(entry.resolve(), target_is_directory=entry.is_dir())
    shutil.copyfile(
        project / _PROGRAM, folder / _PROGRAM
    )  # Python looks for modules beside where a linked program really is
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    described = yaml.load((project / _PROJECT_FILE).read_text(encoding="utf-8"))
    if not refresh:
        described.pop("options", None)  # which has nothing else
    yaml.dump(described, folder / _PROJECT_FILE)
    (folder / stack_file).write_text(settings, encoding="utf-8")
    return folder


def _without_secrets(value: Any, path: str = "") -> Iterator[str]:
    """Replace encrypted values within a value; their paths."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        below = f"{path}.{key}" if path else str(key)
        if isinstance(inner, dict) and set(inner) == {"secure"}:
            value[key] = THROW_AWAY
            yield below
        else:
            yield from _without_secrets(inner, below)
