"""What a preview of `pulumi preview --json --show-sames` would do: a line for each resource, from standard input to standard output.

Two previews of one commit say the same unless something has changed beside it. A line names the resource, what becomes of it and
which of its properties differ; no values, since some are secret, and some, such as generated names, are others in each preview.
"""

from __future__ import annotations

import json
import sys

from kuber.review.engine_digest import PreviewError, digest_of, read_preview


def intent(preview: str) -> list[str]:
    """A line of JSON for each resource that would change, sorted.

    Raises:
        PreviewError: it is no preview, or a failed one.
    """
    digest = digest_of(read_preview(preview))
    changes = [
        {
            "urn": one.urn,
            "operation": "import" if one.imported else one.operation,
            "differing": dict(sorted(one.differing.items())),
            "replacing": sorted(one.replacing),
        }
        for one in digest.verdicts
        if one.operation
    ]
    changes += [{"urn": urn, "operation": "clear away what a replacement left"} for urn in digest.cleared]
    return sorted(json.dumps(one, ensure_ascii=False) for one in changes)


def main() -> int:
    """The exit code."""
    try:
        lines = intent(sys.stdin.read())
    except PreviewError as error:
        print(error, file=sys.stderr)
        return 1
    print(*lines, sep="\n", end="\n" if lines else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
