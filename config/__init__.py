"""What a stack file may say: typed settings with defaults for production, and errors that name the line.

Imports no cloud's SDK, so that checking stack files takes a fraction of a second.
"""

from .advice import advice
from .errors import Problem, StackFileError
from .stack_file import load, read

__all__ = ["Problem", "StackFileError", "advice", "load", "read"]
