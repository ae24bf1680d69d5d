"""Spares a plan what the SDK does again for each resource.

Nothing here changes what is registered: a test compares with the real engine, under which all of this is left as it is.
"""

from __future__ import annotations

import functools

import pulumi._types

OF_CLASSES = (
    "input_type_py_to_pulumi_names",
    "input_type_types",
    "output_type_types",
    "resource_pulumi_to_py_names",
    "resource_py_to_pulumi_names",
    "resource_types",
    "unwrap_type",
)
"""Functions that work out the types and names of a class's properties. They depend on their argument alone, and the SDK calls them
for each resource: of fifty node pools, forty-nine times for nothing."""


def make_quick() -> None:
    """Take effect in this process. Costs nothing to call; what a newer SDK no longer has raises AttributeError."""
    for name in OF_CLASSES:
        setattr(pulumi._types, name, functools.cache(getattr(pulumi._types, name)))
