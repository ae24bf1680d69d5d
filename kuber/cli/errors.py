"""How commands end: 0 fine, 1 a problem was found, 2 wrong use. Never with a traceback for what a user can mend."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from components.charts.errors import ChartError
from config.errors import StackFileError
from config.today import TodayError
from kuber.plan.errors import PlanError
from kuber.project import ProjectNotFoundError

PROBLEM_FOUND, WRONG_USE, INTERRUPTED = 1, 2, 130


class UsageError(Exception):
    """The command was asked for what it can't do; the text says what it can."""


class CommandError(Exception):
    """Something outside went wrong: a tool is missing, a server doesn't answer, a file can't be written."""


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns errors that a user can mend into their text and an exit code."""
    try:
        yield
    except (ChartError, StackFileError, PlanError, CommandError) as error:
        fail(str(error), PROBLEM_FOUND)
    except (UsageError, ProjectNotFoundError, TodayError) as error:
        fail(str(error), WRONG_USE)
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except OSError as error:
        fail(f"{error.filename or 'output'}: {error.strerror}", PROBLEM_FOUND)
    except KeyboardInterrupt:
        fail("interrupted; nothing was changed", INTERRUPTED)


def fail(message: str, code: int) -> NoReturn:
    """Print an error and leave."""
    print(message, file=sys.stderr)
    raise SystemExit(code)
