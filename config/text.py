"""Text of a certain form, whose errors say in words what would be right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def invalid(message: str, *, expected: str | None = None, hint: str | None = None) -> PydanticCustomError:
    """An error for a field's validator to raise, carrying what would be right."""
    return PydanticCustomError("kuber", "{message}", {"message": message, "expected": expected, "hint": hint})


@dataclass(frozen=True)
class Text:
    """The form of a text: `Annotated[str, Text(r"…", "a region such as eu-west-1")]`.

    Attributes:
        pattern: A regular expression that the whole text matches.
        expected: What would be right, in words.
        max_length: Most characters; None where the pattern tells.
    """

    pattern: str
    expected: str
    max_length: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text first, then its form."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """For editors."""
        length = {"maxLength": self.max_length} if self.max_length else {}
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$", **length}

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text) or (self.max_length and len(text) > self.max_length):
            raise invalid("not of the right form", expected=self.expected)
        return text
