"""The documentation of settings: the text below each field.

Read from the source when it is asked for, by the schema and by errors; pydantic would read it each time that a program starts.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def field_documentation(model: type[BaseModel]) -> Mapping[str, str]:
    """The text that stands below each field of a model, inherited fields included; a line for each paragraph."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found.update(_own_documentation(base))
    return found


def _own_documentation(model: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(documentation))):
                found[name] = " ".join(documentation.split())
    return found
