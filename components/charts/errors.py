"""What goes wrong between a release and the objects of its charts."""

from __future__ import annotations


class ChartError(Exception):
    """A chart that can't be used as asked; nothing has been changed.

    Attributes:
        chart: Name and version, or name alone.
        reason: What is wrong.
        hint: How to go on; empty where the reason says it.
    """

    def __init__(self, chart: str, reason: str, hint: str = "") -> None:
        self.chart, self.reason, self.hint = chart, reason, hint
        super().__init__(f"{chart}: {reason}" + (f"\n    hint:     {hint}" if hint else ""))


class NotCachedError(ChartError):
    """A chart, or the rendering of one, isn't on this machine, and can't be had without a network or a tool."""
