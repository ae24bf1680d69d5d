"""Version constraints as a Chart.yaml writes them: `1.2.3`, `0.12.*`, `^1.2`, `~1.4`, `>= 1.0, < 3`, `1 - 2 || 4.x`."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_COMPARISON = re.compile(rf"(=|!=|>=|=>|<=|=<|>|<|\^|~>?|)\s*({_VERSION.pattern})(?=[\s,]|$)[\s,]*")
_RANGE = re.compile(rf"({_VERSION.pattern})\s+-\s+({_VERSION.pattern})")

_Order = tuple[tuple[int, int, int], bool, tuple[tuple[int, int, str], ...]]
"""What versions are compared by: numbers, whether it is no pre-release, the pre-release's parts (semver.org, 11)."""


def fits(version: str, constraint: str) -> bool:
    """Whether a version satisfies a constraint, by the rules of Masterminds/semver, which helm uses.

    A pre-release satisfies only a constraint that names one.

    Raises:
        ValueError: the version or the constraint can't be read.
    """
    found = _VERSION.fullmatch(version.strip())
    if not found:
        raise ValueError(f"{version!r} is no version")
    return any(_fits_all(found, _RANGE.sub(r">=\1 <=\6", one)) for one in constraint.split("||"))


def _fits_all(version: re.Match[str], constraint: str) -> bool:
    rest, fine = constraint.strip() or "*", True
    while rest:
        comparison = _COMPARISON.match(rest)
        bound = comparison and _VERSION.fullmatch(comparison[2])
        if not comparison or not bound:
            raise ValueError(f"{constraint.strip()!r} is no version constraint")
        fine = fine and _compares(version, comparison[1], bound)
        rest = rest[comparison.end() :]
    return fine


def _compares(version: re.Match[str], operator: str, bound: re.Match[str]) -> bool:
    if version[4] and not bound[4]:
        return False
    at, low, high = _order(version), _order(bound), _above(bound, operator)
    below_high, partial = high is None or at[0] < high, _is_partial(bound)
    is_it = low <= at and below_high if partial else low == at
    return {
        "": is_it,
        "=": is_it,
        "!=": not is_it,
        ">=": low <= at,
        "=>": low <= at,
        ">": low < at and not (partial and below_high),
        "<": at < low,
        "<=": below_high if partial else at <= low,
        "=<": below_high if partial else at <= low,
    }.get(operator, low <= at and below_high)


def _above(bound: re.Match[str], operator: str) -> tuple[int, int, int] | None:
    """The numbers that a version must stay below, to be what `1.2`, `~1.2` or `^1.2` means; None where nothing bounds it."""
    numbers = _numbers(bound)
    given = [text for text in bound.groups()[:3] if text and text not in "xX*"]
    if not given:
        return None
    if operator == "^":
        kept = next((place for place, number in enumerate(numbers) if number), len(given) - 1)
        kept = min(kept, len(given) - 1)
    elif operator in ("~", "~>"):
        kept = min(1, len(given) - 1)
    else:
        kept = len(given) - 1
    raised = [*numbers[:kept], numbers[kept] + 1, 0, 0]
    return raised[0], raised[1], raised[2]


def _order(version: re.Match[str]) -> _Order:
    parts = (version[4] or "").removeprefix("-").split(".") if version[4] else []
    return (
        _numbers(version),
        not parts,
        tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts),
    )


def _numbers(version: re.Match[str]) -> tuple[int, int, int]:
    major, minor, patch = (int(text) if text and text.isdigit() else 0 for text in version.groups()[:3])
    return major, minor, patch


def _is_partial(bound: re.Match[str]) -> bool:
    return any(text is None or text in "xX*" for text in bound.groups()[:3])
