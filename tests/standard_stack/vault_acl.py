"""What Vault's rules allow, worked out here: there is no Vault to ask in a test.

The rules are those of Vault's documentation, "Policies": of the patterns that match a path, the one of highest priority counts
alone; the same pattern in several policies has the capabilities of all; `deny` beats everything; what isn't allowed is denied.
Which capability a write needs, the engine says: where it can tell whether something is there (KV does, PKI does not), a new
thing needs `create`, and everything else `update` (hashicorp/vault, vault/request_handling.go). KV takes a secret for there as
long as its metadata is (hashicorp/vault-plugin-secrets-kv, path_data.go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_TEMPLATE = re.compile(r"\{\{identity\.entity\.aliases\.([^.}]+)\.metadata\.([^.}]+)\}\}")


@dataclass(frozen=True)
class Login:
    """Who has logged in where, as templates of policies see it."""

    accessor: str
    namespace: str
    service_account: str


class Acl:
    """A token's rights.

    Args:
        documents: Its policies, JSON.
        login: Whose token it is; None for a person's.
    """

    def __init__(self, documents: Iterable[str], login: Login | None = None) -> None:
        self._rules: dict[str, set[str]] = {}
        for document in documents:
            for pattern, rule in json.loads(document)["path"].items():
                if (filled := _filled(pattern, login)) is not None:
                    self._rules.setdefault(filled, set()).update(rule["capabilities"])

    def allows(self, capability: str, path: str) -> bool:
        """Whether a request that needs a capability at a path is let through."""
        matching = [pattern for pattern in self._rules if matches(pattern, path)]
        if not matching:
            return False
        granted = self._rules[max(matching, key=_priority)]
        return capability in granted and "deny" not in granted


class Kv:
    """Requests to a KV engine, version 2, with the token's rights.

    Args:
        acl: The token's.
        mount: Where the engine is.
        stored: Paths at which there is a secret, or one was: its metadata stays.
    """

    def __init__(self, acl: Acl, mount: str, stored: Iterable[str] = ()) -> None:
        self._acl, self._mount, self._stored = acl, mount, set(stored)

    def verbs(self, path: str) -> dict[str, bool]:
        """What may be done at a path, by what `vault kv` calls it (Vault's API documentation, "KV secrets engine, version 2")."""
        needed: Mapping[str, tuple[str, str]] = {
            "put": ("update" if path in self._stored else "create", "data"),
            "get": ("read", "data"),
            "patch": ("patch", "data"),
            "delete": ("delete", "data"),
            "delete -versions": ("update", "delete"),
            "undelete": ("update", "undelete"),
            "destroy": ("update", "destroy"),
            "subkeys": ("read", "subkeys"),
            "metadata get": ("read", "metadata"),
            "metadata put": ("update" if path in self._stored else "create", "metadata"),
            "metadata delete": ("delete", "metadata"),
            "list": ("list", "metadata"),
        }
        return {
            verb: self._acl.allows(capability, f"{self._mount}/{at}/{path}")
            for verb, (capability, at) in needed.items()
        }

    def allowed(self, path: str) -> set[str]:
        """The verbs that are."""
        return {verb for verb, allowed in self.verbs(path).items() if allowed}


def matches(pattern: str, path: str) -> bool:
    """Whether a rule's pattern covers a path: `*` at its end stands for anything, `+` for one segment."""
    glob = pattern.endswith("*")
    parts = [r"[^/]*" if segment == "+" else re.escape(segment) for segment in pattern.removesuffix("*").split("/")]
    return re.fullmatch("/".join(parts) + (".*" if glob else ""), path) is not None


def _priority(pattern: str) -> tuple[int, bool, int, int, str]:
    """Greater for the pattern that counts, by the five criteria of the documentation in their order."""
    wildcards = [index for index, character in enumerate(pattern) if character in "+*"]
    first = wildcards[0] if wildcards else len(pattern) + 1_000
    segments = pattern.split("/").count("+")
    return (first, not pattern.endswith("*"), -segments, len(pattern), pattern)


def _filled(pattern: str, login: Login | None) -> str | None:
    """A pattern with what is known of the login in it; None, and no rule at all, where something isn't known."""
    known = {}
    if login:
        known = {
            (login.accessor, "service_account_namespace"): login.namespace,
            (login.accessor, "service_account_name"): login.service_account,
        }
    if any(found.groups() not in known for found in _TEMPLATE.finditer(pattern)):
        return None
    return _TEMPLATE.sub(lambda found: known[(found[1], found[2])], pattern)
