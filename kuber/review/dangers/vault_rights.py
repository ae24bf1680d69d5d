"""Rights in Vault that become more: policies, and who takes which of them by logging in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import Change, Danger

from .case import Case, danger, listed, mapping, texts

_POLICY = "vault:index/policy:Policy"
_ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
_OF_A_ROLE = {
    "boundServiceAccountNames": "accounts called",
    "boundServiceAccountNamespaces": "accounts of the namespace",
    "tokenPolicies": "whoever logs in gets the policy",
}


def vault_rights(case: Case) -> Iterator[Danger]:
    """Policies that allow more on a path or deny less, and roles that more may log in to, or that give more."""
    for change in case.changes:
        if not change.before or not change.after:
            continue
        if change.type == _POLICY and (added := _allowed_besides(change)):
            yield _widened(
                change, f"may now {listed([told for told, _ in added])}", high=any(high for _, high in added)
            )
        elif change.type == _ROLE:
            added_to_role = [
                f"{told} {one}"
                for key, told in _OF_A_ROLE.items()
                for one in sorted(
                    {*texts(change.inputs("after").get(key))} - {*texts(change.inputs("before").get(key))}
                )
                if "*" not in texts(change.inputs("before").get(key)) or key == "tokenPolicies"
            ]
            if change.inputs("before").get("audience") and not change.inputs("after").get("audience"):
                added_to_role.append("tokens that were made for anybody else")
            if added_to_role:
                everyone = any(one.endswith(" *") for one in added_to_role)
                yield _widened(change, f"now also: {listed(added_to_role)}", high=everyone)


def _widened(change: Change, told: str, *, high: bool) -> Danger:
    return danger(
        "rights-widened",
        "high" if high else "medium",
        change,
        f"{change.label} allows more",
        told,
        "See that each right is needed, and limited to what it is needed for.",
    )


def _allowed_besides(change: Change) -> list[tuple[str, bool]]:
    """What a policy allows that it didn't, and whether that is nearly everything."""
    before, after = (_paths(change.inputs(when).get("policy")) for when in ("before", "after"))
    if before is None or after is None:
        return []
    added = []
    for path, verbs in sorted(after.items()):
        new = verbs - _known(before, path)
        if new and "deny" not in verbs | before.get(path, set()):
            added.append((f"{', '.join(sorted(new))} {path}", "sudo" in new or path in ("*", "+/*")))
    for path, verbs in sorted(before.items()):
        allowed = _known(after, path)
        if "deny" in verbs and allowed and "deny" not in allowed:
            added.append((f"{', '.join(sorted(allowed))} {path}, which was denied", False))
    return added


def _known(paths: Mapping[str, set[str]], path: str) -> set[str]:
    """What was allowed at a path: by itself, else by the longest path with a star that it begins with (Vault: policies, priority)."""
    if path in paths:
        return paths[path]
    covering = [one for one in paths if one.endswith("*") and path.startswith(one[:-1])]
    return paths[max(covering, key=len)] if covering else set()


def _paths(document: Any) -> dict[str, set[str]] | None:
    """Verbs by path of a policy that is written as JSON; None of what is none, or isn't known."""
    try:
        paths = json.loads(document)["path"]
    except (ValueError, KeyError, TypeError):
        return None
    return {path: {*texts(mapping(one).get("capabilities"))} for path, one in mapping(paths).items()}
