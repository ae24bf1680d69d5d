"""The review of what `pulumi preview --json` writes: the same report, by the engine's own verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .comparison import Measure, judged, review_of, sides_of
from .engine_digest import Digest, digest_of, read_preview
from .engine_documents import Reader
from .engine_verdicts import Verdicts, verdicts
from .model import ClusterReview, Review

BASE = "what is there"
_NAMED = 10
"""Resources that a note names."""


def review_of_preview(text: str, measure: Measure) -> Review:
    """The review of one preview.

    Args:
        text: What `pulumi preview --json` writes to standard output, or a stream of the engine's events.
        measure: By what it is judged.

    Raises:
        PreviewError: it is none, or of a preview that failed or was cut off.
    """
    cluster = cluster_of_preview(text, measure)
    return review_of_previews([cluster], measure)


def review_of_previews(clusters: Sequence[ClusterReview], measure: Measure) -> Review:
    """The review of several clusters, each by its preview."""
    previews = "the preview" if len(clusters) == 1 else "the previews"
    head = f"{previews} of {', '.join(one.stack for one in clusters)}"
    return review_of(BASE, head, clusters, prices=measure.prices, source="engine")


def cluster_of_preview(text: str, measure: Measure) -> ClusterReview:
    """What happens to the cluster that a preview is of.

    Raises:
        PreviewError: as `review_of_preview`.
    """
    digest, reader = digest_of(read_preview(text)), Reader()
    documents = reader.documents(digest)
    sides = sides_of(digest.stack, documents.before, documents.after)
    found = verdicts(digest, sides.before or {}, sides.after or {}, reader)
    review = judged(sides, found.changes, measure)
    status = "changed" if review.status == "same" and digest.cleared else review.status
    return replace(review, status=status, notes=[*review.notes, *_notes(digest, found)])


def _notes(digest: Digest, found: Verdicts) -> Iterator[str]:
    if digest.may_be_damaged:
        yield "the engine says that the state may be damaged: look at it (`pulumi stack export`) before anything else"
    if digest.gone:
        yield f"gone, as the refresh found, and made anew if the program still wants them: {_named(digest.gone)}"
    if digest.drifted:
        yield f"other than the state has them, as the refresh found: {_named(digest.drifted)}"
    if digest.cleared:
        yield f"an earlier replacement was cut off, and left old ones that are deleted now: {_named(digest.cleared)}"
    if found.left:
        yield f"their inputs differ, and the engine leaves them as they are: {_listed(found.left)}"
    if digest.untold and not digest.known:
        stay = "1 resource stays as it is" if digest.untold == 1 else f"{digest.untold:,} resources stay as they are"
        yield (
            f"{stay}, of which this preview says no more: components, pools and what they cost are those of what changes alone "
            "(`pulumi preview --json --show-sames` tells all)"
        )
    yield from (f"the engine warns: {one}" for one in digest.warnings)


def _named(urns: Sequence[str]) -> str:
    return _listed([_label(urn) for urn in urns])


def _label(urn: str) -> str:
    _, _, type_, name = urn.split("::", 3)
    return f"{type_.rpartition(':')[2]} {name}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
