"""Fingerprints of secrets, by which two plans tell a secret that changed without holding it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

VARIABLE = "KUBER_PLAN_FINGERPRINTS"
"""The key of fingerprints, hexadecimal: plans made with one key can be compared. Without it, a secret is `[secret]`."""

_LENGTH = 12


class Fingerprints:
    """Marks secrets by keyed hashes: alike where the secrets are alike, and of no use to who lacks the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_environment(cls) -> Fingerprints | None:
        """By the key of the environment; None where there is none.

        Raises:
            ValueError: it isn't hexadecimal.
        """
        key = os.environ.get(VARIABLE)
        return cls(bytes.fromhex(key)) if key else None

    def mask(self, value: Any) -> str:
        """What is shown of a secret value: `[secret 0f3a…]`."""
        return f"[secret {self._of(value)}]"

    def instead_of_encrypted(self, value: Any) -> Any:
        """Settings with a text in place of each encrypted one, so that what is made of another secret is another."""
        match value:
            case {"secure": str(encrypted), **others} if not others:
                return f"secret-{self._of(encrypted)}"
            case dict():
                return {key: self.instead_of_encrypted(item) for key, item in value.items()}
            case list():
                return [self.instead_of_encrypted(item) for item in value]
            case _:
                return value

    def _of(self, value: Any) -> str:
        text = json.dumps(value, sort_keys=True, default=str)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]
