"""The same parts on every cluster: monitoring, logs, ingress, certificates, secrets, a mesh, and what carries them."""

from __future__ import annotations

from components.charts.errors import ChartError
from components.lean_sdk import make_lean
from config.cluster import ClusterSettings
from config.release import read_release

make_lean("pulumi_kubernetes")

from .rendered import RenderedStack, rendered_stack  # noqa: E402 - the SDK must be lean before it is imported
from .site import Site  # noqa: E402
from .stack import install  # noqa: E402

__all__ = ["ChartError", "RenderedStack", "install", "rendered"]


def rendered(name: str, settings: ClusterSettings) -> RenderedStack:
    """The standard stack of a stack file's cluster, before anything is made.

    Args:
        name: The stack's name, which is the cluster's.
        settings: What the stack file says.

    Raises:
        StackFileError: the release's file can't be used.
        ChartError: a chart can't be used as the release and the parts have it.
        NotCachedError: a chart isn't on this machine, and the run isn't one that goes without (`going_without`).
    """
    return rendered_stack(Site(name=name, settings=settings, release=read_release(settings.release)))
