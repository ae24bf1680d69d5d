"""A rehearsal's result as a page that stands by itself: nothing is loaded from anywhere, and it prints."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .report import broken_line, headline, left_groups, low_budgets, operation_names, step_lines
from .result import Result

_TEMPLATE = "page.html.j2"


def page(result: Result) -> str:
    """The page, HTML. Whatever an API server or an engine said is shown as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    told = [(step, list(step_lines(step))) for step in result.steps]
    return environment.get_template(_TEMPLATE).render(
        result=result,
        headline=headline(result),
        operations=operation_names(result),
        broken_line=broken_line,
        left=left_groups(result),
        budgets=low_budgets(result),
        details=[(step, lines) for step, lines in told if lines],
        longest=max((step.seconds for step in result.steps), default=1.0) or 1.0,
    )
