"""A dynamic resource: its provider is run by the Python host for dynamic resources, not by a plugin."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class NoteProvider(ResourceProvider):
    """Remembers what it is given."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("note", props)


class Note(Resource):
    """A note that the state keeps."""

    def __init__(self, name: str, text: pulumi.Input[str]) -> None:
        super().__init__(NoteProvider(), name, {"text": text})
