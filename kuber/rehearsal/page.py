"""A rehearsal's result as a page that stands by itself: nothing is loaded from anywhere, and it prints."""

from __future__ import annotations

from pathlib import Path

from kuber.pages.rendering import render

from .report import broken_line, headline, left_groups, low_budgets, operation_names, step_lines
from .result import Result

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def page(result: Result) -> str:
    """The page, HTML. Whatever an API server or an engine said is shown as text."""
    told = [(step, list(step_lines(step))) for step in result.steps]
    return render(
        _TEMPLATE,
        result=result,
        headline=headline(result),
        operations=operation_names(result),
        broken_line=broken_line,
        left=left_groups(result),
        budgets=low_budgets(result),
        details=[(step, lines) for step, lines in told if lines],
        longest=max((step.seconds for step in result.steps), default=1.0) or 1.0,
    )
